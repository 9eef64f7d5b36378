/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

/* Under ASan each object lies between poisoned gaps, so an overrun inside a chunk is seen. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#define GAP ((size_t)16)
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define GAP ((size_t)0)
#endif

#define ALIGN_TO _Alignof(max_align_t)
#define FIRST_CHUNK ((size_t)4096)
#define LARGEST_CHUNK ((size_t)256 << 10)

struct chunk {
    struct chunk *next;
    size_t size; /* of data */
    size_t used;
    _Alignas(ALIGN_TO) unsigned char data[];
};

struct arena {
    struct chunk *head; /* the chunk that is being filled */
    size_t next_size;
    size_t used;
};

struct arena *arena_new(void) {
    struct arena *a = calloc(1, sizeof(*a));
    if (a)
        a->next_size = FIRST_CHUNK;
    return a;
}

void arena_free(struct arena *a) {
    if (!a)
        return;
    struct chunk *c = a->head;
    while (c) {
        struct chunk *next = c->next;
        UNPOISON(c->data, c->size);
        free(c);
        c = next;
    }
    free(a);
}

void arena_freep(struct arena **a) {
    arena_free(*a);
    *a = NULL;
}

static struct chunk *chunk_new(size_t size) {
    /* calloc: fresh pages are zero already, nothing is cleared twice */
    struct chunk *c = calloc(1, sizeof(*c) + size);
    if (c) {
        c->size = size;
        POISON(c->data, size);
    }
    return c;
}

void *arena_alloc(struct arena *a, size_t size) {
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t need = (MAX_OF(size, (size_t)1) + ALIGN_TO - 1) / ALIGN_TO * ALIGN_TO + GAP;
    struct chunk *c = a->head;

    if (!c || c->size - c->used < need) {
        bool own = need > a->next_size / 4; /* big objects do not waste the current chunk */
        c = chunk_new(own ? need : a->next_size - sizeof(*c));
        if (!c)
            return NULL;
        if (own && a->head) {
            c->next = a->head->next;
            a->head->next = c;
        } else {
            c->next = a->head;
            a->head = c;
        }
        if (!own && a->next_size < LARGEST_CHUNK)
            a->next_size *= 2;
    }
    void *p = c->data + c->used;
    c->used += need;
    a->used += size;
    UNPOISON(p, MAX_OF(size, (size_t)1));
    return p;
}

void *arena_calloc(struct arena *a, size_t n, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(n, size, &total))
        return NULL;
    return arena_alloc(a, total);
}

char *arena_strdup(struct arena *a, const char *s) {
    return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
    if (!s)
        return NULL;
    n = strnlen(s, n);
    char *p = arena_alloc(a, n + 1);
    if (p)
        memcpy(p, s, n);
    return p;
}

void *arena_memdup(struct arena *a, const void *p, size_t n) {
    void *copy = arena_alloc(a, n);
    if (copy && n > 0)
        memcpy(copy, p, n);
    return copy;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) {
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

size_t arena_used(const struct arena *a) {
    return a->used;
}

static int strlist_take(struct arena *a, struct strlist *l, char *s) {
    if (!s)
        return -ENOMEM;
    if (l->n + 1 >= l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        char **v = arena_array(a, cap, char *);
        if (!v)
            return -ENOMEM;
        if (l->n > 0)
            memcpy(v, l->v, l->n * sizeof(*v));
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = s;
    l->v[l->n] = NULL;
    return 0;
}

int strlist_add(struct arena *a, struct strlist *l, const char *s) {
    return strlist_take(a, l, arena_strdup(a, s));
}

int strlist_addf(struct arena *a, struct strlist *l, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return strlist_take(a, l, s);
}

bool strlist_has(const struct strlist *l, const char *s) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i], s) == 0)
            return true;
    return false;
}
