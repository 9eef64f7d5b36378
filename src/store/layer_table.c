/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layer_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

static int table_compare(const void *a, const void *b) {
    return strcmp(((const struct layer_row *)a)->hex, ((const struct layer_row *)b)->hex);
}

static int table_names(const struct store *s, struct arena *a, struct strlist *ret, struct err *e) {
    int fd = openat(s->layersfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    int r = 0;
    if (!d) {
        r = err_sys(e, "cannot list %s/layers", s->root);
        fd_close(&fd);
        return r;
    }
    for (const struct dirent *de; r == 0 && (de = readdir(d));) {
        if (de->d_name[0] != '.' && strcmp(de->d_name, STORE_EMPTY_LAYER) != 0)
            r = strlist_add(a, ret, de->d_name);
    }
    closedir(d);
    return r < 0 ? err_oom(e) : 0;
}

static void table_digest(const char *hex, struct digest *ret) {
    const char *algo = strlen(hex) == 64 ? "sha256:" : "sha512:";
    memset(ret->s, 0, sizeof(ret->s));
    memcpy(ret->s, algo, 7);
    memcpy(ret->s + 7, hex, MIN_OF(strlen(hex), sizeof(ret->s) - 8));
}

int layer_table_read(const struct store *s, struct arena *a, struct layer_table *ret,
                     struct err *e) {
    struct strlist names = {NULL, 0, 0};
    int r = table_names(s, a, &names, e);
    if (r < 0)
        return r;
    struct layer_row *v = arena_array(a, names.n, struct layer_row);
    if (!v)
        return err_oom(e);
    size_t n = 0;
    for (size_t i = 0; i < names.n; i++) {
        struct digest d;
        table_digest(names.v[i], &d);
        v[n] = (struct layer_row){.hex = names.v[i]};
        if (layer_size(s, &d, &v[n].size) < 0 && !layer_present(s, &d))
            continue; /* being removed, or a link that leads nowhere */
        n++;
    }
    if (n)
        qsort(v, n, sizeof(*v), table_compare);
    *ret = (struct layer_table){v, n};
    return 0;
}

struct layer_row *layer_table_find(const struct layer_table *t, const struct digest *diff_id) {
    const struct layer_row key = {.hex = digest_hex(diff_id)};
    return t->n ? bsearch(&key, t->v, t->n, sizeof(*t->v), table_compare) : NULL;
}

static bool table_repeated(const struct image *img, size_t i) {
    for (size_t k = 0; k < i; k++) {
        if (digest_eq(&img->config.diff_ids[i], &img->config.diff_ids[k]))
            return true;
    }
    return false;
}

void layer_table_count(const struct layer_table *t, const struct image *img, int by,
                       uint64_t *bytes) {
    *bytes = 0;
    for (size_t i = 0; i < img->config.n_diff_ids; i++) {
        struct layer_row *row = layer_table_find(t, &img->config.diff_ids[i]);
        if (!row || table_repeated(img, i))
            continue;
        row->images += (unsigned)by;
        if (row->images == (by > 0 ? 1U : 0U))
            *bytes += row->size;
    }
}
