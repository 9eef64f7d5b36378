/* SPDX-License-Identifier: Apache-2.0 */
/* Test groups over real boxes, as root: each test has a box of its own and must leave descriptors,
 * mounts, processes and cgroups as it found them. */
#pragma once

#include "machine_box.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mount.h>

#include <cmocka.h>

static char base[64];

#define BOX_SKIP_UNLESS_ROOT()                                                                     \
    do {                                                                                           \
        if (geteuid() != 0) {                                                                      \
            print_message("skipped: real boxes of this file need root\n");                         \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

static inline struct box *box(void **state) {
    return *state;
}

static inline int setup(void **state) {
    struct box *b = calloc(1, sizeof(*b));
    *state = b;
    if (geteuid() != 0)
        return 0;
    struct box_world before = box_world();
    int r = box_new(b, base);
    b->before = before;
    if (r < 0)
        print_error("cannot prepare a box: %s (%s)\n", b->e.msg, strerror(errno));
    return r;
}

static inline int teardown(void **state) {
    struct box *b = *state;
    if (geteuid() == 0) {
        struct cgroup_set set = {0};
        if (b->plan.h)
            plan_cgroups(&b->plan, &set);
        char *group = set.ctl[CG_PIDS] ? strdup(set.ctl[CG_PIDS]) : NULL;
        box_end(b);
        struct box_world after = box_world();
        assert_int_equal(after.fds, b->before.fds);
        assert_int_equal(after.mounts, b->before.mounts);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child */
        if (group)
            assert_int_equal(access(group, F_OK), -1);
        free(group);
    }
    free(b);
    return 0;
}

/* A mount table of our own, where no stranger's mounts come and go; shared, as many hosts' is, so
 * that a mount that escapes from a box is seen. */
static inline int group_own_mounts(void) {
    if (geteuid() != 0)
        return 0;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -1;
    return mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
}

static inline int group_setup(void **state) {
    char lower[100];
    if (group_own_mounts() < 0)
        return -1;
    str_copy(base, sizeof(base), "/tmp/hako-test-XXXXXX");
    if (!mkdtemp(base))
        return -1;
    snprintf(lower, sizeof(lower), "%s/lower", base);
    return box_make_root(lower);
}

static inline int group_teardown(void **state) {
    box_remove_cgroup_parents();
    return path_remove_tree(AT_FDCWD, base);
}

static inline void expect(struct box *b, const char *script, int code, const char *out) {
    int r = box_run(b, script);
    if (r < 0)
        print_error("%s\n", b->e.msg);
    if (r != code)
        print_error("%s\n", b->out);
    assert_int_equal(r, code);
    if (out)
        assert_string_equal(b->out, out);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
