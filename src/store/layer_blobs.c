/* SPDX-License-Identifier: Apache-2.0 */
/* layers/<hex>/blobs: a line "digest size type repository" for each, "-" where nothing is known. */
#include "base/io.h"
#include "base/str.h"
#include "store/staging.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define BLOBS_FILE "blobs"
#define BLOBS_KEPT 16
#define BLOBS_MAX ((size_t)64 << 10)

static int blobs_open(const struct store *s, const struct digest *diff_id, struct err *e) {
    int fd =
        openat(s->layersfd, digest_hex(diff_id), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? err_sys(e, "cannot open layer %.19s", diff_id->s) : fd;
}

/* End the word at p; what follows. */
static char *blobs_cut(char *p, const char *at) {
    p += strcspn(p, at);
    if (*p)
        *p++ = '\0';
    return p;
}

/* A line that makes no sense is skipped: it is only a hint. */
static bool blobs_line(char *line, struct arena *a, struct layer_blob *ret) {
    char *word[4];
    struct err ignored;
    for (size_t i = 0; i < ARRAY_SIZE(word); i++) {
        word[i] = line;
        line = blobs_cut(line, " ");
        if (!word[i][0])
            return false;
    }
    err_clear(&ignored);
    *ret = (struct layer_blob){.media_type = arena_strdup(a, strcmp(word[2], "-") ? word[2] : ""),
                               .repo = arena_strdup(a, strcmp(word[3], "-") ? word[3] : "")};
    return ret->media_type && ret->repo && str_to_u64(word[1], &ret->size) == 0 &&
           digest_parse(word[0], BLOBS_FILE, &ret->digest, &ignored) == 0;
}

static int blobs_read(int dir, struct arena *a, struct layer_blob **ret, size_t *n, struct err *e) {
    AUTO_STR struct str text = STR_INIT(BLOBS_MAX);
    struct layer_blob *v = arena_array(a, BLOBS_KEPT, struct layer_blob);
    size_t count = 0;
    if (!v)
        return err_oom(e);
    int r = io_read_file(dir, BLOBS_FILE, &text);
    if (r < 0 && r != -ENOENT)
        return err_sysn(e, r, "cannot read what blobs a layer has");
    for (char *line = text.s, *next; r == 0 && line && *line && count < BLOBS_KEPT; line = next) {
        next = blobs_cut(line, "\n");
        count += blobs_line(line, a, &v[count]);
    }
    *ret = v;
    *n = count;
    return 0;
}

int layer_blobs(const struct store *s, const struct digest *diff_id, struct arena *a,
                struct layer_blob **ret, size_t *n, struct err *e) {
    AUTO_FD int dir = blobs_open(s, diff_id, e);
    return dir < 0 ? dir : blobs_read(dir, a, ret, n, e);
}

static int blobs_print(struct str *text, const struct layer_blob *b) {
    bool odd = strpbrk(b->media_type, " \n") || strpbrk(b->repo, " \n");
    return str_addf(text, "%s %llu %s %s\n", b->digest.s, (unsigned long long)b->size,
                    *b->media_type && !odd ? b->media_type : "-", *b->repo && !odd ? b->repo : "-");
}

static bool blobs_same(const struct layer_blob *a, const struct layer_blob *b) {
    return digest_eq(&a->digest, &b->digest) && strcmp(a->repo, b->repo) == 0;
}

static int blobs_write(const struct store *s, const struct digest *diff_id, int dir,
                       const struct str *text, struct err *e) {
    char key[STAGING_KEY_MAX];
    snprintf(key, sizeof(key), "blobs-%s", digest_hex(diff_id));
    return staging_replace(s, key, true, dir, BLOBS_FILE, text->s, text->len, e);
}

int layer_blob_add(const struct store *s, const struct digest *diff_id, const struct layer_blob *b,
                   struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(BLOBS_MAX);
    struct layer_blob *v = NULL;
    size_t n = 0;
    if (!a)
        return err_oom(e);
    AUTO_FD int dir = blobs_open(s, diff_id, e);
    int r = dir < 0 ? dir : blobs_read(dir, a, &v, &n, e);
    if (r < 0)
        return r;
    if (n && blobs_same(&v[0], b))
        return 0;
    r = blobs_print(&text, b);
    for (size_t i = 0, kept = 1; r == 0 && i < n && kept < BLOBS_KEPT; i++) {
        if (blobs_same(&v[i], b))
            continue;
        r = blobs_print(&text, &v[i]);
        kept++;
    }
    if (r == 0)
        return blobs_write(s, diff_id, dir, &text, e);
    return r < 0 ? err_sysn(e, r, "cannot write what blobs layer %.19s has", diff_id->s) : 0;
}
