/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/create.h"
#include "oci/cmd/cmd.h"

struct create_args {
    const char *bundle, *config, *console_socket, *pid_file;
    bool no_pivot, no_new_keyring, detach, keep, no_subreaper;
    int64_t preserve_fds;
};

#define CREATE_OPTIONS                                                                             \
    OPT(struct create_args, 'b', bundle, "bundle", OPT_STRING, "dir",                              \
        "The bundle: a directory with config.json; default: the current one"),                     \
        OPT(struct create_args, 'f', config, "config", OPT_STRING, "file",                         \
            "Another name than config.json"),                                                      \
        OPT(struct create_args, 0, console_socket, "console-socket", OPT_STRING, "path",           \
            "AF_UNIX socket that gets the terminal's master"),                                     \
        OPT(struct create_args, 0, pid_file, "pid-file", OPT_STRING, "file",                       \
            "Write the process id there"),                                                         \
        OPT(struct create_args, 0, no_pivot, "no-pivot", OPT_BOOL, NULL,                           \
            "Without pivot_root (root on a ramdisk)"),                                             \
        OPT(struct create_args, 0, no_new_keyring, "no-new-keyring", OPT_BOOL, NULL,               \
            "Keep the caller's session keyring"),                                                  \
        OPT(struct create_args, 0, preserve_fds, "preserve-fds", OPT_I64, "n",                     \
            "Pass on n more descriptors (besides 0, 1, 2 and $LISTEN_FDS)"),                       \
        OPT(struct create_args, 0, no_subreaper, "no-subreaper", OPT_BOOL, NULL,                   \
            "Do not become the parent of orphans")

static const struct opt create_opts[] = {CREATE_OPTIONS};
static const struct opt_table create_table = {.command = "create",
                                              .usage = "[OPTIONS] CONTAINER",
                                              .summary = "Create a container, not started yet.",
                                              .opts = create_opts,
                                              .nopts = ARRAY_SIZE(create_opts),
                                              .min_args = 1,
                                              .max_args = 1};

static const struct opt run_opts[] = {
    CREATE_OPTIONS,
    OPT(struct create_args, 'd', detach, "detach", OPT_BOOL, NULL, "Leave once it runs"),
    OPT(struct create_args, 0, keep, "keep", OPT_BOOL, NULL, "Do not delete it when it has ended"),
};
static const struct opt_table run_table = {.command = "run",
                                           .usage = "[OPTIONS] CONTAINER",
                                           .summary = "Create and start a container.",
                                           .opts = run_opts,
                                           .nopts = ARRAY_SIZE(run_opts),
                                           .min_args = 1,
                                           .max_args = 1};

static int options(const struct create_args *a, bool detach, struct oci_create_options *ret,
                   struct err *e) {
    *ret = (struct oci_create_options){.bundle = a->bundle,
                                       .config = a->config,
                                       .console_socket = a->console_socket,
                                       .pid_file = a->pid_file,
                                       .no_pivot = a->no_pivot,
                                       .no_new_keyring = a->no_new_keyring,
                                       .detach = detach,
                                       .listen_fds = args_listen_fds()};
    return args_preserve(a->preserve_fds, &ret->preserve_fds, e);
}

static int create_run(struct cmd_global *g, void *target, char **args, size_t nargs,
                      struct err *e) {
    struct oci_create_options opt;
    struct oci_creation c;
    int r = options(target, true, &opt, e);
    if (r == 0)
        r = oci_create_begin(&c, &g->o, args[0], &opt, e);
    if (r < 0)
        return r;
    r = oci_create_detach(&c, e);
    if (r < 0)
        oci_create_undo(&c);
    oci_create_end(&c);
    return r;
}

/* Until it ends; its exit code. */
static int run_attend(struct oci_creation *c, struct err *e) {
    struct oci_task t = {
        .pid = c->m.pid, .exit_fd = c->m.exit_fd, .console = TAKE_FD(c->m.console)};
    int code = attend(&t, e);
    fd_close(&t.console);
    return code;
}

static int run_run(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e) {
    const struct create_args *a = target;
    struct oci_create_options opt;
    struct oci_creation c;
    int r = options(a, a->detach, &opt, e);
    if (r == 0)
        r = oci_create_begin(&c, &g->o, args[0], &opt, e);
    if (r < 0)
        return r;
    r = oci_create_start(&c, e);
    if (r == 0 && !a->detach)
        r = run_attend(&c, e);
    bool ended = r < 0 || !a->detach;
    oci_create_end(&c);
    if (ended && !a->keep) {
        struct err later = {0};
        if (oci_delete(&g->o, args[0], true, &later) < 0)
            log_line(g, "error", later.msg);
    }
    return r;
}

const struct cmd cmd_create = {.table = &create_table,
                               .run = create_run,
                               .size = sizeof(struct create_args),
                               .prefix = "runc create failed",
                               .joins = true};
const struct cmd cmd_run = {.table = &run_table,
                            .run = run_run,
                            .size = sizeof(struct create_args),
                            .prefix = "runc run failed",
                            .joins = true};
