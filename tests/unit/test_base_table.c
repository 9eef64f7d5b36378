/* SPDX-License-Identifier: Apache-2.0 */
#include "base/names.h"
#include "base/table.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void as_docker_prints(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str b = STR_INIT(0);
    static const char *const headers[] = {"Container ID", "Image", "Status", "Ports", "Names"};
    struct table *t = table_new(a, headers, 5);

    assert_int_equal(table_len(t), 0);
    assert_int_equal(table_print(t, true, &b), 0);
    assert_string_equal(b.s, "CONTAINER ID   IMAGE     STATUS    PORTS     NAMES\n");
    char cell[] = "box";
    assert_int_equal(table_row(t, (const char *[]){"0123456789ab", "debian:12", "Up", "", cell}),
                     0);
    cell[0] = '#';
    assert_int_equal(table_row(t, (const char *[]){"1", NULL, "Exited (0)", NULL, NULL}), 0);
    assert_int_equal(table_len(t), 2);
    str_clear(&b);
    assert_int_equal(table_print(t, true, &b), 0);
    assert_string_equal(b.s, "CONTAINER ID   IMAGE       STATUS       PORTS     NAMES\n"
                             "0123456789ab   debian:12   Up                     box\n"
                             "1                          Exited (0)\n");
    str_clear(&b);
    assert_int_equal(table_print(t, false, &b), 0);
    assert_string_equal(b.s, "0123456789ab   debian:12   Up                     box\n"
                             "1                          Exited (0)\n");
}

/* Wide, combining and hostile characters keep the columns in line. */
static void width_is_what_a_terminal_shows(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str b = STR_INIT(0);
    struct table *t = table_new(a, (const char *[]){"a", "b"}, 2);

    assert_int_equal(table_row(t, (const char *[]){"\xe7\xae\xb1\xe7\xae\xb1", "1"}), 0);
    assert_int_equal(table_row(t, (const char *[]){"e\xcc\x81", "2"}), 0);
    assert_int_equal(table_row(t, (const char *[]){"\x1b[2J\xff\n", "3"}), 0);
    assert_int_equal(table_row(t, (const char *[]){"\xc2\x9b"
                                                   "2J",
                                                   "4"}),
                     0);
    assert_int_equal(table_print(t, false, &b), 0);
    assert_string_equal(b.s, "\xe7\xae\xb1\xe7\xae\xb1      1\n"
                             "e\xcc\x81         2\n"
                             "?[2J??    3\n"
                             "?2J       4\n");
}

static void full_buffer(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct table *t = table_new(a, (const char *[]){"a", "b"}, 2);
    assert_int_equal(table_row(t, (const char *[]){"x", "y"}), 0);
    for (size_t max = 1; max < 24; max++) {
        AUTO_STR struct str b = STR_INIT(max);
        assert_int_equal(table_print(t, true, &b), -EOVERFLOW);
    }
    AUTO_STR struct str b = STR_INIT(24);
    assert_int_equal(table_print(t, true, &b), 0);
}

static void utf8_is_strict(void **state) {
    static const struct {
        const char *s;
        size_t n, len;
        uint32_t cp;
    } cases[] = {
        {"a", 1, 1, 'a'},
        {"\0", 1, 1, 0},
        {"\xc3\xa9", 2, 2, 0xe9},
        {"\xe7\xae\xb1", 3, 3, 0x7bb1},
        {"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
        {"", 0, 0, 0},
        {"\xc3", 1, 0, 0},
        {"\xe7\xae", 2, 0, 0},
        {"\x80", 1, 0, 0},
        {"\xc0\x80", 2, 0, 0},
        {"\xc1\xbf", 2, 0, 0},
        {"\xe0\x9f\xbf", 3, 0, 0},
        {"\xf0\x8f\xbf\xbf", 4, 0, 0},
        {"\xed\xa0\x80", 3, 0, 0},
        {"\xf4\x90\x80\x80", 4, 0, 0},
        {"\xf5\x80\x80\x80", 4, 0, 0},
        {"\xc3x", 2, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t cp = 4711;
        char back[4];
        assert_int_equal(utf8_next(cases[i].s, cases[i].n, &cp), cases[i].len);
        if (cases[i].len == 0)
            continue;
        assert_int_equal(cp, cases[i].cp);
        assert_int_equal(utf8_put(cp, back), cases[i].len);
        assert_memory_equal(back, cases[i].s, cases[i].len);
    }
}

static void names(void **state) {
    static const char *const good[] = {"ab", "a1", "1a", "A_b.c-d", "a-"};
    static const char *const bad[] = {"",    "a",   "-a", ".a",  "_a",
                                      "a b", "a/b", "..", "a\n", "\xc3\xa9z"};
    char longest[NAMES_MAX + 2];

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_true(names_valid(good[i]));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(names_valid(bad[i]));
    assert_false(names_valid(NULL));
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(names_valid(longest));
    assert_true(names_valid(longest + 1));
}

static void random_names_are_valid_and_differ(void **state) {
    char name[NAMES_MAX + 1];
    char first[NAMES_MAX + 1] = "";
    int different = 0;

    for (int i = 0; i < 200; i++) {
        assert_int_equal(names_random(name), 0);
        assert_true(names_valid(name));
        assert_non_null(strchr(name, '_'));
        if (!first[0])
            memcpy(first, name, sizeof(first));
        different += strcmp(first, name) != 0;
    }
    assert_in_range(different, 150, 199);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_docker_prints),
        cmocka_unit_test(width_is_what_a_terminal_shows),
        cmocka_unit_test(full_buffer),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(names),
        cmocka_unit_test(random_names_are_valid_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
