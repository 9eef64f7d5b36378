/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes as a layer, into a directory in /tmp. Beside it lies a witness that no layer may
 * touch. Owners and devices are the system's affair: run it as anybody.
 */
#include "base/path.h"
#include "store/unpack.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_unpack(int dirfd, const uint8_t *data, size_t size) {
    struct unpack *u = NULL;
    struct unpack_result res;
    struct err e;
    const struct unpack_want want = {
        .dirfd = dirfd, .userxattr = true, .max_bytes = 4 << 20, .max_entries = 2000};
    int r = unpack_start(&want, &u, &e);
    /* The pieces come from the data as well: splits are part of the input. */
    for (size_t at = 0; r == 0 && at < size;) {
        size_t n = MIN_OF((size_t)data[at] * 37 + 1, size - at);
        r = unpack_feed(u, data + at, n, &e);
        at += n;
    }
    if (r == 0)
        r = unpack_finish(u, &res, &e);
    if (r < 0 && (e.code == 0 || e.msg[0] == '\0'))
        __builtin_trap();
    unpack_free(u);
}

static void fuzz_witness(int dir) {
    struct stat st;
    if (fstatat(dir, "witness", &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_size != 0 ||
        st.st_mode != (S_IFREG | 0600) || st.st_nlink != 1)
        __builtin_trap();
    if (fstat(dir, &st) < 0 || st.st_nlink != 3 || (st.st_mode & 07777) != 0700)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[] = "/tmp/hako-fuzz-XXXXXX";
    if (!mkdtemp(path))
        return 0;
    AUTO_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FD int witness = openat(dir, "witness", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    mkdirat(dir, "layer", 0755);
    AUTO_FD int layer = openat(dir, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0 && witness >= 0 && layer >= 0) {
        fuzz_unpack(layer, data, size);
        fuzz_witness(dir);
    }
    path_remove_tree(AT_FDCWD, path);
    return 0;
}
