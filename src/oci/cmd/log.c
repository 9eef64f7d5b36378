/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log that podman, containerd and CRI-O read: one line per event, as logrus writes them. They
 * take the last error's "msg" for their users.
 */
#include "oci/cmd/cmd.h"

#include "base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int log_open(struct cmd_global *g, struct err *e) {
    g->log_fd = -1;
    if (!str_empty(g->log_format) && strcmp(g->log_format, "text") != 0 &&
        strcmp(g->log_format, "json") != 0)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid log-format: %s", g->log_format);
    if (str_empty(g->log))
        return 0;
    g->log_fd = open(g->log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
    return g->log_fd < 0 ? err_sys(e, "open %s", g->log) : 0;
}

static void log_time(char *out, size_t size) {
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Go's %q, near enough: logrus quotes what is no plain word. */
static void log_quoted(struct str *s, const char *text) {
    str_addc(s, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            str_addc(s, '\\');
        if (*text == '\n')
            str_add(s, "\\n");
        else
            str_addc(s, *text);
    }
    str_addc(s, '"');
}

void log_line(const struct cmd_global *g, const char *level, const char *text) {
    AUTO_STR struct str line = STR_INIT(16384);
    char now[32];
    log_time(now, sizeof(now));
    if (g->log_format && strcmp(g->log_format, "json") == 0) {
        AUTO_JS js *doc = js_new_object();
        if (!doc || js_set_str(doc, "level", level) < 0 || js_set_str(doc, "msg", text) < 0 ||
            js_set_str(doc, "time", now) < 0 || js_print(doc, JS_COMPACT, &line) < 0)
            return;
    } else {
        str_addf(&line, "time=\"%s\" level=%s msg=", now, level);
        log_quoted(&line, text);
    }
    str_addc(&line, '\n');
    io_write_all(g->log_fd >= 0 ? g->log_fd : STDERR_FILENO, str_c(&line), line.len);
}

void log_debug(void *data, const char *text) {
    log_line(data, "debug", text);
}

void log_warning(void *data, const char *text) {
    log_line(data, "warning", text);
}
