/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void sets_all_fields(void **state) {
    struct err e;
    assert_int_equal(err_set(&e, ERR_NOT_FOUND, -ENOENT, "no such image: %s", "box"), -ENOENT);
    assert_int_equal(e.code, -ENOENT);
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_string_equal(e.msg, "no such image: box");
}

static void code_is_always_negative(void **state) {
    struct err e;
    assert_int_equal(err_set(&e, ERR_INTERNAL, ENOENT, "x"), -ENOENT);
    assert_int_equal(err_set(&e, ERR_INTERNAL, 0, "x"), -EIO);
}

static void kind_follows_errno(void **state) {
    static const struct {
        int errnum;
        enum err_kind kind;
    } cases[] = {
        {EACCES, ERR_DENIED},   {EPERM, ERR_DENIED},    {ENOSPC, ERR_NO_SPACE},
        {EDQUOT, ERR_NO_SPACE}, {ENOENT, ERR_INTERNAL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err e;
        errno = cases[i].errnum;
        assert_int_equal(err_sys(&e, "open %s", "/x"), -cases[i].errnum);
        assert_int_equal(e.kind, cases[i].kind);
        assert_int_equal(errno, cases[i].errnum);
        assert_int_equal(err_sysn(&e, cases[i].errnum, "x"), -cases[i].errnum);
        assert_int_equal(err_sysn(&e, -cases[i].errnum, "x"), -cases[i].errnum);
        assert_int_equal(e.kind, cases[i].kind);
    }
}

static void sys_names_the_cause(void **state) {
    struct err e;
    err_sysn(&e, -ENOENT, "open %s", "/x");
    assert_string_equal(e.msg, "open /x: No such file or directory");
}

static void wrap_keeps_kind_and_code(void **state) {
    struct err e;
    err_set(&e, ERR_CORRUPT, -EBADMSG, "cause");
    assert_int_equal(err_wrap(&e, "pull %d", 1), -EBADMSG);
    assert_int_equal(err_wrap(&e, "run"), -EBADMSG);
    assert_int_equal(e.kind, ERR_CORRUPT);
    assert_string_equal(e.msg, "run: pull 1: cause");
}

/* The message may quote itself. */
static void set_from_own_message(void **state) {
    struct err e;
    err_set(&e, ERR_USAGE, -EINVAL, "inner");
    err_set(&e, ERR_USAGE, -EINVAL, "outer (%s)", e.msg);
    assert_string_equal(e.msg, "outer (inner)");
}

static void message_is_one_printable_line(void **state) {
    struct err e;
    err_set(&e, ERR_USAGE, -EINVAL, "a\nb\tc%sd", "\x1b[31m");
    assert_string_equal(e.msg, "a b c?[31md");
}

static void long_messages_are_cut_whole(void **state) {
    char name[2000];
    struct err e;
    for (size_t i = 0; i + 2 < sizeof(name); i += 2)
        memcpy(name + i, "\xc3\xa9", 3);
    for (size_t shift = 0; shift < 4; shift++) {
        err_set(&e, ERR_USAGE, -EINVAL, "%.*s%s", (int)shift, "xxx", name);
        size_t len = strlen(e.msg);
        assert_in_range(len, sizeof(e.msg) - 3, sizeof(e.msg) - 1);
        for (size_t i = 0; i < len;) {
            size_t n = utf8_next(e.msg + i, len - i, NULL);
            assert_int_not_equal(n, 0);
            i += n;
        }
    }
}

static void long_context_does_not_hide_the_cause(void **state) {
    char context[600];
    struct err e;
    memset(context, 'c', sizeof(context) - 1);
    context[sizeof(context) - 1] = '\0';
    err_set(&e, ERR_USAGE, -EINVAL, "the cause");
    err_wrap(&e, "%s", context);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    assert_string_equal(e.msg + strlen(e.msg) - 11, ": the cause");
    err_wrap(&e, "%s", context); /* now both are too long */
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    assert_non_null(strstr(e.msg, ": c"));
}

static void table_of_kinds(void **state) {
    static const struct {
        enum err_kind kind;
        int exit_code, http;
    } cases[] = {
        {ERR_INTERNAL, 125, 500},      {ERR_USAGE, 125, 400},    {ERR_NOT_FOUND, 125, 404},
        {ERR_CONFLICT, 125, 409},      {ERR_DENIED, 125, 403},   {ERR_UNAVAILABLE, 125, 503},
        {ERR_CORRUPT, 125, 500},       {ERR_NO_SPACE, 125, 507}, {ERR_CMD_NOT_EXEC, 126, 400},
        {ERR_CMD_NOT_FOUND, 127, 400},
    };
    assert_int_equal(ARRAY_SIZE(cases), ERR_KIND_COUNT);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err e = {.kind = cases[i].kind};
        assert_int_equal(err_exit_code(&e), cases[i].exit_code);
        assert_int_equal(err_http_status(&e), cases[i].http);
        assert_non_null(err_kind_name(e.kind));
    }
    assert_string_equal(err_kind_name(ERR_NOT_FOUND), "not-found");
}

/* An error crosses pipes: what came from there must not index beyond the table. */
static void foreign_kind_is_internal(void **state) {
    struct err e = {.kind = (enum err_kind)4711};
    assert_int_equal(err_exit_code(&e), 125);
    assert_string_equal(err_kind_name((enum err_kind) - 1), "internal");
    memset(e.msg, 'x', sizeof(e.msg)); /* and no NUL */
    err_wrap(&e, "from the box");
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
}

static void clear_and_oom(void **state) {
    struct err e;
    assert_int_equal(err_oom(&e), -ENOMEM);
    err_clear(&e);
    assert_int_equal(e.code, 0);
    assert_string_equal(e.msg, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_all_fields),
        cmocka_unit_test(code_is_always_negative),
        cmocka_unit_test(kind_follows_errno),
        cmocka_unit_test(sys_names_the_cause),
        cmocka_unit_test(wrap_keeps_kind_and_code),
        cmocka_unit_test(set_from_own_message),
        cmocka_unit_test(message_is_one_printable_line),
        cmocka_unit_test(long_messages_are_cut_whole),
        cmocka_unit_test(long_context_does_not_hide_the_cause),
        cmocka_unit_test(table_of_kinds),
        cmocka_unit_test(foreign_kind_is_internal),
        cmocka_unit_test(clear_and_oom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
