/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/cmd/cmd.h"

struct exec_args {
    struct oci_process_options o;
    int64_t preserve_fds;
};

static const struct opt exec_opts[] = {
    OPT(struct exec_args, 0, o.console_socket, "console-socket", OPT_STRING, "path",
        "AF_UNIX socket that gets the terminal's master"),
    OPT(struct exec_args, 0, o.cwd, "cwd", OPT_STRING, "dir", "Working directory"),
    OPT(struct exec_args, 'e', o.env, "env", OPT_LIST, "KEY=value", "Add to the environment"),
    OPT(struct exec_args, 't', o.tty, "tty", OPT_BOOL, NULL, "With a terminal"),
    OPT(struct exec_args, 'u', o.user, "user", OPT_STRING, "uid[:gid]", "As this user"),
    OPT(struct exec_args, 'g', o.additional_gids, "additional-gids", OPT_CSV, "gid", "More groups"),
    OPT(struct exec_args, 'p', o.process, "process", OPT_STRING, "file",
        "All of it from a process.json"),
    OPT(struct exec_args, 'd', o.detach, "detach", OPT_BOOL, NULL, "Leave once it runs"),
    OPT(struct exec_args, 0, o.pid_file, "pid-file", OPT_STRING, "file",
        "Write the process id there"),
    OPT(struct exec_args, 0, o.process_label, "process-label", OPT_STRING, "label",
        "SELinux label"),
    OPT(struct exec_args, 0, o.apparmor, "apparmor", OPT_STRING, "profile", "AppArmor profile"),
    OPT(struct exec_args, 0, o.no_new_privs, "no-new-privs", OPT_BOOL, NULL,
        "It cannot gain privileges"),
    OPT(struct exec_args, 'c', o.caps, "cap", OPT_CSV, "capability", "Add a capability"),
    OPT(struct exec_args, 0, preserve_fds, "preserve-fds", OPT_I64, "n",
        "Pass on n more descriptors (besides 0, 1, 2 and $LISTEN_FDS)"),
    OPT(struct exec_args, 0, o.cgroups, "cgroup", OPT_LIST, "[controller:]path",
        "Run in this cgroup beneath the container's"),
    OPT(struct exec_args, 0, o.ignore_paused, "ignore-paused", OPT_BOOL, NULL,
        "Also when it is paused"),
};
static const struct opt_table exec_table = {
    .command = "exec",
    .usage = "[OPTIONS] CONTAINER COMMAND [ARG...] | -p process.json CONTAINER",
    .summary = "Run a command in a container.",
    .opts = exec_opts,
    .nopts = ARRAY_SIZE(exec_opts),
    .stop_at_first_arg = true,
    .min_args = 1,
    .max_args = SIZE_MAX};

static int exec_run(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e) {
    struct exec_args *a = target;
    struct oci_task t = {.exit_fd = -1, .console = -1};
    a->o.args = args + 1;
    int r = args_preserve(a->preserve_fds, &a->o.preserve_fds, e);
    if (r == 0)
        r = oci_exec(&g->o, args[0], &a->o, &t, e);
    if (r == 0 && !a->o.detach)
        r = attend(&t, e);
    fd_close(&t.exit_fd);
    fd_close(&t.console);
    return r;
}

const struct cmd cmd_exec = {.table = &exec_table,
                             .run = exec_run,
                             .size = sizeof(struct exec_args),
                             .prefix = "exec failed",
                             .failure = 255,
                             .joins = true};
