/* SPDX-License-Identifier: Apache-2.0 */
#include "store/check.h"

#include "base/io.h"
#include "base/str.h"
#include "store/check_layer.h"
#include "store/image_file.h"
#include "store/layer_table.h"
#include "store/refs.h"
#include "store/staging.h"
#include "store/unpack_hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG_MAX ((size_t)8 << 20)

struct checking {
    const struct store *s;
    const struct check_want *want;
    struct arena *a;
    struct layer_table table;
    struct image *images; /* readable ones */
    size_t n_images;
    struct refs_entry *refs;
    size_t n_refs;
    struct check_result result;
};

static int check_tell(struct checking *c, struct check_finding f) {
    c->result.findings++;
    c->result.repaired += f.repaired;
    return c->want->found ? c->want->found(&f, c->want->data) : 0;
}

/* An image with this layer, preferably one that can be pulled again. */
static const struct image *check_owner(const struct checking *c, const char *hex) {
    const struct image *any = NULL;
    for (size_t i = 0; i < c->n_images; i++) {
        const struct image *img = &c->images[i];
        for (size_t k = 0; k < img->config.n_diff_ids; k++) {
            if (strcmp(digest_hex(&img->config.diff_ids[k]), hex) != 0)
                continue;
            if (img->digests.n)
                return img;
            any = img;
        }
    }
    return any;
}

static bool check_used(const struct checking *c, const char *hex) {
    for (size_t i = 0; c->want->in_use && i < c->n_images; i++) {
        const struct image *img = &c->images[i];
        for (size_t k = 0; k < img->config.n_diff_ids; k++) {
            if (strcmp(digest_hex(&img->config.diff_ids[k]), hex) == 0 &&
                c->want->in_use(img->id.s, c->want->in_use_data))
                return true;
        }
    }
    return false;
}

static const char *check_pull_name(const struct image *img) {
    if (!img)
        return NULL;
    return img->digests.n ? img->digests.v[0] : img->refs.n ? img->refs.v[0] : NULL;
}

/* Told, and with repair removed when it can come back or nobody wants it. */
static int check_layer_found(struct checking *c, enum check_kind kind, const char *id,
                             const char *why, struct err *e) {
    const char *hex = strchr(id, ':') + 1;
    const struct image *img = check_owner(c, hex);
    struct check_finding f = {.kind = kind,
                              .what = id,
                              .why = why,
                              .image = img ? img->id.s : NULL,
                              .pull = check_pull_name(img)};
    bool there = kind != CHECK_LAYER_MISSING;
    if (c->want->repair && (!img || f.pull) && !(there && check_used(c, hex))) {
        int r = there ? staging_discard(c->s, c->s->layersfd, hex, e) : 0;
        if (r < 0)
            return r;
        f.repaired = true;
    }
    return check_tell(c, f);
}

static int check_row(struct checking *c, const struct layer_row *row, struct err *e) {
    static const enum check_kind kinds[] = {[VERDICT_UNRECORDED] = CHECK_LAYER_UNRECORDED,
                                            [VERDICT_DAMAGED] = CHECK_LAYER_DAMAGED,
                                            [VERDICT_CHANGED] = CHECK_LAYER_CHANGED};
    enum check_verdict verdict = VERDICT_GOOD;
    struct digest id;
    struct err why;
    snprintf(id.s, sizeof(id.s), "%s:%.128s", strlen(row->hex) == 64 ? "sha256" : "sha512",
             row->hex);
    c->result.layers++;
    if (!row->images)
        return check_layer_found(c, CHECK_LAYER_UNUSED, id.s, "no image needs it", e);
    if (c->want->quick)
        return 0;
    int r = check_layer(c->s, &id, &verdict, &why, e);
    if (r < 0 || verdict == VERDICT_GOOD)
        return r;
    return check_layer_found(c, kinds[verdict], id.s, why.msg, e);
}

static int check_layers(struct checking *c, struct err *e) {
    for (size_t i = 0; i < c->table.n; i++) {
        int r = check_row(c, &c->table.v[i], e);
        if (r != 0)
            return r;
    }
    return 0;
}

static int check_missing(struct checking *c, struct err *e) {
    for (size_t i = 0; i < c->n_images; i++) {
        const struct img_config *config = &c->images[i].config;
        for (size_t k = 0; k < config->n_diff_ids; k++) {
            if (layer_table_find(&c->table, &config->diff_ids[k]))
                continue;
            int r = check_layer_found(c, CHECK_LAYER_MISSING, config->diff_ids[k].s,
                                      "an image needs it, and it is not there", e);
            if (r != 0)
                return r;
        }
    }
    return 0;
}

/* Is the configuration what the image's id says? */
static int check_config(const struct store *s, const char *hex, struct err *e) {
    char path[80];
    struct digest is, want;
    AUTO_STR struct str text = STR_INIT(CONFIG_MAX);
    snprintf(path, sizeof(path), "%.64s/config", hex);
    snprintf(want.s, sizeof(want.s), "sha256:%.64s", hex);
    int r = io_read_file(s->imagesfd, path, &text);
    if (r < 0)
        return err_sysn(e, r, "cannot read its configuration");
    r = unpack_hash_bytes(str_c(&text), text.len, &want, &is, e);
    if (r == 0 && !digest_eq(&is, &want))
        return err_set(e, ERR_CORRUPT, -EBADMSG, "its configuration is %.19s now", is.s);
    return r;
}

static int check_image_found(struct checking *c, const char *hex, const char *why, struct err *e) {
    struct check_finding f = {.kind = CHECK_IMAGE_BROKEN, .why = why};
    const char *pull = NULL;
    f.what = f.image = arena_printf(c->a, "sha256:%s", hex);
    if (!f.what)
        return err_oom(e);
    for (size_t i = 0; i < c->n_refs; i++) {
        if (strcmp(c->refs[i].id.s, f.what) == 0 && (!pull || strchr(c->refs[i].full, '@')))
            pull = c->refs[i].full;
    }
    f.pull = pull;
    bool used = c->want->in_use && c->want->in_use(f.what, c->want->in_use_data);
    if (c->want->repair && !used) {
        int r = staging_discard(c->s, c->s->imagesfd, hex, e);
        if (r < 0)
            return r;
        f.repaired = true;
    }
    return check_tell(c, f);
}

/* Broken ones are told and left out of c->images. */
static int check_images(struct checking *c, struct err *e) {
    struct strlist names;
    uint64_t ignored;
    int r = image_file_names(c->s, c->a, &names, e);
    if (r < 0)
        return r;
    c->images = arena_array(c->a, names.n, struct image);
    if (!c->images)
        return err_oom(e);
    for (size_t i = 0; i < names.n; i++) {
        struct image *img = &c->images[c->n_images];
        struct err why;
        err_clear(&why);
        c->result.images++;
        r = image_file_read(c->s, names.v[i], c->a, img, &why);
        if (r == -ENOENT && why.code == 0)
            err_set(&why, ERR_CORRUPT, -ENOENT, "parts of its description are missing");
        if (r == 0)
            r = check_config(c->s, names.v[i], &why);
        if (r == 0) {
            c->n_images++;
            layer_table_count(&c->table, img, 1, &ignored);
            continue;
        }
        r = check_image_found(c, names.v[i], why.msg, e);
        if (r != 0)
            return r;
    }
    return 0;
}

static int check_ref(struct checking *c, const struct refs_entry *ref, struct err *e) {
    struct check_finding f = {
        .kind = CHECK_REF_DANGLING, .what = ref->full, .why = "its image is not there"};
    struct stat st;
    c->result.refs++;
    for (size_t i = 0; i < c->n_images; i++) {
        struct strlist *l = strchr(ref->full, '@') ? &c->images[i].digests : &c->images[i].refs;
        if (digest_eq(&c->images[i].id, &ref->id))
            return strlist_add(c->a, l, ref->full) < 0 ? err_oom(e) : 0;
    }
    if (fstatat(c->s->imagesfd, image_file_dir(&ref->id), &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0; /* told as a broken image */
    f.pull = ref->full;
    if (c->want->repair) {
        int r = refs_drop(c->s, ref->full, e);
        if (r < 0)
            return r;
        f.repaired = true;
    }
    return check_tell(c, f);
}

static int check_refs(struct checking *c, struct err *e) {
    for (size_t i = 0; i < c->n_refs; i++) {
        int r = check_ref(c, &c->refs[i], e);
        if (r != 0)
            return r;
    }
    return 0;
}

int check_store(const struct store *s, const struct check_want *want, struct check_result *ret,
                struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FD int lock = -1, pulls = -1;
    struct checking c = {.s = s, .want = want, .a = a};
    if (!a)
        return err_oom(e);
    /* Nothing comes or goes meanwhile; containers may start and stop while nothing is removed. */
    int r = store_no_pulls(s, &pulls, e);
    if (r == -EWOULDBLOCK)
        return err_set(e, ERR_CONFLICT, -EBUSY,
                       "a pull is running: check the store when it has ended");
    if (r == 0)
        r = store_lock(s, want->repair, &lock, e);
    if (r == 0)
        r = layer_table_read(s, a, &c.table, e);
    if (r == 0)
        r = refs_list(s, a, &c.refs, &c.n_refs, e);
    if (r == 0)
        r = check_images(&c, e);
    if (r == 0)
        r = check_refs(&c, e);
    if (r == 0)
        r = check_missing(&c, e);
    if (r == 0)
        r = check_layers(&c, e);
    if (r < 0)
        return r;
    *ret = c.result;
    return 0;
}
