/* SPDX-License-Identifier: Apache-2.0 */
/* The index of tar archives, and docker's manifest.json. */
#include "base/io.h"
#include "registry/source_bag.h"
#include "registry/tarindex.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

struct world {
    struct arena *a;
    struct err e;
    int fd;
    uint64_t size;
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    w->a = arena_new();
    w->fd = memfd_create("tar", MFD_CLOEXEC);
    *state = w;
    return w->a && w->fd >= 0 ? 0 : -1;
}

static int teardown(void **state) {
    struct world *w = *state;
    arena_free(w->a);
    close(w->fd);
    free(w);
    return 0;
}

/* One header and its body, padded. */
static void add(struct world *w, char type, const char *name, const char *link, const char *body,
                size_t n) {
    unsigned char h[512] = {0};
    static const unsigned char zeros[512];
    unsigned sum = 0;
    snprintf((char *)h, 100, "%s", name);
    snprintf((char *)h + 124, 12, "%011zo", n);
    h[156] = (unsigned char)type;
    snprintf((char *)h + 157, 100, "%s", link);
    memcpy(h + 257, "ustar", 6);
    memset(h + 148, ' ', 8);
    for (size_t i = 0; i < sizeof(h); i++)
        sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum);
    assert_int_equal(io_write_all(w->fd, h, sizeof(h)), 0);
    if (n)
        assert_int_equal(io_write_all(w->fd, body, n), 0);
    if (n % 512)
        assert_int_equal(io_write_all(w->fd, zeros, 512 - n % 512), 0);
    w->size += 512 + (n + 511) / 512 * 512;
}

static struct tar_index indexed(struct world *w) {
    struct tar_index t;
    assert_int_equal(tarindex_read(w->fd, w->size, "test", 1000, w->a, &t, &w->e), 0);
    return t;
}

static void test_files(void **state) {
    struct world *w = *state;
    add(w, '0', "./b", "", "two", 3);
    add(w, '5', "d/", "", "", 0);
    add(w, '0', "d/a", "", "one!", 4);
    struct tar_index t = indexed(w);
    assert_int_equal(t.n, 2);
    assert_int_equal(tarindex_find(&t, "b")->size, 3);
    assert_int_equal(tarindex_find(&t, "b")->at, 512);
    assert_int_equal(tarindex_find(&t, "d/a")->at, 512 + 512 + 512 + 512);
    assert_null(tarindex_find(&t, "d"));
    assert_null(tarindex_find(&t, "c"));
}

static void test_last_of_a_name_counts(void **state) {
    struct world *w = *state;
    add(w, '0', "x", "", "1", 1);
    add(w, '0', "x", "", "22", 2);
    struct tar_index t = indexed(w);
    assert_int_equal(tarindex_find(&t, "x")->size, 2);
}

static void test_links(void **state) {
    struct world *w = *state;
    add(w, '0', "one/layer.tar", "", "abc", 3);
    add(w, '2', "two/layer.tar", "../one/layer.tar", "", 0);
    add(w, '1', "three", "one/layer.tar", "", 0);
    add(w, '2', "out", "../../../etc/passwd", "", 0);
    add(w, '2', "loop", "loop", "", 0);
    struct tar_index t = indexed(w);
    assert_int_equal(tarindex_find(&t, "two/layer.tar")->size, 3);
    assert_int_equal(tarindex_find(&t, "three")->size, 3);
    assert_null(tarindex_find(&t, "out"));
    assert_null(tarindex_find(&t, "loop"));
}

static void test_long_names(void **state) {
    struct world *w = *state;
    char name[300], pax[400];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    add(w, 'L', "././@LongLink", "", name, sizeof(name));
    add(w, '0', "short", "", "x", 1);
    int n = 3 + 1 + 5 + 1 + (int)sizeof(name) - 1 + 1; /* of a record with a length of 3 digits */
    assert_int_equal(snprintf(pax, sizeof(pax), "%d path=p%s\n", n, name), n);
    add(w, 'x', "pax", "", pax, (size_t)n);
    add(w, '0', "short", "", "yy", 2);
    struct tar_index t = indexed(w);
    assert_int_equal(tarindex_find(&t, name)->size, 1);
    char longer[302];
    snprintf(longer, sizeof(longer), "p%s", name);
    assert_int_equal(tarindex_find(&t, longer)->size, 2);
    assert_null(tarindex_find(&t, "short"));
}

static void test_damaged(void **state) {
    struct world *w = *state;
    struct tar_index t;
    add(w, '0', "x", "", "1234", 4);
    assert_int_equal(tarindex_read(w->fd, 514, "test", 10, w->a, &t, &w->e), -EBADMSG);
    assert_int_equal(w->e.kind, ERR_CORRUPT);
    assert_int_equal(tarindex_read(w->fd, w->size, "test", 0, w->a, &t, &w->e), -E2BIG);
    assert_int_equal(pwrite(w->fd, "y", 1, 3), 1);
    assert_int_equal(tarindex_read(w->fd, w->size, "test", 10, w->a, &t, &w->e), -EBADMSG);
}

static void test_manifest(void **state) {
    struct world *w = *state;
    struct docker_item *v;
    size_t n;
    static const char good[] =
        "[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"b:2\"],"
        "\"Layers\":[\"l/layer.tar\"]},{\"Config\":\"d\",\"RepoTags\":null}]";
    assert_int_equal(source_docker_parse(good, strlen(good), "m", w->a, &v, &n, &w->e), 0);
    assert_int_equal(n, 2);
    assert_string_equal(v[0].config, "c.json");
    assert_string_equal(v[0].names.v[1], "b:2");
    assert_string_equal(v[0].layers.v[0], "l/layer.tar");
    assert_int_equal(v[1].names.n + v[1].layers.n, 0);
    static const char *const bad[] = {
        "{}", "[]", "[1]", "[{}]", "[{\"Config\":\"\"}]", "[{\"Config\":\"c\",\"Layers\":[1]}]",
        "x"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_true(source_docker_parse(bad[i], strlen(bad[i]), "m", w->a, &v, &n, &w->e) < 0);
        assert_int_equal(w->e.kind, ERR_CORRUPT);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_files),   T(test_last_of_a_name_counts),
        T(test_links),   T(test_long_names),
        T(test_damaged), T(test_manifest),
    };
    return cmocka_run_group_tests_name("registry/archive", tests, NULL, NULL);
}
