/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char document[] =
    "{\"Id\": \"4f1c\", \"Name\": \"/web\", \"Size\": 42, \"Ratio\": 0.5, \"Big\": "
    "18446744073709551615, \"On\": true, \"Off\": false, \"Nothing\": null, \"Empty\": [], "
    "\"List\": [\"a\", \"b\", \"c\"], \"Numbers\": [3, 1], \"Labels\": {\"b.c\": \"two\", \"a\": "
    "\"one\"}, \"Net\": {\"Networks\": {\"bridge\": {\"IPAddress\": \"10.0.0.2\"}}}, \"Html\": "
    "\"<a&b>\", \"Word\": \"h\xc3\xa9llo w\xc3\xb6rld\"}";

struct expected {
    const char *template, *text; /* the result, or what the error contains */
};

/* 0 or -errno; `out` holds the result or the error's message. */
static int render(const char *text, bool headers, struct str *out) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *doc = NULL;
    AUTO_JS js *methods = NULL;
    struct template *t = NULL;
    struct err e = {0};
    static const char m[] = "{\"Label\": {\"com.x.some-label\": \"v\"}}";
    assert_int_equal(js_parse(document, strlen(document), "test", &doc, &e), 0);
    assert_int_equal(js_parse(m, strlen(m), "test", &methods, &e), 0);
    struct template_data d = {.dot = doc, .methods = methods, .headers = headers};
    int r = template_parse(text, a, &t, &e);
    if (r == 0)
        r = template_run(t, &d, out, &e);
    if (r < 0) {
        assert_int_equal(e.kind, ERR_USAGE);
        str_clear(out);
        str_add(out, e.msg);
    }
    return r;
}

static void check(const struct expected *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        AUTO_STR struct str out = STR_INIT(0);
        int r = render(v[i].template, false, &out);
        if (r < 0 || strcmp(str_c(&out), v[i].text) != 0)
            fail_msg("%s\n  gives  %s\n  wanted %s", v[i].template, str_c(&out), v[i].text);
    }
}

static void check_errors(const struct expected *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        AUTO_STR struct str out = STR_INIT(0);
        int r = render(v[i].template, false, &out);
        if (r == 0 || !strstr(str_c(&out), v[i].text))
            fail_msg("%s\n  gives  %d %s\n  wanted %s", v[i].template, r, str_c(&out), v[i].text);
    }
}

static void values(void **state) {
    static const struct expected v[] = {
        {"", ""},
        {"plain }} text", "plain }} text"},
        {"{{.Id}}", "4f1c"},
        {"{{.ID}} {{ .id }}", "4f1c 4f1c"},
        {"{{.Net.Networks.bridge.IPAddress}}", "10.0.0.2"},
        {"{{(.Net).Networks.bridge.IPAddress}}", "10.0.0.2"},
        {"{{$.Name}}", "/web"},
        {"{{.Size}} {{.Ratio}} {{.Big}} {{.On}} {{.Nothing}}", "42 0.5 18446744073709551615 true "
                                                               "<nil>"},
        {"{{.List}} {{.Labels}} {{.Empty}}", "[a b c] map[a:one b.c:two] []"},
        {"{{\"q\\t\\u00e9\\x41\"}} {{`r\\t`}} {{'a'}} {{7}} {{-7}} {{0x1f}} {{1_000}} {{1.50}} "
         "{{1e21}} "
         "{{true}}",
         "q\t\xc3\xa9"
         "A r\\t 97 7 -7 31 1000 1.5 1e+21 true"},
        {"a {{- .Id -}} b", "a4f1cb"},
        {"a  {{/* no */}}  b{{- /* trimmed */ -}}  c", "a    bc"},
        {"{{\"x\" | printf \"%s-%s\" .Id | len}}", "6"},
        {"{{.List | json}} {{.List | len}}", "[\"a\",\"b\",\"c\"] 3"},
    };
    check(v, ARRAY_SIZE(v));
}

static void control(void **state) {
    static const struct expected v[] = {
        {"{{if .On}}yes{{else}}no{{end}}", "yes"},
        {"{{if .Off}}1{{else if .Empty}}2{{else if .Nothing}}3{{else}}4{{end}}", "4"},
        {"{{if not .Off}}x{{end}}", "x"},
        {"{{with .Labels}}{{.a}}{{end}}{{with .Empty}}x{{else}}{{.Id}}{{end}}", "one4f1c"},
        {"{{with .Off}}1{{else with .Id}}{{.}}{{end}}", "4f1c"},
        {"{{with $x := .Size}}{{$x}}{{end}}", "42"},
        {"{{range .List}}<{{.}}>{{end}}", "<a><b><c>"},
        {"{{range $i, $e := .List}}{{if $i}},{{end}}{{$i}}={{$e}}{{end}}", "0=a,1=b,2=c"},
        {"{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=one;b.c=two;"},
        {"{{range $n, $c := .Net.Networks}}{{$n}} {{$c.IPAddress}}{{end}}", "bridge 10.0.0.2"},
        {"{{range .Empty}}x{{else}}none{{end}}{{range .Nothing}}x{{else}}nil{{end}}", "nonenil"},
        {"{{range 3}}{{.}}{{end}}", "012"},
        {"{{range .List}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac"},
        {"{{range .List}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}", "a"},
        {"{{range .List}}{{range $.Empty}}{{else}}{{break}}{{end}}x{{end}}", ""},
        {"{{$x := 1}}{{range .List}}{{$x = .}}{{end}}{{$x}}", "c"},
        {"{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"},
    };
    check(v, ARRAY_SIZE(v));
}

static void functions(void **state) {
    static const struct expected v[] = {
        {"{{eq .Size 42}} {{eq .Id \"a\" \"4f1c\"}} {{ne 1 2}} {{eq .Nothing nil}}", "true true "
                                                                                     "true true"},
        {"{{lt 1 2}}{{le 2 2}}{{gt \"b\" \"a\"}}{{ge 1.5 2}}{{lt -1 .Big}}",
         "truetruetruefalsetrue"},
        {"{{and .On .Id}} {{and .Off .Missing}} {{or .Off .Id}} {{or .On .Missing}}",
         "4f1c false 4f1c true"},
        {"{{len .List}}{{len .Labels}}{{len \"abc\"}}{{len .Nothing}}", "3230"},
        {"{{index .Labels \"b.c\"}}{{index .List 1}}[{{index .Labels \"x\"}}]", "twob[]"},
        {"{{index .Net \"Networks\" \"bridge\" \"IPAddress\"}}", "10.0.0.2"},
        {"{{(index .Net.Networks \"bridge\").IPAddress}}", "10.0.0.2"},
        {"{{slice .Id 1 3}} {{slice .List 1}} {{slice .Id 2}}", "f1 [b c] 1c"},
        {"{{json .Labels}} {{json .Html}} {{json .Nothing}}",
         "{\"b.c\":\"two\",\"a\":\"one\"} \"<a&b>\" null"},
        {"{{join .List \",\"}} {{join (split \"a:b:c\" \":\") \"-\"}} {{split \"xy\" \"\"}}",
         "a,b,c a-b-c [x y]"},
        {"{{upper .Name}} {{lower \"ABC\"}} {{title \"two words\"}}", "/WEB abc Two Words"},
        {"{{pad .Id 1 2}}| {{pad \"\" 3 3}}| {{truncate .Id 2}} {{truncate .Word 2}} {{truncate "
         ".Id 9}}",
         " 4f1c  | | 4f h\xc3\xa9 4f1c"},
        {"{{print 1 2 \"a\" 3}} {{println 1 \"a\"}}{{print}}", "1 2a3 1 a\n"},
        {"{{.Label \"com.x.some-label\"}}[{{.Label \"none\"}}]{{$.Label \"none\"}}", "v[]"},
        {"{{\"com.x.some-label\" | .Label}}", "v"},
    };
    check(v, ARRAY_SIZE(v));
}

static void printf_verbs(void **state) {
    static const struct expected v[] = {
        {"{{printf \"%s|%5s|%-5s|%.2s\" \"ab\" \"ab\" \"ab\" \"abc\"}}", "ab|   ab|ab   |ab"},
        {"{{printf \"%d|%5d|%-5d|%05d|%+d|%x|%X|%#x|%o|%b|%c\" 7 7 7 7 7 255 255 255 8 5 65}}",
         "7|    7|7    |00007|+7|ff|FF|0xff|10|101|A"},
        {"{{printf \"%05d|%d\" -7 .Big}}", "-0007|18446744073709551615"},
        {"{{printf \"%f|%.2f|%6.1f|%e|%g\" 1.5 1.005 2.25 1500.0 0.1}}",
         "1.500000|1.00|   2.2|1.500000e+03|0.1"},
        {"{{printf \"%v|%v|%v|%v\" .List .On 1.5 \"s\"}}", "[a b c]|true|1.5|s"},
        {"{{printf \"%q|%t|%T|%%|%x\" \"a\\\"b\\n\" .On .Id \"hi\"}}",
         "\"a\\\"b\\n\"|true|string|%|6869"},
        {"{{printf \"%*d|%-*d|\" 4 1 4 2}}", "   1|2   |"},
        {"{{printf \"%5s|\" .Word | len}}", "14"},
        {"{{printf \"%7s|\" \"h\xc3\xa9\"}}", "     h\xc3\xa9|"},
        {"{{printf \"%d %s\" \"x\" 5}}", "%!d(string=x) %!s(int=5)"},
        {"{{printf \"%s %d\" \"x\"}}", "x %!d(MISSING)"},
        {"{{printf \"%s\" \"x\" 1 2}}", "x%!(EXTRA int=1, int=2)"},
        {"{{printf \"100%\"}} {{printf \"%z\" 1}}", "100%!(NOVERB) %!z(int=1)"},
    };
    check(v, ARRAY_SIZE(v));
}

static void errors_of_parsing(void **state) {
    static const struct expected v[] = {
        {"{{.Id", "template: :1: unclosed action"},
        {"x\n{{.Id", "template: :2: unclosed action"},
        {"{{}}", "missing value for command"},
        {"{{if .On}}x", "template: :1: unexpected EOF"},
        {"{{end}}", "unexpected {{end}}"},
        {"{{else}}", "unexpected {{else}}"},
        {"{{if .On}}{{else}}{{else}}{{end}}", "unexpected {{else}}"},
        {"{{if}}x{{end}}", "missing value for if"},
        {"{{foo .Id}}", "function \"foo\" not defined"},
        {"{{$x}}", "undefined variable \"$x\""},
        {"{{$x = 1}}", "undefined variable \"$x\""},
        {"{{if $x := 1}}{{end}}{{$x}}", "undefined variable \"$x\""},
        {"{{.Id | }}", "missing value for command"},
        {"{{.Id | 3}}", "non executable command in pipeline"},
        {"{{(.Id}}", "unexpected \"}}\""},
        {"{{.Id)}}", "unexpected <)>"},
        {"{{\"a}}", "unterminated quoted string"},
        {"{{`a}}", "unterminated raw quoted string"},
        {"{{\"\\z\"}}", "invalid syntax in quoted string"},
        {"{{\"\\x00\"}}", "invalid syntax in quoted string"},
        {"{{\"\\ud800\"}}", "invalid syntax in quoted string"},
        {"{{'ab'}}", "malformed character constant"},
        {"{{1x}}", "bad number syntax: \"1x\""},
        {"{{.A # .B}}", "unexpected '#' in action"},
        {"{{/* x}}", "unclosed comment"},
        {"{{/* x */ .Id}}", "comment ends before closing delimiter"},
        {"{{break}}", "{{break}} outside {{range}}"},
        {"{{template \"x\"}}", "{{template}} is not supported"},
        {"{{range $i, $e .List}}{{end}}", "unexpected <.List> in range"},
        {"{{1.A.B}}", "bad number syntax"},
        {"{{true.A}}", "unexpected <.A>"},
    };
    check_errors(v, ARRAY_SIZE(v));
}

static void errors_of_running(void **state) {
    static const struct expected v[] = {
        {"{{.Foo}}", "template: :1:2: executing \"\" at <.Foo>: map has no entry for key \"Foo\""},
        {"a\n  {{.Net.Foo.Bar}}",
         "template: :2:4: executing \"\" at <.Net.Foo.Bar>: map has no entry for key \"Foo\""},
        {"{{.Nothing.Foo}}", "nil pointer evaluating interface {}.Foo"},
        {"{{.Id.Foo}}", "can't evaluate field Foo in type string"},
        {"{{.Id 1}}", "Id is not a method but has arguments"},
        {"{{.Label 1}}", "Label wants one string"},
        {"{{len .Size}}", "error calling len: len of type int"},
        {"{{len}}", "wrong number of args for len: want 1 got 0"},
        {"{{eq 1}}", "wrong number of args for eq: want at least 2 got 1"},
        {"{{eq 1 \"a\"}}", "incompatible types for comparison"},
        {"{{eq .List .List}}", "non-comparable type"},
        {"{{lt true false}}", "invalid type for comparison"},
        {"{{index .List 3}}", "index out of range: 3"},
        {"{{index .List \"x\"}}", "expected integer; found string"},
        {"{{index .Size 1}}", "can't index item of type int"},
        {"{{slice .Id 3 9}}", "index out of range: 9"},
        {"{{slice .Id 3 2}}", "index out of range"},
        {"{{range .Id}}{{end}}", "range can't iterate over 4f1c"},
        {"{{join .Id \",\"}}", "can't join string"},
        {"{{pad .Id -1 0}}", "0 to 1000 blanks"},
        {"{{(1) 2}}", "can't give argument to non-function (1)"},
        {"{{and}}", "wrong number of args for and"},
    };
    check_errors(v, ARRAY_SIZE(v));
}

/* What would grow or run without end is stopped. */
static void bounds(void **state) {
    AUTO_STR struct str deep = STR_INIT(0), out = STR_INIT(0);
    for (int i = 0; i < 100; i++)
        str_add(&deep, "{{if true}}");
    assert_int_equal(render(str_c(&deep), false, &out), -EINVAL);
    assert_non_null(strstr(str_c(&out), "nested too deeply"));
    str_clear(&deep);
    str_add(&deep, "{{");
    for (int i = 0; i < 100; i++)
        str_add(&deep, "(");
    assert_int_equal(render(str_c(&deep), false, &out), -EINVAL);
    assert_non_null(strstr(str_c(&out), "nested too deeply"));
    static const struct expected v[] = {
        {"{{range 9000000000}}{{end}}", "too"},
        {"{{range 100000}}{{if and . . . . . . . . . . . .}}{{end}}{{end}}", "too many steps"},
        {"{{$x := \"ab\"}}{{range 60}}{{$x = printf \"%s%s\" $x $x}}{{end}}{{len $x}}", "too"},
        {"{{range 300000}}{{printf \"%1000d\" 1}}{{end}}", "too"},
    };
    check_errors(v, ARRAY_SIZE(v));
}

/* Column titles: helpers and methods do nothing, what is missing is empty. */
static void headers(void **state) {
    static const struct expected v[] = {
        {"{{.Id}}|{{upper .Name}}|{{truncate .Id 1}}|{{.Missing}}|{{join .Id \",\"}}",
         "4f1c|/web|4f1c||4f1c"},
        {"{{.Label \"com.x.some-label\"}}|{{.Label \"plain\"}}", "some label|plain"},
        {"{{.Id.Sub}}|{{range .Id}}x{{end}}", "|"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        AUTO_STR struct str out = STR_INIT(0);
        assert_int_equal(render(v[i].template, true, &out), 0);
        assert_string_equal(str_c(&out), v[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(control),
        cmocka_unit_test(functions),
        cmocka_unit_test(printf_verbs),
        cmocka_unit_test(errors_of_parsing),
        cmocka_unit_test(errors_of_running),
        cmocka_unit_test(bounds),
        cmocka_unit_test(headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
