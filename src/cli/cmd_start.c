/* SPDX-License-Identifier: Apache-2.0 */
/* start, attach: a session with a container that exists. */
#include "cli/commands.h"
#include "cli/session.h"

#include "sys/tty.h"

#include <stdio.h>

struct start_args {
    bool attach, interactive, no_stdin, sig_proxy;
    const char *detach_keys;
};

static const struct opt start_opts[] = {
    OPT(struct start_args, 'a', attach, "attach", OPT_BOOL, NULL,
        "Attach STDOUT and STDERR, pass signals on"),
    OPT(struct start_args, 0, detach_keys, "detach-keys", OPT_STRING, "string",
        "Key sequence that detaches from the box"),
    OPT(struct start_args, 'i', interactive, "interactive", OPT_BOOL, NULL, "Attach STDIN"),
};
const struct opt_table start_table = {
    .command = "start",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Start one or more stopped containers",
    .opts = start_opts,
    .nopts = ARRAY_SIZE(start_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
};

static const struct opt attach_opts[] = {
    OPT(struct start_args, 0, detach_keys, "detach-keys", OPT_STRING, "string",
        "Key sequence that detaches from the box"),
    OPT(struct start_args, 0, no_stdin, "no-stdin", OPT_BOOL, NULL, "Do not attach STDIN"),
    OPT(struct start_args, 0, sig_proxy, "sig-proxy", OPT_BOOL, NULL,
        "Pass signals on to the box (default true)"),
};
const struct opt_table attach_table = {
    .command = "attach",
    .usage = "[OPTIONS] CONTAINER",
    .summary = "Attach local standard input, output, and error streams to a running container",
    .opts = attach_opts,
    .nopts = ARRAY_SIZE(attach_opts),
    .min_args = 1,
    .max_args = 1,
};

static int start_one(struct cli *c, const char *name, void *data, hako_error *e) {
    hako_container *box = NULL;
    int r = hako_container_open(c->engine, name, &box, e);
    if (r == 0)
        r = hako_container_start(box, NULL, e);
    if (r == 0)
        puts(name);
    hako_container_close(box);
    return r;
}

/* One container, our terminal: `begin` starts it or attaches to it. */
static int start_session(struct cli *c, const char *name, const struct start_args *a, bool input,
                         int (*begin)(hako_container *, const struct hako_stdio *, hako_error *)) {
    hako_engine *g;
    hako_container *box = NULL;
    struct session *s = NULL;
    struct hako_stdio io;
    hako_error e = {0};
    bool detached = false;
    int code = cli_engine(c, &g);
    if (code)
        return code;
    if (hako_container_open(g, name, &box, &e) < 0)
        return cli_fail(&e, 1);
    struct session_options so = {.tty = hako_container_tty(box),
                                 .input = input && hako_container_interactive(box),
                                 .sig_proxy = a->sig_proxy,
                                 .detach_keys = a->detach_keys};
    int r = session_open(&so, &s, &io, &e);
    if (r == 0)
        r = begin(box, &io, &e);
    if (r == 0)
        r = session_run(s, box, &code, &detached, &e);
    session_close(s);
    hako_container_close(box);
    if (r < 0)
        return cli_fail(&e, e.kind >= HAKO_ERR_CMD_NOT_EXEC ? hako_error_exit_code(&e) : 1);
    if (detached)
        fputs("read escape sequence\n", stderr);
    return code;
}

int cmd_start(struct cli *c, int argc, char **argv) {
    struct start_args a = {.sig_proxy = true};
    char **args;
    size_t n;
    int code = cli_parse(c, &start_table, argc, argv, &a, &args, &n, 1);
    if (code >= 0)
        return code;
    if (!a.attach && !a.interactive)
        return cli_each(c, args, n, start_one, NULL);
    if (n > 1) {
        fputs("hako: you cannot start and attach multiple containers at once\n", stderr);
        return 1;
    }
    return start_session(c, args[0], &a, a.interactive, hako_container_start);
}

int cmd_attach(struct cli *c, int argc, char **argv) {
    struct start_args a = {.sig_proxy = true};
    char **args;
    size_t n;
    int code = cli_parse(c, &attach_table, argc, argv, &a, &args, &n, 1);
    if (code >= 0)
        return code;
    return start_session(c, args[0], &a, !a.no_stdin, hako_container_attach);
}
