/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/log_read.h"

#include "base/io.h"
#include "base/str.h"
#include "monitor/client.h"
#include "monitor/log.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define READ_BUF ((size_t)65536)    /* more than any physical line */
#define TAIL_SPARE ((off_t)1 << 20) /* how far to look for the beginning of a line in pieces */

/* Where a physical line begins: files are counted from the oldest. */
struct log_pos {
    size_t file;
    off_t off;
};

struct reader {
    int dirfd;
    const struct log_query *q;
    log_piece_fn fn;
    void *data;
    char *buf;
    size_t nfiles, file; /* `file` is being read */
    int fds[LOG_FILES_MAX];
    off_t off;               /* in that file: first byte not yet given out */
    struct log_pos start[2]; /* per stream: nothing before is wanted */
    bool inside[2];          /* per stream: the last piece did not end its line */
    bool past;               /* until_ns is behind us */
};

static bool pos_before(struct log_pos a, struct log_pos b) {
    return a.file != b.file ? a.file < b.file : a.off < b.off;
}

/* --- one physical line ----------------------------------------------------------------------- */

int log_parse_line(const char *line, size_t len, struct log_piece *ret, bool *ret_whole) {
    static const char words[2][8] = {"stdout ", "stderr "};
    const char *blank = memchr(line, ' ', MIN_OF(len, (size_t)40));
    char stamp[41];
    int64_t t;

    if (!blank)
        return -EINVAL;
    size_t n = (size_t)(blank - line);
    memcpy(stamp, line, n);
    stamp[n] = '\0';
    const char *p = blank + 1;
    size_t left = len - n - 1;
    if (left < 9 || str_from_rfc3339(stamp, &t) < 0)
        return -EINVAL;
    int stream = memcmp(p, words[0], 7) == 0 ? 1 : memcmp(p, words[1], 7) == 0 ? 2 : 0;
    if (stream == 0 || (p[7] != 'F' && p[7] != 'P') || p[8] != ' ')
        return -EINVAL;
    *ret_whole = p[7] == 'F';
    *ret = (struct log_piece){.stream = stream, .time_ns = t, .text = p + 9, .len = left - 9};
    return 0;
}

static bool reader_wants(const struct reader *r, int stream) {
    return stream == 1 ? !r->q->no_stdout : !r->q->no_stderr;
}

/* `len` counts the newline. */
static int reader_line(struct reader *r, const char *line, size_t len) {
    struct log_piece p;
    bool whole;
    struct log_pos at = {r->file, r->off};

    if (log_parse_line(line, len - 1, &p, &whole) < 0)
        return 0;
    unsigned s = (unsigned)p.stream - 1;
    p.begins = !r->inside[s];
    r->inside[s] = !whole;
    if (r->q->until_ns && p.time_ns > r->q->until_ns)
        r->past = true;
    if (r->past || pos_before(at, r->start[s]) || !reader_wants(r, p.stream) ||
        p.time_ns < r->q->since_ns)
        return 0;
    p.len += whole;
    return r->fn(r->data, &p);
}

/* --- forwards -------------------------------------------------------------------------------- */

/* From r->off to the last whole line of the current file. */
static int reader_forward(struct reader *r, struct err *e) {
    bool junk = false; /* inside a line that is longer than any of ours */

    while (!r->past) {
        ssize_t n = pread(r->fds[r->file], r->buf, READ_BUF, r->off);
        if (n < 0)
            return err_sys(e, "cannot read the container's log");
        const char *p = r->buf, *end = r->buf + n, *nl;
        while (p < end && (nl = memchr(p, '\n', (size_t)(end - p)))) {
            size_t len = (size_t)(nl + 1 - p);
            int rc = junk ? 0 : reader_line(r, p, len);
            if (rc != 0)
                return rc;
            junk = false;
            r->off += (off_t)len;
            p = nl + 1;
        }
        if (p == r->buf && (size_t)n == READ_BUF) {
            junk = true;
            r->off += n;
        } else if (p == r->buf)
            return 0; /* the rest is not there yet */
    }
    return 0;
}

static void reader_next_file(struct reader *r) {
    fd_close(&r->fds[r->file]);
    r->file++;
    r->off = 0;
}

/* Through all the files that are open. */
static int reader_all(struct reader *r, struct err *e) {
    int rc = r->nfiles > 0 ? reader_forward(r, e) : 0;

    while (rc == 0 && !r->past && r->file + 1 < r->nfiles) {
        reader_next_file(r);
        rc = reader_forward(r, e);
    }
    return rc;
}

/* --- backwards ------------------------------------------------------------------------------- */

struct tail {
    int64_t left;   /* lines still wanted */
    bool seen[2];   /* a piece of this stream was met */
    bool closed[2]; /* its first wanted piece is known */
    off_t spare;
};

/* Backwards, the end of a line comes first. */
static void tail_piece(struct reader *r, struct tail *t, struct log_pos at, const char *line,
                       size_t len) {
    struct log_piece p;
    bool whole;

    if (log_parse_line(line, len, &p, &whole) < 0)
        return;
    unsigned s = (unsigned)p.stream - 1;
    if (t->closed[s])
        return;
    if (whole || !t->seen[s]) {
        if (t->left == 0) {
            t->closed[s] = true;
            return;
        }
        t->left--;
        t->seen[s] = true;
    }
    r->start[s] = at;
}

static bool tail_done(const struct tail *t) {
    return (t->closed[0] && t->closed[1]) || t->spare < 0 ||
           (t->left == 0 && !t->seen[0] && !t->seen[1]);
}

/* Walk file `i` from `end` to its beginning. */
static int tail_file(struct reader *r, struct tail *t, size_t i, off_t end, struct err *e) {
    while (end > 0 && !tail_done(t)) {
        off_t base = end > (off_t)READ_BUF ? end - (off_t)READ_BUF : 0;
        ssize_t n = pread(r->fds[i], r->buf, (size_t)(end - base), base);
        if (n != end - base)
            return n < 0 ? err_sys(e, "cannot read the container's log") : 0;
        off_t block_end = end;
        /* r->buf[end - base - 1] is the newline of the line looked for */
        while (end > base && !tail_done(t)) {
            size_t last = (size_t)(end - base) - 1;
            const char *nl = last > 0 ? memrchr(r->buf, '\n', last) : NULL;
            if (!nl && base > 0)
                break;
            const char *line = nl ? nl + 1 : r->buf;
            off_t at = base + (line - r->buf);
            tail_piece(r, t, (struct log_pos){i, at}, line, last - (size_t)(line - r->buf));
            if (t->left == 0)
                t->spare -= end - at;
            end = at;
        }
        if (end == block_end)
            end = base; /* no line of ours is that long */
    }
    return 0;
}

/* Offset after the last whole line. */
static off_t tail_end(struct reader *r, size_t i) {
    struct stat st;

    if (fstat(r->fds[i], &st) < 0)
        return 0;
    off_t base = st.st_size > (off_t)READ_BUF ? st.st_size - (off_t)READ_BUF : 0;
    ssize_t n = pread(r->fds[i], r->buf, READ_BUF, base);
    const char *nl = n > 0 ? memrchr(r->buf, '\n', (size_t)n) : NULL;
    return nl ? base + (nl + 1 - r->buf) : base;
}

static int reader_tail(struct reader *r, struct err *e) {
    struct tail t = {.left = r->q->tail, .spare = TAIL_SPARE};
    struct log_pos end = {r->nfiles - 1, tail_end(r, r->nfiles - 1)};
    int rc = 0;

    for (unsigned s = 0; s < 2; s++) {
        r->start[s] = end;
        t.closed[s] = !reader_wants(r, (int)s + 1);
    }
    size_t i = r->nfiles;
    while (rc == 0 && i > 0 && !tail_done(&t)) {
        i--;
        rc = tail_file(r, &t, i, i + 1 == r->nfiles ? end.off : tail_end(r, i), e);
    }
    /* Begin where the first wanted piece is; what lies before is not even read. */
    struct log_pos from = pos_before(r->start[0], r->start[1]) ? r->start[0] : r->start[1];
    while (r->file < from.file)
        reader_next_file(r);
    r->off = from.off;
    return rc;
}

/* --- files ----------------------------------------------------------------------------------- */

static void log_name(size_t i, char name[static 16]) {
    if (i == 0)
        str_copy(name, 16, MON_LOG);
    else
        snprintf(name, 16, MON_LOG ".%u", (unsigned)MIN_OF(i, (size_t)LOG_FILES_MAX));
}

static int log_open_read(int dirfd, size_t i) {
    char name[16];

    log_name(i, name);
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* All files there are, oldest first. From the newest on, so that a rotation meanwhile shows the
 * same file twice rather than none. One may be missing: between two renames, or for ever. */
static int reader_open(struct reader *r, struct err *e) {
    struct stat before = {0}, st;
    int missing = 0;

    for (size_t i = 0; i < LOG_FILES_MAX && missing < 2; i++) {
        int fd = log_open_read(r->dirfd, i);
        missing = fd == -ENOENT ? missing + 1 : 0;
        if (fd == -ENOENT)
            continue;
        if (fd < 0 || fstat(fd, &st) < 0)
            return err_sysn(e, fd < 0 ? fd : -errno, "cannot open the container's log");
        if (same_file(&st, &before)) {
            close(fd);
            continue;
        }
        before = st;
        r->fds[r->nfiles++] = fd;
    }
    for (size_t i = 0; i < r->nfiles / 2; i++) {
        int swap = r->fds[i];
        r->fds[i] = r->fds[r->nfiles - 1 - i];
        r->fds[r->nfiles - 1 - i] = swap;
    }
    return 0;
}

static void reader_close(struct reader *r) {
    for (size_t i = r->file; i < r->nfiles; i++)
        fd_close(&r->fds[i]);
    free(r->buf);
}

/* --- follow ---------------------------------------------------------------------------------- */

/* The file that was begun when ours was renamed; the oldest when ours has gone. -1: none, ours is
 * the one being written. */
static int follow_successor(const struct reader *r) {
    struct stat ours, st;
    char name[16];
    size_t i = 0, oldest = 0;

    if (fstat(r->fds[r->file], &ours) < 0)
        return -1;
    for (; i < LOG_FILES_MAX; i++) {
        log_name(i, name);
        if (fstatat(r->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (same_file(&st, &ours))
            break;
        oldest = i;
    }
    return i == 0 ? -1 : log_open_read(r->dirfd, i < LOG_FILES_MAX ? i - 1 : oldest);
}

/* Give out all there is, through rotations. */
static int follow_drain(struct reader *r, struct err *e) {
    int rc = r->nfiles == 0 ? reader_open(r, e) : 0; /* nothing was written until now */

    if (rc < 0 || r->nfiles == 0)
        return rc;
    for (;;) {
        rc = reader_all(r, e);
        if (rc != 0 || r->past)
            return rc;
        int next = follow_successor(r);
        if (next < 0)
            return 0;
        /* Nothing is written to ours any more, but something may have been since we looked. */
        rc = reader_forward(r, e);
        reader_next_file(r);
        /* Positions only grow from here; the array is used as a ring of one. */
        r->start[0] = r->start[1] = (struct log_pos){0, 0};
        r->file = 0;
        r->nfiles = 1;
        r->fds[0] = next;
        if (rc != 0)
            return rc;
    }
}

/* A descriptor that becomes readable when the monitor has gone; -1 = it has. */
static int follow_monitor(int dirfd) {
    struct mon_live live, again;

    if (mon_probe(dirfd, &live) < 0 || !live.running || !live.was_started)
        return -1;
    AUTO_FD int fd = (int)syscall(SYS_pidfd_open, live.monitor_pid, 0);
    /* Still the same one: so the pid was not given to another in between. */
    if (fd < 0 || mon_probe(dirfd, &again) < 0 || !again.running ||
        again.monitor_pid != live.monitor_pid)
        return -1;
    return TAKE_FD(fd);
}

/* Until something is written or the monitor goes (true). */
static bool follow_wait(const struct reader *r, int notify, int monitor) {
    struct pollfd p[2] = {{.fd = notify, .events = POLLIN}, {.fd = monitor, .events = POLLIN}};
    char events[4096];
    struct timespec ts, *timeout = NULL;

    if (r->q->until_ns) {
        int64_t left = MAX_OF(r->q->until_ns - now_unix_ns(), (int64_t)0);
        ts = (struct timespec){.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        timeout = &ts;
    }
    int n = ppoll(p, 2, timeout, NULL);
    while (read(notify, events, sizeof(events)) > 0)
        ;
    return n == 0 || (n > 0 && p[1].revents != 0);
}

static int reader_follow(struct reader *r, int notify, struct err *e) {
    AUTO_FD int monitor = follow_monitor(r->dirfd);
    bool gone = monitor < 0;

    for (;;) {
        int rc = follow_drain(r, e);
        if (rc != 0 || gone || r->past)
            return rc;
        gone = follow_wait(r, notify, monitor);
    }
}

static int log_watch(int dirfd, struct err *e) {
    char path[32];
    AUTO_FD int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

    snprintf(path, sizeof(path), "/proc/self/fd/%d", dirfd);
    if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return err_sys(e, "cannot watch the container's log");
    return TAKE_FD(fd);
}

int log_read(int dirfd, const struct log_query *q, log_piece_fn fn, void *data, struct err *e) {
    struct reader r = {.dirfd = dirfd, .q = q, .fn = fn, .data = data};
    AUTO_FD int notify = q->follow ? log_watch(dirfd, e) : -1;
    int rc;

    if (q->follow && notify < 0)
        return notify;
    if (!(r.buf = malloc(READ_BUF)))
        return err_oom(e);
    rc = reader_open(&r, e);
    if (rc == 0 && r.nfiles > 0 && q->tail >= 0)
        rc = reader_tail(&r, e);
    if (rc == 0)
        rc = q->follow ? reader_follow(&r, notify, e) : reader_all(&r, e);
    reader_close(&r);
    return rc;
}
