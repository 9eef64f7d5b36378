/* SPDX-License-Identifier: Apache-2.0 */
/* References, images, layers and their collection, on a store in /tmp. */
#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "store/staging.h"
#include "store/store.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

struct world {
    char dir[64];
    int fd;
    struct arena *a;
    struct store s;
    struct err e;
    struct strlist report;
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    str_copy(w->dir, sizeof(w->dir), "/tmp/hako-store-XXXXXX");
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

/* "sha256:" and 64 times the digit. */
static struct digest id_of(char digit) {
    struct digest d = {"sha256:"};
    memset(d.s + 7, digit, 64);
    return d;
}

static void add_layer(struct world *w, char digit) {
    struct digest d = id_of(digit);
    struct layer_writer lw;
    assert_int_equal(layer_begin(&w->s, &d, &lw, &w->e), 0);
    AUTO_FD int fd = openat(lw.dirfd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(io_write_all(fd, &digit, 1), 0);
    assert_int_equal(layer_commit(&w->s, &d, &lw, 1000, &w->e), 0);
}

/* Image `id` of these layers ("ab" = layers a and b), under a reference or none. */
static int add_image(struct world *w, char id, const char *layers, const char *name) {
    struct str config = STR_INIT(0);
    struct ref ref;
    str_add(&config, "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"sh\"]},"
                     "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[");
    for (const char *p = layers; *p; p++)
        str_addf(&config, "%s\"%s\"", p == layers ? "" : ",", id_of(*p).s);
    str_add(&config, "]}}");
    if (name)
        assert_int_equal(ref_parse(name, w->a, &ref, &w->e), 0);
    struct image_commit c = {.ref = name ? &ref : NULL,
                             .manifest = "{}",
                             .manifest_len = 2,
                             .config = config.s,
                             .config_len = config.len,
                             .manifest_digest = id_of('e'),
                             .repo_digest = id_of('e'),
                             .config_digest = id_of(id),
                             .size = 1000 * strlen(layers)};
    int r = image_commit(&w->s, &c, &w->e);
    str_free(&config);
    return r;
}

static bool find(struct world *w, const char *name, char id) {
    struct image img;
    if (image_find(&w->s, name, w->a, &img, &w->e) < 0)
        return false;
    struct digest d = id_of(id);
    return digest_eq(&img.id, &d);
}

static bool has_layer(struct world *w, char digit) {
    struct digest d = id_of(digit);
    return layer_present(&w->s, &d);
}

static int rmi(struct world *w, const char *name, bool force) {
    w->report = (struct strlist){NULL, 0, 0};
    return image_remove(&w->s, name, force, NULL, NULL, w->a, &w->report, &w->e);
}

/* Directories in tmp/: things being made. */
static int count_tmp(struct world *w) {
    struct stat st;
    assert_int_equal(fstat(w->s.tmpfd, &st), 0);
    return (int)st.st_nlink - 2;
}

static void test_layers(void **state) {
    struct world *w = *state;
    struct layer_writer lw;
    struct digest d = id_of('a');
    uint64_t size = 0;
    assert_false(has_layer(w, 'a'));
    add_layer(w, 'a');
    assert_true(has_layer(w, 'a'));
    assert_int_equal(layer_size(&w->s, &d, &size), 0);
    assert_int_equal(size, 1000);
    assert_int_equal(layer_begin(&w->s, &d, &lw, &w->e), 1); /* there already */
    d = id_of('b');
    assert_int_equal(layer_begin(&w->s, &d, &lw, &w->e), 0);
    layer_abort(&w->s, &lw);
    assert_false(has_layer(w, 'b'));
    assert_int_equal(count_tmp(w), 0);
}

/* Two processes want the same layer: the second waits and finds it done. */
static void test_layer_once(void **state) {
    struct world *w = *state;
    struct layer_writer lw;
    struct digest d = id_of('a');
    assert_int_equal(layer_begin(&w->s, &d, &lw, &w->e), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct layer_writer mine;
        close(lw.lockfd); /* the copy would keep the lock */
        _exit(layer_begin(&w->s, &d, &mine, &w->e) == 1 ? 0 : 1);
    }
    assert_int_equal(layer_commit(&w->s, &d, &lw, 1, &w->e), 0);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* What a dead process left goes with the next store_open, what a living one works on stays. */
static void test_sweep(void **state) {
    struct world *w = *state;
    struct layer_writer dead, living;
    struct digest a = id_of('a'), b = id_of('b');
    struct store again;
    assert_int_equal(layer_begin(&w->s, &a, &dead, &w->e), 0);
    assert_int_equal(layer_begin(&w->s, &b, &living, &w->e), 0);
    assert_int_equal(mkdirat(dead.dirfd, "deep", 0700), 0);
    assert_int_equal(count_tmp(w), 2);
    fd_close(&dead.dirfd);
    fd_close(&dead.lockfd); /* as a kill would */
    assert_int_equal(store_open(w->fd, w->dir, true, w->a, &again, &w->e), 0);
    assert_int_equal(count_tmp(w), 1);
    assert_int_equal(layer_commit(&again, &b, &living, 1, &w->e), 0);
    assert_true(has_layer(w, 'b'));
    store_close(&again);
    assert_int_equal(count_tmp(w), 0);
}

static void test_find(void **state) {
    struct world *w = *state;
    add_layer(w, 'a');
    assert_int_equal(add_image(w, '1', "a", "debian:12"), 0);
    assert_int_equal(add_image(w, '2', "a", "localhost:5000/x/y"), 0);
    assert_int_equal(add_image(w, '3', "a", NULL), 0);
    assert_true(find(w, "debian:12", '1'));
    assert_true(find(w, "docker.io/library/debian:12", '1'));
    assert_false(find(w, "debian", '1'));
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
    assert_string_equal(w->e.msg, "No such image: debian");
    assert_true(find(w, "localhost:5000/x/y:latest", '2'));
    assert_true(find(w, "3333", '3'));
    assert_true(find(w, "sha256:33", '3'));
    assert_true(find(w, id_of('2').s, '2'));
    assert_true(find(w, id_of('1').s + 7, '1'));
    char pinned[200];
    snprintf(pinned, sizeof(pinned), "debian@%s", id_of('e').s);
    assert_true(find(w, pinned, '1'));
    assert_false(find(w, "UPPER case", '1'));
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
}

static void test_ambiguous(void **state) {
    struct world *w = *state;
    add_layer(w, 'a');
    assert_int_equal(add_image(w, '1', "a", NULL), 0);
    assert_int_equal(renameat(w->s.imagesfd, id_of('1').s + 7, w->s.imagesfd,
                              "11110000000000000000000000000000"
                              "00000000000000000000000000000000"),
                     0);
    assert_int_equal(add_image(w, '1', "a", NULL), 0);
    assert_false(find(w, "11", '1'));
    assert_int_equal(w->e.kind, ERR_CONFLICT);
    assert_true(find(w, "11111", '1'));
}

/* A tag that looks like an id is a tag. */
static void test_tag_before_id(void **state) {
    struct world *w = *state;
    add_layer(w, 'a');
    assert_int_equal(add_image(w, '1', "a", "aaaa"), 0);
    assert_int_equal(add_image(w, 'a', "a", NULL), 0);
    assert_true(find(w, "aaaa", '1'));
    assert_true(find(w, "aaa", 'a'));
}

static void test_list(void **state) {
    struct world *w = *state;
    struct image *v;
    size_t n;
    add_layer(w, 'a');
    add_layer(w, 'b');
    assert_int_equal(image_list(&w->s, w->a, &v, &n, &w->e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(add_image(w, '1', "ab", "one:a"), 0);
    assert_int_equal(add_image(w, '1', "ab", "one:b"), 0);
    assert_int_equal(add_image(w, '2', "b", "two"), 0);
    assert_int_equal(image_list(&w->s, w->a, &v, &n, &w->e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(v[0].refs.n, 2);
    assert_string_equal(v[0].refs.v[0], "docker.io/library/one:a");
    assert_int_equal(v[0].digests.n, 1);
    assert_true(str_starts(v[0].digests.v[0], "docker.io/library/one@sha256:eee"));
    assert_int_equal(v[0].size, 2000);
    assert_true(v[0].pulled_ns > 0);
    assert_string_equal(v[0].config.cmd.v[0], "sh");
}

static void test_retag(void **state) {
    struct world *w = *state;
    struct image img;
    struct ref ref;
    add_layer(w, 'a');
    assert_int_equal(add_image(w, '1', "a", "app"), 0);
    assert_int_equal(add_image(w, '2', "a", "app"), 0); /* takes the name over */
    assert_true(find(w, "app", '2'));
    assert_true(find(w, "1111", '1'));
    assert_int_equal(image_find(&w->s, "1111", w->a, &img, &w->e), 0);
    assert_int_equal(ref_parse("other:v1", w->a, &ref, &w->e), 0);
    assert_int_equal(image_tag(&w->s, &img, &ref, &w->e), 0);
    assert_true(find(w, "other:v1", '1'));
    assert_int_equal(image_describe(&w->s, w->a, &img, &w->e), 0);
    assert_int_equal(img.refs.n, 1);
}

static void test_commit_needs_layers(void **state) {
    struct world *w = *state;
    add_layer(w, 'a');
    assert_true(add_image(w, '1', "ab", "x") < 0);
    assert_int_equal(w->e.kind, ERR_CORRUPT);
    assert_false(find(w, "x", '1'));
    assert_int_equal(count_tmp(w), 0);
}

static void test_remove(void **state) {
    struct world *w = *state;
    add_layer(w, 'a');
    add_layer(w, 'b');
    add_layer(w, 'c');
    assert_int_equal(add_image(w, '1', "ab", "one"), 0);
    assert_int_equal(add_image(w, '2', "ac", "two:x"), 0);
    assert_int_equal(add_image(w, '2', "ac", "two:y"), 0);
    assert_int_equal(rmi(w, "two:x", false), 0);
    assert_int_equal(w->report.n, 1);
    assert_string_equal(w->report.v[0], "Untagged: two:x");
    assert_true(find(w, "two:y", '2'));
    assert_int_equal(rmi(w, "two:y", false), 0);
    assert_int_equal(w->report.n, 4); /* tag, digest, image, layer c */
    assert_true(str_starts(w->report.v[1], "Untagged: two@sha256:eee"));
    assert_true(str_starts(w->report.v[2], "Deleted: sha256:222"));
    assert_true(str_starts(w->report.v[3], "Deleted: sha256:ccc"));
    assert_true(has_layer(w, 'a')); /* image 1 needs it */
    assert_false(has_layer(w, 'c'));
    assert_int_equal(rmi(w, "1111", false), 0); /* by id, one repository */
    assert_false(has_layer(w, 'a'));
    assert_false(has_layer(w, 'b'));
    assert_true(rmi(w, "one", false) < 0);
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
    assert_int_equal(count_tmp(w), 0);
}

static void test_remove_by_digest(void **state) {
    struct world *w = *state;
    char pinned[200];
    snprintf(pinned, sizeof(pinned), "one@%s", id_of('e').s);
    add_layer(w, 'a');
    assert_int_equal(add_image(w, '1', "a", "one"), 0);
    assert_int_equal(rmi(w, pinned, false), 0); /* the tag keeps it */
    assert_true(find(w, "one", '1'));
    assert_int_equal(rmi(w, "one", false), 0);
    assert_int_equal(add_image(w, '1', "", pinned), 0); /* a digest gives no tag */
    assert_false(find(w, "one", '1'));
    assert_int_equal(rmi(w, pinned, false), 0);
    assert_false(find(w, "1111", '1'));
}

static void test_remove_id_of_several(void **state) {
    struct world *w = *state;
    add_layer(w, 'a');
    assert_int_equal(add_image(w, '1', "a", "one"), 0);
    assert_int_equal(add_image(w, '1', "a", "two"), 0);
    assert_true(rmi(w, "1111", false) < 0);
    assert_int_equal(w->e.kind, ERR_CONFLICT);
    assert_non_null(strstr(w->e.msg, "multiple repositories"));
    assert_int_equal(rmi(w, "1111", true), 0);
    assert_false(find(w, "one", '1'));
}

static const char *busy(const char *image_id, void *data) {
    return strcmp(image_id, data) == 0 ? "c0ffee" : NULL;
}

static void test_remove_in_use(void **state) {
    struct world *w = *state;
    struct digest d = id_of('1');
    struct strlist report = {NULL, 0, 0};
    add_layer(w, 'a');
    assert_int_equal(add_image(w, '1', "a", "one"), 0);
    assert_true(image_remove(&w->s, "one", false, busy, d.s, w->a, &report, &w->e) < 0);
    assert_int_equal(w->e.kind, ERR_CONFLICT);
    assert_non_null(strstr(w->e.msg, "c0ffee"));
    assert_true(find(w, "one", '1'));
    assert_int_equal(image_remove(&w->s, "one", true, busy, d.s, w->a, &report, &w->e), 0);
    assert_false(find(w, "one", '1'));
    assert_true(find(w, "1111", '1')); /* nameless, whole */
    assert_true(has_layer(w, 'a'));
}

/* While a pull runs its layers have no image: they stay, and go with the next removal. */
static void test_gc_spares_pulls(void **state) {
    struct world *w = *state;
    AUTO_FD int pulling = -1;
    add_layer(w, 'a');
    add_layer(w, 'b');
    assert_int_equal(add_image(w, '1', "a", "one"), 0);
    assert_int_equal(add_image(w, '2', "", "two"), 0);
    assert_int_equal(store_pulling(&w->s, &pulling, &w->e), 0);
    assert_int_equal(rmi(w, "one", false), 0);
    assert_true(has_layer(w, 'a'));
    assert_true(has_layer(w, 'b'));
    fd_close(&pulling);
    assert_int_equal(rmi(w, "two", false), 0);
    assert_false(has_layer(w, 'a'));
    assert_false(has_layer(w, 'b'));
}

/* An image that cannot be read stops gc: better garbage than loss. */
static void test_gc_is_careful(void **state) {
    struct world *w = *state;
    char path[200];
    add_layer(w, 'a');
    add_layer(w, 'b');
    assert_int_equal(add_image(w, '1', "a", "one"), 0);
    assert_int_equal(add_image(w, '2', "b", "two"), 0);
    snprintf(path, sizeof(path), "%s/config", id_of('1').s + 7);
    assert_int_equal(io_replace_file(w->s.imagesfd, path, "garbage", 7, 0644, false), 0);
    assert_true(rmi(w, "two", false) < 0);
    assert_int_equal(w->e.kind, ERR_CORRUPT);
    assert_true(has_layer(w, 'a'));
}

static void test_locks(void **state) {
    struct world *w = *state;
    AUTO_FD int one = -1;
    AUTO_FD int two = -1;
    assert_int_equal(store_lock(&w->s, false, &one, &w->e), 0);
    assert_int_equal(store_lock(&w->s, false, &two, &w->e), 0);
    fd_close(&two);
    AUTO_FD int raw = openat(w->s.rootfd, "lock", O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(raw, LOCK_EX | LOCK_NB), -1);
    fd_close(&one);
    assert_int_equal(flock(raw, LOCK_EX | LOCK_NB), 0);
}

static void test_long_reference(void **state) {
    struct world *w = *state;
    char name[400];
    memset(name, 'a', sizeof(name));
    memcpy(name, "host.example/", 13);
    name[200] = ':';
    name[320] = '\0';
    add_layer(w, 'a');
    assert_true(add_image(w, '1', "a", name) < 0);
    assert_int_equal(w->e.kind, ERR_USAGE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_layers),
        T(test_layer_once),
        T(test_sweep),
        T(test_find),
        T(test_ambiguous),
        T(test_tag_before_id),
        T(test_list),
        T(test_retag),
        T(test_commit_needs_layers),
        T(test_remove),
        T(test_remove_by_digest),
        T(test_remove_id_of_several),
        T(test_remove_in_use),
        T(test_gc_spares_pulls),
        T(test_gc_is_careful),
        T(test_locks),
        T(test_long_reference),
    };
    return cmocka_run_group_tests_name("store/image", tests, NULL, NULL);
}
