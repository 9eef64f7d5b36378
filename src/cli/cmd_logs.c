/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include "cli/when.h"

#include "base/io.h"

#include <stdio.h>

struct logs_args {
    bool details, follow, timestamps;
    const char *since, *until, *tail;
};

static const struct opt logs_opts[] = {
    OPT(struct logs_args, 0, details, "details", OPT_BOOL, NULL, NULL),
    OPT(struct logs_args, 'f', follow, "follow", OPT_BOOL, NULL, "Follow log output"),
    OPT(struct logs_args, 0, since, "since", OPT_STRING, "string",
        "Show logs since a timestamp (2026-01-02T13:23:37Z) or a time ago (42m)"),
    OPT(struct logs_args, 'n', tail, "tail", OPT_STRING, "string",
        "Number of lines to show from the end of the logs (default \"all\")"),
    OPT(struct logs_args, 't', timestamps, "timestamps", OPT_BOOL, NULL, "Show timestamps"),
    OPT(struct logs_args, 0, until, "until", OPT_STRING, "string",
        "Show logs before a timestamp (2026-01-02T13:23:37Z) or a time ago (42m)"),
};
const struct opt_table logs_table = {
    .command = "logs",
    .usage = "[OPTIONS] CONTAINER",
    .summary = "Fetch the logs of a container",
    .opts = logs_opts,
    .nopts = ARRAY_SIZE(logs_opts),
    .min_args = 1,
    .max_args = 1,
};

#define LOGS_CHUNK ((size_t)64 << 10)

struct logs_out {
    bool timestamps, at_once;
    bool inside[3];  /* the last piece of this stream did not end its line */
    int current;     /* stream that `text` is for */
    struct str text; /* waits, so that a long log is not written line by line */
};

static int logs_flush(struct logs_out *o) {
    int fd = o->current == 2 ? STDERR_FILENO : STDOUT_FILENO;
    int r = o->text.len ? io_write_all(fd, str_c(&o->text), o->text.len) : 0;
    str_clear(&o->text);
    return r;
}

static int logs_line(int stream, int64_t time_ns, const char *text, size_t len, void *data) {
    struct logs_out *o = data;
    char stamp[36];
    int r = 0;
    stream = stream == 2 ? 2 : 1;
    if (stream != o->current)
        r = logs_flush(o);
    o->current = stream;
    if (r == 0 && o->timestamps && !o->inside[stream])
        r = str_addf(&o->text, "%s ", str_rfc3339(time_ns, stamp));
    if (r == 0)
        r = str_addn(&o->text, text, len);
    if (len > 0)
        o->inside[stream] = text[len - 1] != '\n';
    if (r == 0 && (o->at_once || o->text.len >= LOGS_CHUNK))
        r = logs_flush(o);
    return r;
}

static int logs_time(const char *option, const char *text, int64_t now, int64_t *ret) {
    if (!text || when_parse(text, now, ret) == 0)
        return 0;
    fprintf(stderr,
            "hako: invalid value \"%s\" for --%s: write a time such as 2026-01-02T13:23:37Z, "
            "1735820617 or 10m\n",
            text, option);
    return -EINVAL;
}

/* False with a message. */
static bool logs_query(const struct logs_args *a, struct hako_log_options *o) {
    int64_t now = now_unix_ns();
    if (a->details) {
        fputs("hako: --details is not supported: hako's logs keep no extra attributes\n", stderr);
        return false;
    }
    if (logs_time("since", a->since, now, &o->since_ns) < 0 ||
        logs_time("until", a->until, now, &o->until_ns) < 0)
        return false;
    o->follow = a->follow;
    /* as docker: what is no number from 0 up means all */
    o->tail_set = a->tail && str_to_i64(a->tail, &o->tail) == 0 && o->tail >= 0;
    return true;
}

int cmd_logs(struct cli *c, int argc, char **argv) {
    struct logs_args a = {0};
    struct logs_out out = {.text = STR_INIT(0)};
    char **args;
    size_t n;
    hako_engine *g;
    hako_container *box = NULL;
    hako_error e = {0};
    int code = cli_parse(c, &logs_table, argc, argv, &a, &args, &n, 1);
    if (code >= 0)
        return code;
    out.timestamps = a.timestamps;
    out.at_once = a.follow;
    struct hako_log_options o = {.size = sizeof(o), .line = logs_line, .data = &out};
    if (!logs_query(&a, &o))
        return 1;
    if ((code = cli_engine(c, &g)))
        return code;
    int r = hako_container_open(g, args[0], &box, &e);
    if (r == 0)
        r = hako_container_logs(box, &o, &e);
    int flushed = logs_flush(&out);
    str_free(&out.text);
    hako_container_close(box);
    if (r == -EPIPE || flushed == -EPIPE)
        return 1;
    if (r == 0 && flushed < 0)
        r = err_sysn(cli_err(&e), flushed, "cannot write the log");
    else if (r < 0 && !e.message[0])
        err_sysn(cli_err(&e), r, "cannot write the log");
    return r < 0 ? cli_fail(&e, 1) : 0;
}
