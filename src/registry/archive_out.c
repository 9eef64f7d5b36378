/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/archive_out.h"

#include "base/io.h"
#include "base/path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 512U
#define COPY_CHUNK ((size_t)256 << 10)

static int out_failed(const struct archive_out *o, int r, struct err *e) {
    return err_sysn(e, r, "cannot write %s", o->name[0] ? o->name : "the archive");
}

/* ustar; sizes of 8 GiB and more as binary, which every reader of today knows. */
static void out_header(const char *name, uint64_t size, unsigned char h[static BLOCK]) {
    unsigned sum = 0;
    static const char magic[] = {'u', 's', 't', 'a', 'r', 0, '0', '0'};
    memset(h, 0, BLOCK);
    (void)str_copy((char *)h, 100, name);
    memcpy(h + 100, "0000644", 8);
    memcpy(h + 108, "0000000", 8);
    memcpy(h + 116, "0000000", 8);
    if (size < (uint64_t)1 << 33) {
        snprintf((char *)h + 124, 12, "%011llo", (unsigned long long)size);
    } else {
        h[124] = 0x80;
        for (unsigned i = 0; i < 8; i++)
            h[135 - i] = (unsigned char)(size >> (8 * i));
    }
    memcpy(h + 136, "00000000000", 12);
    h[156] = '0';
    memcpy(h + 257, magic, sizeof(magic));
    memset(h + 148, ' ', 8);
    for (unsigned i = 0; i < BLOCK; i++)
        sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum);
}

static int out_open(struct archive_out *o, struct err *e) {
    char tmp[sizeof(o->name) + 8];
    const char *slash = strrchr(o->name, '/');
    int r = 0;
    if (slash) {
        char parent[sizeof(o->name)];
        snprintf(parent, sizeof(parent), "%.*s", (int)(slash - o->name), o->name);
        r = path_mkdir_p(o->fd, parent, 0755);
        if (r < 0)
            return out_failed(o, r, e);
    }
    snprintf(tmp, sizeof(tmp), "%s.part", o->name);
    o->file = openat(o->fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    return o->file < 0 ? out_failed(o, -errno, e) : 0;
}

int archive_out_begin(struct archive_out *o, const char *name, uint64_t size, struct err *e) {
    unsigned char h[BLOCK];
    (void)str_copy(o->name, sizeof(o->name), name);
    o->left = o->size = size;
    if (o->dir)
        return out_open(o, e);
    out_header(name, size, h);
    int r = io_write_all(o->fd, h, sizeof(h));
    return r < 0 ? out_failed(o, r, e) : 0;
}

int archive_out_write(struct archive_out *o, const void *p, size_t n, struct err *e) {
    if (n > o->left)
        return err_set(e, ERR_INTERNAL, -EMSGSIZE, "%s is longer than announced", o->name);
    o->left -= n;
    int r = io_write_all(o->dir ? o->file : o->fd, p, n);
    return r < 0 ? out_failed(o, r, e) : 0;
}

int archive_out_end(struct archive_out *o, struct err *e) {
    static const unsigned char zeros[BLOCK];
    char tmp[sizeof(o->name) + 8];
    if (o->left)
        return err_set(e, ERR_INTERNAL, -EMSGSIZE, "%s is shorter than announced", o->name);
    if (!o->dir) {
        size_t pad = (BLOCK - o->size % BLOCK) % BLOCK;
        int r = pad ? io_write_all(o->fd, zeros, pad) : 0;
        return r < 0 ? out_failed(o, r, e) : 0;
    }
    snprintf(tmp, sizeof(tmp), "%s.part", o->name);
    fd_close(&o->file);
    return renameat(o->fd, tmp, o->fd, o->name) < 0 ? out_failed(o, -errno, e) : 0;
}

void archive_out_abort(struct archive_out *o) {
    char tmp[sizeof(o->name) + 8];
    if (!o->dir || o->file < 0)
        return;
    snprintf(tmp, sizeof(tmp), "%s.part", o->name);
    fd_close(&o->file);
    (void)unlinkat(o->fd, tmp, 0);
}

int archive_out_file(struct archive_out *o, const char *name, const void *p, size_t n,
                     struct err *e) {
    int r = archive_out_begin(o, name, n, e);
    if (r == 0)
        r = archive_out_write(o, p, n, e);
    return r < 0 ? r : archive_out_end(o, e);
}

int archive_out_copy(struct archive_out *o, const char *name, int fd, uint64_t size,
                     struct err *e) {
    int r = archive_out_begin(o, name, size, e);
    char *buf = r == 0 ? malloc(COPY_CHUNK) : NULL;
    if (r == 0 && !buf)
        return err_oom(e);
    for (uint64_t at = 0; r == 0 && at < size;) {
        ssize_t n = pread(fd, buf, MIN_OF(size - at, (uint64_t)COPY_CHUNK), (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            r = err_sysn(e, n < 0 ? errno : EIO, "cannot read %s back", name);
        else
            r = archive_out_write(o, buf, (size_t)n, e);
        at += n > 0 ? (uint64_t)n : 0;
    }
    free(buf);
    return r < 0 ? r : archive_out_end(o, e);
}

int archive_out_finish(struct archive_out *o, struct err *e) {
    static const unsigned char zeros[2 * BLOCK];
    o->name[0] = '\0';
    int r = o->dir ? 0 : io_write_all(o->fd, zeros, sizeof(zeros));
    return r < 0 ? out_failed(o, r, e) : 0;
}
