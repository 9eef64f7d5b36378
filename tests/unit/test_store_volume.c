/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "store/volume.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct world {
    char dir[64];
    int fd;
    struct arena *a;
    struct err e;
    struct volume v;
    bool created;
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    str_copy(w->dir, sizeof(w->dir), "/tmp/hako-volume-XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    w->fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w->a = arena_new();
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    fd_close(&w->fd);
    arena_free(w->a);
    int r = path_remove_tree(AT_FDCWD, w->dir);
    free(w);
    return r;
}

static int ensure(struct world *w, const char *name) {
    struct rt_kv labels[] = {{(char[]){"a"}, (char[]){"1"}}, {(char[]){"b"}, NULL}};
    struct volume_want want = {.name = name, .labels = labels, .n_labels = 2};
    return volume_ensure(w->fd, w->dir, &want, w->a, &w->v, &w->created, &w->e);
}

static void test_names(void **state) {
    static const char *const good[] = {"ab", "A_b.c-9", "0x"};
    static const char *const bad[] = {"", "a", ".ab", "-ab", "_a", "a/b", "..", "a b", "a\xc3\xa9"};
    struct err e;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(volume_check_name(good[i], &e), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(volume_check_name(bad[i], &e) < 0);
        assert_int_equal(e.kind, ERR_USAGE);
    }
}

static void test_ensure(void **state) {
    struct world *w = *state;
    struct stat st;
    assert_int_equal(ensure(w, "data"), 0);
    assert_true(w->created);
    assert_false(w->v.anonymous);
    char path[128];
    snprintf(path, sizeof(path), "%s/volumes/data/data", w->dir);
    assert_string_equal(w->v.path, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(w->v.n_labels, 2);
    assert_string_equal(w->v.labels[0].value, "1");
    assert_string_equal(w->v.labels[1].value, "");
    assert_true(w->v.created_ns > 0);
    assert_int_equal(ensure(w, "data"), 0);
    assert_false(w->created);
    assert_true(ensure(w, "../x") < 0);
    assert_int_equal(w->e.kind, ERR_USAGE);
}

static void test_anonymous(void **state) {
    struct world *w = *state;
    assert_int_equal(ensure(w, NULL), 0);
    assert_true(w->created);
    assert_true(w->v.anonymous);
    assert_int_equal(strlen(w->v.name), VOLUME_NAME_LEN);
    char *first = w->v.name;
    assert_int_equal(ensure(w, NULL), 0);
    assert_string_not_equal(first, w->v.name);
}

static void test_list_and_find(void **state) {
    struct world *w = *state;
    struct volume *v;
    size_t n = 9;
    assert_int_equal(volume_list(w->fd, w->dir, w->a, &v, &n, &w->e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(ensure(w, "zz"), 0);
    assert_int_equal(ensure(w, "aa"), 0);
    assert_int_equal(mkdirat(w->fd, "volumes/.new-dead", 0700), 0);
    assert_int_equal(mkdirat(w->fd, "volumes/stray", 0700), 0); /* no meta.json: no volume */
    assert_int_equal(volume_list(w->fd, w->dir, w->a, &v, &n, &w->e), 0);
    assert_int_equal(n, 2);
    assert_string_equal(v[0].name, "aa");
    assert_int_equal(volume_find(w->fd, w->dir, "zz", w->a, &w->v, &w->e), 0);
    assert_true(volume_find(w->fd, w->dir, "none", w->a, &w->v, &w->e) < 0);
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
    assert_string_equal(w->e.msg, "no such volume: none");
    /* the dead one goes when the next is made */
    assert_int_equal(ensure(w, "mm"), 0);
    assert_int_equal(faccessat(w->fd, "volumes/.new-dead", F_OK, 0), -1);
}

static const char *busy(const char *volume, void *data) {
    (void)volume;
    return data;
}

static void test_remove(void **state) {
    struct world *w = *state;
    char holder[] = "c0ffee";
    assert_int_equal(ensure(w, "data"), 0);
    assert_int_equal(mkdirat(w->fd, "volumes/data/data/deep", 0755), 0);
    assert_true(volume_remove(w->fd, "data", busy, holder, &w->e) < 0);
    assert_int_equal(w->e.kind, ERR_CONFLICT);
    assert_string_equal(w->e.msg, "remove data: volume is in use - [c0ffee]");
    assert_int_equal(volume_remove(w->fd, "data", busy, NULL, &w->e), 0);
    assert_int_equal(faccessat(w->fd, "volumes/data", F_OK, 0), -1);
    assert_true(volume_remove(w->fd, "data", NULL, NULL, &w->e) < 0);
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
    assert_true(volume_remove(w->fd, "../data", NULL, NULL, &w->e) < 0);
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
    struct stat st;
    assert_int_equal(fstatat(w->fd, "volumes", &st, 0), 0);
    assert_int_equal(st.st_nlink, 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), T(test_ensure), T(test_anonymous),
        T(test_list_and_find),        T(test_remove),
    };
    return cmocka_run_group_tests_name("store/volume", tests, NULL, NULL);
}
