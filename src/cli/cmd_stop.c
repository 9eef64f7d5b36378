/* SPDX-License-Identifier: Apache-2.0 */
/* stop, restart */
#include "cli/commands.h"

#include <limits.h>
#include <stdio.h>

struct stop_args {
    int64_t timeout;
    bool timeout_set;
    const char *signal;
    bool again; /* restart */
};

static const struct opt stop_opts[] = {
    OPT(struct stop_args, 's', signal, "signal", OPT_STRING, "string",
        "Signal to send to the container"),
    OPT_SEEN(struct stop_args, 't', timeout, timeout_set, "timeout", OPT_I64, "int",
             "Seconds to wait before killing the container"),
    OPT_SEEN(struct stop_args, 0, timeout, timeout_set, "time", OPT_I64, "int", NULL),
};
const struct opt_table stop_table = {
    .command = "stop",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Stop one or more running containers",
    .opts = stop_opts,
    .nopts = ARRAY_SIZE(stop_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
};
const struct opt_table restart_table = {
    .command = "restart",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .summary = "Restart one or more containers",
    .opts = stop_opts,
    .nopts = ARRAY_SIZE(stop_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
};

/* The engine takes -1 as "the container's own": docker's -1, wait for ever, is a very long time. */
static int stop_timeout(const struct stop_args *s) {
    if (!s->timeout_set)
        return -1;
    const int64_t longest = INT_MAX / 1000;
    return s->timeout < 0 || s->timeout > longest ? (int)longest : (int)s->timeout;
}

static int stop_one(struct cli *c, const char *name, void *data, hako_error *e) {
    const struct stop_args *s = data;
    hako_container *box = NULL;
    int r = hako_container_open(c->engine, name, &box, e);
    if (r == 0)
        r = hako_container_stop(box, s->signal, stop_timeout(s), e);
    if (r == 0 && s->again)
        r = hako_container_start(box, NULL, e);
    if (r == 0)
        puts(name);
    hako_container_close(box);
    return r;
}

static int stop_run(struct cli *c, const struct opt_table *t, bool again, int argc, char **argv) {
    struct stop_args s = {.again = again};
    char **args;
    size_t n;
    int code = cli_parse(c, t, argc, argv, &s, &args, &n, 1);
    return code >= 0 ? code : cli_each(c, args, n, stop_one, &s);
}

int cmd_stop(struct cli *c, int argc, char **argv) {
    return stop_run(c, &stop_table, false, argc, argv);
}

int cmd_restart(struct cli *c, int argc, char **argv) {
    return stop_run(c, &restart_table, true, argc, argv);
}
