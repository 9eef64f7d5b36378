/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/keys.h"
#include "cli/relay.h"

#include "sys/tty.h"

#include <stdio.h>

struct exec_args {
    struct hako_exec_options o;
    const char *detach_keys;
};

#define X(short_, field, name, type, metavar, help)                                                \
    OPT(struct exec_args, short_, o.field, name, type, metavar, help)

static const struct opt exec_opts[] = {
    X('d', detach, "detach", OPT_BOOL, NULL, "Run the command in the background"),
    OPT(struct exec_args, 0, detach_keys, "detach-keys", OPT_STRING, "string",
        "Key sequence that detaches from the box"),
    X('e', env, "env", OPT_LIST, "list", "Set environment variables"),
    X(0, env_file, "env-file", OPT_LIST, "list", "Read environment variables from a file"),
    X('i', interactive, "interactive", OPT_BOOL, NULL, "Keep STDIN open"),
    X(0, privileged, "privileged", OPT_BOOL, NULL, "Give extended privileges to the command"),
    X('t', tty, "tty", OPT_BOOL, NULL, "Allocate a pseudo-TTY"),
    X('u', user, "user", OPT_STRING, "string", "Username or UID (name|uid[:group|gid])"),
    X('w', workdir, "workdir", OPT_STRING, "string", "Working directory inside the box"),
};
const struct opt_table exec_table = {
    .command = "exec",
    .usage = "[OPTIONS] CONTAINER COMMAND [ARG...]",
    .summary = "Execute a command in a running container",
    .opts = exec_opts,
    .nopts = ARRAY_SIZE(exec_opts),
    .stop_at_first_arg = true,
    .min_args = 2,
    .max_args = SIZE_MAX,
};

static int exec_terminal(hako_container *box, const struct exec_args *a, int *code, hako_error *e) {
    hako_exec *x = NULL;
    int master = -1;
    bool detached = false;
    if (a->o.interactive && !tty_is(STDIN_FILENO))
        return err_set((struct err *)e, ERR_USAGE, -ENOTTY, "the input device is not a TTY");
    int r = hako_container_exec(box, &a->o, NULL, &x, &master, e);
    if (r == 0 && !a->o.detach)
        r = relay_tty(master, a->o.interactive, a->detach_keys, x, code, &detached, e);
    if (detached)
        fputs("read escape sequence\n", stderr);
    fd_close(&master);
    hako_exec_close(x);
    return r;
}

static int exec_pipes(hako_container *box, const struct exec_args *a, int *code, hako_error *e) {
    hako_exec *x = NULL;
    struct relay relay;
    int master = -1;
    if (a->o.detach) {
        int r = hako_container_exec(box, &a->o, NULL, &x, &master, e);
        hako_exec_close(x);
        return r;
    }
    int r = relay_open(a->o.interactive, &relay, e);
    if (r < 0)
        return r;
    struct hako_stdio io = {relay.task[0], relay.task[1], relay.task[2]};
    r = hako_container_exec(box, &a->o, &io, &x, &master, e);
    relay_started(&relay);
    if (r == 0)
        r = relay_run(&relay, x, code, e);
    relay_close(&relay);
    hako_exec_close(x);
    return r;
}

int cmd_exec(struct cli *c, int argc, char **argv) {
    struct exec_args a = {.o.size = sizeof(a.o)};
    char **args;
    size_t n;
    hako_engine *g;
    hako_container *box = NULL;
    struct keys keys;
    hako_error e = {0};
    int code = cli_parse(c, &exec_table, argc, argv, &a, &args, &n, 125);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    a.o.command = (struct hako_strings){args + 1, n - 1, 0};
    if (keys_parse(a.detach_keys, &keys, cli_err(&e)) < 0 ||
        hako_container_open(g, args[0], &box, &e) < 0)
        return cli_fail(&e, 1);
    int r = (a.o.tty ? exec_terminal : exec_pipes)(box, &a, &code, &e);
    hako_container_close(box);
    if (r < 0)
        return cli_fail(&e, e.kind >= HAKO_ERR_CMD_NOT_EXEC ? hako_error_exit_code(&e) : 1);
    return code;
}
