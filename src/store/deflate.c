/* SPDX-License-Identifier: Apache-2.0 */
#include "store/deflate.h"

#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zstd.h>

#define OUT_SIZE ((size_t)256 << 10)
#define ZSTD_WORKERS 2

struct deflate {
    enum deflate_kind kind;
    struct deflate_sink sink;
    struct isal_zstream gz;
    unsigned char *gz_level;
    ZSTD_CCtx *zstd;
    unsigned char out[OUT_SIZE];
};

/* gzip's 1 to 9 → ISA-L's 1 to 3: it has no slower ones. */
static unsigned deflate_gzip_level(int level) {
    return level == 0 ? 2 : level <= 2 ? 1 : level <= 5 ? 2 : 3;
}

static int deflate_gzip_new(struct deflate *d, int level, struct err *e) {
    static const uint32_t sizes[] = {ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT,
                                     ISAL_DEF_LVL2_DEFAULT, ISAL_DEF_LVL3_DEFAULT};
    isal_deflate_init(&d->gz);
    d->gz.gzip_flag = IGZIP_GZIP;
    d->gz.level = deflate_gzip_level(level);
    d->gz.level_buf_size = sizes[d->gz.level];
    d->gz_level = malloc(d->gz.level_buf_size);
    d->gz.level_buf = d->gz_level;
    return d->gz_level ? 0 : err_oom(e);
}

static int deflate_zstd_new(struct deflate *d, int level, struct err *e) {
    d->zstd = ZSTD_createCCtx();
    if (!d->zstd)
        return err_oom(e);
    if (ZSTD_isError(ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_compressionLevel, level ? level : 3)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_checksumFlag, 1)))
        return err_set(e, ERR_USAGE, -EINVAL, "zstd has no level %d", level);
    /* A library without threads says no, and works alone. */
    (void)ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_nbWorkers, ZSTD_WORKERS);
    return 0;
}

int deflate_new(enum deflate_kind kind, int level, const struct deflate_sink *sink,
                struct deflate **ret, struct err *e) {
    struct deflate *d = calloc(1, sizeof(*d));
    if (!d)
        return err_oom(e);
    d->kind = kind;
    d->sink = *sink;
    int r = 0;
    if (d->kind == DEFLATE_GZIP)
        r = deflate_gzip_new(d, level, e);
    else if (d->kind == DEFLATE_ZSTD)
        r = deflate_zstd_new(d, level, e);
    if (r < 0) {
        deflate_free(d);
        return r;
    }
    *ret = d;
    return 0;
}

void deflate_free(struct deflate *d) {
    if (!d)
        return;
    free(d->gz_level);
    ZSTD_freeCCtx(d->zstd);
    free(d);
}

static int deflate_gzip(struct deflate *d, const void *p, size_t n, bool end, struct err *e) {
    struct isal_zstream *z = &d->gz;
    z->next_in = (uint8_t *)(uintptr_t)p;
    z->avail_in = (uint32_t)n;
    z->end_of_stream = end;
    do {
        z->next_out = d->out;
        z->avail_out = OUT_SIZE;
        if (isal_deflate(z) != COMP_OK)
            return err_set(e, ERR_INTERNAL, -EIO, "gzip compression failed");
        size_t k = OUT_SIZE - z->avail_out;
        int r = k ? d->sink.take(d->sink.data, d->out, k, e) : 0;
        if (r < 0)
            return r;
    } while (z->avail_out == 0 || (end && z->internal_state.state != ZSTATE_END));
    return 0;
}

static int deflate_zstd(struct deflate *d, const void *p, size_t n, bool end, struct err *e) {
    ZSTD_inBuffer in = {p, n, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {d->out, OUT_SIZE, 0};
        left = ZSTD_compressStream2(d->zstd, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return err_set(e, ERR_INTERNAL, -EIO, "zstd compression failed: %s",
                           ZSTD_getErrorName(left));
        int r = out.pos ? d->sink.take(d->sink.data, d->out, out.pos, e) : 0;
        if (r < 0)
            return r;
    } while (end ? left != 0 : in.pos < in.size);
    return 0;
}

int deflate_feed(struct deflate *d, const void *p, size_t n, struct err *e) {
    if (d->kind == DEFLATE_GZIP)
        return deflate_gzip(d, p, n, false, e);
    return d->kind == DEFLATE_ZSTD ? deflate_zstd(d, p, n, false, e)
                                   : d->sink.take(d->sink.data, p, n, e);
}

int deflate_end(struct deflate *d, struct err *e) {
    if (d->kind == DEFLATE_GZIP)
        return deflate_gzip(d, "", 0, true, e);
    return d->kind == DEFLATE_ZSTD ? deflate_zstd(d, "", 0, true, e) : 0;
}
