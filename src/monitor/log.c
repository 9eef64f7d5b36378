/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/log.h"

#include "base/str.h"
#include "monitor/protocol.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#define LOG_BATCH 96 /* iovecs of one writev; three per line at most */

static void log_open_file(struct log_writer *l) {
    struct stat st;
    AUTO_FD int fd =
        openat(l->dirfd, MON_LOG, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);

    if (fd < 0 || fstat(fd, &st) < 0)
        return;
    l->fd = TAKE_FD(fd);
    l->size = (uint64_t)st.st_size;
}

/* A monitor that was killed in the middle of a writev leaves a torn line behind: drop it. */
static void log_mend(struct log_writer *l) {
    char tail[LOG_PIECE_MAX + 64];
    AUTO_FD int fd = openat(l->dirfd, MON_LOG, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    uint64_t from = l->size > sizeof(tail) ? l->size - sizeof(tail) : 0;
    ssize_t n = fd < 0 || l->size == 0 ? 0 : pread(fd, tail, sizeof(tail), (off_t)from);

    if (n <= 0 || tail[n - 1] == '\n')
        return;
    const char *nl = memrchr(tail, '\n', (size_t)n);
    uint64_t good = nl ? from + (uint64_t)(nl + 1 - tail) : from;
    if (ftruncate(l->fd, (off_t)good) == 0)
        l->size = good;
}

void log_open(struct log_writer *l, int dirfd, uint64_t max_bytes, unsigned max_files) {
    *l = (struct log_writer){
        .on = true,
        .dirfd = dirfd,
        .fd = -1,
        .max_bytes = max_bytes ? max_bytes : (uint64_t)10 << 20,
        .max_files = max_files ? MIN_OF(max_files, (unsigned)LOG_FILES_MAX) : 3,
    };
}

void log_close(struct log_writer *l) {
    fd_close(&l->fd);
}

static void log_name(unsigned i, char name[static 16]) {
    if (i == 0)
        str_copy(name, 16, MON_LOG);
    else
        snprintf(name, 16, MON_LOG ".%u", i % 1000);
}

/* Only what stands before the first gap moves up: a gap is what a killed monitor left. */
static void log_rotate(struct log_writer *l) {
    char from[16], to[16];
    unsigned i = 1;

    fd_close(&l->fd);
    for (; i < l->max_files - 1; i++) {
        log_name(i, to);
        if (faccessat(l->dirfd, to, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            break;
    }
    for (; i > 0 && l->max_files > 1; i--) {
        log_name(i - 1, from);
        log_name(i, to);
        renameat(l->dirfd, from, l->dirfd, to);
    }
    if (l->max_files == 1)
        unlinkat(l->dirfd, MON_LOG, 0);
    log_open_file(l);
}

static void log_flush(struct log_writer *l, struct iovec *iov, int n, size_t bytes) {
    ssize_t k;

    if (n == 0)
        return;
    if (l->size > 0 && l->size + bytes > l->max_bytes)
        log_rotate(l);
    if (l->fd < 0)
        return;
    do
        k = writev(l->fd, iov, n);
    while (k < 0 && errno == EINTR);
    if (k == (ssize_t)bytes) {
        l->size += bytes;
        return;
    }
    if (k > 0 && ftruncate(l->fd, (off_t)l->size) < 0)
        log_close(l); /* cannot keep it whole: better no more of it */
}

void log_write(struct log_writer *l, int stream, const char *p, size_t n) {
    char stamp[36], head[2][64];
    struct iovec iov[LOG_BATCH];
    size_t bytes = 0, head_len[2];
    int used = 0;

    if (!l->on)
        return;
    if (l->fd < 0) {
        log_open_file(l); /* tried again next time when the disk is full */
        if (l->fd >= 0)
            log_mend(l);
    }
    str_rfc3339(now_unix_ns(), stamp);
    for (int whole = 0; whole < 2; whole++)
        head_len[whole] = (size_t)snprintf(head[whole], sizeof(head[whole]), "%s %s %c ", stamp,
                                           stream == 2 ? "stderr" : "stdout", whole ? 'F' : 'P');
    while (n > 0) {
        const char *nl = memchr(p, '\n', n);
        size_t len = nl ? (size_t)(nl + 1 - p) : n;
        iov[used++] = (struct iovec){head[nl != NULL], head_len[nl != NULL]};
        iov[used++] = (struct iovec){(void *)(uintptr_t)p, len};
        if (!nl)
            iov[used++] = (struct iovec){(void *)(uintptr_t) "\n", 1};
        bytes += head_len[nl != NULL] + len + !nl;
        p += len;
        n -= len;
        if (used > LOG_BATCH - 3 || bytes >= l->max_bytes) {
            log_flush(l, iov, used, bytes);
            used = 0;
            bytes = 0;
        }
    }
    log_flush(l, iov, used, bytes);
}
