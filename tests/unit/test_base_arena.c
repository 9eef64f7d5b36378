/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool all_zero(const unsigned char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* Sizes around the chunk limits: each object zeroed, aligned and not overlapping another. */
static void objects_are_zeroed_aligned_apart(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, 1024, 1025, 4000, 5000, 300000, 3};
    unsigned char *p[ARRAY_SIZE(sizes) * 20];
    size_t n = 0;

    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++, n++) {
            p[n] = arena_alloc(a, sizes[i]);
            assert_non_null(p[n]);
            assert_int_equal((uintptr_t)p[n] % _Alignof(max_align_t), 0);
            assert_true(all_zero(p[n], sizes[i]));
            memset(p[n], (int)(n % 250) + 1, sizes[i]);
        }
    }
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < sizes[k % ARRAY_SIZE(sizes)]; i++)
            assert_int_equal(p[k][i], k % 250 + 1);
}

static void empty_objects_differ(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    assert_ptr_not_equal(arena_alloc(a, 0), arena_alloc(a, 0));
}

static void counts_what_it_hands_out(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    size_t before = arena_used(a);
    assert_non_null(arena_alloc(a, 100));
    assert_non_null(arena_calloc(a, 10, 10));
    assert_int_equal(arena_used(a) - before, 200);
}

static void impossible_sizes_are_refused(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    size_t big = SIZE_MAX / 4;
    __asm__("" : "+r"(big)); /* the compiler would warn, rightly */
    assert_null(arena_calloc(a, big, 5));
    assert_null(arena_calloc(a, big, 3));
    assert_null(arena_alloc(a, big * 4));
    assert_non_null(arena_alloc(a, 1)); /* and the arena is still good */
}

static void copies_strings(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    char s[] = "hello";
    char *dup = arena_strdup(a, s);
    char *part = arena_strndup(a, s, 3);
    char *mem = arena_memdup(a, s, 6);
    char *whole = arena_strndup(a, s, 100);
    s[0] = 'x';
    assert_string_equal(dup, "hello");
    assert_string_equal(part, "hel");
    assert_string_equal(mem, "hello");
    assert_string_equal(whole, "hello");
    assert_null(arena_strdup(a, NULL));
    assert_null(arena_strndup(a, NULL, 3));
    assert_string_equal(arena_printf(a, "%s-%d", "a", 7), "a-7");
    assert_int_equal(strlen(arena_printf(a, "%05000d", 1)), 5000);
}

static void lists_grow_and_end_in_null(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct strlist l = {0};
    char word[] = "w";

    assert_false(strlist_has(&l, "w"));
    assert_int_equal(strlist_add(a, &l, word), 0);
    word[0] = 'x';
    for (int i = 0; i < 100; i++)
        assert_int_equal(strlist_addf(a, &l, "%d", i), 0);
    assert_int_equal(l.n, 101);
    assert_null(l.v[101]);
    assert_string_equal(l.v[0], "w");
    assert_true(strlist_has(&l, "99"));
    assert_false(strlist_has(&l, "100"));
}

static void free_accepts_nothing(void **state) {
    struct arena *a = NULL;
    arena_free(NULL);
    arena_freep(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_zeroed_aligned_apart),
        cmocka_unit_test(empty_objects_differ),
        cmocka_unit_test(counts_what_it_hands_out),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(copies_strings),
        cmocka_unit_test(lists_grow_and_end_in_null),
        cmocka_unit_test(free_accepts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
