/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arbitrary bytes as a tar stream. Every byte that the reader takes is either told as payload or
 * given to `watch`, in order: together they are the input. What the writer makes of an entry is
 * read again as the same.
 */
#include "store/tar.h"
#include "store/tar_out.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *p;
    size_t left, seen;
    const uint8_t *begin;
};

static ssize_t input_next(void *data, const void **ret) {
    struct input *in = data;
    size_t n = in->left ? MIN_OF((size_t)in->p[0] * 7 + 1, in->left) : 0;
    *ret = in->p;
    in->p += n;
    in->left -= n;
    return (ssize_t)n;
}

static int input_seen(void *data, const void *p, size_t n) {
    struct input *in = data;
    if (in->begin + in->seen != p)
        __builtin_trap();
    in->seen += n;
    return 0;
}

static int fuzz_write(void *data, const void *p, size_t n, struct err *e) {
    (void)e;
    return str_addn(data, p, n);
}

static ssize_t once_next(void *data, const void **ret) {
    struct str *text = data;
    size_t n = text->len;
    *ret = text->s;
    text->len = 0;
    return (ssize_t)n;
}

/* Out and in again, without payload. */
static void fuzz_again(const struct tar_entry *en) {
    struct err e;
    struct str text = STR_INIT((size_t)64 << 20);
    const struct tar_sink sink = {fuzz_write, &text};
    const struct tar_source src = {once_next, &text, NULL};
    struct tar_out out = {.sink = &sink};
    struct tar_entry same = *en, back;
    struct tar *t = NULL;
    if (!strchr("0123456", en->type) || !en->name[0])
        return;
    same.extents = NULL;
    err_clear(&e);
    if (tar_out_entry(&out, &same, &e) == 0 && tar_new(&src, &t, &e) == 0 && text.len) {
        if (tar_next(t, &back, &e) != 1 || strcmp(back.name, en->name) != 0 ||
            back.uid != en->uid || back.gid != en->gid || back.mode != en->mode ||
            back.mtime.tv_sec != en->mtime.tv_sec || back.mtime.tv_nsec != en->mtime.tv_nsec ||
            (en->type == '0' && back.size != en->size))
            __builtin_trap();
    }
    tar_free(t);
    tar_out_done(&out);
    str_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = {data, size, 0, data};
    const struct tar_source src = {input_next, &in, input_seen};
    struct tar *t = NULL;
    struct tar_entry en;
    struct err e;
    int r;
    err_clear(&e);
    if (tar_new(&src, &t, &e) < 0)
        return 0;
    while ((r = tar_next(t, &en, &e)) == 1) {
        const void *p;
        ssize_t n = 0;
        fuzz_again(&en);
        while ((en.payload & 1) == 0 && (n = tar_data(t, &p, &e)) > 0) {
            if (in.begin + in.seen != p)
                __builtin_trap();
            in.seen += (size_t)n;
        }
        if (n < 0)
            break;
    }
    if (r == 0 && (tar_drain(t, &e) < 0 || in.seen != size))
        __builtin_trap();
    if (r < 0 && (e.code == 0 || e.msg[0] == '\0'))
        __builtin_trap();
    tar_free(t);
    return 0;
}
