/* SPDX-License-Identifier: Apache-2.0 */
/* Pruning, sizes, the catalog and what is kept beside layers, on a store in /tmp. */
#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "store/catalog.h"
#include "store/prune.h"
#include "store/usage.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

struct world {
    char dir[64];
    int fd;
    struct arena *a;
    struct store s;
    struct err e;
    struct strlist report;
    uint64_t freed;
    const char *used; /* image in use */
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    str_copy(w->dir, sizeof(w->dir), "/tmp/hako-prune-XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    w->fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w->a = arena_new();
    *state = w;
    return store_open(w->fd, w->dir, true, w->a, &w->s, &w->e);
}

static int teardown(void **state) {
    struct world *w = *state;
    store_close(&w->s);
    fd_close(&w->fd);
    arena_free(w->a);
    int r = path_remove_tree(AT_FDCWD, w->dir);
    free(w);
    return r;
}

static struct digest id_of(unsigned n) {
    struct digest d;
    snprintf(d.s, sizeof(d.s), "sha256:%064x", n);
    return d;
}

static void add_layer(struct world *w, unsigned n, uint64_t size) {
    struct digest d = id_of(n);
    struct layer_writer lw;
    assert_int_equal(layer_begin(&w->s, &d, &lw, &w->e), 0);
    assert_int_equal(layer_commit(&w->s, &d, &lw, size, &w->e), 0);
}

/* Image of layers `first` to `last`, created in `year`; `more` is JSON for its config. */
static void add_image(struct world *w, unsigned id, unsigned first, unsigned last, int year,
                      const char *more, const char *name) {
    AUTO_STR struct str config = STR_INIT(0);
    struct ref ref;
    str_addf(&config,
             "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"%d-01-01T00:00:00Z\","
             "\"config\":{%s},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
             year, more);
    for (unsigned i = first; i <= last; i++)
        str_addf(&config, "%s\"%s\"", i == first ? "" : ",", id_of(i).s);
    str_add(&config, "]}}");
    if (name)
        assert_int_equal(ref_parse(name, w->a, &ref, &w->e), 0);
    const struct image_commit c = {.ref = name ? &ref : NULL,
                                   .config = config.s,
                                   .config_len = config.len,
                                   .config_digest = id_of(id),
                                   .size = 100};
    assert_int_equal(image_commit(&w->s, &c, &w->e), 0);
}

static const char *in_use(const char *image_id, void *data) {
    const struct world *w = data;
    return w->used && strcmp(w->used, image_id) == 0 ? "box" : NULL;
}

static int prune(struct world *w, struct prune_want want) {
    w->report = (struct strlist){NULL, 0, 0};
    want.in_use = in_use;
    want.data = w;
    return prune_images(&w->s, &want, w->a, &w->report, &w->freed, &w->e);
}

static size_t images(struct world *w) {
    struct image *v;
    size_t n;
    assert_int_equal(image_list(&w->s, w->a, &v, &n, &w->e), 0);
    return n;
}

static bool has_layer(struct world *w, unsigned n) {
    struct digest d = id_of(n);
    return layer_present(&w->s, &d);
}

/* Layers 1 (10), 2 (20), 3 (40): tagged has 1 and 2, dangling has 1 and 3. */
static void two_images(struct world *w) {
    add_layer(w, 1, 10);
    add_layer(w, 2, 20);
    add_layer(w, 3, 40);
    add_image(w, 101, 1, 2, 2020, "\"Labels\":{\"keep\":\"yes\",\"a\":\"b\"}", "app:1");
    add_image(w, 103, 1, 1, 2010, "", NULL);
    add_image(w, 102, 3, 3, 2024, "", NULL);
}

static void test_dangling(void **state) {
    struct world *w = *state;
    two_images(w);
    assert_int_equal(prune(w, (struct prune_want){.dry_run = true}), 0);
    assert_int_equal(w->freed, 40);
    assert_int_equal(images(w), 3);
    assert_int_equal(prune(w, (struct prune_want){.all = false}), 0);
    assert_int_equal(w->freed, 40);
    assert_int_equal(images(w), 1);
    assert_true(has_layer(w, 1));
    assert_false(has_layer(w, 3));
    assert_int_equal(w->report.n, 3); /* two images and a layer */
    assert_int_equal(prune(w, (struct prune_want){.all = true}), 0);
    assert_int_equal(w->freed, 30);
    assert_int_equal(images(w), 0);
    assert_false(has_layer(w, 1));
}

static void test_in_use(void **state) {
    struct world *w = *state;
    struct digest used = id_of(101);
    two_images(w);
    w->used = used.s;
    assert_int_equal(prune(w, (struct prune_want){.all = true}), 0);
    assert_int_equal(images(w), 1);
    assert_true(has_layer(w, 2));
}

static void test_filters(void **state) {
    struct world *w = *state;
    int64_t when;
    two_images(w);
    const struct prune_label keep = {"keep", "yes", true}, other = {"keep", "no", false};
    assert_int_equal(str_from_rfc3339("2015-01-01T00:00:00Z", &when), 0);
    assert_int_equal(prune(w, (struct prune_want){.all = true, .labels = &other, .n_labels = 1}),
                     0);
    assert_int_equal(images(w), 3);
    assert_int_equal(prune(w, (struct prune_want){.all = true, .before_ns = when}), 0);
    assert_int_equal(images(w), 2);
    assert_int_equal(prune(w, (struct prune_want){.all = true, .labels = &keep, .n_labels = 1}), 0);
    assert_int_equal(images(w), 1);
    assert_true(has_layer(w, 2));
}

/* The oldest go until the rest is small enough. */
static void test_watermark(void **state) {
    struct world *w = *state;
    two_images(w); /* 70 bytes; the first is pulled first */
    assert_int_equal(prune(w, (struct prune_want){.all = true, .keep_bytes = 70}), 0);
    assert_int_equal(images(w), 3);
    assert_int_equal(prune(w, (struct prune_want){.all = true, .keep_bytes = 50}), 0);
    assert_int_equal(images(w), 2);
    assert_int_equal(w->freed, 20);
    assert_true(has_layer(w, 1));
    assert_false(has_layer(w, 2));
}

static void test_waits_for_pulls(void **state) {
    struct world *w = *state;
    AUTO_FD int pulling = -1;
    two_images(w);
    assert_int_equal(store_pulling(&w->s, &pulling, &w->e), 0);
    assert_int_equal(prune(w, (struct prune_want){.all = true}), 0);
    assert_int_equal(w->freed, 0);
    assert_true(has_layer(w, 3));
    fd_close(&pulling);
    assert_int_equal(prune(w, (struct prune_want){.all = true}), 0);
    assert_int_equal(w->freed, 70);
    assert_false(has_layer(w, 3));
}

static void test_usage(void **state) {
    struct world *w = *state;
    struct usage u;
    two_images(w);
    add_layer(w, 4, 80); /* nobody's */
    assert_int_equal(usage_read(&w->s, w->a, &u, &w->e), 0);
    assert_int_equal(u.n, 3);
    assert_int_equal(u.layers, 4);
    assert_int_equal(u.layer_bytes, 150);
    assert_string_equal(u.images[1].image.id.s, id_of(101).s); /* newest first */
    assert_int_equal(u.images[1].unique, 20);
    assert_int_equal(u.images[1].shared, 10);
    assert_int_equal(u.images[0].unique, 40);
    assert_int_equal(u.images[0].shared, 0);
}

/* As if the last change were long ago. */
static void rest(struct world *w) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= 10;
    const struct timespec times[2] = {now, now};
    assert_int_equal(futimens(w->s.imagesfd, times), 0);
    assert_int_equal(futimens(w->s.refsfd, times), 0);
}

static bool catalogued(struct world *w, struct image **v, size_t *n) {
    return catalog_read(&w->s, w->a, v, n) == 0;
}

static void test_catalog(void **state) {
    struct world *w = *state;
    struct image *v, *again;
    size_t n, m;
    char name[40];
    add_layer(w, 1, 10);
    add_layer(w, 2, 10);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "app%u:1", i);
        add_image(w, 100 + i, 1, 2, 1990 + (int)i, "\"Labels\":{\"k\":\"v\"}", name);
    }
    assert_int_equal(image_list(&w->s, w->a, &v, &n, &w->e), 0);
    assert_false(catalogued(w, &again, &m)); /* too fresh to trust times */
    rest(w);
    assert_int_equal(image_list(&w->s, w->a, &v, &n, &w->e), 0);
    assert_true(catalogued(w, &again, &m));
    assert_int_equal(n, 40);
    assert_int_equal(m, 40);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(v[i].id.s, again[i].id.s);
        assert_string_equal(v[i].refs.v[0], again[i].refs.v[0]);
        assert_string_equal(v[i].config.created, again[i].config.created);
        assert_string_equal(v[i].config.labels[0].value, again[i].config.labels[0].value);
        assert_string_equal(v[i].config.diff_ids[1].s, again[i].config.diff_ids[1].s);
        assert_string_equal(v[i].config.platform.arch, again[i].config.platform.arch);
        assert_int_equal(v[i].size, again[i].size);
        assert_int_equal(v[i].pulled_ns, again[i].pulled_ns);
    }
    struct ref ref;
    assert_int_equal(ref_parse("new:tag", w->a, &ref, &w->e), 0);
    assert_int_equal(image_tag(&w->s, &v[0], &ref, &w->e), 0);
    assert_false(catalogued(w, &again, &m));
    assert_int_equal(image_list(&w->s, w->a, &again, &m, &w->e), 0);
    assert_int_equal(again[0].refs.n, 2);
    rest(w);
    assert_int_equal(image_list(&w->s, w->a, &again, &m, &w->e), 0);
    add_image(w, 100, 1, 2, 1990, "", "app0:1"); /* the same image, described anew */
    assert_false(catalogued(w, &again, &m));
}

static void test_broken_catalog(void **state) {
    struct world *w = *state;
    struct image *v;
    size_t n;
    AUTO_STR struct str text = STR_INIT(0);
    add_layer(w, 1, 10);
    for (unsigned i = 0; i < 40; i++)
        add_image(w, 100 + i, 1, 1, 2000, "", NULL);
    rest(w);
    assert_int_equal(images(w), 40);
    assert_int_equal(io_read_file(w->s.rootfd, "catalog", &text), 0);
    for (size_t cut = 0; cut < text.len; cut += 97) { /* never more than was written, no crash */
        AUTO_FD int fd = openat(w->s.rootfd, "catalog", O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(io_write_all(fd, text.s, cut), 0);
        assert_int_equal(catalog_read(&w->s, w->a, &v, &n), 1);
    }
    assert_int_equal(images(w), 40);
}

static void test_blobs(void **state) {
    struct world *w = *state;
    struct digest d = id_of(1);
    struct layer_blob *v;
    size_t n;
    add_layer(w, 1, 10);
    assert_int_equal(layer_blobs(&w->s, &d, w->a, &v, &n, &w->e), 0);
    assert_int_equal(n, 0);
    for (unsigned i = 0; i < 30; i++) {
        const struct layer_blob b = {id_of(1000 + i), i, i % 2 ? "type/x" : "", i % 3 ? "r/x" : ""};
        assert_int_equal(layer_blob_add(&w->s, &d, &b, &w->e), 0);
    }
    assert_int_equal(layer_blobs(&w->s, &d, w->a, &v, &n, &w->e), 0);
    assert_int_equal(n, 16); /* the last ones, newest first */
    assert_string_equal(v[0].digest.s, id_of(1029).s);
    assert_string_equal(v[0].media_type, "type/x");
    assert_string_equal(v[0].repo, "r/x");
    assert_string_equal(v[5].repo, ""); /* 1024 */
    assert_int_equal(v[5].size, 24);
    assert_int_equal(layer_blob_add(&w->s, &d, &v[5], &w->e), 0); /* again: moves to the front */
    assert_int_equal(layer_blobs(&w->s, &d, w->a, &v, &n, &w->e), 0);
    assert_string_equal(v[0].digest.s, id_of(1024).s);
    assert_string_equal(v[1].digest.s, id_of(1029).s);
    assert_int_equal(n, 16);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_dangling),       T(test_in_use), T(test_filters),
        T(test_watermark),      T(test_usage),  T(test_catalog),
        T(test_broken_catalog), T(test_blobs),  T(test_waits_for_pulls),
    };
    return cmocka_run_group_tests_name("store/prune", tests, NULL, NULL);
}
