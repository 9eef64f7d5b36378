/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growable text buffer with a maximum given at birth (curl's dynbuf rule): foreign bytes can
 * never make it grow without bound. Plus the few string helpers libc lacks.
 */
#pragma once

#include "base/c.h"
#include <stdarg.h>

struct str {
    char *s;    /* NUL-terminated; NULL while empty */
    size_t len; /* without the NUL */
    size_t cap;
    size_t max; /* hard bound on len; 0 = 16 MiB */
};

#define STR_INIT(max_) ((struct str){.max = (max_)})
void str_free(struct str *b); /* back to empty, keeps max */
#define AUTO_STR CLEANUP(str_free)
void str_clear(struct str *b);             /* len = 0, keeps memory */
int str_add(struct str *b, const char *s); /* 0, -ENOMEM or -EOVERFLOW */
int str_addn(struct str *b, const void *p, size_t n);
int str_addc(struct str *b, char c);
int str_addf(struct str *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
int str_vaddf(struct str *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Content, "" when empty. */
const char *str_c(const struct str *b);
/* Ownership of the heap string passes to the caller. */
char *str_take(struct str *b);

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_empty(const char *s);             /* NULL or "" */
/* Copy with truncation, always terminated. Returns false if it had to cut. */
bool str_copy(char *dst, size_t size, const char *src);

/* Whole-string numbers: no blanks, no trailing bytes. 0, -EINVAL or -ERANGE. */
int str_to_u64(const char *s, uint64_t *ret);
int str_to_i64(const char *s, int64_t *ret);
/* docker's sizes: "512", "64k", "1.5g", "2GiB" (k/m/g/t/p, powers of 1024). Bytes. */
int str_to_bytes(const char *s, uint64_t *ret);
/* Go durations: "1h2m3.5s", "300ms"; a bare number is `unit_ns` each. Nanoseconds. */
int str_to_duration(const char *s, int64_t unit_ns, int64_t *ret);
/* docker's human sizes: base 1000 with 3-4 digits ("187MB", "4.3kB"). `out` at least 16 bytes. */
const char *str_human_size(uint64_t bytes, char out[static 16]);
/* docker's human durations: "Less than a second", "3 minutes", "2 weeks". out ≥ 32 bytes. */
const char *str_human_duration(int64_t seconds, char out[static 32]);
/* RFC 3339 with nanoseconds, UTC ("2026-11-20T18:17:53.123456789Z"). out ≥ 36 bytes. */
const char *str_rfc3339(int64_t unix_ns, char out[static 36]);
/* Parse RFC 3339 (any fraction, Z or offset) to Unix nanoseconds. 0, -EINVAL, or -ERANGE outside
 * the years 1678 to 2261 (Go's zero time "0001-01-01T00:00:00Z" among them). */
int str_from_rfc3339(const char *s, int64_t *ret);
/* Lower-case hex of n bytes; out has 2n+1. */
void str_hex(const void *p, size_t n, char *out);
int64_t now_unix_ns(void);
int64_t now_mono_ns(void);
