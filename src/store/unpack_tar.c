/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_tar.h"

#include "store/unpack_write.h"

#include <archive.h>
#include <locale.h>

/* Headers and what is skipped count as well: a tar that never ends must end. */
#define TAR_SLACK ((uint64_t)1 << 30)

static ssize_t tar_read(struct archive *ar, void *data, const void **buf) {
    struct unpack_tar *t = data;
    ssize_t n = unpack_pipe_get(t->pipe, buf);
    if (n == 0)
        return 0;
    if (n < 0) {
        t->cancelled = true;
        archive_set_error(ar, ECANCELED, "cancelled");
        return -1;
    }
    t->bytes += (uint64_t)n;
    if (t->bytes / 2 > t->want->max_bytes + TAR_SLACK) {
        archive_set_error(ar, EFBIG, "the archive is larger than its bound");
        return -1;
    }
    if (unpack_hash_add(&t->hash, *buf, (size_t)n) < 0) {
        archive_set_error(ar, EIO, "cannot hash");
        return -1;
    }
    return n;
}

static int tar_fail(const struct unpack_tar *t, struct archive *ar, struct err *e) {
    const char *why = archive_error_string(ar);
    if (t->cancelled)
        return err_set(e, ERR_INTERNAL, -ECANCELED, "cancelled");
    return err_set(e, ERR_CORRUPT, -EILSEQ, "the tar data is damaged: %.200s",
                   why ? why : "no reason given");
}

static int tar_entries(struct unpack_tar *t, struct archive *ar, struct archive_entry *entry,
                       struct unpack_write *w, struct err *e) {
    for (;;) {
        int code = archive_read_next_header2(ar, entry);
        if (code == ARCHIVE_EOF)
            return unpack_write_finish(w, e);
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return tar_fail(t, ar, e);
        if (++t->result.entries > t->want->max_entries)
            return err_set(e, ERR_NO_SPACE, -EFBIG,
                           "it has more than %llu entries, which is the bound for one layer",
                           (unsigned long long)t->want->max_entries);
        int r = unpack_write_entry(w, ar, entry, e);
        if (r < 0)
            return t->cancelled ? tar_fail(t, ar, e) : r;
    }
}

/* Padding after the archive's end belongs to the diff id. */
static int tar_drain(struct unpack_tar *t, struct archive *ar, struct err *e) {
    for (;;) {
        const void *p;
        ssize_t n = tar_read(ar, t, &p);
        if (n < 0)
            return tar_fail(t, ar, e);
        if (n == 0)
            return 0;
    }
}

static int tar_open(struct unpack_tar *t, struct archive *ar, struct err *e) {
    if (archive_read_support_format_tar(ar) != ARCHIVE_OK ||
        archive_read_support_filter_none(ar) != ARCHIVE_OK)
        return tar_fail(t, ar, e);
    return archive_read_open(ar, t, NULL, tar_read, NULL) == ARCHIVE_OK ? 0 : tar_fail(t, ar, e);
}

int unpack_tar_run(struct unpack_tar *t, struct err *e) {
    /* libarchive converts pax names to the thread's locale: UTF-8 leaves them as they are. */
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    struct archive *ar = archive_read_new();
    struct archive_entry *entry = archive_entry_new();
    struct unpack_write w;
    unpack_write_init(&w, t->want->dirfd, t->want->userxattr, t->want->max_bytes);
    int r = ar && entry ? tar_open(t, ar, e) : err_oom(e);
    if (r == 0)
        r = tar_entries(t, ar, entry, &w, e);
    if (r == 0)
        r = tar_drain(t, ar, e);
    t->result.size = w.bytes;
    t->result.skipped = w.skipped;
    unpack_write_done(&w);
    archive_entry_free(entry);
    archive_read_free(ar);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    return r;
}
