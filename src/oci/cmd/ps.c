/* SPDX-License-Identifier: Apache-2.0 */
/* The container's part of what ps(1) says. */
#include "oci/cmd/cmd.h"

#include "base/io.h"
#include "sys/program.h"

#include <string.h>

struct ps_args {
    const char *format;
};

static const struct opt ps_opts[] = {
    OPT(struct ps_args, 'f', format, "format", OPT_STRING, "table|json", "Output format"),
};
static const struct opt_table ps_table = {.command = "ps",
                                          .usage = "[OPTIONS] CONTAINER [PS OPTIONS]",
                                          .summary = "Show the processes of a container.",
                                          .opts = ps_opts,
                                          .nopts = ARRAY_SIZE(ps_opts),
                                          .stop_at_first_arg = true,
                                          .min_args = 1,
                                          .max_args = SIZE_MAX};

static int ps_json(const pid_t *pids, size_t n, struct err *e) {
    AUTO_JS js *all = js_new_array();
    for (size_t i = 0; all && i < n; i++) {
        if (js_push(all, js_new_i64(pids[i])) < 0)
            return err_oom(e);
    }
    return all ? print_json(all, JS_COMPACT, e) : err_oom(e);
}

/* The word number `column` of a line, as a number; -1 = none. */
static int64_t number_at(const char *line, int column) {
    const char *s = line + strspn(line, " \t");
    for (; column > 0 && *s && *s != '\n'; column--) {
        s += strcspn(s, " \t\n");
        s += strspn(s, " \t");
    }
    char word[24];
    size_t n = strcspn(s, " \t\n");
    int64_t v;
    if (n == 0 || n >= sizeof(word))
        return -1;
    memcpy(word, s, n);
    word[n] = 0;
    return str_to_i64(word, &v) < 0 ? -1 : v;
}

static int pid_column(const char *title) {
    int column = 0;
    for (const char *s = title + strspn(title, " \t"); *s && *s != '\n'; column++) {
        size_t n = strcspn(s, " \t\n");
        if (n == 3 && memcmp(s, "PID", 3) == 0)
            return column;
        s += n;
        s += strspn(s, " \t");
    }
    return -1;
}

static int ps_filter(const char *text, const pid_t *pids, size_t n, struct err *e) {
    AUTO_STR struct str out = STR_INIT(0);
    int column = pid_column(text);
    if (column < 0)
        return err_set(e, ERR_USAGE, -EINVAL, "couldn't find PID field in ps output");
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        int64_t pid = number_at(line, column);
        bool ours = line == text;
        for (size_t i = 0; i < n && !ours; i++)
            ours = pids[i] == pid;
        if (ours && (str_addn(&out, line, len) < 0 || str_addc(&out, '\n') < 0))
            return err_oom(e);
        line += len + (line[len] == '\n');
    }
    return print_text(str_c(&out), e);
}

static int ps_run(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e) {
    const struct ps_args *a = target;
    AUTO_STR struct str out = STR_INIT(64u << 20), said = STR_INIT(4096);
    const char **argv = arena_array(g->a, nargs + 2, const char *);
    pid_t *pids;
    size_t n;
    int status = 0;
    const char *format = a->format ? a->format : "table";
    int r = argv ? oci_ps(&g->o, args[0], g->a, &pids, &n, e) : err_oom(e);
    if (r < 0)
        return r;
    if (strcmp(format, "json") == 0)
        return ps_json(pids, n, e);
    if (strcmp(format, "table") != 0)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid format option");
    argv[0] = "ps";
    argv[1] = "-ef";
    for (size_t i = 1; i < nargs; i++)
        argv[i] = args[i];
    struct program p = {.argv = argv, .out = &out, .out_fd = -1, .err = &said};
    r = program_run(&p, &status, e);
    if (r < 0)
        return r;
    if (status)
        return err_set(e, ERR_USAGE, -EINVAL, "exit status %d: %.300s", status, str_c(&said));
    return ps_filter(str_c(&out), pids, n, e);
}

const struct cmd cmd_ps = {.table = &ps_table, .run = ps_run, .size = sizeof(struct ps_args)};
