/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_tar.h"

#include "store/unpack_write.h"

#include <string.h>

/* Headers and what is skipped count as well: a tar that never ends must end. */
#define TAR_SLACK ((uint64_t)1 << 30)

struct tar_run {
    struct unpack_tar *t;
    struct unpack_write w;
    struct record_writer *record;
    bool too_big;
};

static ssize_t tar_read(void *data, const void **buf) {
    struct tar_run *run = data;
    struct unpack_tar *t = run->t;
    ssize_t n = unpack_pipe_get(t->pipe, buf);
    if (n == 0)
        return 0;
    if (n < 0) {
        t->cancelled = true;
        return -ECANCELED;
    }
    t->bytes += (uint64_t)n;
    if (t->bytes / 2 > t->want->max_bytes + TAR_SLACK) {
        run->too_big = true;
        return -EFBIG;
    }
    return unpack_hash_add(&t->hash, *buf, (size_t)n) < 0 ? -EIO : n;
}

/* Not payload: only the record remembers it. */
static int tar_beside(void *data, const void *p, size_t n) {
    struct tar_run *run = data;
    return record_raw(run->record, p, n);
}

static int tar_fail(const struct tar_run *run, int code, struct err *e) {
    if (run->t->cancelled)
        return err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled");
    if (run->too_big)
        return err_set(e, ERR_NO_SPACE, -EFBIG,
                       "the archive is larger than its bound, %llu bytes of files",
                       (unsigned long long)run->t->want->max_bytes);
    return code;
}

static int tar_entries(struct tar_run *run, struct tar *tar, struct err *e) {
    struct unpack_tar *t = run->t;
    struct tar_entry entry;
    int r;
    while ((r = tar_next(tar, &entry, e)) == 1) {
        if (++t->result.entries > t->want->max_entries)
            return err_set(e, ERR_NO_SPACE, -EFBIG,
                           "it has more than %llu entries, which is the bound for one layer",
                           (unsigned long long)t->want->max_entries);
        r = unpack_write_entry(&run->w, tar, &entry, e);
        if (r < 0)
            return r;
    }
    if (r == 0)
        r = unpack_write_finish(&run->w, e);
    return r < 0 ? r : tar_drain(tar, e); /* padding after the end belongs to the diff id */
}

static int tar_run(struct tar_run *run, struct err *e) {
    const struct unpack_want *want = run->t->want;
    struct tar *tar = NULL;
    struct tar_source src = {tar_read, run, NULL};
    int r = 0;
    run->w.hollow = want->hollow;
    if (want->record) {
        r = record_begin(want->homefd, &run->record, e);
        src.watch = tar_beside;
        run->w.record = run->record;
        run->w.lost.homefd = want->homefd;
    }
    if (r == 0)
        r = tar_new(&src, &tar, e);
    if (r == 0)
        r = tar_entries(run, tar, e);
    tar_free(tar);
    if (r == 0 && run->record)
        r = record_end(run->record, e);
    return r < 0 ? tar_fail(run, r, e) : 0;
}

int unpack_tar_run(struct unpack_tar *t, struct err *e) {
    struct tar_run run = {.t = t};
    unpack_write_init(&run.w, t->want->dirfd, t->want->userxattr, t->want->max_bytes);
    int r = tar_run(&run, e);
    t->result.size = run.w.bytes;
    t->result.skipped = run.w.skipped;
    unpack_write_done(&run.w);
    record_free(run.record);
    return r;
}
