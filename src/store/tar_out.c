/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tar_out.h"

#include "store/tar_head.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PIECE ((size_t)128 << 10)
#define OCTAL7 ((int64_t)07777777)
#define OCTAL11 ((int64_t)077777777777)

static int out_write(struct tar_out *t, const void *p, size_t n, struct err *e) {
    return n ? t->sink->write(t->sink->data, p, n, e) : 0;
}

static int out_pad(struct tar_out *t, uint64_t size, struct err *e) {
    static const char zero[TAR_BLOCK];
    return out_write(t, zero, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK, e);
}

/* "LEN KEY=VALUE\n", where LEN counts its own digits. */
static int out_record(struct tar_out *t, const char *key, const void *value, size_t n) {
    size_t body = strlen(key) + n + 3, digits = 1;
    for (size_t ten = 10; body + digits >= ten; ten *= 10)
        digits++;
    int r = str_addf(&t->pax, "%zu %s=", body + digits, key);
    if (r == 0)
        r = str_addn(&t->pax, value, n);
    return r < 0 ? r : str_addc(&t->pax, '\n');
}

static int out_number(struct tar_out *t, const char *key, int64_t v) {
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)v);
    return out_record(t, key, text, (size_t)n);
}

static int out_time(struct tar_out *t, const struct timespec *ts) {
    char text[40];
    long long sec = ts->tv_sec;
    long nsec = ts->tv_nsec;
    bool negative = sec < 0;
    if (negative && nsec > 0) {
        sec++;
        nsec = 1000000000 - nsec;
    }
    int n = snprintf(text, sizeof(text), "%s%lld", negative && sec == 0 ? "-" : "", sec);
    if (nsec)
        n += snprintf(text + n, sizeof(text) - (size_t)n, ".%09ld", nsec);
    return out_record(t, "mtime", text, (size_t)n);
}

static void out_octal(char *field, size_t width, int64_t v, int64_t max) {
    char text[24];
    snprintf(text, sizeof(text), "%0*llo", (int)width - 1,
             (unsigned long long)(v >= 0 && v <= max ? v : 0));
    memcpy(field, text, width);
}

/* Into name and prefix, or false. */
static bool out_name(struct tar_head *h, const char *name) {
    size_t n = strlen(name);
    if (n <= sizeof(h->name)) {
        memcpy(h->name, name, n);
        return true;
    }
    if (n > sizeof(h->prefix) + 1 + sizeof(h->name))
        return false;
    const char *slash = strchr(name + n - sizeof(h->name) - 1, '/');
    if (!slash || !slash[1] || (size_t)(slash - name) > sizeof(h->prefix) || slash == name)
        return false;
    memcpy(h->prefix, name, (size_t)(slash - name));
    memcpy(h->name, slash + 1, strlen(slash + 1));
    return true;
}

static void out_seal(struct tar_head *h) {
    unsigned sum = 0;
    memcpy(h->magic, "ustar", 6);
    memcpy(h->version, "00", 2);
    memset(h->sum, ' ', sizeof(h->sum));
    for (size_t i = 0; i < sizeof(*h); i++)
        sum += ((const unsigned char *)h)[i];
    snprintf(h->sum, sizeof(h->sum) - 1, "%06o", sum & 0777777);
}

/* Everything that the fixed header cannot say, and the fixed header. */
static int out_compose(struct tar_out *t, const struct tar_entry *en, struct tar_head *h) {
    int r = 0;
    size_t link = strlen(en->link ? en->link : "");
    int64_t size = en->type == '0' ? (int64_t)en->size : 0;
    bool odd_time = en->mtime.tv_nsec || en->mtime.tv_sec < 0 || en->mtime.tv_sec > OCTAL11;
    memset(h, 0, sizeof(*h));
    str_clear(&t->pax);
    if (!out_name(h, en->name)) {
        memcpy(h->name, en->name, sizeof(h->name) - 1);
        r = out_record(t, "path", en->name, strlen(en->name));
    }
    if (link)
        memcpy(h->link, en->link, MIN_OF(link, sizeof(h->link)));
    if (r == 0 && link > sizeof(h->link))
        r = out_record(t, "linkpath", en->link, link);
    if (r == 0 && en->uid > (uint64_t)OCTAL7)
        r = out_number(t, "uid", (int64_t)en->uid);
    if (r == 0 && en->gid > (uint64_t)OCTAL7)
        r = out_number(t, "gid", (int64_t)en->gid);
    if (r == 0 && size > OCTAL11)
        r = out_number(t, "size", size);
    if (r == 0 && odd_time)
        r = out_time(t, &en->mtime);
    for (size_t i = 0; r == 0 && i < en->n_xattrs; i++) {
        char key[300];
        snprintf(key, sizeof(key), "SCHILY.xattr.%s", en->xattrs[i].name);
        r = out_record(t, key, en->xattrs[i].value, en->xattrs[i].size);
    }
    h->type = en->type;
    out_octal(h->mode, sizeof(h->mode), en->mode, OCTAL7);
    out_octal(h->uid, sizeof(h->uid), (int64_t)en->uid, OCTAL7);
    out_octal(h->gid, sizeof(h->gid), (int64_t)en->gid, OCTAL7);
    out_octal(h->size, sizeof(h->size), size, OCTAL11);
    out_octal(h->mtime, sizeof(h->mtime), en->mtime.tv_sec, OCTAL11);
    out_octal(h->major, sizeof(h->major), en->major, OCTAL7);
    out_octal(h->minor, sizeof(h->minor), en->minor, OCTAL7);
    out_seal(h);
    return r;
}

static int out_pax(struct tar_out *t, const struct tar_entry *en, struct err *e) {
    struct tar_head h;
    memset(&h, 0, sizeof(h));
    const char *slash = strrchr(en->name, '/');
    snprintf(h.name, sizeof(h.name), "PaxHeaders.0/%.80s", slash && slash[1] ? slash + 1 : "x");
    h.type = 'x';
    out_octal(h.mode, sizeof(h.mode), 0644, OCTAL7);
    out_octal(h.uid, sizeof(h.uid), 0, OCTAL7);
    out_octal(h.gid, sizeof(h.gid), 0, OCTAL7);
    out_octal(h.size, sizeof(h.size), (int64_t)t->pax.len, OCTAL11);
    out_octal(h.mtime, sizeof(h.mtime), 0, OCTAL11);
    out_seal(&h);
    int r = out_write(t, &h, sizeof(h), e);
    if (r == 0)
        r = out_write(t, t->pax.s, t->pax.len, e);
    return r < 0 ? r : out_pad(t, t->pax.len, e);
}

int tar_out_entry(struct tar_out *t, const struct tar_entry *entry, struct err *e) {
    struct tar_head h;
    t->pax.max = TAR_MAX_PAX;
    if (out_compose(t, entry, &h) < 0)
        return err_set(e, ERR_INTERNAL, -EOVERFLOW, "the attributes of %.200s are too large",
                       entry->name);
    int r = t->pax.len ? out_pax(t, entry, e) : 0;
    return r < 0 ? r : out_write(t, &h, sizeof(h), e);
}

int tar_out_file(struct tar_out *t, int fd, uint64_t size, const char *name, struct err *e) {
    AUTO_FREE char *piece = malloc(PIECE);
    if (!piece)
        return err_oom(e);
    for (uint64_t at = 0; at < size;) {
        size_t want = (size_t)MIN_OF((uint64_t)PIECE, size - at);
        ssize_t n = pread(fd, piece, want, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "cannot read %.200s", name);
        if (n == 0) {
            memset(piece, 0, want);
            n = (ssize_t)want;
        }
        int r = out_write(t, piece, (size_t)n, e);
        if (r < 0)
            return r;
        at += (uint64_t)n;
    }
    return out_pad(t, size, e);
}

int tar_out_end(struct tar_out *t, struct err *e) {
    static const char zero[2 * TAR_BLOCK];
    return out_write(t, zero, sizeof(zero), e);
}

void tar_out_done(struct tar_out *t) {
    str_free(&t->pax);
}
