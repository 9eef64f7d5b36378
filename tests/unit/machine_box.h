/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A box for tests: busybox as root file system and a spec like docker's default one, made by hand.
 */
#pragma once

#include "base/io.h"
#include "base/path.h"
#include "machine/machine.h"
#include "machine/plan_format.h"
#include "sys/caps.h"
#include "sys/host.h"
#include "sys/seccomp.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* What a test must leave as it found it. */
struct box_world {
    size_t fds, mounts;
};

struct box {
    struct box_world before;
    struct arena *a;
    char dir[200]; /* lower, upper, work beneath it */
    struct rt_spec spec;
    struct root_recipe root;
    struct plan_host host;
    struct cgroup_layout layout;
    struct plan plan;
    struct machine m;
    struct err e;
    char out[16384]; /* what it wrote */
};

static inline size_t box_count_lines(const char *path) {
    struct str s = STR_INIT(0);
    size_t n = 0;
    if (io_read_file(AT_FDCWD, path, &s) == 0)
        for (const char *p = str_c(&s); *p; p++)
            n += *p == '\n';
    str_free(&s);
    return n;
}

static inline struct box_world box_world(void) {
    struct box_world w = {.mounts = box_count_lines("/proc/self/mountinfo")};
    for (int fd = 0; fd < 1024; fd++)
        w.fds += fcntl(fd, F_GETFD) >= 0;
    return w;
}

static inline struct strlist box_words(struct arena *a, const char *words) {
    struct strlist l = {0};
    while (*words) {
        size_t n = strcspn(words, " ");
        strlist_add(a, &l, arena_strndup(a, words, n));
        words += n + strspn(words + n, " ");
    }
    return l;
}

static inline struct rt_caps box_caps(uint64_t caps, uint64_t ambient) {
    return (struct rt_caps){.given = true,
                            .bounding = caps,
                            .effective = caps,
                            .permitted = caps,
                            .inheritable = ambient,
                            .ambient = ambient};
}

static inline void box_mount(struct box *b, const char *dst, const char *type, const char *src,
                             const char *options) {
    struct rt_mount *v = arena_array(b->a, b->spec.n_mounts + 1, struct rt_mount);
    if (b->spec.n_mounts)
        memcpy(v, b->spec.mounts, b->spec.n_mounts * sizeof(*v));
    v[b->spec.n_mounts++] = (struct rt_mount){.destination = arena_strdup(b->a, dst),
                                              .type = arena_strdup(b->a, type),
                                              .source = arena_strdup(b->a, src),
                                              .options = box_words(b->a, options)};
    b->spec.mounts = v;
}

static inline void box_default_mounts(struct box *b) {
    box_mount(b, "/proc", "proc", "proc", "nosuid noexec nodev");
    box_mount(b, "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k");
    box_mount(b, "/dev/pts", "devpts", "devpts",
              "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5");
    box_mount(b, "/sys", "sysfs", "sysfs", "nosuid noexec nodev ro");
    box_mount(b, "/sys/fs/cgroup", "cgroup", "cgroup", "ro nosuid noexec nodev");
    box_mount(b, "/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev");
    box_mount(b, "/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=67108864");
}

static inline void box_namespaces(struct box *b, bool user) {
    static const enum rt_ns all[] = {RT_NS_PID, RT_NS_NET,    RT_NS_MOUNT, RT_NS_IPC,
                                     RT_NS_UTS, RT_NS_CGROUP, RT_NS_USER};
    b->spec.namespaces = arena_array(b->a, 7, struct rt_namespace);
    b->spec.n_namespaces = user ? 7 : 6;
    for (size_t i = 0; i < b->spec.n_namespaces; i++)
        b->spec.namespaces[i].type = all[i];
}

/* A directory tree with busybox and its links; shared by all tests of one program. */
static inline int box_make_root(const char *dir) {
    static const char *const links[] = {"sh",    "cat",   "ls",    "echo",   "id",       "hostname",
                                        "true",  "false", "sleep", "mount",  "stat",     "grep",
                                        "touch", "mkdir", "ps",    "kill",   "tty",      "stty",
                                        "env",   "pwd",   "mknod", "sysctl", "readlink", "head",
                                        "dd",    "chmod", "find",  "wc",     "test",     "umount"};
    char path[300];
    snprintf(path, sizeof(path), "%s/bin", dir);
    if (path_mkdir_p(AT_FDCWD, path, 0755) < 0)
        return -1;
    snprintf(path, sizeof(path), "%s/bin/busybox", dir);
    int in = open("/bin/busybox", O_RDONLY | O_CLOEXEC);
    int out = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0755);
    if (in < 0 || out < 0)
        return -1;
    char buf[65536];
    ssize_t n;
    while ((n = read(in, buf, sizeof(buf))) > 0)
        if (io_write_all(out, buf, (size_t)n) < 0)
            return -1;
    close(in);
    close(out);
    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        snprintf(path, sizeof(path), "%s/bin/%s", dir, links[i]);
        if (symlink("busybox", path) < 0 && errno != EEXIST)
            return -1;
    }
    static const char *const dirs[] = {"etc", "proc", "sys", "dev", "tmp", "root"};
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, dirs[i]);
        mkdir(path, 0755);
    }
    snprintf(path, sizeof(path), "%s/etc/passwd", dir);
    return io_replace_file(AT_FDCWD, path, "root:x:0:0::/root:/bin/sh\n", 26, 0644, false);
}

static inline int box_new(struct box *b, const char *base) {
    static unsigned count;
    memset(b, 0, sizeof(*b));
    b->a = arena_new();
    machine_init(&b->m, &machine_container_ops);
    snprintf(b->dir, sizeof(b->dir), "%s/box%u", base, count++);
    strlist_addf(b->a, &b->root.lower, "%s/lower", base);
    b->root.upper = arena_printf(b->a, "%s/upper", b->dir);
    b->root.work = arena_printf(b->a, "%s/work", b->dir);
    if (path_mkdir_p(AT_FDCWD, b->root.upper, 0755) < 0 ||
        path_mkdir_p(AT_FDCWD, b->root.work, 0755) < 0)
        return -1;
    struct host h;
    if (host_read(&h, &b->e) < 0 || cgroup_layout_read(b->a, &b->layout, &b->e) < 0)
        return -1;
    b->host = (struct plan_host){.rootless = h.rootless,
                                 .caps = h.caps,
                                 .last_cap = h.last_cap,
                                 .can_raise_oom = h.can_raise_oom,
                                 .can_raise_rlimits = h.can_raise_rlimits,
                                 .cgroups = &b->layout};
    struct rt_spec *s = &b->spec;
    s->has_process = true;
    s->hostname = arena_strdup(b->a, "boxhost");
    s->cgroups_path = arena_printf(b->a, "hako-test-%d/%u", getpid(), count);
    box_namespaces(b, false);
    box_default_mounts(b);
    s->masked_paths = box_words(b->a, "/proc/asound /proc/acpi /proc/kcore /proc/keys "
                                      "/proc/latency_stats /proc/timer_list /proc/timer_stats "
                                      "/proc/sched_debug /proc/scsi /sys/firmware "
                                      "/sys/devices/virtual/powercap");
    s->readonly_paths = box_words(b->a, "/proc/bus /proc/fs /proc/irq /proc/sys "
                                        "/proc/sysrq-trigger");
    uint64_t caps = CAPS_DEFAULT & h.caps;
    s->process.caps = box_caps(caps, 0);
    s->process.cwd = arena_strdup(b->a, "/");
    s->process.env = box_words(b->a, "PATH=/usr/bin:/bin HOME=/root TERM=xterm");
    const void *bpf = NULL;
    size_t len = 0;
    if (seccomp_default(-1, caps, b->a, &bpf, &len, &b->e) == 0) {
        b->host.seccomp_bpf = bpf;
        b->host.seccomp_len = len;
    }
    return 0;
}

static inline void box_command(struct box *b, const char *script) {
    struct strlist l = {0};
    strlist_add(b->a, &l, "/bin/sh");
    strlist_add(b->a, &l, "-c");
    strlist_add(b->a, &l, script);
    b->spec.process.args = l;
}

static inline int box_plan(struct box *b) {
    void *bytes;
    size_t len;
    int r = plan_build(&b->spec, &b->root, &b->host, b->a, &bytes, &len, &b->e);
    return r < 0 ? r : plan_open(bytes, len, &b->plan, &b->e);
}

static inline void box_read(int fd, char *out, size_t size) {
    size_t at = 0;
    ssize_t n;
    while (at + 1 < size && (n = read(fd, out + at, size - 1 - at)) > 0)
        at += (size_t)n;
    out[at] = 0;
    close(fd);
}

/* open … start; the box's output goes to *pipe_fd. */
static inline int box_start(struct box *b, int *pipe_fd) {
    int p[2];
    int r = box_plan(b);
    if (r < 0 || pipe2(p, O_CLOEXEC) < 0)
        return r < 0 ? r : -errno;
    struct machine_stdio io = {.fd = {-1, p[1], p[1]}};
    r = machine_open(&b->m, &b->plan, &io, &b->e);
    close(p[1]);
    if (r == 0)
        r = machine_boot(&b->m, &b->e);
    if (r == 0)
        r = machine_create(&b->m, &b->e);
    if (r == 0)
        r = machine_start(&b->m, &b->e);
    if (r < 0)
        close(p[0]);
    else
        *pipe_fd = p[0];
    return r;
}

static inline int box_wait(struct box *b) {
    struct pollfd p = {.fd = b->m.exit_fd, .events = POLLIN};
    struct machine_exit x = {0};
    if (poll(&p, 1, 20000) != 1)
        return -ETIMEDOUT;
    int r = machine_reap(&b->m, &x, &b->e);
    return r < 0 ? r : x.code;
}

static inline void box_end(struct box *b) {
    struct err e = {0};
    machine_end(&b->m, &e);
    if (b->dir[0])
        path_remove_tree(AT_FDCWD, b->dir);
    arena_free(b->a);
}

/* The common parent of this program's boxes, in every hierarchy. */
static inline void box_remove_cgroup_parents(void) {
    struct cgroup_layout l;
    struct err e;
    struct arena *a = arena_new();
    if (cgroup_layout_read(a, &l, &e) == 0) {
        for (size_t i = 0; i <= l.n_v1; i++) {
            const char *base = i < l.n_v1 ? l.v1[i].base : l.has_v2 ? l.v2.base : NULL;
            if (base)
                rmdir(arena_printf(a, "%s/hako-test-%d", base, getpid()));
        }
    }
    arena_free(a);
}

/* Run a script to its end: exit code, or negative errno with b->e; output in b->out. */
static inline int box_run(struct box *b, const char *script) {
    int fd = -1;
    if (script)
        box_command(b, script);
    int r = box_start(b, &fd);
    if (r < 0)
        return r;
    box_read(fd, b->out, sizeof(b->out));
    return box_wait(b);
}
