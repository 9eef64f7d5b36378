/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record_parts.h"

#include "base/io.h"

#include <string.h>
#include <zstd.h>

#define IN_MAX ((size_t)64 << 10)
#define OUT_MAX ((size_t)64 << 10)
#define WINDOW_LOG_MAX 23 /* what our writer can ask for, and more */

struct record_reader {
    int fd;
    ZSTD_DCtx *zstd;
    uint64_t size;
    uint64_t raw; /* of the current step */
    bool ended, had_file;
    ZSTD_inBuffer in;
    size_t at, n; /* of out_buf */
    unsigned char in_buf[IN_MAX], out_buf[OUT_MAX];
};

static int record_damaged(struct err *e) {
    return err_set(e, ERR_CORRUPT, -EBADMSG,
                   "the layer's record is damaged: remove the image and pull it again");
}

int record_open(int fd, struct record_reader **ret, struct err *e) {
    unsigned char head[RECORD_HEAD];
    AUTO_FD int owned = fd;
    struct record_reader *r = calloc(1, sizeof(*r));
    if (!r)
        return err_oom(e);
    r->fd = TAKE_FD(owned);
    r->zstd = ZSTD_createDCtx();
    r->in.src = r->in_buf;
    int code = r->zstd ? 0 : err_oom(e);
    if (code == 0 && (io_read_full(r->fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
                      memcmp(head, record_magic, sizeof(record_magic)) != 0))
        code = record_damaged(e);
    if (code < 0) {
        record_close(r);
        return code;
    }
    ZSTD_DCtx_setParameter(r->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    for (int i = 0; i < 8; i++)
        r->size |= (uint64_t)head[8 + i] << 8 * i;
    *ret = r;
    return 0;
}

uint64_t record_size(const struct record_reader *r) {
    return r->size;
}

void record_close(struct record_reader *r) {
    if (!r)
        return;
    fd_close(&r->fd);
    ZSTD_freeDCtx(r->zstd);
    free(r);
}

static int record_refill(struct record_reader *r, struct err *e) {
    r->at = r->n = 0;
    while (r->n == 0) {
        if (r->in.pos == r->in.size) {
            ssize_t n = io_read_full(r->fd, r->in_buf, IN_MAX);
            if (n < 0)
                return err_sysn(e, (int)n, "cannot read the layer's record");
            r->in.pos = 0;
            r->in.size = (size_t)n;
        }
        size_t before = r->in.pos;
        ZSTD_outBuffer out = {r->out_buf, OUT_MAX, 0};
        size_t left = ZSTD_decompressStream(r->zstd, &out, &r->in);
        r->n = out.pos;
        if (ZSTD_isError(left) || (r->n == 0 && r->in.pos == before))
            return record_damaged(e);
    }
    return 0;
}

static int record_take(struct record_reader *r, void *buf, size_t n, struct err *e) {
    for (unsigned char *to = buf; n > 0;) {
        int code = r->at == r->n ? record_refill(r, e) : 0;
        if (code < 0)
            return code;
        size_t k = MIN_OF(n, r->n - r->at);
        memcpy(to, r->out_buf + r->at, k);
        r->at += k;
        to += k;
        n -= k;
    }
    return 0;
}

static int record_take_number(struct record_reader *r, uint64_t *ret, struct err *e) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned char c;
        int code = record_take(r, &c, 1, e);
        if (code < 0)
            return code;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *ret = v;
            return 0;
        }
    }
    return record_damaged(e);
}

static int record_take_file(struct record_reader *r, struct record_step *ret, struct err *e) {
    uint64_t len;
    int code = record_take_number(r, &len, e);
    if (code == 0 && (len >= sizeof(ret->path) || (len == 0 && !r->had_file)))
        code = record_damaged(e);
    if (code < 0)
        return code;
    ret->same = len == 0;
    if (len) {
        code = record_take(r, ret->path, (size_t)len, e);
        ret->path[len] = '\0';
    }
    if (code == 0)
        code = record_take_number(r, &ret->ino, e);
    if (code == 0)
        code = record_take_number(r, &ret->off, e);
    if (code == 0)
        code = record_take_number(r, &ret->n, e);
    if (code == 0 && (ret->off > INT64_MAX || ret->n > INT64_MAX - ret->off))
        code = record_damaged(e);
    r->had_file = true;
    return code;
}

int record_next(struct record_reader *r, struct record_step *ret, struct err *e) {
    unsigned char kind = 'E';
    int code = r->raw ? record_damaged(e) : 0;
    if (code == 0 && !r->ended)
        code = record_take(r, &kind, 1, e);
    if (code < 0)
        return code;
    switch (kind) {
    case 'E':
        r->ended = true;
        ret->kind = RECORD_END;
        return 0;
    case 'R':
        code = record_take_number(r, &ret->n, e);
        if (code < 0)
            return code;
        ret->kind = RECORD_RAW;
        r->raw = ret->n;
        return 0;
    case 'F':
        ret->kind = RECORD_PAYLOAD;
        return record_take_file(r, ret, e);
    default:
        return record_damaged(e);
    }
}

int record_bytes(struct record_reader *r, void *buf, size_t n, size_t *got, struct err *e) {
    size_t k = (size_t)MIN_OF((uint64_t)n, r->raw);
    int code = record_take(r, buf, k, e);
    if (code < 0)
        return code;
    r->raw -= k;
    *got = k;
    return 0;
}
