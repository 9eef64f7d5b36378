/* SPDX-License-Identifier: Apache-2.0 */
/* hako-oci; under the names runc and crun it takes their defaults. */
#include "oci/cmd/cmd.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct cmd *const commands[] = {
    &cmd_checkpoint, &cmd_create, &cmd_delete, &cmd_events, &cmd_exec,    &cmd_features,
    &cmd_kill,       &cmd_list,   &cmd_pause,  &cmd_ps,     &cmd_restore, &cmd_resume,
    &cmd_run,        &cmd_spec,   &cmd_start,  &cmd_state,  &cmd_update,
};

static const struct opt global_opts[] = {
    OPT(struct cmd_global, 0, debug, "debug", OPT_BOOL, NULL, "Log more"),
    OPT(struct cmd_global, 0, log, "log", OPT_STRING, "file",
        "Write the log there (default: standard error)"),
    OPT(struct cmd_global, 0, log_format, "log-format", OPT_STRING, "text|json",
        "Format of the log"),
    OPT(struct cmd_global, 0, root, "root", OPT_STRING, "dir",
        "Where the state of containers is kept"),
    OPT(struct cmd_global, 0, criu, "criu", OPT_STRING, "path",
        "The criu program, for checkpoint and restore"),
    OPT(struct cmd_global, 0, systemd_cgroup, "systemd-cgroup", OPT_BOOL, NULL,
        "systemd makes the cgroups; cgroupsPath is slice:prefix:name"),
    OPT(struct cmd_global, 0, cgroup_manager, "cgroup-manager", OPT_STRING,
        "cgroupfs|systemd|disabled", "Who makes the cgroups"),
    OPT(struct cmd_global, 0, rootless, "rootless", OPT_STRING, "true|false|auto",
        "Do without cgroups that are not ours to make"),
    OPT(struct cmd_global, 'v', version, "version", OPT_BOOL, NULL, "Show the version"),
};
static const struct opt_table global_table = {.command = "",
                                              .usage = "[OPTIONS] COMMAND [ARG...]",
                                              .summary = "An OCI container runtime.",
                                              .opts = global_opts,
                                              .nopts = ARRAY_SIZE(global_opts),
                                              .stop_at_first_arg = true,
                                              .max_args = SIZE_MAX};

static const char *program_name(const char *argv0) {
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    const char *name = slash ? slash + 1 : argv0;
    return name && (strcmp(name, "runc") == 0 || strcmp(name, "crun") == 0) ? name : "hako-oci";
}

/* As runc: --root, else $XDG_RUNTIME_DIR for a user other than root, else /run. */
static int default_root(struct cmd_global *g, struct err *e) {
    char real[PATH_MAX], cwd[PATH_MAX];
    const char *xdg = geteuid() != 0 ? getenv("XDG_RUNTIME_DIR") : NULL;
    if (str_empty(g->root))
        g->o.root = arena_printf(g->a, "%s/%s", str_empty(xdg) ? "/run" : xdg, g->o.name);
    else if (realpath(g->root, real))
        g->o.root = arena_strdup(g->a, real);
    else if (g->root[0] == '/')
        g->o.root = g->root;
    else
        g->o.root = getcwd(cwd, sizeof(cwd)) ? arena_printf(g->a, "%s/%s", cwd, g->root) : NULL;
    return g->o.root ? 0 : err_oom(e);
}

static int globals(struct cmd_global *g, struct err *e) {
    g->o.systemd_cgroup =
        g->systemd_cgroup || (g->cgroup_manager && strcmp(g->cgroup_manager, "systemd") == 0);
    g->o.criu = g->criu;
    g->o.notify_socket = getenv("NOTIFY_SOCKET");
    g->o.say = log_warning;
    g->o.trace = g->debug ? log_debug : NULL;
    g->o.data = g;
    if (g->rootless && strcmp(g->rootless, "auto") != 0)
        g->o.rootless = strcmp(g->rootless, "true") == 0 || strcmp(g->rootless, "1") == 0
                            ? OCI_ROOTLESS_YES
                            : OCI_ROOTLESS_NO;
    return default_root(g, e);
}

static const struct cmd *find(const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i]->table->command, name) == 0)
            return commands[i];
    }
    return NULL;
}

static int show_version(const struct cmd_global *g, struct err *e) {
    bool crun = strcmp(g->o.name, "crun") == 0; /* its users look for the words with a plus */
    char *text = arena_printf(g->a, "%s version %s\ncommit: %s\nspec: %s\n%s", g->o.name,
                              HAKO_VERSION, HAKO_VERSION, OCI_SPEC_VERSION,
                              crun ? "+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF\n" : "");
    return text ? print_text(text, e) : err_oom(e);
}

static int show_help(struct cmd_global *g, struct err *e) {
    AUTO_STR struct str text = STR_INIT(0);
    str_addf(&text,
             "NAME:\n   %s - Open Container Initiative runtime\n\nUSAGE:\n   %s [global "
             "options] command [command options] [arguments...]\n\nCOMMANDS:\n",
             g->o.name, g->o.name);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        str_addf(&text, "   %-12s%s\n", commands[i]->table->command, commands[i]->table->summary);
    str_add(&text, "\nGLOBAL OPTIONS:\n");
    for (size_t i = 0; i < ARRAY_SIZE(global_opts); i++)
        str_addf(&text, "   --%-20s%s\n", global_opts[i].name, global_opts[i].help);
    return print_text(str_c(&text), e);
}

static int command_help(const struct cmd_global *g, const struct cmd *c, struct err *e) {
    AUTO_STR struct str text = STR_INIT(0);
    str_addf(&text, "NAME:\n   %s %s - %s\n\nUSAGE:\n   %s %s %s\n\nOPTIONS:\n", g->o.name,
             c->table->command, c->table->summary, g->o.name, c->table->command, c->table->usage);
    for (size_t i = 0; i < c->table->nopts; i++)
        str_addf(&text, "   --%-20s%s\n", c->table->opts[i].name, c->table->opts[i].help);
    return print_text(str_c(&text), e);
}

/* The command itself cannot be run: of that the container's standard error tells, in a line of its
 * own. */
static bool of_command(const struct err *e) {
    return (e->kind == ERR_CMD_NOT_EXEC || e->kind == ERR_CMD_NOT_FOUND) &&
           str_starts(e->msg, "exec ");
}

/* The error to the log, and as a line to whoever reads standard error. Returns the exit code. */
static int failed(const struct cmd_global *g, const struct cmd *c, const struct err *e) {
    AUTO_STR struct str text = STR_INIT(2048);
    if (g->log_fd < 0 && of_command(e)) {
        fprintf(stderr, "%s\n", e->msg);
        return c && c->failure ? c->failure : 1;
    }
    if (c && c->prefix)
        str_addf(&text, "%s: ", c->prefix);
    str_add(&text, e->msg);
    log_line(g, "error", str_c(&text));
    if (g->log_fd >= 0)
        fprintf(stderr, "%s\n", str_c(&text));
    return c && c->failure ? c->failure : 1;
}

static int run_command(struct cmd_global *g, const struct cmd *c, int argc, char **argv,
                       char **whole) {
    struct err e = {0};
    char **args;
    size_t n;
    void *target = arena_alloc(g->a, c->size);
    char **normal = args_normal(c->table, g->a, argc, argv);
    int r = target && normal ? opt_parse(c->table, g->a, argc, normal, target, &args, &n, &e)
                             : err_oom(&e);
    if (r > 0)
        return command_help(g, c, &e) < 0;
    if (r == 0 && c->joins)
        r = seal(whole, &e);
    if (r == 0)
        r = c->run(g, target, args, n, &e);
    return r < 0 ? failed(g, c, &e) : r;
}

static int dispatch(struct cmd_global *g, int argc, char **argv) {
    struct err e = {0};
    char **args;
    size_t n;
    char **normal = args_normal(&global_table, g->a, argc, argv);
    int r = normal ? opt_parse(&global_table, g->a, argc, normal, g, &args, &n, &e) : err_oom(&e);
    if (r == 0)
        r = log_open(g, &e);
    if (r < 0)
        return failed(g, NULL, &e);
    if (r == 0 && g->version)
        return show_version(g, &e) < 0;
    if (r > 0 || n == 0 || strcmp(args[0], "help") == 0)
        return show_help(g, &e) < 0;
    const struct cmd *c = find(args[0]);
    if (!c)
        err_set(&e, ERR_USAGE, -EINVAL, "No help topic for '%.100s'", args[0]);
    if (!c || globals(g, &e) < 0)
        return failed(g, NULL, &e);
    return run_command(g, c, (int)n, args, argv);
}

int main(int argc, char **argv) {
    struct cmd_global g = {.o.name = program_name(argv[0]), .log_fd = -1};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);      /* a closed pipe is an error of write(), not a death */
    for (int fd = 0; fd >= 0 && fd <= 2;) { /* no descriptor of ours is taken for a stream */
        fd = open("/dev/null", O_RDWR);
        if (fd > 2)
            close(fd);
    }
    g.a = arena_new();
    int code = g.a ? dispatch(&g, argc, argv) : 1;
    arena_free(g.a);
    fd_close(&g.log_fd);
    return code;
}
