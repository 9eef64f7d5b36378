/* SPDX-License-Identifier: Apache-2.0 */
#include "store/inodes.h"

#include <string.h>

#define NAMES_MAX ((size_t)1 << 30)

static size_t inodes_place(const struct inodes *l, dev_t dev, ino_t ino) {
    uint64_t h = ((uint64_t)ino ^ (uint64_t)dev << 40) * 0x9e3779b97f4a7c15U;
    size_t i = (size_t)(h >> 20) & (l->cap - 1);
    while (l->v[i].name && (l->v[i].ino != ino || l->v[i].dev != dev))
        i = (i + 1) & (l->cap - 1);
    return i;
}

static int inodes_grow(struct inodes *l) {
    struct inodes more = {.cap = l->cap ? l->cap * 2 : 256};
    more.v = calloc(more.cap, sizeof(*more.v));
    if (!more.v)
        return -ENOMEM;
    for (size_t i = 0; i < l->cap; i++) {
        if (l->v[i].name)
            more.v[inodes_place(&more, l->v[i].dev, l->v[i].ino)] = l->v[i];
    }
    free(l->v);
    l->v = more.v;
    l->cap = more.cap;
    return 0;
}

int inodes_meet(struct inodes *l, dev_t dev, ino_t ino, const char *name, const char **first) {
    if (l->n * 2 >= l->cap && inodes_grow(l) < 0)
        return -ENOMEM;
    struct inodes_slot *slot = &l->v[inodes_place(l, dev, ino)];
    if (slot->name) {
        *first = l->names.s + slot->name - 1;
        return 0;
    }
    l->names.max = NAMES_MAX;
    size_t at = l->names.len;
    if (str_addn(&l->names, name, strlen(name) + 1) < 0)
        return -ENOMEM;
    *slot = (struct inodes_slot){dev, ino, at + 1};
    l->n++;
    *first = NULL;
    return 0;
}

void inodes_free(struct inodes *l) {
    free(l->v);
    str_free(&l->names);
    *l = (struct inodes){.n = 0};
}
