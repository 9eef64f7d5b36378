/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record_parts.h"

#include "base/io.h"

#include <fcntl.h>
#include <string.h>
#include <zstd.h>

#define RAW_MAX ((size_t)32 << 10)
#define OUT_MAX ((size_t)64 << 10)
#define LEVEL 1

struct record_writer {
    ino_t last_ino;
    int fd;
    int failed; /* -errno: the first failure */
    ZSTD_CCtx *zstd;
    uint64_t size;       /* of the tar so far */
    size_t raw, out;     /* bytes waiting */
    char last[PATH_MAX]; /* of the last payload step */
    unsigned char raw_buf[RAW_MAX], out_buf[OUT_MAX];
};

static int record_flush(struct record_writer *w) {
    if (!w->failed && w->out)
        w->failed = io_write_all(w->fd, w->out_buf, w->out);
    w->out = 0;
    return w->failed;
}

/* Into the compressor. */
static int record_push(struct record_writer *w, const void *p, size_t n, ZSTD_EndDirective how) {
    ZSTD_inBuffer in = {p, n, 0};
    for (size_t left = 1; !w->failed && (in.pos < in.size || (how == ZSTD_e_end && left));) {
        ZSTD_outBuffer out = {w->out_buf, OUT_MAX, w->out};
        left = ZSTD_compressStream2(w->zstd, &out, &in, how);
        w->out = out.pos;
        if (ZSTD_isError(left))
            w->failed = -EIO;
        else if (w->out == OUT_MAX)
            (void)record_flush(w);
    }
    return w->failed;
}

static size_t record_number(unsigned char *to, uint64_t v) {
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        to[n++] = (unsigned char)(v | 0x80);
    to[n++] = (unsigned char)v;
    return n;
}

static int record_raw_out(struct record_writer *w) {
    unsigned char head[RECORD_NUMBER_MAX + 1];
    if (w->raw == 0)
        return w->failed;
    head[0] = 'R';
    size_t n = 1 + record_number(head + 1, w->raw);
    (void)record_push(w, head, n, ZSTD_e_continue);
    (void)record_push(w, w->raw_buf, w->raw, ZSTD_e_continue);
    w->raw = 0;
    return w->failed;
}

int record_raw(struct record_writer *w, const void *data, size_t n) {
    const unsigned char *p = data;
    w->size += n;
    while (n > 0) {
        size_t k = MIN_OF(n, RAW_MAX - w->raw);
        memcpy(w->raw_buf + w->raw, p, k);
        w->raw += k;
        p += k;
        n -= k;
        if (w->raw == RAW_MAX)
            (void)record_raw_out(w);
    }
    return w->failed;
}

int record_file(struct record_writer *w, const char *path, ino_t ino, uint64_t off, uint64_t n) {
    unsigned char head[RECORD_NUMBER_MAX + 1], tail[3 * RECORD_NUMBER_MAX];
    size_t len = w->last_ino == ino && strcmp(w->last, path) == 0 ? 0 : strlen(path), k = 0;
    if (n == 0)
        return w->failed;
    if (len >= sizeof(w->last))
        return w->failed = -ENAMETOOLONG;
    (void)record_raw_out(w);
    w->size += n;
    head[0] = 'F';
    (void)record_push(w, head, 1 + record_number(head + 1, len), ZSTD_e_continue);
    (void)record_push(w, path, len, ZSTD_e_continue);
    if (len)
        memcpy(w->last, path, len + 1);
    w->last_ino = ino;
    k = record_number(tail, ino);
    k += record_number(tail + k, off);
    k += record_number(tail + k, n);
    return record_push(w, tail, k, ZSTD_e_continue);
}

int record_begin(int dirfd, struct record_writer **ret, struct err *e) {
    struct record_writer *w = calloc(1, sizeof(*w));
    if (!w)
        return err_oom(e);
    w->zstd = ZSTD_createCCtx();
    w->fd = openat(dirfd, RECORD_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    int r = w->fd < 0 ? err_sys(e, "cannot write the layer's record") : w->zstd ? 0 : err_oom(e);
    if (r < 0) {
        record_free(w);
        return r;
    }
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
    memset(w->out_buf, 0, RECORD_HEAD); /* written at the end */
    w->out = RECORD_HEAD;
    *ret = w;
    return 0;
}

int record_end(struct record_writer *w, struct err *e) {
    unsigned char head[RECORD_HEAD];
    (void)record_raw_out(w);
    (void)record_push(w, "E", 1, ZSTD_e_end);
    (void)record_flush(w);
    memcpy(head, record_magic, sizeof(record_magic));
    for (int i = 0; i < 8; i++)
        head[8 + i] = (unsigned char)(w->size >> 8 * i);
    if (!w->failed && pwrite(w->fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
        w->failed = errno ? -errno : -EIO;
    return w->failed ? err_sysn(e, w->failed, "cannot write the layer's record") : 0;
}

void record_free(struct record_writer *w) {
    if (!w)
        return;
    fd_close(&w->fd);
    ZSTD_freeCCtx(w->zstd);
    free(w);
}
