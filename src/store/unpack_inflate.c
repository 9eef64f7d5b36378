/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_inflate.h"

#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zstd.h>

/* 128 MiB: what `zstd --ultra` can ask for; more would be an attack on our memory. */
#define ZSTD_WINDOW_LOG_MAX 27
#define MAGIC_LEN UNPACK_MAGIC

enum inflate_kind { INFLATE_UNKNOWN, INFLATE_PLAIN, INFLATE_GZIP, INFLATE_ZSTD };

struct unpack_inflate {
    struct unpack_pipe *out;
    enum inflate_kind kind;
    unsigned char head[MAGIC_LEN];
    size_t nhead;
    bool at_end;         /* gzip: between members; zstd: between frames */
    unsigned char *room; /* of the pipe, partly filled */
    size_t used;
    struct inflate_state *gzip;
    ZSTD_DCtx *zstd;
};

int unpack_inflate_new(struct unpack_pipe *out, struct unpack_inflate **ret, struct err *e) {
    struct unpack_inflate *x = calloc(1, sizeof(*x));
    if (!x)
        return err_oom(e);
    x->out = out;
    *ret = x;
    return 0;
}

void unpack_inflate_free(struct unpack_inflate *x) {
    if (!x)
        return;
    free(x->gzip);
    ZSTD_freeDCtx(x->zstd);
    free(x);
}

/* Room for at least one byte, or -EPIPE. */
static int inflate_room(struct unpack_inflate *x) {
    if (x->room && x->used < UNPACK_CHUNK)
        return 0;
    if (x->room)
        unpack_pipe_put(x->out, x->used);
    x->used = 0;
    x->room = unpack_pipe_room(x->out);
    return x->room ? 0 : -EPIPE;
}

static int inflate_plain(struct unpack_inflate *x, const unsigned char *p, size_t n) {
    while (n > 0) {
        int r = inflate_room(x);
        if (r < 0)
            return r;
        size_t k = MIN_OF(n, UNPACK_CHUNK - x->used);
        memcpy(x->room + x->used, p, k);
        x->used += k;
        p += k;
        n -= k;
    }
    return 0;
}

static void inflate_gzip_reset(struct unpack_inflate *x) {
    isal_inflate_reset(x->gzip);
    x->gzip->crc_flag = ISAL_GZIP;
    x->at_end = true;
}

static int inflate_gzip(struct unpack_inflate *x, const unsigned char *p, size_t n, struct err *e) {
    struct inflate_state *z = x->gzip;
    z->next_in = (uint8_t *)(uintptr_t)p; /* never written through */
    z->avail_in = (uint32_t)n;
    for (;;) {
        int r = inflate_room(x);
        if (r < 0)
            return r;
        uint32_t had_in = z->avail_in, had_out = (uint32_t)(UNPACK_CHUNK - x->used);
        if (had_in > 0)
            x->at_end = false;
        z->next_out = x->room + x->used;
        z->avail_out = had_out;
        int code = isal_inflate(z);
        x->used += had_out - z->avail_out;
        if (code != ISAL_DECOMP_OK && code != ISAL_END_INPUT)
            return err_set(e, ERR_CORRUPT, -EILSEQ, "the gzip data is damaged");
        if (z->block_state == ISAL_BLOCK_FINISH) {
            inflate_gzip_reset(x); /* another member may follow */
            if (z->avail_in == 0)
                return 0;
        } else if (z->avail_out > 0 && (z->avail_in == 0 || had_in == z->avail_in)) {
            if (z->avail_in > 0) /* no progress with input at hand */
                return err_set(e, ERR_CORRUPT, -EILSEQ, "the gzip data is damaged");
            return 0;
        }
    }
}

static int inflate_zstd(struct unpack_inflate *x, const unsigned char *p, size_t n, struct err *e) {
    ZSTD_inBuffer in = {p, n, 0};
    for (;;) {
        int r = inflate_room(x);
        if (r < 0)
            return r;
        ZSTD_outBuffer out = {x->room, UNPACK_CHUNK, x->used};
        size_t left = ZSTD_decompressStream(x->zstd, &out, &in);
        x->used = out.pos;
        if (ZSTD_isError(left))
            return err_set(e, ERR_CORRUPT, -EILSEQ, "the zstd data is damaged (%s)",
                           ZSTD_getErrorName(left));
        x->at_end = left == 0;
        if (in.pos == in.size && (x->at_end || out.pos < out.size))
            return 0;
    }
}

static bool inflate_magic(const struct unpack_inflate *x, const char *magic, size_t n) {
    return x->nhead >= n && memcmp(x->head, magic, n) == 0;
}

static int inflate_begin_gzip(struct unpack_inflate *x, struct err *e) {
    x->kind = INFLATE_GZIP;
    x->gzip = calloc(1, sizeof(*x->gzip));
    if (!x->gzip)
        return err_oom(e);
    isal_inflate_init(x->gzip);
    inflate_gzip_reset(x);
    return 0;
}

static int inflate_begin_zstd(struct unpack_inflate *x, struct err *e) {
    x->kind = INFLATE_ZSTD;
    x->zstd = ZSTD_createDCtx();
    if (!x->zstd)
        return err_oom(e);
    ZSTD_DCtx_setParameter(x->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    return 0;
}

static bool inflate_is_gzip(const struct unpack_inflate *x) {
    return inflate_magic(x, "\x1f\x8b", 2);
}

/* A frame, or one to be skipped. */
static bool inflate_is_zstd(const struct unpack_inflate *x) {
    return inflate_magic(x, "\x28\xb5\x2f\xfd", 4) ||
           (x->nhead >= 4 && (x->head[0] & 0xf0) == 0x50 &&
            memcmp(x->head + 1, "\x2a\x4d\x18", 3) == 0);
}

static int inflate_detect(struct unpack_inflate *x, struct err *e) {
    if (inflate_is_gzip(x))
        return inflate_begin_gzip(x, e);
    if (inflate_is_zstd(x))
        return inflate_begin_zstd(x, e);
    if (inflate_magic(x, "BZh", 3))
        return err_set(e, ERR_CORRUPT, -EOPNOTSUPP,
                       "it is compressed by bzip2: only gzip, zstd and plain tar are known");
    if (inflate_magic(x, "\xfd\x37\x7a\x58\x5a", 5))
        return err_set(e, ERR_CORRUPT, -EOPNOTSUPP,
                       "it is compressed by xz: only gzip, zstd and plain tar are known");
    x->kind = INFLATE_PLAIN;
    return 0;
}

static int inflate_push(struct unpack_inflate *x, const unsigned char *p, size_t n, struct err *e) {
    switch (x->kind) {
    case INFLATE_GZIP:
        return inflate_gzip(x, p, n, e);
    case INFLATE_ZSTD:
        return inflate_zstd(x, p, n, e);
    case INFLATE_PLAIN:
    case INFLATE_UNKNOWN:
        break;
    }
    return inflate_plain(x, p, n);
}

static int inflate_start(struct unpack_inflate *x, struct err *e) {
    int r = inflate_detect(x, e);
    return r < 0 || x->nhead == 0 ? r : inflate_push(x, x->head, x->nhead, e);
}

bool unpack_inflate_plain(const void *p) {
    struct unpack_inflate x = {.nhead = MAGIC_LEN};
    memcpy(x.head, p, MAGIC_LEN);
    return !inflate_is_gzip(&x) && !inflate_is_zstd(&x);
}

int unpack_inflate_feed(struct unpack_inflate *x, const void *data, size_t n, struct err *e) {
    const unsigned char *p = data;
    if (x->kind == INFLATE_UNKNOWN) {
        size_t k = MIN_OF(n, MAGIC_LEN - x->nhead);
        memcpy(x->head + x->nhead, p, k);
        x->nhead += k;
        p += k;
        n -= k;
        if (x->nhead < MAGIC_LEN)
            return 0;
        int r = inflate_start(x, e);
        if (r < 0)
            return r;
    }
    return n ? inflate_push(x, p, n, e) : 0;
}

int unpack_inflate_end(struct unpack_inflate *x, struct err *e) {
    int r = x->kind == INFLATE_UNKNOWN ? inflate_start(x, e) : 0;
    if (r < 0)
        return r;
    if ((x->kind == INFLATE_GZIP || x->kind == INFLATE_ZSTD) && !x->at_end)
        return err_set(e, ERR_CORRUPT, -EILSEQ, "the %s data ends too early",
                       x->kind == INFLATE_GZIP ? "gzip" : "zstd");
    if (x->room)
        unpack_pipe_put(x->out, x->used);
    x->room = NULL;
    unpack_pipe_end(x->out, false);
    return 0;
}
