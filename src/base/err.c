/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The one table: kind → word, docker's exit code, status of the Docker Engine API. */
static const struct {
    const char *name;
    int exit_code;
    int http_status;
} kinds[ERR_KIND_COUNT] = {
    [ERR_INTERNAL] = {"internal", 125, 500},
    [ERR_USAGE] = {"usage", 125, 400},
    [ERR_NOT_FOUND] = {"not-found", 125, 404},
    [ERR_CONFLICT] = {"conflict", 125, 409},
    [ERR_DENIED] = {"denied", 125, 403},
    [ERR_UNAVAILABLE] = {"unavailable", 125, 503},
    [ERR_CORRUPT] = {"corrupt", 125, 500},
    [ERR_NO_SPACE] = {"no-space", 125, 507},
    [ERR_CMD_NOT_EXEC] = {"command-not-executable", 126, 400},
    [ERR_CMD_NOT_FOUND] = {"command-not-found", 127, 400},
};

/* An error may have crossed a pipe: never index with what it says. */
static enum err_kind known_kind(enum err_kind kind) {
    return (unsigned)kind < ERR_KIND_COUNT ? kind : ERR_INTERNAL;
}

static int negative(int code) {
    if (code == 0)
        return -EIO; /* a failure that forgot its errno is still a failure */
    return code > 0 ? -code : code;
}

/* One line that a terminal can show: messages quote names that images and users chose. */
static void one_line(char *s) {
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '\n' || c == '\t')
            *s = ' ';
        else if (c < 0x20 || c == 0x7f)
            *s = '?';
    }
}

/* Do not leave half a UTF-8 character at a cut. */
static void trim_partial(char *s, size_t len) {
    size_t start = len;
    while (start > 0 && len - start < 4) {
        unsigned char c = (unsigned char)s[--start];
        if (c < 0x80)
            return;
        if (c >= 0xc0) {
            size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            if (len - start < need)
                s[start] = '\0';
            return;
        }
    }
}

/* Format through a copy: the arguments may point into e->msg itself. */
static size_t format(char *out, size_t size, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
static size_t format(char *out, size_t size, const char *fmt, va_list ap) {
    int n = vsnprintf(out, size, fmt, ap);
    if (n < 0) {
        out[0] = '\0';
        return 0;
    }
    one_line(out);
    if ((size_t)n >= size) {
        trim_partial(out, size - 1);
        return strlen(out);
    }
    return (size_t)n;
}

/* Fill e->msg with "<head>: <tail>". When both do not fit the head is cut: the tail is the cause.
 */
static void join(struct err *e, const char *head, size_t head_len, const char *tail) {
    char msg[sizeof(e->msg)];
    size_t tail_len = strlen(tail);
    size_t room = sizeof(msg) - 1;

    if (head_len + 2 + tail_len > room) {
        size_t least = MIN_OF(head_len, room / 3);
        head_len = tail_len + 2 + least <= room ? room - 2 - tail_len : least;
    }
    memcpy(msg, head, head_len);
    msg[head_len] = '\0';
    trim_partial(msg, head_len);
    head_len = strlen(msg);
    memcpy(msg + head_len, ": ", 2);
    head_len += 2;
    bool cut = tail_len > room - head_len;
    tail_len = MIN_OF(tail_len, room - head_len);
    memcpy(msg + head_len, tail, tail_len);
    msg[head_len + tail_len] = '\0';
    if (cut)
        trim_partial(msg, head_len + tail_len);
    memcpy(e->msg, msg, sizeof(msg));
}

int err_set(struct err *e, enum err_kind kind, int code, const char *fmt, ...) {
    char msg[sizeof(e->msg)] = "";
    va_list ap;

    va_start(ap, fmt);
    format(msg, sizeof(msg), fmt, ap);
    va_end(ap);
    memcpy(e->msg, msg, sizeof(msg));
    e->kind = known_kind(kind);
    e->code = negative(code);
    return e->code;
}

static enum err_kind kind_of_errno(int code) {
    switch (-code) {
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    default:
        return ERR_INTERNAL;
    }
}

static int set_from_errno(struct err *e, int code, const char *fmt, va_list ap) PRINTF_LIKE(3, 0);
static int set_from_errno(struct err *e, int code, const char *fmt, va_list ap) {
    char head[sizeof(e->msg)] = "";

    e->code = negative(code);
    e->kind = kind_of_errno(e->code);
    size_t len = format(head, sizeof(head), fmt, ap);
    join(e, head, len, strerror(-e->code));
    return e->code;
}

int err_sys(struct err *e, const char *fmt, ...) {
    int saved = errno;
    va_list ap;

    va_start(ap, fmt);
    int code = set_from_errno(e, saved, fmt, ap);
    va_end(ap);
    errno = saved;
    return code;
}

int err_sysn(struct err *e, int errnum, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    int code = set_from_errno(e, errnum, fmt, ap);
    va_end(ap);
    return code;
}

int err_wrap(struct err *e, const char *fmt, ...) {
    char head[sizeof(e->msg)] = "";
    va_list ap;

    va_start(ap, fmt);
    size_t len = format(head, sizeof(head), fmt, ap);
    va_end(ap);
    e->msg[sizeof(e->msg) - 1] = '\0';
    join(e, head, len, e->msg);
    return e->code;
}

int err_oom(struct err *e) {
    return err_set(e, ERR_INTERNAL, -ENOMEM,
                   "out of memory: free some memory or raise the memory limit");
}

void err_clear(struct err *e) {
    memset(e, 0, sizeof(*e));
}

int err_exit_code(const struct err *e) {
    return kinds[known_kind(e->kind)].exit_code;
}

int err_http_status(const struct err *e) {
    return kinds[known_kind(e->kind)].http_status;
}

const char *err_kind_name(enum err_kind kind) {
    return kinds[known_kind(kind)].name;
}
