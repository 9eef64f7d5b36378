/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_plain.h"

#include "base/io.h"

#include <archive.h>

#define PLAIN_BLOCK ((size_t)1 << 20)

static int plain_damaged(const char *shown, struct archive *ar, struct err *e) {
    const char *why = archive_error_string(ar);
    return err_set(e, ERR_CORRUPT, -EBADMSG, "cannot read %s: %s", shown, why ? why : "damaged");
}

static int plain_copy(struct archive *ar, const char *shown, uint64_t max, int out, struct err *e) {
    const void *p;
    size_t n;
    la_int64_t at;
    uint64_t total = 0;
    for (;;) {
        int r = archive_read_data_block(ar, &p, &n, &at);
        if (r == ARCHIVE_EOF)
            return 0;
        if (r < ARCHIVE_WARN)
            return plain_damaged(shown, ar, e);
        total += n;
        if (total > max)
            return err_set(e, ERR_CORRUPT, -EFBIG, "%s is larger than %llu GiB: refused", shown,
                           (unsigned long long)(max >> 30));
        r = io_write_all(out, p, n);
        if (r < 0)
            return err_sysn(e, r, "cannot keep %s in the store", shown);
    }
}

static struct archive *plain_reader(void) {
    struct archive *ar = archive_read_new();
    if (!ar)
        return NULL;
    archive_read_support_format_raw(ar);
    archive_read_support_format_empty(ar);
    archive_read_support_filter_gzip(ar);
    archive_read_support_filter_zstd(ar);
    archive_read_support_filter_xz(ar);
    archive_read_support_filter_bzip2(ar);
    return ar;
}

int unpack_plain(int fd, const char *shown, uint64_t max, int out, struct err *e) {
    struct archive_entry *entry = NULL;
    struct archive *ar = plain_reader();
    if (!ar)
        return err_oom(e);
    int r = 0, k = archive_read_open_fd(ar, fd, PLAIN_BLOCK);
    if (k == ARCHIVE_OK)
        k = archive_read_next_header(ar, &entry);
    if (k == ARCHIVE_EOF)
        r = err_set(e, ERR_CORRUPT, -ENODATA, "%s is empty", shown);
    else if (k < ARCHIVE_WARN)
        r = plain_damaged(shown, ar, e);
    if (r == 0)
        r = plain_copy(ar, shown, max, out, e);
    archive_read_free(ar);
    return r;
}
