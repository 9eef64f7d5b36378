/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tar_parts.h"

#include <string.h>

struct parse {
    struct tar *t;
    const struct tar_head *h;
    enum tar_format format;
    struct tar_sparse sparse;
    int64_t mode, uid, gid, size, major, minor;
    struct err *e;
};

static int parse_bad(struct parse *p, const char *what) {
    return tar_damaged(p->t, what, p->e);
}

static int parse_text(struct str *into, const char *field, size_t n) {
    return str_addn(into, field, strnlen(field, n));
}

/* prefix "/" name, unless a longer name came before. */
static int parse_name(struct parse *p) {
    const struct tar_head *h = p->h;
    struct str *name = &p->t->name;
    size_t n = p->format == TAR_USTAR ? sizeof(h->prefix) : p->format == TAR_STAR ? 131 : 0;
    int r = 0;
    str_clear(name);
    if (n && h->prefix[0])
        r = parse_text(name, h->prefix, n);
    if (r == 0 && name->len)
        r = str_addc(name, '/');
    return r < 0 ? r : parse_text(name, h->name, sizeof(h->name));
}

static int parse_fixed(struct parse *p) {
    const struct tar_head *h = p->h;
    int64_t sec = 0;
    bool bad = tar_head_number(h->mode, sizeof(h->mode), &p->mode) < 0 ||
               tar_head_number(h->uid, sizeof(h->uid), &p->uid) < 0 ||
               tar_head_number(h->gid, sizeof(h->gid), &p->gid) < 0 ||
               tar_head_number(h->size, sizeof(h->size), &p->size) < 0 ||
               tar_head_number(h->mtime, sizeof(h->mtime), &sec) < 0;
    if (!bad && p->format != TAR_V7)
        bad = tar_head_number(h->major, sizeof(h->major), &p->major) < 0 ||
              tar_head_number(h->minor, sizeof(h->minor), &p->minor) < 0;
    if (bad || sec > (int64_t)1 << 59 || sec < -((int64_t)1 << 59))
        return parse_bad(p, "a header with an unreadable number");
    p->t->entry.mtime = (struct timespec){sec, 0};
    return 0;
}

static int parse_xattr(struct parse *p, const char *name, const char *value, size_t n) {
    struct tar *t = p->t;
    if (t->n_xattrs == TAR_MAX_XATTRS)
        return parse_bad(p, "more extended attributes than any file has");
    if (t->n_xattrs == t->cap_xattrs) {
        size_t cap = t->cap_xattrs ? t->cap_xattrs * 2 : 8;
        struct tar_xattr *grown = reallocarray(t->xattrs, cap, sizeof(*grown));
        if (!grown)
            return err_oom(p->e);
        t->xattrs = grown;
        t->cap_xattrs = cap;
    }
    t->xattrs[t->n_xattrs++] = (struct tar_xattr){name, value, n};
    return 0;
}

static int parse_number(struct parse *p, const char *value, int64_t *ret) {
    return str_to_i64(value, ret) < 0 ? parse_bad(p, "a pax header with an unreadable number") : 0;
}

static int parse_replace(struct parse *p, struct str *into, const char *value, size_t n) {
    if (memchr(value, '\0', n))
        return parse_bad(p, "a pax header with a NUL in a name");
    str_clear(into);
    return str_addn(into, value, n) < 0 ? err_oom(p->e) : 0;
}

static int parse_record(struct parse *p, const char *key, char *value, size_t n, bool name_known,
                        bool link_known) {
    static const char xattr[] = "SCHILY.xattr.", sparse[] = "GNU.sparse.";
    if (str_starts(key, xattr))
        return parse_xattr(p, key + strlen(xattr), value, n);
    if (n == 0)
        return 0; /* "as in the header" */
    if (str_starts(key, sparse))
        return tar_sparse_record(p->t, &p->sparse, key + strlen(sparse), value, p->e);
    if (strcmp(key, "path") == 0)
        return name_known ? 0 : parse_replace(p, &p->t->name, value, n);
    if (strcmp(key, "linkpath") == 0)
        return link_known ? 0 : parse_replace(p, &p->t->link, value, n);
    if (strcmp(key, "size") == 0)
        return parse_number(p, value, &p->size);
    if (strcmp(key, "uid") == 0)
        return parse_number(p, value, &p->uid);
    if (strcmp(key, "gid") == 0)
        return parse_number(p, value, &p->gid);
    if (strcmp(key, "mtime") == 0 && tar_head_time(value, &p->t->entry.mtime) < 0)
        return parse_bad(p, "a pax header with an unreadable time");
    return 0;
}

static int parse_pax(struct parse *p, bool name_known, bool link_known) {
    char *at = p->t->pax.s;
    size_t left = p->t->pax.len;
    while (left > 0) {
        char *key, *value;
        size_t n;
        if (tar_head_record(&at, &left, &key, &value, &n) < 0)
            return parse_bad(p, "a malformed pax header");
        int r = parse_record(p, key, value, n, name_known, link_known);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool parse_has_payload(char type) {
    return type < '1' || type > '6';
}

/* Where the payload begins and how much of it there is; holes. */
static int parse_payload(struct parse *p) {
    struct tar *t = p->t;
    bool old = p->h->type == 'S' && p->format == TAR_GNU;
    if (p->size < 0 || p->size > INT64_MAX / 2)
        return parse_bad(p, "a file of impossible size");
    t->left = parse_has_payload(t->entry.type) ? (uint64_t)p->size : 0;
    t->pad = (TAR_BLOCK - t->left % TAR_BLOCK) % TAR_BLOCK;
    t->entry.size = t->left;
    int r = 0;
    if (old) {
        r = tar_sparse_old(t, p->h, &p->sparse.real_size, p->e);
        t->entry.type = '0';
    } else if (p->sparse.given && t->entry.type == '0') {
        r = tar_sparse_pax(t, &p->sparse, p->e);
    }
    bool sparse = old || (p->sparse.given && t->entry.type == '0');
    if (r < 0 || !sparse)
        return r;
    if (p->sparse.real_size < 0)
        return parse_bad(p, "a sparse file without its size");
    t->entry.size = (uint64_t)p->sparse.real_size;
    t->entry.extents = t->extents;
    t->entry.n_extents = t->n_extents;
    return tar_sparse_check(t, p->e);
}

static int parse_strings(struct parse *p, bool long_name, bool long_link) {
    struct tar *t = p->t;
    int r = long_name ? 0 : parse_name(p);
    if (r == 0 && !long_link) {
        str_clear(&t->link);
        r = parse_text(&t->link, p->h->link, sizeof(p->h->link));
    }
    return r < 0 ? err_oom(p->e) : 0;
}

static int parse_ids(struct parse *p) {
    struct tar_entry *en = &p->t->entry;
    if (p->uid < 0 || p->gid < 0 || p->uid >= UINT32_MAX || p->gid >= UINT32_MAX)
        return parse_bad(p, "an impossible owner");
    if (p->major < 0 || p->minor < 0 || p->major > UINT32_MAX || p->minor > UINT32_MAX)
        return parse_bad(p, "an impossible device number");
    en->mode = (uint32_t)p->mode & 07777;
    en->uid = (uint64_t)p->uid;
    en->gid = (uint64_t)p->gid;
    en->major = (uint32_t)p->major;
    en->minor = (uint32_t)p->minor;
    return 0;
}

static void parse_type(struct parse *p) {
    struct tar_entry *en = &p->t->entry;
    char type = p->h->type;
    if (type == '\0' || type == '7')
        type = '0';
    en->type = type;
}

int tar_parse(struct tar *t, const struct tar_head *h, bool long_name, bool long_link,
              struct err *e) {
    struct parse p = {.t = t,
                      .h = h,
                      .format = tar_head_format(h),
                      .sparse = {.real_size = -1, .offset = -1},
                      .e = e};
    t->entry = (struct tar_entry){.type = '0'};
    t->n_extents = t->n_xattrs = 0;
    int r = parse_strings(&p, long_name, long_link);
    if (r == 0)
        r = parse_fixed(&p);
    if (r == 0)
        r = parse_pax(&p, long_name, long_link);
    if (r < 0)
        return r;
    parse_type(&p);
    r = parse_ids(&p);
    if (r == 0)
        r = parse_payload(&p);
    if (r == 0 && p.sparse.name && !long_name)
        r = parse_replace(&p, &t->name, p.sparse.name, strlen(p.sparse.name));
    if (r < 0)
        return r;
    struct tar_entry *en = &t->entry;
    en->name = str_c(&t->name);
    en->link = str_c(&t->link);
    en->payload = t->left;
    en->xattrs = t->xattrs;
    en->n_xattrs = t->n_xattrs;
    /* Old archives have no other sign of a directory. */
    if (en->type == '0' && !en->extents && str_ends(en->name, "/"))
        en->type = '5';
    return 1;
}
