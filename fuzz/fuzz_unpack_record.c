/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary steps as a layer's record: the input is compressed first, for nothing else would get
 * behind the frame; with an odd first byte it stands as it is. */
#include "base/io.h"
#include "store/record.h"

#include <string.h>
#include <sys/mman.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fuzz_file(const uint8_t *data, size_t size) {
    static const char head[16] = "hakorec1";
    char out[1 << 17];
    int fd = memfd_create("record", MFD_CLOEXEC);
    size_t n = size ? ZSTD_compress(out, sizeof(out), data + 1, size - 1, 1) : 0;
    if (fd < 0 || ZSTD_isError(n))
        return fd;
    (void)io_write_all(fd, head, sizeof(head));
    if (size && data[0] & 1)
        (void)io_write_all(fd, data + 1, size - 1);
    else
        (void)io_write_all(fd, out, n);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static int fuzz_raw(struct record_reader *r, const struct record_step *step, struct err *e) {
    char buf[1000];
    int code = 0;
    uint64_t left = step->n;
    while (code == 0 && left > 0) {
        size_t got = 0;
        code = record_bytes(r, buf, sizeof(buf), &got, e);
        if (code == 0 && (got == 0 || got > left))
            __builtin_trap();
        left -= got;
    }
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct record_reader *r = NULL;
    struct record_step step;
    struct err e;
    err_clear(&e);
    int fd = size < 1 << 16 ? fuzz_file(data, size) : -1;
    if (fd < 0 || record_open(fd, &r, &e) < 0)
        return 0;
    memset(&step, 0, sizeof(step));
    for (;;) {
        int code = record_next(r, &step, &e);
        if (code == 0 && step.kind == RECORD_END)
            break;
        if (code == 0 && step.kind == RECORD_PAYLOAD && strlen(step.path) >= sizeof(step.path))
            __builtin_trap();
        if (code == 0 && step.kind == RECORD_RAW)
            code = fuzz_raw(r, &step, &e);
        if (code < 0 && e.msg[0] == '\0')
            __builtin_trap();
        if (code < 0)
            break;
    }
    record_close(r);
    return 0;
}
