/* SPDX-License-Identifier: Apache-2.0 */
/* What a terminal shows of a pull, and the keys that leave a box. */
#include "cli/keys.h"
#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- progress -------------------------------------------------------------------------------- */

static struct progress_layer layer(const char *id, const char *phase, uint64_t done,
                                   uint64_t total) {
    struct progress_layer l = {.done = done, .total = total};
    str_copy(l.id, sizeof(l.id), id);
    str_copy(l.phase, sizeof(l.phase), phase);
    l.finished = strcmp(phase, "Pull complete") == 0;
    return l;
}

static void line_is(const struct progress_layer *l, unsigned cols, const char *text) {
    AUTO_STR struct str out = STR_INIT(0);
    assert_int_equal(progress_line(l, cols, &out), 0);
    assert_string_equal(str_c(&out), text);
}

static void lines(void **state) {
    struct progress_layer l = layer("abc123", "Downloading", 5000000, 20000000);
    line_is(&l, 80, "abc123: Downloading [======>                 ]  5MB/20MB");
    l.rate = 2500000;
    line_is(&l, 80, "abc123: Downloading [======>                 ]  5MB/20MB  2.5MB/s  7s");
    line_is(&l, 60, "abc123: Downloading [==>       ]  5MB/20MB  2.5MB/s  7s");
    line_is(&l, 50, "abc123: Downloading  5MB/20MB  2.5MB/s  7s");
    line_is(&l, 12, "abc123: Down");
    l.done = 20000000;
    line_is(&l, 60, "abc123: Downloading [==========]  20MB/20MB  2.5MB/s");
    l.done = 30000000; /* more than was announced */
    line_is(&l, 60, "abc123: Downloading [==========]  30MB/20MB  2.5MB/s");
    l = layer("abc123", "Downloading", 5000000, 0);
    line_is(&l, 80, "abc123: Downloading  5MB");
    l = layer("abc123", "Extracting", 1, 4);
    line_is(&l, 60, "abc123: Extracting  [==>       ]  1B/4B");
    l = layer("abc123", "Pull complete", 4, 4);
    line_is(&l, 80, "abc123: Pull complete");
    l = layer("abc123", "Waiting", 0, 99);
    line_is(&l, 80, "abc123: Waiting");
}

/* No line is wider than the terminal, whatever the numbers. */
static void never_too_wide(void **state) {
    for (unsigned cols = 1; cols < 130; cols++)
        for (int i = 0; i < 64; i++) {
            AUTO_STR struct str out = STR_INIT(0);
            struct progress_layer l =
                layer("0123456789ab", "Downloading", (uint64_t)1 << i, i % 3 ? UINT64_MAX >> i : 0);
            l.rate = (double)((uint64_t)1 << (63 - i));
            assert_int_equal(progress_line(&l, cols, &out), 0);
            assert_true(out.len <= cols);
        }
}

static void frame_is(const struct progress_layer *v, size_t n, unsigned rows, const char *text) {
    AUTO_STR struct str out = STR_INIT(0);
    size_t count = 99, newlines = 0;
    assert_int_equal(progress_frame(v, n, rows, 80, &out, &count), 0);
    assert_string_equal(str_c(&out), text);
    for (size_t i = 0; i < out.len; i++)
        newlines += out.s[i] == '\n';
    assert_int_equal(newlines, count);
    assert_true(count <= rows);
}

static void frames(void **state) {
    struct progress_layer v[] = {layer("a", "Pull complete", 0, 0), layer("b", "Waiting", 0, 0),
                                 layer("c", "Pull complete", 0, 0), layer("d", "Waiting", 0, 0)};
    frame_is(v, 4, 24,
             "a: Pull complete\033[K\nb: Waiting\033[K\nc: Pull complete\033[K\nd: "
             "Waiting\033[K\n");
    frame_is(v, 4, 4,
             "a: Pull complete\033[K\nb: Waiting\033[K\nc: Pull complete\033[K\nd: "
             "Waiting\033[K\n");
    frame_is(v, 4, 3, "b: Waiting\033[K\nd: Waiting\033[K\n2 of 4 layers complete\033[K\n");
    frame_is(v, 4, 2, "b: Waiting\033[K\n2 of 4 layers complete\033[K\n");
    frame_is(v, 4, 1, "2 of 4 layers complete\033[K\n");
    frame_is(v, 4, 0, "");
    frame_is(v, 0, 24, "");
}

static void remaining(void **state) {
    char out[16];
    assert_string_equal(progress_remaining(0, out), "0s");
    assert_string_equal(progress_remaining(59, out), "59s");
    assert_string_equal(progress_remaining(192, out), "3m12s");
    assert_string_equal(progress_remaining(7500, out), "2h05m");
    assert_string_equal(progress_remaining(UINT64_MAX, out), "");
}

/* --- keys ------------------------------------------------------------------------------------ */

static void key_words(void **state) {
    struct keys k;
    struct err e = {0};
    assert_int_equal(keys_parse(NULL, &k, &e), 0);
    assert_int_equal(k.n, 2);
    assert_memory_equal(k.v, "\x10\x11", 2);
    assert_int_equal(keys_parse("a,ctrl-],ctrl-@,ctrl-_", &k, &e), 0);
    assert_int_equal(k.n, 4);
    assert_memory_equal(k.v, "a\x1d\0\x1f", 4);
    assert_int_equal(keys_parse("", &k, &e), 0);
    assert_int_equal(k.n, 0);
    static const char *const wrong[] = {
        "ctrl-", "ctrl-pq", "ctrl-1", "ab", "a,,b", "meta-p", "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        assert_int_equal(keys_parse(wrong[i], &k, &e), -EINVAL);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_non_null(strstr(e.msg, wrong[i]));
    }
}

/* Typed in one piece, and byte by byte: the same comes out. */
static void typed(const char *keys, const char *text, const char *passed, bool detach) {
    for (int pieces = 0; pieces < 2; pieces++) {
        AUTO_STR struct str out = STR_INIT(0);
        struct keys k;
        struct err e = {0};
        bool found = false;
        const unsigned char *p = (const unsigned char *)text;
        assert_int_equal(keys_parse(keys, &k, &e), 0);
        for (size_t i = 0; pieces && i < strlen(text) && !found; i++)
            found = keys_filter(&k, p + i, 1, &out);
        if (!pieces)
            found = keys_filter(&k, p, strlen(text), &out);
        assert_int_equal(found, detach);
        assert_string_equal(str_c(&out), passed);
    }
}

static void key_filter(void **state) {
    typed(NULL, "ls\r", "ls\r", false);
    typed(NULL, "ls\x10\x11", "ls", true);
    typed(NULL,
          "a\x10"
          "b\x10\x10\x11x",
          "a\x10"
          "b\x10",
          true);
    typed(NULL, "a\x11\x10", "a\x11", false); /* the last one may still be a beginning */
    typed("a,a,b", "aaab", "a", true);
    typed("a,b,a,c", "ababac", "ab", true);
    typed("a,b,a,c", "abad", "abad", false);
    typed("", "a\x10\x11", "a\x10\x11", false);
    typed("q", "xq", "x", true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),     cmocka_unit_test(never_too_wide), cmocka_unit_test(frames),
        cmocka_unit_test(remaining), cmocka_unit_test(key_words),      cmocka_unit_test(key_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
