/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/io.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

int cli_fail(const hako_error *e, int code) {
    char line[sizeof(e->message) + 8] = "hako: ";
    size_t at = strlen(line), n;
    /* Messages quote names and servers: what could move the cursor is shown as '?'. */
    for (const char *s = e->message; *s && at < sizeof(line) - 5; s += n ? n : 1) {
        uint32_t cp = 0;
        n = utf8_next(s, strnlen(s, 4), &cp);
        if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0)) {
            line[at++] = '?';
        } else {
            memcpy(line + at, s, n);
            at += n;
        }
    }
    fflush(stdout); /* what was said before comes before */
    fprintf(stderr, "%.*s\n", (int)at, line);
    return code;
}

static int cli_written(int r) {
    if (r == 0)
        return 0;
    if (r != -EPIPE)
        fprintf(stderr, "hako: cannot write the output: %s\n", strerror(-r));
    return 1;
}

int cli_print(const struct str *text) {
    int r = cli_flush();
    return r ? r : cli_written(io_write_all(STDOUT_FILENO, str_c(text), text->len));
}

int cli_flush(void) {
    errno = EIO;
    return cli_written(fflush(stdout) || ferror(stdout) ? -errno : 0);
}

int cli_parse(struct cli *c, const struct opt_table *t, int argc, char **argv, void *target,
              char ***args, size_t *nargs, int fail) {
    struct err e = {0};
    struct opt_table called = *t; /* "container ls" explains itself as that */
    if (c->command)
        called.command = c->command;
    int r = opt_parse(&called, c->a, argc, argv, target, args, nargs, &e);
    if (r == 0)
        return -1;
    if (r < 0) {
        fprintf(stderr,
                "hako: %s\n\nUsage:  hako %s %s\n\nRun 'hako %s --help' for more "
                "information\n",
                e.msg, called.command, called.usage, called.command);
        return fail;
    }
    AUTO_STR struct str text = STR_INIT(0);
    return c->help(&called, t, &text) < 0 ? fail : cli_print(&text);
}

int cli_engine(struct cli *c, hako_engine **ret) {
    hako_error e = {0};
    if (!c->engine && hako_engine_open(&c->engine_options, &c->engine, &e) < 0)
        return cli_fail(&e, hako_error_exit_code(&e));
    *ret = c->engine;
    return 0;
}

int cli_each(struct cli *c, char **args, size_t n,
             int (*fn)(struct cli *c, const char *arg, void *data, hako_error *e), void *data) {
    hako_engine *g;
    int code = cli_engine(c, &g);
    for (size_t i = 0; code != 125 && i < n; i++) {
        hako_error e = {0};
        if (fn(c, args[i], data, &e) < 0)
            code = cli_fail(&e, 1);
    }
    return code;
}
