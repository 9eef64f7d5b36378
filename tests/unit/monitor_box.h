/* SPDX-License-Identifier: Apache-2.0 */
/* A box on the fake machine behind a real hako-monitor, for the monitor's tests. No root needed. */
#pragma once

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "machine/machine.h"
#include "monitor/bundle.h"
#include "monitor/client.h"
#include "monitor/log_read.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h> /* cmocka wants them before itself */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define BOX_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct box {
    char root[64]; /* a data directory as the engine lays it out */
    int dirfd;
    int sock;
    const char *shell;
    struct mon_settings settings;
};

static inline struct box box_new(void) {
    struct box b = {
        .root = "/tmp/hako-test-monitor-XXXXXX", .dirfd = -1, .sock = -1, .shell = "/bin/sh"};
    static const char *const dirs[] = {
        "containers", "names", "tmp", "net", "net/leases", "volumes", "containers/" BOX_ID};
    char path[PATH_MAX];

    assert_non_null(mkdtemp(b.root));
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
        snprintf(path, sizeof(path), "%s/%s", b.root, dirs[i]);
        assert_int_equal(mkdir(path, 0700), 0);
        b.dirfd = i + 1 < ARRAY_SIZE(dirs) ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    assert_true(b.dirfd >= 0);
    str_copy(b.settings.id, sizeof(b.settings.id), BOX_ID);
    str_copy(b.settings.isolation, sizeof(b.settings.isolation), "fake");
    str_copy(b.settings.name, sizeof(b.settings.name), "box");
    b.settings.keep_logs = 1;
    snprintf(path, sizeof(path), "%s/names/box", b.root);
    assert_int_equal(symlink(BOX_ID, path), 0);
    return b;
}

static inline int box_monitor_program(void) {
    const char *build = getenv("HAKO_TEST_BUILDDIR");
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/hako-monitor", build ? build : "build");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        print_error("%s: %s\n", path, strerror(errno));
    assert_true(fd >= 0);
    return fd;
}

/* /bin/sh -c script, as a plan: what the fake machine runs. Lives in *a. */
struct box_plan {
    void *p;
    size_t len;
};

static inline struct box_plan box_plan(struct arena *a, const char *shell, const char *script,
                                       bool exec, bool tty) {
    char *dir = arena_strdup(a, "/");
    struct rt_namespace ns[] = {{.type = RT_NS_MOUNT}, {.type = RT_NS_PID}};
    struct rt_spec spec = {
        .has_process = true, .root_path = dir, .namespaces = ns, .n_namespaces = ARRAY_SIZE(ns)};
    struct root_recipe root = {.kind = ROOT_DIR, .dir = dir};
    struct plan_host host = {.rootless = true};
    struct rt_process *proc = &spec.process;
    struct box_plan plan = {0};
    struct err e = {0};

    proc->terminal = tty;
    proc->cwd = dir;
    assert_int_equal(strlist_add(a, &proc->args, shell), 0);
    assert_int_equal(strlist_add(a, &proc->args, "-c"), 0);
    assert_int_equal(strlist_add(a, &proc->args, script), 0);
    assert_int_equal(strlist_add(a, &proc->env, "PATH=/usr/bin:/bin"), 0);
    int r = exec ? plan_build_exec(&spec, proc, &host, a, &plan.p, &plan.len, &e)
                 : plan_build(&spec, &root, &host, a, &plan.p, &plan.len, &e);
    if (r < 0)
        print_error("%s\n", e.msg);
    assert_int_equal(r, 0);
    return plan;
}

static inline void box_write_bundle(const struct box *b, const char *script) {
    AUTO_ARENA struct arena *a = arena_new();
    struct box_plan plan = box_plan(a, b->shell, script, false, b->settings.tty);
    struct err e = {0};

    assert_int_equal(bundle_write(b->dirfd, &b->settings, plan.p, plan.len, NULL, 0, &e), 0);
}

/* The monitor runs and has been told BOOT. */
static inline void box_spawn(struct box *b, const char *script) {
    AUTO_FD int program = box_monitor_program();
    struct mon_spawn s = {.monitor_fd = program,
                          .dirfd = b->dirfd,
                          .userns_fd = -1,
                          .host_netns = -1,
                          .holder_conn = -1};
    struct err e = {0};

    box_write_bundle(b, script);
    if (mon_spawn(&s, &b->sock, &e) < 0)
        print_error("%s\n", e.msg);
    assert_int_equal(e.code, 0);
}

static inline void box_send(int sock, struct mon_msg m, const int *fds, size_t nfds) {
    struct err e = {0};
    assert_int_equal(mon_send(sock, &m, NULL, fds, nfds, &e), 0);
}

static inline struct mon_msg box_recv(int sock, uint32_t word) {
    struct mon_msg m = {0};
    struct err e = {0};

    if (mon_recv(sock, &m, NULL, 0, NULL, NULL, now_mono_ns() + INT64_C(20000000000), &e) < 0)
        print_error("%s\n", e.msg);
    assert_int_equal(e.code, 0);
    assert_int_equal(m.word, word);
    return m;
}

static inline void box_go(struct box *b) {
    box_send(b->sock, (struct mon_msg){.word = MON_GO, .flags = MON_F_START}, NULL, 0);
    box_recv(b->sock, MON_CREATED);
    box_recv(b->sock, MON_STARTED);
}

/* Hand over descriptors (-1 = none) and close them here. */
static inline void box_attach(int sock, int in, int out, int err) {
    int all[3] = {in, out, err}, fds[3];
    struct mon_msg m = {.word = MON_ATTACH};
    size_t n = 0;

    for (unsigned i = 0; i < 3; i++)
        if (all[i] >= 0) {
            m.flags |= (uint32_t)MON_F_STDIN << i;
            fds[n++] = all[i];
        }
    box_send(sock, m, fds, n);
    for (size_t i = 0; i < n; i++)
        close(fds[i]);
    box_recv(sock, MON_OK);
}

static inline int box_exited(int sock) {
    return box_recv(sock, MON_EXITED).arg;
}

static inline int box_connect(struct box *b) {
    struct err e = {0};
    int sock = -1;

    if (mon_connect(b->dirfd, &sock, &e) < 0)
        print_error("%s\n", e.msg);
    assert_true(sock >= 0);
    return sock;
}

static inline bool box_has(const struct box *b, const char *path) {
    char full[PATH_MAX];
    struct stat st;

    snprintf(full, sizeof(full), "%s/%s", b->root, path);
    return lstat(full, &st) == 0;
}

static inline void box_free(struct box *b) {
    mon_wait_unlocked(b->dirfd);
    fd_close(&b->sock);
    fd_close(&b->dirfd);
    path_remove_tree(AT_FDCWD, b->root);
}

/* Everything until EOF. */
static inline void box_slurp(int fd, struct str *to) {
    assert_int_equal(io_read_fd(fd, to), 0);
    close(fd);
}
