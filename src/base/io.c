/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

int io_write_all(int fd, const void *p, size_t n) {
    const char *from = p;

    while (n > 0) {
        ssize_t k = write(fd, from, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        from += k;
        n -= (size_t)k;
    }
    return 0;
}

ssize_t io_read_full(int fd, void *p, size_t n) {
    char *to = p;
    size_t got = 0;

    while (got < n) {
        ssize_t k = read(fd, to + got, n - got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if (k == 0)
            break;
        got += (size_t)k;
    }
    return (ssize_t)got;
}

int io_read_fd(int fd, struct str *b) {
    char buf[16384];

    for (;;) {
        ssize_t k = read(fd, buf, sizeof(buf));
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        if (k == 0)
            return 0;
        int r = str_addn(b, buf, (size_t)k);
        if (r < 0)
            return r;
    }
}

int io_read_file(int dirfd, const char *path, struct str *b) {
    AUTO_FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    str_clear(b);
    return fd < 0 ? -errno : io_read_fd(fd, b);
}

int io_read_line(int dirfd, const char *path, char *buf, size_t size) {
    if (size == 0)
        return -EINVAL;
    AUTO_FD int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    ssize_t n = io_read_full(fd, buf, size);
    if (n < 0)
        return (int)n;
    char *end = memchr(buf, '\n', (size_t)n);
    if (!end && (size_t)n == size) {
        buf[0] = '\0';
        return -EOVERFLOW;
    }
    *(end ? end : buf + n) = '\0';
    return 0;
}

int io_write_kernel(int dirfd, const char *path, const char *value) {
    AUTO_FD int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    size_t n = strlen(value);
    ssize_t k;

    if (fd < 0)
        return -errno;
    do
        k = write(fd, value, n);
    while (k < 0 && errno == EINTR);
    if (k < 0)
        return -errno;
    return (size_t)k == n ? 0 : -EIO; /* a second write would be a second command */
}

#define TEMPORARY ".tmp-"

/* "a/b/c" → "a/b/.tmp-<random>", open for writing. fd or -errno. */
static int open_temporary(int dirfd, const char *path, char *tmp, size_t size) {
    const char *slash = strrchr(path, '/');
    int dir_len = slash ? (int)MIN_OF((size_t)(slash + 1 - path), (size_t)PATH_MAX) : 0;

    for (int tries = 0; tries < 16; tries++) {
        uint64_t id;
        int r = io_random(&id, sizeof(id));
        if (r < 0)
            return r;
        int n =
            snprintf(tmp, size, "%.*s" TEMPORARY "%016llx", dir_len, path, (unsigned long long)id);
        if (n < 0 || (size_t)n >= size)
            return -ENAMETOOLONG;
        int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            return -errno;
    }
    return -EEXIST;
}

static int sync_parent(int dirfd, const char *path) {
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (!slash)
        str_copy(dir, sizeof(dir), ".");
    else if ((size_t)(slash + 1 - path) >= sizeof(dir))
        return -ENAMETOOLONG;
    else
        str_copy(dir, (size_t)(slash + 1 - path) + 1, path);
    AUTO_FD int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return -errno;
    return 0;
}

int io_replace_file(int dirfd, const char *path, const void *p, size_t n, mode_t mode,
                    bool durable) {
    char tmp[PATH_MAX];
    int fd = open_temporary(dirfd, path, tmp, sizeof(tmp));

    if (fd < 0)
        return fd;
    int r = io_write_all(fd, p, n);
    if (r == 0 && (fchmod(fd, mode) < 0 || (durable && fsync(fd) < 0)))
        r = -errno;
    if (close(fd) < 0 && r == 0 && errno != EINTR)
        r = -errno; /* network file systems tell of a full disk here */
    if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(dirfd, tmp, 0);
        return r;
    }
    return durable ? sync_parent(dirfd, path) : 0;
}

void io_sweep_temporary(int dirfd) {
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        fd_close(&fd);
        return;
    }
    for (struct dirent *d; (d = readdir(dir));)
        if (strncmp(d->d_name, TEMPORARY, strlen(TEMPORARY)) == 0)
            unlinkat(dirfd, d->d_name, 0);
    closedir(dir);
}

int io_send_fds(int sock, const void *p, size_t n, const int *fds, size_t nfds) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(IO_MAX_FDS * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = (void *)p, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t k;

    if (n == 0 || nfds > IO_MAX_FDS) /* an empty message would read as the end */
        return -EINVAL;
    if (nfds > 0) {
        memset(&control, 0, sizeof(control));
        msg.msg_control = control.room;
        msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
    }
    do
        k = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (k < 0 && errno == EINTR);
    if (k < 0)
        return -errno;
    return (size_t)k == n ? 0 : -EMSGSIZE;
}

/* Sort what the kernel installed into fds[]; close what has no place. */
static size_t collect_fds(struct msghdr *msg, int *fds) {
    size_t n = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (fds && n < IO_MAX_FDS)
                fds[n++] = fd;
            else
                fd_close(&fd);
        }
    }
    return n;
}

ssize_t io_recv_fds(int sock, void *p, size_t n, int fds[IO_MAX_FDS], size_t *nfds) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(IO_MAX_FDS * sizeof(int))]; /* the kernel closes what is beyond */
    } control;
    struct iovec iov = {.iov_base = p, .iov_len = n};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof(control.room)};
    ssize_t k;

    do
        k = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (k < 0 && errno == EINTR);
    if (k < 0)
        return -errno;
    size_t got = collect_fds(&msg, nfds ? fds : NULL);
    if (msg.msg_flags & MSG_TRUNC) {
        while (got > 0)
            fd_close(&fds[--got]);
        k = -EMSGSIZE;
    }
    if (nfds)
        *nfds = got;
    return k;
}

static int copy_into(int out, int in) {
    off_t at = 0; /* explicit offset: the source's own position stays where it is */

    for (;;) {
        ssize_t k = sendfile(out, in, &at, (size_t)1 << 30);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0 && (errno == EINVAL || errno == ENOSYS))
            break; /* a file system without splice */
        if (k < 0)
            return -errno;
        if (k == 0)
            return 0;
    }
    for (;;) {
        char buf[16384];
        ssize_t k = pread(in, buf, sizeof(buf), at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0 ? -errno : 0;
        int r = io_write_all(out, buf, (size_t)k);
        if (r < 0)
            return r;
        at += k;
    }
}

int io_sealed_copy(int fd, const char *name) {
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL; /* pipes and devices have no end that can be relied on */
    /* Hosts with vm.memfd_noexec want to be told that this one is to be run; old kernels refuse
     * the flag they do not know. */
    AUTO_FD int out = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (out < 0 && errno == EINVAL)
        out = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (out < 0)
        return -errno;
    int r = copy_into(out, fd);
    if (r < 0)
        return r;
    if (lseek(out, 0, SEEK_SET) < 0 ||
        fcntl(out, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return -errno;
    return TAKE_FD(out);
}

int io_random(void *p, size_t n) {
    unsigned char *to = p;

    while (n > 0) {
        ssize_t k = getrandom(to, n, 0);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return -errno;
        to += k;
        n -= (size_t)k;
    }
    return 0;
}
