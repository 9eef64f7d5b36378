/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pack.h"

#include "base/path.h"
#include "store/record.h"
#include "store/unpack_hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct pack {
    struct digest diff_id;
    char *path; /* of the layer, for messages */
    int fsfd;   /* layers/<hex>/fs */
    int lostfd; /* layers/<hex>/lost, -1 = none: the rule */
    int fd;     /* the file at hand */
    struct record_reader *record;
    struct record_step step;
    uint64_t left; /* of the step */
    uint64_t done;
    bool ended, checked;
    struct unpack_hash hash;
};

static int pack_open_dir(const struct store *s, const char *hex, const char *name) {
    char path[160];
    snprintf(path, sizeof(path), "%s/%s", hex, name);
    int fd = openat(s->layersfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

static int pack_record_fd(const struct store *s, const struct digest *diff_id) {
    char path[160];
    snprintf(path, sizeof(path), "%s/" RECORD_FILE, digest_hex(diff_id));
    int fd = openat(s->layersfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

bool pack_possible(const struct store *s, const struct digest *diff_id) {
    AUTO_FD int fd = pack_record_fd(s, diff_id);
    return fd >= 0;
}

static int pack_open_record(struct pack *p, const struct store *s, struct err *e) {
    int fd = pack_record_fd(s, &p->diff_id);
    if (fd == -ENOENT)
        return err_set(e, ERR_UNAVAILABLE, -ENODATA,
                       "layer %.19s was unpacked without a record of its archive, so the same "
                       "archive cannot be made again: remove the image and pull it again",
                       p->diff_id.s);
    if (fd < 0)
        return err_sysn(e, fd, "cannot open the record of layer %.19s", p->diff_id.s);
    int r = record_open(fd, &p->record, e);
    return r < 0 ? err_wrap(e, "layer %.19s", p->diff_id.s) : 0;
}

int pack_open(const struct store *s, const struct digest *diff_id, struct pack **ret,
              struct err *e) {
    const char *hex = digest_hex(diff_id);
    if (!layer_present(s, diff_id))
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "layer %.19s is not in the store: pull it again",
                       diff_id->s);
    struct pack *p = calloc(1, sizeof(*p));
    if (!p)
        return err_oom(e);
    p->diff_id = *diff_id;
    p->fd = -1;
    p->lostfd = pack_open_dir(s, hex, RECORD_LOST);
    p->fsfd = pack_open_dir(s, hex, "fs");
    int r = p->fsfd < 0 ? err_sysn(e, p->fsfd, "cannot open layer %.19s", diff_id->s) : 0;
    if (r == 0)
        r = unpack_hash_init(&p->hash, diff_id, e);
    if (r == 0)
        r = pack_open_record(p, s, e);
    if (r < 0) {
        pack_free(p);
        return r;
    }
    *ret = p;
    return 0;
}

uint64_t pack_size(const struct pack *p) {
    return record_size(p->record);
}

void pack_free(struct pack *p) {
    if (!p)
        return;
    fd_close(&p->fd);
    fd_close(&p->fsfd);
    fd_close(&p->lostfd);
    record_close(p->record);
    unpack_hash_done(&p->hash);
    free(p);
}

/* The file that the step names, perhaps in its place among the replaced ones. */
static int pack_open_file(struct pack *p, struct err *e) {
    struct stat st;
    char name[24];
    int fd = -ENOENT;
    if (p->step.same && p->fd >= 0)
        return 0;
    fd_close(&p->fd);
    if (p->lostfd >= 0) {
        snprintf(name, sizeof(name), "%llu", (unsigned long long)p->step.ino);
        fd = path_open_beneath(p->lostfd, name, O_RDONLY | O_NONBLOCK, 0);
    }
    if (fd == -ENOENT)
        fd = path_open_beneath(p->fsfd, p->step.path, O_RDONLY | O_NONBLOCK, 0);
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EXDEV)
        return err_set(e, ERR_CORRUPT, fd, "layer %.19s has lost its file /%.200s", p->diff_id.s,
                       p->step.path);
    if (fd < 0)
        return err_sysn(e, fd, "cannot open /%.200s of layer %.19s", p->step.path, p->diff_id.s);
    p->fd = fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, ERR_CORRUPT, -EBADMSG, "/%.200s of layer %.19s is no file any more",
                       p->step.path, p->diff_id.s);
    return 0;
}

static int pack_next(struct pack *p, struct err *e) {
    int r = record_next(p->record, &p->step, e);
    if (r < 0)
        return err_wrap(e, "layer %.19s", p->diff_id.s);
    p->left = p->step.kind == RECORD_END ? 0 : p->step.n;
    p->ended = p->step.kind == RECORD_END;
    return p->step.kind == RECORD_PAYLOAD ? pack_open_file(p, e) : 0;
}

static int pack_take_file(struct pack *p, void *buf, size_t n, size_t *got, struct err *e) {
    ssize_t k;
    do
        k = pread(p->fd, buf, n, (off_t)p->step.off);
    while (k < 0 && errno == EINTR);
    if (k < 0)
        return err_sys(e, "cannot read /%.200s of layer %.19s", p->step.path, p->diff_id.s);
    if (k == 0)
        return err_set(e, ERR_CORRUPT, -EBADMSG, "/%.200s of layer %.19s is shorter than it was",
                       p->step.path, p->diff_id.s);
    p->step.off += (uint64_t)k;
    *got = (size_t)k;
    return 0;
}

static int pack_check(struct pack *p, struct err *e) {
    struct digest is = p->diff_id;
    int r = p->checked ? 0 : unpack_hash_get(&p->hash, &is, e);
    p->checked |= r == 0;
    if (r < 0 || digest_eq(&is, &p->diff_id))
        return r;
    return err_set(e, ERR_CORRUPT, -EBADMSG,
                   "layer %.19s is damaged: its content is %.19s now; 'hako system check --repair' "
                   "mends it",
                   p->diff_id.s, is.s);
}

static int pack_piece(struct pack *p, void *buf, size_t n, size_t *got, struct err *e) {
    int r = p->step.kind == RECORD_RAW ? record_bytes(p->record, buf, n, got, e)
                                       : pack_take_file(p, buf, n, got, e);
    if (r < 0)
        return r;
    p->left -= *got;
    p->done += *got;
    return unpack_hash_add(&p->hash, buf, *got) < 0
               ? err_set(e, ERR_INTERNAL, -EIO, "OpenSSL cannot compute a digest")
               : 0;
}

int pack_read(struct pack *p, void *buf, size_t n, size_t *got, struct err *e) {
    size_t done = 0, k = 0;
    while (done < n && !p->ended) {
        int r = 0;
        if (p->left == 0)
            r = pack_next(p, e);
        else
            r = pack_piece(p, (char *)buf + done, (size_t)MIN_OF((uint64_t)(n - done), p->left), &k,
                           e);
        if (r < 0)
            return r;
        done += p->ended ? 0 : k;
        k = 0;
    }
    if (done == 0 && n > 0) {
        int r = pack_check(p, e);
        if (r < 0)
            return r;
    }
    *got = done;
    return 0;
}
