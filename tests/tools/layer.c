/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers in a store, without the command:
 *
 *   layer DATADIR add FILE…           unpack and commit; prints "<diff id> <size> <skipped>" each
 *   layer DATADIR pack DIFFID         the exact tar to stdout
 *   layer DATADIR diff DIRECTORY      the tar of an overlay upper directory to stdout
 *   layer DATADIR export DIR…         the merged tree of these, topmost first, to stdout
 *   layer DATADIR changes UPPER LOWER… lines "A /path", "C /path", "D /path"
 *   layer DATADIR adopt LIST          additional stores
 *   layer DATADIR check [--repair]    what store/check.h says, one line per finding
 * A failure prints "<kind>: <message>" to stderr and leaves with 1.
 */
#include "base/io.h"
#include "store/add.h"
#include "store/adopt.h"
#include "store/check.h"
#include "store/pack.h"
#include "store/snapshot_diff.h"
#include "store/snapshot_tar.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static char piece[256 << 10];

static int fail(const struct err *e) {
    fprintf(stderr, "%s: %s\n", err_kind_name(e->kind), e->msg);
    return 1;
}

static int add_one(const struct store *s, const char *path, struct err *e) {
    const struct add_want want = {.max_bytes = (uint64_t)4 << 30};
    struct unpack_result res;
    struct add *a = NULL;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "%s", path);
    int r = add_begin(s, &want, &a, e);
    ssize_t n = 1;
    while (r == 0 && (n = io_read_full(fd, piece, sizeof(piece))) > 0)
        r = add_feed(a, piece, (size_t)n, e);
    if (r == 0)
        r = n < 0 ? err_sysn(e, (int)n, "%s", path) : add_finish(a, &res, e);
    add_free(a);
    if (r == 0)
        printf("%s %llu %llu\n", res.diff_id.s, (unsigned long long)res.size,
               (unsigned long long)res.skipped);
    return r;
}

static int pack_one(const struct store *s, const char *name, struct err *e) {
    struct digest id;
    struct pack *p = NULL;
    int r = digest_parse(name, "argument", &id, e);
    if (r == 0)
        r = pack_open(s, &id, &p, e);
    size_t n = 1;
    uint64_t sum = 0;
    while (r == 0 && n > 0) {
        r = pack_read(p, piece, sizeof(piece), &n, e);
        if (r == 0 && (r = io_write_all(1, piece, n)) < 0)
            err_sysn(e, r, "stdout");
        sum += n;
    }
    if (r == 0 && sum != pack_size(p))
        r = err_set(e, ERR_INTERNAL, -EIO, "the record has another size");
    pack_free(p);
    return r;
}

static int to_stdout(void *data, const void *p, size_t n, struct err *e) {
    int r = io_write_all(1, p, n);
    (void)data;
    return r < 0 ? err_sysn(e, r, "stdout") : 0;
}

static const struct tar_sink out = {to_stdout, NULL};

static int diff(const char *path, struct err *e) {
    AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const struct snapshot_tar_options o = {0};
    return fd < 0 ? err_sys(e, "%s", path) : snapshot_tar_diff(fd, &o, &out, e);
}

static int export(char **dirs, size_t n, struct err *e) {
    const struct snapshot sn = {.lower = {dirs, n, n}};
    const struct snapshot_tar_options o = {0};
    return snapshot_tar_export(&sn, &o, &out, e);
}

static int print_change(enum snapshot_change kind, const char *path, void *data, struct err *e) {
    (void)data;
    (void)e;
    printf("%c %s\n", "CAD"[kind], path);
    return 0;
}

static int changes(char **dirs, size_t n, struct err *e) {
    const struct snapshot sn = {.upper = dirs[0], .lower = {dirs + 1, n - 1, n - 1}};
    const struct snapshot_tar_options o = {0};
    return snapshot_diff(&sn, &o, print_change, NULL, e);
}

static int print_finding(const struct check_finding *f, void *data) {
    static const char *const kinds[] = {"missing", "damaged", "changed", "unrecorded",
                                        "unused",  "broken",  "dangling"};
    (void)data;
    printf("%s %s %s%s: %s\n", kinds[f->kind], f->what, f->pull ? f->pull : "-",
           f->repaired ? " repaired" : "", f->why);
    return 0;
}

static int check(const struct store *s, bool repair, struct err *e) {
    const struct check_want want = {.repair = repair, .found = print_finding};
    struct check_result res;
    int r = check_store(s, &want, &res, e);
    if (r == 0)
        printf("%llu layers %llu images %llu refs\n", (unsigned long long)res.layers,
               (unsigned long long)res.images, (unsigned long long)res.refs);
    return r;
}

static int command(const struct store *s, int argc, char **argv, struct err *e) {
    int r = 0;
    if (argc >= 2 && strcmp(argv[0], "add") == 0) {
        for (int i = 1; r == 0 && i < argc; i++)
            r = add_one(s, argv[i], e);
        return r;
    }
    if (argc == 2 && strcmp(argv[0], "pack") == 0)
        return pack_one(s, argv[1], e);
    if (argc == 2 && strcmp(argv[0], "diff") == 0)
        return diff(argv[1], e);
    if (argc >= 2 && strcmp(argv[0], "export") == 0)
        return export(argv + 1, (size_t)argc - 1, e);
    if (argc >= 3 && strcmp(argv[0], "changes") == 0)
        return changes(argv + 1, (size_t)argc - 1, e);
    if (argc == 2 && strcmp(argv[0], "adopt") == 0)
        return adopt_stores(s, argv[1], e);
    if (argc >= 1 && strcmp(argv[0], "check") == 0)
        return check(s, argc > 1, e);
    return err_set(e, ERR_USAGE, -EINVAL, "usage: layer DATADIR add|pack|diff|export|check …");
}

int main(int argc, char **argv) {
    struct err e;
    struct store s;
    struct arena *a = arena_new();
    err_clear(&e);
    if (argc < 3 || !a)
        return 2;
    AUTO_FD int root = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = root < 0 ? err_sys(&e, "%s", argv[1])
                     : store_open(root, argv[1], geteuid() != 0, a, &s, &e);
    if (r == 0) {
        r = command(&s, argc - 2, argv + 2, &e);
        store_close(&s);
    }
    arena_free(a);
    return r < 0 ? fail(&e) : 0;
}
