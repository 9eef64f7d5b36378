/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint and restore; criu does the work. */
#include "oci/cmd/cmd.h"

struct criu_args {
    struct oci_criu_options o;
    const char *bundle, *console_socket, *pid_file;
    bool detach, no_pivot, no_subreaper;
};

#define CRIU_OPTIONS                                                                               \
    OPT(struct criu_args, 0, o.image_path, "image-path", OPT_STRING, "dir",                        \
        "Where criu's images are (default: checkpoint)"),                                          \
        OPT(struct criu_args, 0, o.work_path, "work-path", OPT_STRING, "dir",                      \
            "Where criu writes its log (default: beside the images)"),                             \
        OPT(struct criu_args, 0, o.tcp_established, "tcp-established", OPT_BOOL, NULL,             \
            "With open TCP connections"),                                                          \
        OPT(struct criu_args, 0, o.ext_unix_sk, "ext-unix-sk", OPT_BOOL, NULL,                     \
            "With UNIX sockets that lead outside"),                                                \
        OPT(struct criu_args, 0, o.shell_job, "shell-job", OPT_BOOL, NULL, "With shell jobs"),     \
        OPT(struct criu_args, 0, o.lazy_pages, "lazy-pages", OPT_BOOL, NULL,                       \
            "Memory follows later"),                                                               \
        OPT(struct criu_args, 0, o.file_locks, "file-locks", OPT_BOOL, NULL, "With file locks"),   \
        OPT(struct criu_args, 0, o.manage_cgroups_mode, "manage-cgroups-mode", OPT_STRING,         \
            "soft|full|strict|ignore", "What criu does with cgroups"),                             \
        OPT(struct criu_args, 0, o.empty_ns, "empty-ns", OPT_LIST, "namespace",                    \
            "Make this namespace, but do not fill it"),                                            \
        OPT(struct criu_args, 0, o.auto_dedup, "auto-dedup", OPT_BOOL, NULL,                       \
            "Drop pages that a later image holds")

static const struct opt checkpoint_opts[] = {
    CRIU_OPTIONS,
    OPT(struct criu_args, 0, o.parent_path, "parent-path", OPT_STRING, "dir",
        "Images of an earlier pre-dump, relative to the image path"),
    OPT(struct criu_args, 0, o.leave_running, "leave-running", OPT_BOOL, NULL,
        "The container runs on"),
    OPT(struct criu_args, 0, o.status_fd, "status-fd", OPT_I64, "fd",
        "Gets a NUL byte once lazy pages can be asked for"),
    OPT(struct criu_args, 0, o.page_server, "page-server", OPT_STRING, "address:port",
        "Send memory there"),
    OPT(struct criu_args, 0, o.pre_dump, "pre-dump", OPT_BOOL, NULL,
        "Memory alone; the container runs on"),
};
static const struct opt_table checkpoint_table = {
    .command = "checkpoint",
    .usage = "[OPTIONS] CONTAINER",
    .summary = "Write a running container to files (needs criu).",
    .opts = checkpoint_opts,
    .nopts = ARRAY_SIZE(checkpoint_opts),
    .min_args = 1,
    .max_args = 1};

static const struct opt restore_opts[] = {
    CRIU_OPTIONS,
    OPT(struct criu_args, 'b', bundle, "bundle", OPT_STRING, "dir",
        "The bundle: a directory with config.json; default: the current one"),
    OPT(struct criu_args, 0, console_socket, "console-socket", OPT_STRING, "path",
        "AF_UNIX socket that gets the terminal's master"),
    OPT(struct criu_args, 'd', detach, "detach", OPT_BOOL, NULL, "Leave once it runs"),
    OPT(struct criu_args, 0, pid_file, "pid-file", OPT_STRING, "file",
        "Write the process id there"),
    OPT(struct criu_args, 0, no_subreaper, "no-subreaper", OPT_BOOL, NULL,
        "Do not become the parent of orphans"),
    OPT(struct criu_args, 0, no_pivot, "no-pivot", OPT_BOOL, NULL, "Without pivot_root"),
    OPT(struct criu_args, 0, o.lsm_profile, "lsm-profile", OPT_STRING, "type:name",
        "Another LSM profile"),
    OPT(struct criu_args, 0, o.lsm_mount_context, "lsm-mount-context", OPT_STRING, "context",
        "Another LSM mount context"),
};
static const struct opt_table restore_table = {
    .command = "restore",
    .usage = "[OPTIONS] CONTAINER",
    .summary = "Make a container run on from the files of a checkpoint (needs criu).",
    .opts = restore_opts,
    .nopts = ARRAY_SIZE(restore_opts),
    .min_args = 1,
    .max_args = 1};

static int checkpoint_run(struct cmd_global *g, void *target, char **args, size_t nargs,
                          struct err *e) {
    struct criu_args *a = target;
    a->o.status_fd = a->o.status_fd ? a->o.status_fd : -1;
    return oci_checkpoint(&g->o, args[0], &a->o, e);
}

static int restore_run(struct cmd_global *g, void *target, char **args, size_t nargs,
                       struct err *e) {
    struct criu_args *a = target;
    struct oci_task t = {.exit_fd = -1, .console = -1};
    struct oci_create_options create = {.bundle = a->bundle,
                                        .console_socket = a->console_socket,
                                        .pid_file = a->pid_file,
                                        .no_pivot = a->no_pivot,
                                        .detach = a->detach};
    struct err later = {0};
    a->o.status_fd = -1;
    int r = oci_restore(&g->o, args[0], &create, &a->o, &t, e);
    if (r < 0 || a->detach) {
        fd_close(&t.exit_fd);
        return r;
    }
    r = attend(&t, e);
    fd_close(&t.exit_fd);
    if (oci_delete(&g->o, args[0], true, &later) < 0)
        log_line(g, "error", later.msg);
    return r;
}

const struct cmd cmd_checkpoint = {
    .table = &checkpoint_table, .run = checkpoint_run, .size = sizeof(struct criu_args)};
const struct cmd cmd_restore = {
    .table = &restore_table, .run = restore_run, .size = sizeof(struct criu_args), .joins = true};
