/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void buffer_grows(void **state) {
    AUTO_STR struct str b = STR_INIT(0);
    assert_string_equal(str_c(&b), "");
    assert_int_equal(str_add(&b, "ab"), 0);
    assert_int_equal(str_addc(&b, 'c'), 0);
    assert_int_equal(str_addn(&b, "d\0e", 3), 0);
    assert_int_equal(str_addf(&b, "%d", 42), 0);
    assert_int_equal(b.len, 8);
    assert_memory_equal(b.s, "abcd\0e42", 9);
    str_clear(&b);
    assert_string_equal(str_c(&b), "");
    assert_int_equal(b.len, 0);
}

static void long_formats_fit(void **state) {
    AUTO_STR struct str b = STR_INIT(0);
    for (int n = 250; n < 260; n++) {
        str_clear(&b);
        assert_int_equal(str_addf(&b, "%0*d", n, 7), 0);
        assert_int_equal(b.len, n);
        assert_int_equal(strlen(b.s), n);
        assert_int_equal(b.s[n - 1], '7');
    }
}

static void bound_is_exact_and_nothing_is_half_added(void **state) {
    AUTO_STR struct str b = STR_INIT(10);
    assert_int_equal(str_add(&b, "1234567890"), 0);
    assert_int_equal(str_addc(&b, 'x'), -EOVERFLOW);
    assert_string_equal(b.s, "1234567890");
    str_clear(&b);
    assert_int_equal(str_add(&b, "12345"), 0);
    assert_int_equal(str_add(&b, "123456"), -EOVERFLOW);
    assert_int_equal(str_addf(&b, "%s", "123456"), -EOVERFLOW);
    assert_int_equal(str_addn(&b, "", SIZE_MAX), -EOVERFLOW);
    assert_string_equal(b.s, "12345");
    assert_int_equal(b.len, 5);
}

static void adding_itself_is_safe(void **state) {
    AUTO_STR struct str b = STR_INIT(0);
    assert_int_equal(str_add(&b, "0123456789"), 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(str_addn(&b, b.s, b.len), 0);
    assert_int_equal(b.len, 2560);
    assert_int_equal(str_addf(&b, "%s", b.s), 0);
    assert_int_equal(b.len, 5120);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.s[i], '0' + (int)(i % 10));
}

static void take_gives_the_memory_away(void **state) {
    struct str b = STR_INIT(5);
    AUTO_FREE char *empty = str_take(&b);
    assert_string_equal(empty, "");
    assert_int_equal(str_add(&b, "abc"), 0);
    AUTO_FREE char *s = str_take(&b);
    assert_string_equal(s, "abc");
    assert_null(b.s);
    assert_int_equal(b.max, 5);
}

static void small_helpers(void **state) {
    assert_true(str_starts("abc", "ab"));
    assert_true(str_starts("abc", ""));
    assert_false(str_starts("a", "ab"));
    assert_true(str_ends("abc", "bc"));
    assert_false(str_ends("c", "bc"));
    assert_true(str_eq(NULL, NULL));
    assert_false(str_eq(NULL, ""));
    assert_false(str_eq("", NULL));
    assert_true(str_eq("x", "x"));
    assert_true(str_empty(NULL) && str_empty("") && !str_empty("x"));
}

static void copy_cuts_and_says_so(void **state) {
    char out[4];
    assert_true(str_copy(out, sizeof(out), "abc"));
    assert_string_equal(out, "abc");
    assert_false(str_copy(out, sizeof(out), "abcd"));
    assert_string_equal(out, "abc");
    assert_false(str_copy(out, 0, "a"));
    assert_true(str_copy(out, 1, ""));
}

static void hex(void **state) {
    char out[9];
    str_hex("\x00\xff\x1a\x80", 4, out);
    assert_string_equal(out, "00ff1a80");
    str_hex("", 0, out);
    assert_string_equal(out, "");
}

static void numbers(void **state) {
    static const struct {
        const char *s;
        int r;
        uint64_t v;
    } cases[] = {
        {"0", 0, 0},
        {"007", 0, 7},
        {"18446744073709551615", 0, UINT64_MAX},
        {"18446744073709551616", -ERANGE, 0},
        {"99999999999999999999999", -ERANGE, 0},
        {"99999999999999999999999x", -EINVAL, 0},
        {"", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"0x10", -EINVAL, 0},
        {"1.0", -EINVAL, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t v = 4711;
        assert_int_equal(str_to_u64(cases[i].s, &v), cases[i].r);
        assert_int_equal(v, cases[i].r ? 4711 : cases[i].v);
    }
    uint64_t u;
    assert_int_equal(str_to_u64(NULL, &u), -EINVAL);
}

static void signed_numbers(void **state) {
    static const struct {
        const char *s;
        int r;
        int64_t v;
    } cases[] = {
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775807", 0, INT64_MAX},
        {"+5", 0, 5},
        {"-0", 0, 0},
        {"9223372036854775808", -ERANGE, 0},
        {"-9223372036854775809", -ERANGE, 0},
        {"-", -EINVAL, 0},
        {"--1", -EINVAL, 0},
        {"", -EINVAL, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t v = 4711;
        assert_int_equal(str_to_i64(cases[i].s, &v), cases[i].r);
        assert_int_equal(v, cases[i].r ? 4711 : cases[i].v);
    }
}

static void sizes(void **state) {
    static const struct {
        const char *s;
        int r;
        uint64_t v;
    } cases[] = {
        {"512", 0, 512},
        {"64k", 0, 65536},
        {"64K", 0, 65536},
        {"64kb", 0, 65536},
        {"64KiB", 0, 65536},
        {"1.5g", 0, 1610612736},
        {"2GiB", 0, 2147483648},
        {"1t", 0, 1099511627776},
        {"1p", 0, 1125899906842624},
        {"10b", 0, 10},
        {"10B", 0, 10},
        {".5k", 0, 512},
        {"1.k", 0, 1024},
        {"1.9", 0, 1},
        {"64 MiB", 0, 67108864},
        {"0.3333333333333333333333333333k", 0, 341},
        {"0.9999999999999999999999999999k", 0, 1023},
        {"16383.9999p", 0, 18446743961119560931u},
        {"16384p", -ERANGE, 0},
        {"18446744073709551616", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"k", -EINVAL, 0},
        {".", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"1e3", -EINVAL, 0},
        {"1kk", -EINVAL, 0},
        {"1bb", -EINVAL, 0},
        {"1bib", -EINVAL, 0},
        {"1kibs", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"1  k", -EINVAL, 0},
        {"1,5k", -EINVAL, 0},
        {"0x10", -EINVAL, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t v = 4711;
        if (str_to_bytes(cases[i].s, &v) != cases[i].r || v != (cases[i].r ? 4711 : cases[i].v))
            fail_msg("\"%s\" gave %llu", cases[i].s, (unsigned long long)v);
    }
}

static void durations(void **state) {
    static const int64_t s = 1000000000;
    static const struct {
        const char *text;
        int r;
        int64_t v;
    } cases[] = {
        {"1h2m3.5s", 0, 3723500000000},
        {"300ms", 0, 300000000},
        {"1us", 0, 1000},
        {"1\xc2\xb5s", 0, 1000},
        {"1\xce\xbcs", 0, 1000},
        {"5ns", 0, 5},
        {"1.5ns", 0, 1},
        {".5s", 0, 500000000},
        {"10", 0, 10000000000},
        {"0", 0, 0},
        {"1.5", 0, 1500000000},
        {"-5s", 0, -5000000000},
        {"+5s", 0, 5000000000},
        {"-3", 0, -3000000000},
        {"1m1m", 0, 120000000000},
        {"2562047h47m16s", 0, 9223372036000000000},
        {"2562048h", -ERANGE, 0},
        {"9223372037s", -ERANGE, 0},
        {"18446744074s", -ERANGE, 0},
        {"99999999999999999999h", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"-", -EINVAL, 0},
        {"s", -EINVAL, 0},
        {"1s2", -EINVAL, 0},
        {"1x", -EINVAL, 0},
        {"1 s", -EINVAL, 0},
        {"1S", -EINVAL, 0},
        {"1d", -EINVAL, 0},
        {"--1s", -EINVAL, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t v = 4711;
        if (str_to_duration(cases[i].text, s, &v) != cases[i].r ||
            v != (cases[i].r ? 4711 : cases[i].v))
            fail_msg("\"%s\" gave %lld", cases[i].text, (long long)v);
    }
}

static void human_sizes(void **state) {
    static const struct {
        uint64_t v;
        const char *s;
    } cases[] = {
        {0, "0B"},
        {999, "999B"},
        {1000, "1kB"},
        {4300, "4.3kB"},
        {1234, "1.23kB"},
        {12345, "12.3kB"},
        {123456, "123kB"},
        {9995, "10kB"},
        {99960, "100kB"},
        {999499, "999kB"},
        {999500, "1MB"},
        {999999, "1MB"},
        {187000000, "187MB"},
        {1610612736, "1.61GB"},
        {1000000000000, "1TB"},
        {UINT64_MAX, "18.4EB"},
        {999999999999999999, "1EB"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char out[16];
        assert_string_equal(str_human_size(cases[i].v, out), cases[i].s);
    }
}

static void human_durations(void **state) {
    static const struct {
        int64_t v;
        const char *s;
    } cases[] = {
        {-5, "Less than a second"},
        {0, "Less than a second"},
        {1, "1 second"},
        {2, "2 seconds"},
        {59, "59 seconds"},
        {60, "About a minute"},
        {119, "About a minute"},
        {120, "2 minutes"},
        {3599, "59 minutes"},
        {3600, "About an hour"},
        {5399, "About an hour"},
        {5400, "2 hours"},
        {47 * 3600, "47 hours"},
        {48 * 3600, "2 days"},
        {13 * 86400, "13 days"},
        {14 * 86400, "2 weeks"},
        {60 * 86400, "2 months"},
        {729 * 86400, "24 months"},
        {730 * 86400, "2 years"},
        {INT64_MAX, "292471208677 years"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char out[32];
        assert_string_equal(str_human_duration(cases[i].v, out), cases[i].s);
    }
}

static void times_are_printed(void **state) {
    static const struct {
        int64_t ns;
        const char *s;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000000000Z"},
        {-1, "1969-12-31T23:59:59.999999999Z"},
        {951782400000000000, "2000-02-29T00:00:00.000000000Z"},
        {1795198673123456789, "2026-11-20T18:17:53.123456789Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char out[36];
        int64_t back;
        assert_string_equal(str_rfc3339(cases[i].ns, out), cases[i].s);
        assert_int_equal(str_from_rfc3339(out, &back), 0);
        assert_true(back == cases[i].ns);
    }
}

static void times_are_read(void **state) {
    static const struct {
        const char *s;
        int r;
        int64_t v;
    } cases[] = {
        {"1970-01-01T00:00:01Z", 0, 1000000000},
        {"1970-01-01t00:00:01z", 0, 1000000000},
        {"1970-01-01T00:00:00.1Z", 0, 100000000},
        {"1970-01-01T00:00:00.1234567891234Z", 0, 123456789},
        {"1970-01-01T01:00:00+01:00", 0, 0},
        {"1969-12-31T22:30:00-01:30", 0, 0},
        {"2000-02-29T00:00:00Z", 0, 951782400000000000},
        {"2016-12-31T23:59:60Z", 0, 1483228800000000000},
        {"0001-01-01T00:00:00Z", -ERANGE, 0},
        {"9999-12-31T23:59:59Z", -ERANGE, 0},
        {"2262-04-11T23:47:16.854775808Z", -ERANGE, 0},
        {"1900-02-29T00:00:00Z", -EINVAL, 0},
        {"2001-02-29T00:00:00Z", -EINVAL, 0},
        {"2001-04-31T00:00:00Z", -EINVAL, 0},
        {"2001-13-01T00:00:00Z", -EINVAL, 0},
        {"2001-00-01T00:00:00Z", -EINVAL, 0},
        {"2001-01-00T00:00:00Z", -EINVAL, 0},
        {"2001-01-01T24:00:00Z", -EINVAL, 0},
        {"2001-01-01T00:60:00Z", -EINVAL, 0},
        {"2001-01-01T00:00:61Z", -EINVAL, 0},
        {"2001-01-01T00:00:00", -EINVAL, 0},
        {"2001-01-01T00:00:00.Z", -EINVAL, 0},
        {"2001-01-01T00:00:00Zx", -EINVAL, 0},
        {"2001-01-01T00:00:00+24:00", -EINVAL, 0},
        {"2001-01-01T00:00:00+0100", -EINVAL, 0},
        {"2001-1-1T00:00:00Z", -EINVAL, 0},
        {"", -EINVAL, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int64_t v = 4711;
        if (str_from_rfc3339(cases[i].s, &v) != cases[i].r || v != (cases[i].r ? 4711 : cases[i].v))
            fail_msg("\"%s\" gave %lld", cases[i].s, (long long)v);
    }
}

static void clocks_run(void **state) {
    int64_t mono = now_mono_ns();
    assert_true(now_unix_ns() > 1700000000000000000);
    assert_true(now_mono_ns() >= mono && mono > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_grows),
        cmocka_unit_test(long_formats_fit),
        cmocka_unit_test(bound_is_exact_and_nothing_is_half_added),
        cmocka_unit_test(adding_itself_is_safe),
        cmocka_unit_test(take_gives_the_memory_away),
        cmocka_unit_test(small_helpers),
        cmocka_unit_test(copy_cuts_and_says_so),
        cmocka_unit_test(hex),
        cmocka_unit_test(numbers),
        cmocka_unit_test(signed_numbers),
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations),
        cmocka_unit_test(human_sizes),
        cmocka_unit_test(human_durations),
        cmocka_unit_test(times_are_printed),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
