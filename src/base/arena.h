/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Region allocator: everything that belongs to one request or document is freed at once.
 * Allocation failure is fatal to the request, not to the process: functions return NULL and the
 * caller reports err_oom(). Not thread-safe. Pointers stay valid until arena_free().
 */
#pragma once

#include "base/c.h"
#include <stdarg.h>

struct arena; /* opaque */

struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */
void arena_freep(struct arena **a);
#define AUTO_ARENA CLEANUP(arena_freep)

/* Zeroed, aligned for any type. size 0 gives a valid unique pointer. */
void *arena_alloc(struct arena *a, size_t size) MUST_CHECK;
/* Zeroed array; checks the multiplication. */
void *arena_calloc(struct arena *a, size_t n, size_t size) MUST_CHECK;
#define arena_new_of(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define arena_array(a, n, T) ((T *)arena_calloc((a), (n), sizeof(T)))
char *arena_strdup(struct arena *a, const char *s) MUST_CHECK; /* NULL in, NULL out */
char *arena_strndup(struct arena *a, const char *s, size_t n) MUST_CHECK;
void *arena_memdup(struct arena *a, const void *p, size_t n) MUST_CHECK;
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) PRINTF_LIKE(2, 0) MUST_CHECK;
/* Bytes handed out so far (for budgets in tests and bounded parsers). */
size_t arena_used(const struct arena *a);

/* Growable list of strings living in an arena; always NULL-terminated at v[n]. */
struct strlist {
    char **v; /* NULL while empty */
    size_t n;
    size_t cap;
};
int strlist_add(struct arena *a, struct strlist *l, const char *s); /* 0 or -ENOMEM; copies */
int strlist_addf(struct arena *a, struct strlist *l, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool strlist_has(const struct strlist *l, const char *s);
