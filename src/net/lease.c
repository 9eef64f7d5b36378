/* SPDX-License-Identifier: Apache-2.0 */
#include "net/lease.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/*
 * <netdir>/leases/10.77.0.5 → container id. symlink(2) is the whole protocol: it makes the name
 * and says who holds it in one step, and the second of two takers gets EEXIST. `.next` remembers
 * where to go on: a hint that may be lost or wrong, and that keeps a freed address idle as long
 * as there are fresh ones.
 */
#define DIR_NAME "leases"
#define NEXT_NAME DIR_NAME "/.next"
/* The id of a container that is just being made may not be known to in_use() yet. */
#define YOUNG_SECONDS 60

struct taker {
    int netdir, next; /* fd of .next; -1 = not open */
    const char *id;
    bool (*in_use)(const char *id, void *data);
    void *data;
};

int lease_path(const struct lease *l, char *buf, size_t size) {
    struct in_addr a = {htonl(l->address)};
    char text[INET_ADDRSTRLEN];

    if (!inet_ntop(AF_INET, &a, text, sizeof(text)))
        return -errno;
    return (size_t)snprintf(buf, size, DIR_NAME "/%s", text) < size ? 0 : -ENAMETOOLONG;
}

static void name_link(const char *id, char ifname[16]) {
    /* Ten digits of the id: the kernel allows 15 bytes, attach may append a letter. */
    snprintf(ifname, 16, "hk%.10s", id);
}

static void fill(struct lease *l, uint32_t address, const char *id) {
    *l = (struct lease){.address = address, .mac = {0x02, 0x42}};
    uint32_t be = htonl(address);
    memcpy(l->mac + 2, &be, sizeof(be));
    name_link(id, l->ifname);
}

/* Is the holder of this lease gone? */
static bool is_stale(const struct taker *t, const char *path) {
    char id[128];
    struct stat st;
    struct timespec now;
    ssize_t n = readlinkat(t->netdir, path, id, sizeof(id) - 1);

    if (n < 0)
        return false;
    id[n] = '\0';
    if (fstatat(t->netdir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    clock_gettime(CLOCK_REALTIME, &now);
    if (st.st_mtime <= now.tv_sec && now.tv_sec - st.st_mtime < YOUNG_SECONDS)
        return false;
    return !t->in_use(id, t->data);
}

/* Take a dead container's address over. Two that try meet at the lock; the second finds the
 * lease young. 0, -EEXIST (not stale after all), -errno. */
static int take_over(const struct taker *t, const char *path) {
    if (!is_stale(t, path))
        return -EEXIST;
    while (flock(t->next, LOCK_EX) < 0)
        if (errno != EINTR)
            return -errno;
    int r = -EEXIST;
    if (is_stale(t, path)) {
        unlinkat(t->netdir, path, 0);
        r = symlinkat(t->id, t->netdir, path) < 0 ? -errno : 0;
    }
    flock(t->next, LOCK_UN);
    return r;
}

static int try_address(const struct taker *t, uint32_t address, struct lease *ret) {
    struct lease l;
    char path[32];

    fill(&l, address, t->id);
    int r = lease_path(&l, path, sizeof(path));
    if (r < 0)
        return r;
    r = symlinkat(t->id, t->netdir, path) < 0 ? -errno : 0;
    if (r == -EEXIST)
        r = take_over(t, path);
    if (r == 0)
        *ret = l;
    return r;
}

static int open_next(int netdir, struct err *e) {
    int fd = openat(netdir, NEXT_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0 && errno == ENOENT) {
        if (mkdirat(netdir, DIR_NAME, 0755) < 0 && errno != EEXIST)
            return err_sys(e, "cannot make hako's lease directory");
        fd = openat(netdir, NEXT_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    }
    return fd < 0 ? err_sys(e, "cannot open hako's lease directory") : fd;
}

int lease_take(int netdir, const struct network *n, const char *id,
               bool (*in_use)(const char *id, void *data), void *data, struct lease *ret,
               struct err *e) {
    uint32_t hosts = (UINT32_C(1) << (32 - n->prefix)) - 2; /* 1 … hosts, gateway included */
    uint32_t at = 0;
    AUTO_FD int next = open_next(netdir, e);
    struct taker t = {.netdir = netdir, .next = next, .id = id, .in_use = in_use, .data = data};

    if (next < 0)
        return next;
    if (pread(next, &at, sizeof(at), 0) != sizeof(at) || at < 1 || at > hosts)
        at = 1;
    for (uint32_t i = 0; i < hosts; i++) {
        uint32_t address = n->subnet + at;
        at = at % hosts + 1;
        if (address == n->gateway)
            continue;
        int r = try_address(&t, address, ret);
        if (r == -EEXIST)
            continue;
        if (r < 0)
            return err_sysn(e, r, "cannot reserve an address on network %s", n->name);
        if (pwrite(next, &at, sizeof(at), 0) < 0)
            return 0; /* a hint only */
        return 0;
    }
    return err_set(e, ERR_NO_SPACE, -EADDRNOTAVAIL,
                   "no address left on network %s (%u boxes): remove some containers", n->name,
                   hosts - 1);
}

int lease_drop(int netdir, const struct network *n, const struct lease *l) {
    char path[32];
    int r = lease_path(l, path, sizeof(path));

    if (r < 0)
        return r;
    return unlinkat(netdir, path, 0) < 0 && errno != ENOENT ? -errno : 0;
}

void lease_sweep(int netdir, bool (*in_use)(const char *id, void *data), void *data) {
    int fd = openat(netdir, DIR_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);

    if (!dir) {
        fd_close(&fd);
        return;
    }
    for (struct dirent *d; (d = readdir(dir));) {
        char id[128];
        ssize_t n = readlinkat(fd, d->d_name, id, sizeof(id) - 1);
        if (n < 0)
            continue;
        id[n] = '\0';
        if (!in_use(id, data))
            unlinkat(fd, d->d_name, 0);
    }
    closedir(dir);
}
