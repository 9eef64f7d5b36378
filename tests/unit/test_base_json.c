/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <locale.h>
#include <math.h>

#include <cmocka.h>

/* Parse from exact heap memory, so that a read behind the end is seen. */
static int parse_n(const char *text, size_t n, js **ret, struct err *e) {
    AUTO_FREE char *copy = malloc(n + 1);
    memcpy(copy + 1, text, n);
    return js_parse(copy + 1, n, "doc", ret, e);
}

static js *parse(const char *text) {
    struct err e = {0};
    js *v = NULL;
    if (parse_n(text, strlen(text), &v, &e) < 0)
        fail_msg("%s: %s", text, e.msg);
    return v;
}

static void same_text(const char *in, const char *out) {
    AUTO_JS js *v = parse(in);
    AUTO_STR struct str b = STR_INIT(0);
    assert_int_equal(js_print(v, JS_COMPACT, &b), 0);
    assert_string_equal(str_c(&b), out);
}

static void values_survive(void **state) {
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"0", "0"},
        {" \t\r\n5 ", "5"},
        {"-0", "0"},
        {"18446744073709551615", "18446744073709551615"},
        {"9223372036854775808", "9223372036854775808"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"9007199254740993", "9007199254740993"},
        {"1.50", "1.50"},
        {"1e5", "1e5"},
        {"1E-400", "1E-400"},
        {"true", "true"},
        {"null", "null"},
        {"[]", "[]"},
        {"[ ]", "[]"},
        {"{ }", "{}"},
        {"[null,[1],{\"a\":{}}]", "[null,[1],{\"a\":{}}]"},
        {"\"\\u00e9\\ud83d\\ude00\\/\"", "\"\xc3\xa9\xf0\x9f\x98\x80/\""},
        {"\"\\b\\f\\n\\r\\t\\\"\\\\\\u0001\x7f\"", "\"\\b\\f\\n\\r\\t\\\"\\\\\\u0001\x7f\""},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
        {"{\"\":1}", "{\"\":1}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        same_text(cases[i].in, cases[i].out);
}

static const char *const bad_documents[] = {
    "",
    " ",
    "nul",
    "nulll",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x1",
    "1 2",
    "[1]]",
    "[",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{a:1}",
    "{1:1}",
    "{'a':1}",
    "{\"a\":}",
    "{,}",
    "[}",
    "{]",
    "{\"a\":1]",
    "\"",
    "\"a",
    "\"\\",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\u0041\"",
    "\"\x01\"",
    "\"\n\"",
    "\"\\u0000\"",
    "{\"a\\u0000b\":1}",
    "\"\xff\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xe2\x82\"",
    "{\"\xff\":1}",
    "/**/1",
    "1//x",
    "\xef\xbb\xbf[]",
    "'a'",
    "tru",
    "1e400",
    "18446744073709551616",
    "-9223372036854775809",
    "123456789012345678901234567890",
};

static void bad_documents_are_refused(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(bad_documents); i++) {
        struct err e = {0};
        js *untouched = (js *)(void *)&e;
        js *v = untouched;
        int r = parse_n(bad_documents[i], strlen(bad_documents[i]), &v, &e);
        if (r != -EBADMSG || e.kind != ERR_CORRUPT || v != untouched)
            fail_msg("%s gave %d %s", bad_documents[i], r, e.msg);
        assert_non_null(strstr(e.msg, "doc: "));
    }
    struct err e;
    js *v;
    assert_int_equal(parse_n("1\0", 2, &v, &e), -EBADMSG);
    assert_int_equal(parse_n("\"a\0b\"", 5, &v, &e), -EBADMSG);
    assert_int_equal(parse_n("\0", 1, &v, &e), -EBADMSG);
}

static void errors_say_where(void **state) {
    struct err e;
    js *v;
    assert_int_equal(parse_n("{\"a\": tru}", 10, &v, &e), -EBADMSG);
    assert_string_equal(e.msg, "doc: invalid JSON at byte 6: unexpected character");
}

static void depth_is_bounded(void **state) {
    char text[200];
    struct err e;
    for (int depth = 1; depth <= 66; depth++) {
        js *v = NULL;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        assert_int_equal(parse_n(text, (size_t)depth * 2, &v, &e), depth <= 64 ? 0 : -EBADMSG);
        js_free(v);
    }
    AUTO_STR struct str b = STR_INIT(0);
    for (int i = 0; i < 64; i++)
        assert_int_equal(str_add(&b, i % 2 ? "[" : "{\"a\":"), 0);
    assert_int_equal(str_addc(&b, '1'), 0);
    for (int i = 63; i >= 0; i--)
        assert_int_equal(str_addc(&b, i % 2 ? ']' : '}'), 0);
    same_text(b.s, b.s);
    AUTO_FREE char *deep = malloc(100000);
    js *v;
    memset(deep, '[', 100000);
    assert_int_equal(parse_n(deep, 100000, &v, &e), -EBADMSG);
}

static void size_and_memory_are_bounded(void **state) {
    struct err e;
    js *v;
    AUTO_FREE char *big = malloc(JS_MAX_BYTES + 1);
    memset(big, ' ', JS_MAX_BYTES + 1);
    big[0] = '1';
    assert_int_equal(js_parse(big, JS_MAX_BYTES + 1, "doc", &v, &e), -EFBIG);
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_int_equal(js_parse(big, JS_MAX_BYTES, "doc", &v, &e), 0);
    js_free(v);
    /* 3 bytes of text that would become 900 of memory, a million times */
    big[0] = '[';
    for (size_t i = 1; i + 3 < JS_MAX_BYTES; i += 3)
        memcpy(big + i, "{},", 3);
    assert_int_equal(js_parse(big, JS_MAX_BYTES, "doc", &v, &e), -EBADMSG);
    assert_non_null(strstr(e.msg, "too many values"));
}

static void lookup_is_exact_then_without_case(void **state) {
    AUTO_JS js *v = parse("{\"OS\":1,\"os\":2,\"Config\":{\"Env\":[\"a\"],\"n\":null},\"aB\":3,"
                          "\"Ab\":4,\"null\":null,\"NULL\":5}");
    assert_int_equal(js_get_i64(v, "os", 0), 2);
    assert_int_equal(js_get_i64(v, "OS", 0), 1);
    assert_int_equal(js_get_i64(v, "oS", 0), 2);
    assert_int_equal(js_get_i64(v, "ab", 0), 4);
    assert_null(js_get(v, "null")); /* there, and null: no other spelling is tried */
    assert_null(js_get(v, "none"));
    assert_null(js_get(v, "o"));
    assert_null(js_get(v, "oss"));
    assert_string_equal(js_str(js_at(js_path(v, "config.env"), 0)), "a");
    assert_null(js_path(v, "config.n.x"));
    assert_null(js_path(v, "config.none"));
    assert_null(js_path(v, ""));
    assert_null(js_path(v, "os.x"));
    assert_null(js_get(NULL, "x"));
}

static void wrong_types_give_the_default(void **state) {
    AUTO_JS js *v = parse("{\"s\":\"x\",\"i\":-1,\"u\":18446744073709551615,\"d\":1.5,\"w\":1e3,"
                          "\"b\":true,\"a\":[1],\"big\":1e17}");
    assert_null(js_get_str(v, "i"));
    assert_string_equal(js_get_str_or(v, "i", "dflt"), "dflt");
    assert_string_equal(js_get_str_or(v, "s", "dflt"), "x");
    assert_int_equal(js_get_i64(v, "i", 7), -1);
    assert_int_equal(js_get_u64(v, "i", 7), 7);
    assert_int_equal(js_get_i64(v, "u", 7), 7);
    assert_true(js_get_u64(v, "u", 7) == UINT64_MAX);
    assert_true(js_is_unsigned(js_get(v, "u")));
    assert_false(js_is_unsigned(js_get(v, "i")));
    assert_int_equal(js_get_i64(v, "d", 7), 7);
    assert_int_equal(js_get_i64(v, "w", 7), 1000);
    assert_int_equal(js_get_u64(v, "w", 7), 1000);
    assert_int_equal(js_get_i64(v, "big", 7), 7);
    assert_int_equal(js_get_i64(v, "s", 7), 7);
    assert_int_equal(js_get_i64(v, "b", 7), 7);
    assert_true(js_get_bool(v, "b", false));
    assert_true(js_get_bool(v, "i", true));
    assert_true(js_double(js_get(v, "d"), 0) == 1.5);
    assert_true(js_double(js_get(v, "i"), 0) == -1.0);
    assert_true(js_double(js_get(v, "s"), 9) == 9);
    assert_int_equal(js_len(js_get(v, "a")), 1);
    assert_int_equal(js_len(v), 8);
    assert_int_equal(js_len(js_get(v, "s")), 0);
    assert_null(js_at(js_get(v, "a"), 1));
    assert_null(js_at(v, 0));
    assert_int_equal(js_type(NULL), JS_NULL);
    assert_int_equal(js_type(js_get(v, "d")), JS_DOUBLE);
}

static void iteration_keeps_the_order(void **state) {
    AUTO_JS js *v = parse("{\"z\":1,\"a\":2,\"m\":null}");
    struct js_iter it = js_iter(v);
    assert_true(js_next(&it));
    assert_string_equal(it.key, "z");
    assert_int_equal(js_i64(it.value, 0), 1);
    assert_true(js_next(&it));
    assert_string_equal(it.key, "a");
    assert_true(js_next(&it));
    assert_null(it.value);
    assert_false(js_next(&it));
    it = js_iter(js_get(v, "z"));
    assert_false(js_next(&it));
}

static void documents_are_built(void **state) {
    AUTO_JS js *o = js_new_object();
    AUTO_STR struct str b = STR_INIT(0);
    js *arr = js_new_array();
    assert_int_equal(js_push_str(arr, "x"), 0);
    assert_int_equal(js_push_str(arr, NULL), 0);
    assert_int_equal(js_push(arr, js_new_double(0.1)), 0);
    assert_int_equal(js_push(arr, js_new_double(INFINITY)), 0);
    assert_int_equal(js_push(arr, js_new_double(1.0 / 3)), 0);
    assert_int_equal(js_set_str(o, "s", "a/b"), 0);
    assert_int_equal(js_set_str(o, "left out", NULL), 0);
    assert_int_equal(js_set_i64(o, "i", INT64_MIN), 0);
    assert_int_equal(js_set_u64(o, "u", UINT64_MAX), 0);
    assert_int_equal(js_set_bool(o, "b", false), 0);
    assert_int_equal(js_set(o, "n", NULL), 0);
    assert_int_equal(js_set(o, "arr", js_ref(arr)), 0);
    assert_int_equal(js_set_str(o, "gone", "x"), 0);
    js_del(o, "gone");
    js_free(arr);
    assert_int_equal(js_print(o, JS_COMPACT, &b), 0);
    assert_string_equal(b.s, "{\"s\":\"a/b\",\"i\":-9223372036854775808,"
                             "\"u\":18446744073709551615,\"b\":false,\"n\":null,"
                             "\"arr\":[\"x\",null,0.1,null,0.3333333333333333]}");
    same_text(b.s, b.s);
}

static void misuse_is_an_error_and_leaks_nothing(void **state) {
    AUTO_JS js *s = js_new_str("x");
    AUTO_JS js *o = js_new_object();
    AUTO_JS js *a = js_new_array();
    assert_int_equal(js_set(s, "k", js_new_i64(1)), -EINVAL);
    assert_int_equal(js_push(s, js_new_i64(1)), -EINVAL);
    assert_int_equal(js_set(NULL, "k", js_new_i64(1)), -ENOMEM);
    assert_int_equal(js_set(o, "self", js_ref(o)), -EINVAL);
    assert_int_equal(js_push(a, js_ref(a)), -EINVAL);
    js_del(s, "k");
}

static void pretty_as_docker_inspect(void **state) {
    AUTO_JS js *v = parse("[{\"a\":1,\"e\":{},\"l\":[],\"n\":{\"x\":[1,2]}}]");
    AUTO_STR struct str b = STR_INIT(0);
    assert_int_equal(js_print(v, JS_PRETTY, &b), 0);
    assert_string_equal(b.s, "[\n"
                             "    {\n"
                             "        \"a\": 1,\n"
                             "        \"e\": {},\n"
                             "        \"l\": [],\n"
                             "        \"n\": {\n"
                             "            \"x\": [\n"
                             "                1,\n"
                             "                2\n"
                             "            ]\n"
                             "        }\n"
                             "    }\n"
                             "]");
}

/* Environment and file names are bytes; what we write must be JSON all the same. */
static void bytes_become_utf8(void **state) {
    AUTO_JS js *v = js_new_strn("a\xff\xc3\xa9\0\xe2\x80\xa8z\xe2", 10);
    AUTO_STR struct str b = STR_INIT(0);
    assert_int_equal(js_print(v, JS_COMPACT, &b), 0);
    assert_string_equal(b.s, "\"a\xef\xbf\xbd\xc3\xa9\\u0000\\u2028z\xef\xbf\xbd\"");
}

static void print_is_bounded_and_whole(void **state) {
    AUTO_JS js *v = parse("[1,2,3]");
    AUTO_STR struct str b = STR_INIT(8);
    assert_int_equal(str_add(&b, "ab"), 0);
    assert_int_equal(js_print(v, JS_COMPACT, &b), -EOVERFLOW);
    assert_string_equal(b.s, "ab");
    AUTO_JS js *deep = js_new_array();
    for (int i = 0; i < 200; i++) {
        js *outer = js_new_array();
        assert_int_equal(js_push(outer, deep), 0);
        deep = outer;
    }
    AUTO_STR struct str text = STR_INIT(0);
    assert_int_equal(js_print(deep, JS_COMPACT, &text), -ELOOP);
}

static void numbers_ignore_the_locale(void **state) {
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        print_message("skipped: no locale de_DE.UTF-8 here\n");
        skip();
    }
    same_text("[1.5,2.25e3]", "[1.5,2.25e3]");
    AUTO_JS js *v = js_new_double(0.5);
    AUTO_STR struct str b = STR_INIT(0);
    assert_int_equal(js_print(v, JS_COMPACT, &b), 0);
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(b.s, "0.5");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_survive),
        cmocka_unit_test(bad_documents_are_refused),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_and_memory_are_bounded),
        cmocka_unit_test(lookup_is_exact_then_without_case),
        cmocka_unit_test(wrong_types_give_the_default),
        cmocka_unit_test(iteration_keeps_the_order),
        cmocka_unit_test(documents_are_built),
        cmocka_unit_test(misuse_is_an_error_and_leaks_nothing),
        cmocka_unit_test(pretty_as_docker_inspect),
        cmocka_unit_test(bytes_become_utf8),
        cmocka_unit_test(print_is_bounded_and_whole),
        cmocka_unit_test(numbers_ignore_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
