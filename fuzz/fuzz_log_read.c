/* SPDX-License-Identifier: Apache-2.0 */
/* A container's log, damaged in any way: reading ends, tail of everything is everything, and each
 * shorter tail is an end of it. First byte: where two rotated files part. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/str.h"
#include "monitor/log_read.h"
#include "monitor/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int directory(void) {
    static int fd = -1;
    static char path[] = "/dev/shm/hako-fuzz-log-XXXXXX";
    if (fd < 0 && mkdtemp(path))
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

static void put(int dir, const char *name, const uint8_t *p, size_t n) {
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || io_write_all(fd, p, n) < 0)
        abort();
    close(fd);
}

static int add(void *to, const struct log_piece *p) {
    if (p->stream != 1 && p->stream != 2)
        abort();
    return str_addn(to, p->text, p->len);
}

static void tail_is_an_end(int dir, int64_t n, const struct str *all, bool one_stream) {
    AUTO_STR struct str some = STR_INIT(0);
    struct log_query q = {.tail = n, .no_stderr = one_stream};
    struct err e;
    if (log_read(dir, &q, add, &some, &e) < 0 || some.len > all->len)
        abort();
    /* with two streams, lines in pieces may be told apart from their neighbours */
    if (one_stream && !str_ends(str_c(all), str_c(&some)) && strlen(str_c(all)) == all->len)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int dir = directory();
    if (size < 1 || dir < 0)
        return 0;
    size_t part = MIN_OF((size_t)data[0] * 4, size - 1);
    put(dir, MON_LOG ".1", data + 1, part);
    put(dir, MON_LOG, data + 1 + part, size - 1 - part);
    for (int one = 0; one < 2; one++) {
        AUTO_STR struct str all = STR_INIT(0), again = STR_INIT(0);
        struct log_query q = {.tail = -1, .no_stderr = one},
                         most = {.tail = INT64_MAX, .no_stderr = one};
        struct err e;
        if (log_read(dir, &q, add, &all, &e) < 0 || log_read(dir, &most, add, &again, &e) < 0 ||
            all.len != again.len || (all.len && memcmp(all.s, again.s, all.len) != 0))
            abort();
        for (int64_t n = 0; n < 4; n++)
            tail_is_an_end(dir, n, &all, one);
    }
    return 0;
}
