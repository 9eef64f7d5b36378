/* SPDX-License-Identifier: Apache-2.0 */
/* The small option words: --ulimit, --stop-signal, -e and --env-file, --device. */
#include "base/str.h"
#include "spec/device.h"
#include "spec/env.h"
#include "spec/signal.h"
#include "spec/ulimit.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

/* --- ulimit -------------------------------------------------------------------------------- */

static void ulimits(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct rt_rlimit l = {0};
    struct err e;
    assert_int_equal(ulimit_parse("nofile=1024:2048", a, &l, &e), 0);
    assert_string_equal(l.type, "RLIMIT_NOFILE");
    assert_true(l.soft == 1024 && l.hard == 2048);
    assert_string_equal(ulimit_print(&l, a), "nofile=1024:2048");
    assert_int_equal(ulimit_parse("core=0", a, &l, &e), 0);
    assert_true(l.soft == 0 && l.hard == 0);
    assert_int_equal(ulimit_parse("memlock=-1", a, &l, &e), 0);
    assert_true(l.soft == UINT64_MAX && l.hard == UINT64_MAX);
    assert_string_equal(ulimit_print(&l, a), "memlock=-1:-1");
    assert_int_equal(ulimit_parse("stack=8:-1", a, &l, &e), 0);
    assert_true(l.soft == 8 && l.hard == UINT64_MAX);
    assert_int_equal(ulimit_number("RLIMIT_NPROC"), RLIMIT_NPROC);
    assert_int_equal(ulimit_number("nproc"), -1);
}

static void bad_ulimits(void **state) {
    static const struct {
        const char *in, *message;
    } cases[] = {
        {"nofile", "invalid ulimit argument: nofile"},
        {"", "invalid ulimit argument: "},
        {"files=1", "invalid ulimit type: files"},
        {"=1", "invalid ulimit type: "},
        {"nofile=", "invalid ulimit argument: nofile="},
        {"nofile=x", "invalid ulimit argument: nofile=x"},
        {"nofile=1:", "invalid ulimit argument: nofile=1:"},
        {"nofile=1:2:3", "invalid ulimit argument: nofile=1:2:3"},
        {"nofile=-2", "invalid ulimit argument: nofile=-2"},
        {"nofile=2:1", "ulimit soft limit must be less than or equal to hard limit: nofile=2:1"},
        {"nofile=-1:1", "ulimit soft limit must be less than or equal to hard limit: nofile=-1:1"},
    };
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rt_rlimit l = {0};
        struct err e;
        assert_int_equal(ulimit_parse(cases[i].in, a, &l, &e), -EINVAL);
        assert_int_equal(e.kind, ERR_USAGE);
        if (!str_starts(e.msg, cases[i].message))
            fail_msg("\"%s\" gave: %s", cases[i].in, e.msg);
        assert_null(l.type);
    }
}

/* --- signals ------------------------------------------------------------------------------- */

static void signals(void **state) {
    static const struct {
        const char *in;
        int number;
    } cases[] = {
        {"TERM", SIGTERM},   {"SIGTERM", SIGTERM}, {"sigterm", SIGTERM}, {"15", 15},
        {"KILL", SIGKILL},   {"RTMIN", 34},        {"SIGRTMIN+3", 37},   {"rtmax-1", 63},
        {"RTMAX", 64},       {"64", 64},           {"IOT", SIGABRT},     {"RTMIN+30", 64},
        {"WINCH", SIGWINCH},
    };
    static const char *const bad[] = {"",        "0",          "65",     "-1",       "TERMX",
                                      "SIG",     "SIGSIGTERM", "RTMIN+", "RTMIN+31", "RTMAX+1",
                                      "RTMIN-1", "1x",         " 15",    "RTMINX"};
    struct err e;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int n = 0;
        if (signal_parse(cases[i].in, &n, &e) < 0)
            fail_msg("%s: %s", cases[i].in, e.msg);
        assert_int_equal(n, cases[i].number);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int n = 77;
        if (signal_parse(bad[i], &n, &e) != -EINVAL)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_int_equal(n, 77);
        assert_true(str_starts(e.msg, "invalid signal: "));
    }
}

static void signal_names(void **state) {
    char buf[16];
    struct err e;
    assert_string_equal(signal_name(SIGTERM, buf), "SIGTERM");
    assert_string_equal(signal_name(SIGABRT, buf), "SIGABRT");
    assert_string_equal(signal_name(37, buf), "SIGRTMIN+3");
    assert_string_equal(signal_name(0, buf), "?");
    assert_string_equal(signal_name(32, buf), "?");
    for (int n = 1; n <= SIGNAL_RTMAX; n++) {
        int back = 0;
        if (n == 32 || n == 33)
            continue; /* the C library's own */
        assert_int_equal(signal_parse(signal_name(n, buf), &back, &e), 0);
        assert_int_equal(back, n);
    }
}

/* --- environment --------------------------------------------------------------------------- */

static const char *joined(const struct strlist *l, struct arena *a) {
    const char *out = "";
    for (size_t i = 0; i < l->n; i++)
        out = arena_printf(a, "%s%s%s", out, i ? "|" : "", l->v[i]);
    return out;
}

static char home[] = "HOME=/root";
static char homes[] = "HOMES=no";
static char *const host[] = {homes, home, NULL};

static void env_words(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct strlist l = {0};
    struct err e;
    assert_int_equal(env_add("A=b=c", host, a, &l, &e), 0);
    assert_int_equal(env_add("E=", host, a, &l, &e), 0);
    assert_int_equal(env_add("HOME", host, a, &l, &e), 0);
    assert_int_equal(env_add("GONE", host, a, &l, &e), 0);
    assert_int_equal(env_add("HOME", NULL, a, &l, &e), 0);
    assert_string_equal(joined(&l, a), "A=b=c|E=|HOME=/root|GONE|HOME");
    assert_int_equal(env_add("=x", host, a, &l, &e), -EINVAL);
    assert_string_equal(e.msg, "invalid environment variable: =x");
    assert_int_equal(env_add("", host, a, &l, &e), -EINVAL);
}

static void env_files(void **state) {
    static const char text[] =
        "\xEF\xBB\xBF# comment\n\n  A=b c \r\nE=\nHOME\nGONE\n\tQ=\"x\"\nL=1";
    AUTO_ARENA struct arena *a = arena_new();
    struct strlist l = {0};
    struct err e;
    assert_int_equal(env_parse_file(text, sizeof(text) - 1, "f", host, a, &l, &e), 0);
    assert_string_equal(joined(&l, a), "A=b c |E=|HOME=/root|Q=\"x\"|L=1");
    assert_int_equal(env_parse_file("", 0, "f", host, a, &l, &e), 0);
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"=x\n", "invalid env file (f): no variable name on line '=x'"},
        {"A B=c\n", "invalid env file (f): variable 'A B' contains whitespaces"},
        {"A =c\n", "invalid env file (f): variable 'A ' contains whitespaces"},
        {"A=\xff\n", "invalid env file (f): it is not UTF-8 text"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int r = env_parse_file(bad[i].text, strlen(bad[i].text), "f", host, a, &l, &e);
        assert_int_equal(r, -EINVAL);
        assert_string_equal(e.msg, bad[i].message);
    }
    assert_int_equal(env_parse_file("A=\0b", 4, "f", host, a, &l, &e), -EINVAL);
}

static struct strlist list_of(struct arena *a, const char *words) {
    struct strlist l = {0};
    char *copy = arena_strdup(a, words);
    for (char *w = strsep(&copy, "|"); w; w = strsep(&copy, "|"))
        assert_int_equal(strlist_add(a, &l, w), 0);
    return l;
}

static void env_merges(void **state) {
    static const struct {
        const char *base, *over, *out;
    } cases[] = {
        {"A=1|B=2", "B=3|C=4", "A=1|B=3|C=4"},
        {"A=1|B=2", "A", "B=2"},
        {"A=1", "X", "A=1"},
        {"A=1", "A|A=2", "A=2"},
        {"A=1", "B=1|B=2|B=3", "A=1|B=3"},
        {"A=1|AB=2", "A=", "A=|AB=2"},
        {"A=1|A=2", "C=1", "A=2|C=1"},
    };
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct strlist base = list_of(a, cases[i].base);
        struct strlist over = list_of(a, cases[i].over);
        struct strlist out = {0};
        struct err e;
        assert_int_equal(env_merge(&base, &over, a, &out, &e), 0);
        assert_string_equal(joined(&out, a), cases[i].out);
        assert_string_equal(joined(&base, a), cases[i].base);
    }
    struct strlist l = list_of(a, "PATH=/bin|PATHX=no|PATH=/usr/bin");
    assert_string_equal(env_get(&l, "PATH"), "/usr/bin");
    assert_null(env_get(&l, "PAT"));
}

static void env_is_bounded(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct strlist many = {0};
    struct strlist none = {0};
    struct strlist out = {0};
    struct err e;
    for (size_t i = 0; i < ENV_MAX_VARS; i++)
        assert_int_equal(strlist_addf(a, &many, "V%zu=", i), 0);
    assert_int_equal(env_merge(&many, &none, a, &out, &e), 0);
    assert_int_equal(out.n, ENV_MAX_VARS);
    assert_int_equal(strlist_add(a, &none, "X=1"), 0);
    assert_int_equal(env_merge(&many, &none, a, &out, &e), -E2BIG);
}

/* --- devices ------------------------------------------------------------------------------- */

static void devices(void **state) {
    static const struct {
        const char *in, *host, *container, *access;
    } cases[] = {
        {"/dev/fuse", "/dev/fuse", "/dev/fuse", "rwm"},
        {"/dev/fuse:r", "/dev/fuse", "/dev/fuse", "r"},
        {"/dev/sda:/dev/xvda", "/dev/sda", "/dev/xvda", "rwm"},
        {"/dev/sda:/dev//x/../xvda:mr", "/dev/sda", "/dev/xvda", "mr"},
    };
    static const struct {
        const char *in, *message;
    } bad[] = {
        {"", "bad format for path: "},
        {":/dev/x", "bad format for path: :/dev/x"},
        {"/dev/x:", "bad format for path: /dev/x:"},
        {"/a:/b:r:w", "bad format for path: /a:/b:r:w"},
        {"/a:/b:x", "bad mode specified: x"},
        {"/a:/b:rr", "bad mode specified: rr"},
        {"/a:/b:", "bad mode specified: "},
        {"dev/x", "dev/x is not an absolute path"},
        {"/dev/x:dev/y", "dev/y is not an absolute path"},
        {"/dev/x:rr", "rr is not an absolute path"},
        {"vendor.com/class=name", "vendor.com/class=name is not an absolute path"},
    };
    AUTO_ARENA struct arena *a = arena_new();
    struct err e;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct device_request d = {0};
        if (device_parse(cases[i].in, a, &d, &e) < 0)
            fail_msg("%s: %s", cases[i].in, e.msg);
        assert_string_equal(d.host, cases[i].host);
        assert_string_equal(d.container, cases[i].container);
        assert_string_equal(d.access, cases[i].access);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct device_request d = {0};
        if (device_parse(bad[i].in, a, &d, &e) != -EINVAL)
            fail_msg("\"%s\" was taken", bad[i].in);
        assert_string_equal(e.msg, bad[i].message);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_null(d.host);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ulimits),    cmocka_unit_test(bad_ulimits),
        cmocka_unit_test(signals),    cmocka_unit_test(signal_names),
        cmocka_unit_test(env_words),  cmocka_unit_test(env_files),
        cmocka_unit_test(env_merges), cmocka_unit_test(env_is_bounded),
        cmocka_unit_test(devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
