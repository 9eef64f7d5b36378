/* SPDX-License-Identifier: Apache-2.0 */
/* The merged tree without a mount, by overlayfs' rules. */
#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "store/snapshot.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cmocka.h>

struct world {
    char dir[64];
    int fd;
    struct arena *a;
    struct snapshot sn; /* three layers: top, mid, low */
};

static void put(struct world *w, const char *path, const char *text) {
    char parent[256];
    str_copy(parent, sizeof(parent), path);
    *strrchr(parent, '/') = '\0';
    assert_int_equal(path_mkdir_p(w->fd, parent, 0755), 0);
    assert_int_equal(io_replace_file(w->fd, path, text, strlen(text), 0644, false), 0);
}

static void put_link(struct world *w, const char *path, const char *target) {
    assert_int_equal(symlinkat(target, w->fd, path), 0);
}

static void put_whiteout(struct world *w, const char *path) {
    assert_int_equal(mknodat(w->fd, path, S_IFCHR, makedev(0, 0)), 0);
}

static void put_opaque(struct world *w, const char *path) {
    char full[256];
    snprintf(full, sizeof(full), "%s/%s", w->dir, path);
    assert_int_equal(setxattr(full, "user.overlay.opaque", "y", 1, 0), 0);
}

static int setup(void **state) {
    static const char *const layers[] = {"top", "mid", "low"};
    struct world *w = calloc(1, sizeof(*w));
    str_copy(w->dir, sizeof(w->dir), "/tmp/hako-snap-XXXXXX");
    if (!mkdtemp(w->dir))
        return -1;
    w->fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w->a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(layers); i++) {
        mkdirat(w->fd, layers[i], 0755);
        strlist_addf(w->a, &w->sn.lower, "%s/%s", w->dir, layers[i]);
    }
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

/* What the file says, or "-errno". */
static const char *say(struct world *w, const char *path) {
    AUTO_STR struct str s = STR_INIT(0);
    AUTO_FD int fd = snapshot_open_file(&w->sn, path);
    if (fd < 0)
        return arena_printf(w->a, "%d", fd);
    assert_int_equal(io_read_fd(fd, &s), 0);
    return arena_strdup(w->a, str_c(&s));
}

static const char *number(struct world *w, int n) {
    return arena_printf(w->a, "%d", n);
}

static void test_topmost(void **state) {
    struct world *w = *state;
    put(w, "low/etc/passwd", "low");
    put(w, "mid/etc/group", "mid");
    put(w, "low/etc/group", "low");
    put(w, "top/etc/passwd", "top");
    assert_string_equal(say(w, "/etc/passwd"), "top");
    assert_string_equal(say(w, "etc/group"), "mid");
    assert_string_equal(say(w, "//etc/./../etc/group"), "mid");
    assert_string_equal(say(w, "/etc/none"), number(w, -ENOENT));
    assert_string_equal(say(w, "/etc"), number(w, -EISDIR));
    assert_string_equal(say(w, "/etc/group/x"), number(w, -ENOTDIR));
}

static void test_upper_first(void **state) {
    struct world *w = *state;
    put(w, "low/etc/passwd", "low");
    put(w, "upper/etc/passwd", "changed");
    w->sn.upper = arena_printf(w->a, "%s/upper", w->dir);
    assert_string_equal(say(w, "/etc/passwd"), "changed");
    w->sn.upper = arena_printf(w->a, "%s/not-there", w->dir);
    assert_string_equal(say(w, "/etc/passwd"), "low");
}

static void test_whiteouts(void **state) {
    struct world *w = *state;
    put(w, "low/etc/passwd", "low");
    put(w, "low/gone/file", "low");
    put(w, "mid/etc/other", "mid");
    put_whiteout(w, "mid/etc/passwd");
    put_whiteout(w, "mid/gone");
    assert_string_equal(say(w, "/etc/passwd"), number(w, -ENOENT));
    assert_string_equal(say(w, "/gone/file"), number(w, -ENOENT));
    put(w, "top/gone/new", "top"); /* a directory again: nothing shines through from low */
    assert_string_equal(say(w, "/gone/new"), "top");
    assert_string_equal(say(w, "/gone/file"), number(w, -ENOENT));
}

static void test_opaque(void **state) {
    struct world *w = *state;
    put(w, "low/d/old", "low");
    put(w, "mid/d/new", "mid");
    put_opaque(w, "mid/d");
    put(w, "top/d/newer", "top");
    assert_string_equal(say(w, "/d/old"), number(w, -ENOENT));
    assert_string_equal(say(w, "/d/new"), "mid");
    assert_string_equal(say(w, "/d/newer"), "top");
}

static void test_file_over_directory(void **state) {
    struct world *w = *state;
    put(w, "low/x/inner", "low");
    put(w, "top/x", "file");
    put(w, "low/y", "file");
    put(w, "top/y/inner", "top");
    assert_string_equal(say(w, "/x"), "file");
    assert_string_equal(say(w, "/x/inner"), number(w, -ENOTDIR));
    assert_string_equal(say(w, "/y/inner"), "top");
}

static void test_symlinks(void **state) {
    struct world *w = *state;
    put(w, "low/usr/etc/passwd", "usr");
    put(w, "low/real", "real");
    put_link(w, "mid/etc", "usr/etc");
    put_link(w, "top/abs", "/usr/etc/passwd");
    put_link(w, "low/usr/up", "../real");
    put_link(w, "low/out", "../../../../../../etc/hostname");
    put_link(w, "low/loop", "loop");
    put_link(w, "low/nowhere", "/none");
    assert_string_equal(say(w, "/etc/passwd"), "usr");
    assert_string_equal(say(w, "/abs"), "usr");
    assert_string_equal(say(w, "/usr/up"), "real");
    assert_string_equal(say(w, "/etc/../real"), number(w, -ENOENT)); /* "..": of usr/etc */
    assert_string_equal(say(w, "/out"), number(w, -ENOENT));         /* "/" is the snapshot */
    assert_string_equal(say(w, "/loop"), number(w, -ELOOP));
    assert_string_equal(say(w, "/nowhere"), number(w, -ENOENT));
    /* a link in a lower layer beneath a directory above it does not count */
    assert_int_equal(path_mkdir_p(w->fd, "top/etc", 0755), 0);
    assert_string_equal(say(w, "/etc/passwd"), number(w, -ENOENT));
}

static void test_special(void **state) {
    struct world *w = *state;
    assert_int_equal(mkfifoat(w->fd, "top/pipe", 0644), 0);
    assert_string_equal(say(w, "/pipe"), number(w, -EINVAL)); /* and does not block */
    char name[600];
    memset(name, 'a', sizeof(name));
    name[599] = '\0';
    assert_string_equal(say(w, name), number(w, -ENAMETOOLONG));
}

static struct image image_of(struct world *w, const char *digits) {
    struct image img = {.size = 0};
    img.config.n_diff_ids = strlen(digits);
    img.config.diff_ids = arena_array(w->a, strlen(digits) + 1, struct digest);
    for (size_t i = 0; digits[i]; i++) {
        str_copy(img.config.diff_ids[i].s, 8, "sha256:");
        memset(img.config.diff_ids[i].s + 7, digits[i], 64);
    }
    return img;
}

static void test_prepare(void **state) {
    struct world *w = *state;
    struct store s;
    struct err e;
    struct stat st;
    struct snapshot sn;
    assert_int_equal(store_open(w->fd, w->dir, false, w->a, &s, &e), 0);
    struct image img = image_of(w, "aba");
    assert_int_equal(mkdirat(w->fd, "box", 0700), 0);
    AUTO_FD int box = openat(w->fd, "box", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(snapshot_prepare(&s, &img, box, "/c/box", w->a, &sn, &e) < 0);
    assert_int_equal(e.kind, ERR_CORRUPT);
    for (size_t i = 0; i < 2; i++) {
        struct layer_writer lw;
        assert_int_equal(layer_begin(&s, &img.config.diff_ids[i], &lw, &e), 0);
        assert_int_equal(fchmod(lw.dirfd, 0751), 0);
        assert_int_equal(layer_commit(&s, &img.config.diff_ids[i], &lw, 0, &e), 0);
    }
    assert_int_equal(snapshot_prepare(&s, &img, box, "/c/box", w->a, &sn, &e), 0);
    assert_int_equal(sn.lower.n, 2); /* the twin below adds nothing */
    assert_non_null(strstr(sn.lower.v[0], "/layers/aaaa"));
    assert_non_null(strstr(sn.lower.v[1], "/layers/bbbb"));
    assert_string_equal(sn.upper, "/c/box/upper");
    assert_int_equal(fstatat(box, "upper", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0751);
    assert_int_equal(fstatat(box, "work", &st, 0), 0);
    /* an image without layers still has a root */
    img = image_of(w, "");
    assert_int_equal(mkdirat(w->fd, "bare", 0700), 0);
    AUTO_FD int bare = openat(w->fd, "bare", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(snapshot_prepare(&s, &img, bare, "/c/bare", w->a, &sn, &e), 0);
    assert_int_equal(sn.lower.n, 1);
    assert_int_equal(stat(sn.lower.v[0], &st), 0);
    store_close(&s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(test_topmost), T(test_upper_first),         T(test_whiteouts), T(test_opaque),
        T(test_special), T(test_file_over_directory), T(test_symlinks),  T(test_prepare),
    };
    return cmocka_run_group_tests_name("store/snapshot", tests, NULL, NULL);
}
