/* SPDX-License-Identifier: Apache-2.0 */
/* A new root by moving it over the old one, which stays beneath: for ramdisks, where pivot_root(2)
 * cannot be. */
#include "sys/mount.h"

#include "sys/syscalls.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MOVE_MS_NOSUID 2
#define MOVE_MS_NODEV 4
#define MOVE_MS_NOEXEC 8
#define MOVE_MS_RDONLY 1

struct lines {
    int fd;
    size_t at, len;
    char chunk[1024];
};

/* The next line, without its end; what does not fit is cut. False at the end. */
static bool next_line(struct lines *l, char *line, size_t size) {
    size_t n = 0;
    for (;;) {
        if (l->at == l->len) {
            ssize_t got = read(l->fd, l->chunk, sizeof(l->chunk));
            if (got <= 0)
                break;
            l->at = 0;
            l->len = (size_t)got;
        }
        char c = l->chunk[l->at++];
        if (c == '\n') {
            line[n] = 0;
            return true;
        }
        if (n + 1 < size)
            line[n++] = c;
    }
    line[n] = 0;
    return n > 0;
}

/* "\040" is a space. */
static void unescape(char *s) {
    char *out = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
            *out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *out++ = *s;
        }
    }
    *out = 0;
}

/* The mount point, when this line is a procfs or sysfs; in place. */
static char *kernel_mount(char *line) {
    char *type = strstr(line, " - ");
    if (!type || (strncmp(type + 3, "proc ", 5) != 0 && strncmp(type + 3, "sysfs ", 6) != 0))
        return NULL;
    char *path = line;
    for (int i = 0; i < 4 && path; i++) {
        path = strchr(path, ' ');
        path = path ? path + 1 : NULL;
    }
    if (!path)
        return NULL;
    path[strcspn(path, " ")] = 0;
    unescape(path);
    return path;
}

static bool lies_beneath(const char *path, const char *root) {
    size_t n = strlen(root);
    return strncmp(path, root, n) == 0 && (path[n] == 0 || path[n] == '/');
}

/* What may not be taken away (locked by a user namespace) is covered. */
static int take_away(const char *path) {
    if (sys_umount2(path, SYS_MNT_DETACH) == 0 || errno == ENOENT)
        return 0;
    unsigned long flags = MOVE_MS_NOSUID | MOVE_MS_NODEV | MOVE_MS_NOEXEC | MOVE_MS_RDONLY;
    return sys_mount("tmpfs", path, "tmpfs", flags, NULL) < 0 ? -errno : 0;
}

static int take_kernel_mounts(int root, int proc) {
    char name[32], at[4096], line[4352];
    snprintf(name, sizeof(name), "self/fd/%d", root);
    ssize_t n = readlinkat(proc, name, at, sizeof(at) - 1);
    if (n < 0)
        return -errno;
    at[n] = 0;
    struct lines l = {.fd = openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC)};
    if (l.fd < 0)
        return -errno;
    int r = 0;
    while (r == 0 && next_line(&l, line, sizeof(line))) {
        const char *path = kernel_mount(line);
        if (path && !lies_beneath(path, at))
            r = take_away(path);
    }
    close(l.fd);
    return r;
}

int mount_move_root(int root, int proc) {
    int r = take_kernel_mounts(root, proc);
    if (r < 0)
        return r;
    if (sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return -errno;
    return fchdir(root) < 0 || chroot(".") < 0 || chdir("/") < 0 ? -errno : 0;
}
