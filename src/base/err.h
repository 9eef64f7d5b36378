/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One error value for the whole house.
 *
 * Convention: `int f(inputs…, T *ret, struct err *e)` returns 0 or a negative errno. `*ret` is
 * untouched on failure; `e` is caller-owned, holds no heap and crosses pipes as it is. `e` is
 * never NULL. The innermost failure sets it, callers add context with err_wrap().
 *
 * `kind` says what the failure means to a user; ONE table (err.c) maps it to docker's exit code
 * and to the HTTP status of the Docker Engine API.
 */
#pragma once

#include "base/c.h"

enum err_kind {
    ERR_INTERNAL,      /* system call failed, broken invariant     exit 125  HTTP 500 */
    ERR_USAGE,         /* bad option or argument                   exit 125  HTTP 400 */
    ERR_NOT_FOUND,     /* named object does not exist              exit 125  HTTP 404 */
    ERR_CONFLICT,      /* name taken, object in use                exit 125  HTTP 409 */
    ERR_DENIED,        /* permission, policy                       exit 125  HTTP 403 */
    ERR_UNAVAILABLE,   /* registry, host feature                   exit 125  HTTP 503 */
    ERR_CORRUPT,       /* digest mismatch, malformed document      exit 125  HTTP 500 */
    ERR_NO_SPACE,      /* disk full, quota, size bound             exit 125  HTTP 507 */
    ERR_CMD_NOT_EXEC,  /* command found but cannot be invoked      exit 126  HTTP 400 */
    ERR_CMD_NOT_FOUND, /* command not found in the box             exit 127  HTTP 400 */
    ERR_KIND_COUNT
};

struct err {
    int code; /* negative errno, 0 = no error */
    enum err_kind kind;
    char msg[500]; /* one line, no newline, names the thing, the cause and the mend */
};

/* Set `e` and return `code` (negative errno), so that a failure is one line:
 * `return err_set(e, ERR_NOT_FOUND, -ENOENT, "no such image: %s", name);` */
int err_set(struct err *e, enum err_kind kind, int code, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* Set `e` from the current errno: "<fmt>: <strerror>". Kind follows errno (EACCES/EPERM → DENIED,
 * ENOSPC/EDQUOT → NO_SPACE, else INTERNAL). Returns -errno. */
int err_sys(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Same from an explicit positive or negative errno value. */
int err_sysn(struct err *e, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put "<context>: " before the message; keeps kind and code. Returns e->code. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Out of memory, as an error. */
int err_oom(struct err *e);

void err_clear(struct err *e);

/* docker's exit code for the kind: 125, 126 or 127. */
int err_exit_code(const struct err *e);
int err_http_status(const struct err *e);
/* Stable lower-case word for --json output ("not-found"). */
const char *err_kind_name(enum err_kind kind);
