/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "broken line\n"
                             "ann:x:1000:100:Ann:/home/ann:/bin/sh\n"
                             "noname:x:x:1:::\n"
                             "nohome:x:1001:100::\n";
static const char group[] = "root:x:0:\n"
                            "users:x:100:bob\n"
                            "wheel:x:10:bob,ann\n"
                            "audio:x:63:annabel,ann,ann\n"
                            "bad:x:y:ann\n";

static struct user_ids resolve(struct arena *a, const char *user, const struct strlist *add) {
    static const struct strlist none;
    struct user_ids ids = {0};
    struct err e = {0};
    assert_int_equal(user_resolve(user, passwd, group, add ? add : &none, a, &ids, &e), 0);
    return ids;
}

static void test_names_become_numbers(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct user_ids ids = resolve(a, "ann", NULL);
    assert_int_equal(ids.uid, 1000);
    assert_int_equal(ids.gid, 100);
    assert_string_equal(ids.home, "/home/ann");
    assert_int_equal(ids.n_groups, 2); /* wheel and audio, once each; not annabel's */
    assert_int_equal(ids.groups[0], 10);
    assert_int_equal(ids.groups[1], 63);
}

static void test_default_is_root(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct user_ids ids = resolve(a, NULL, NULL);
    assert_int_equal(ids.uid, 0);
    assert_string_equal(ids.home, "/root");
    ids = resolve(a, "", NULL);
    assert_int_equal(ids.uid, 0);
}

static void test_numbers_need_no_entry(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct user_ids ids = resolve(a, "4242:17", NULL);
    assert_int_equal(ids.uid, 4242);
    assert_int_equal(ids.gid, 17);
    assert_string_equal(ids.home, "/");
    ids = resolve(a, "4242", NULL);
    assert_int_equal(ids.gid, 0);
    ids = resolve(a, "1001", NULL);
    assert_int_equal(ids.gid, 100);
    assert_string_equal(ids.home, "/");
}

static void test_explicit_group_replaces_the_users_own(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct user_ids ids = resolve(a, "ann:wheel", NULL);
    assert_int_equal(ids.gid, 10);
    assert_int_equal(ids.n_groups, 0);
}

static void test_added_groups(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct strlist add = {0};
    assert_int_equal(strlist_add(a, &add, "audio"), 0);
    assert_int_equal(strlist_add(a, &add, "777"), 0);
    assert_int_equal(strlist_add(a, &add, "777"), 0);
    struct user_ids ids = resolve(a, "0", &add);
    assert_int_equal(ids.n_groups, 2);
    assert_int_equal(ids.groups[1], 777);
}

static void test_unknown_names_are_errors(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct strlist none = {0}, add = {0};
    struct user_ids ids;
    struct err e = {0};
    assert_true(user_resolve("bob", passwd, group, &none, a, &ids, &e) < 0);
    assert_string_equal(e.msg, "unable to find user bob: no matching entries in passwd file");
    assert_true(user_resolve("ann:nosuch", passwd, group, &none, a, &ids, &e) < 0);
    assert_int_equal(strlist_add(a, &add, "bad"), 0);
    assert_true(user_resolve("ann", passwd, group, &add, a, &ids, &e) < 0);
    assert_int_equal(e.kind, ERR_USAGE);
    /* an id that does not fit is a name that does not exist */
    assert_true(user_resolve("4294967296", passwd, group, &none, a, &ids, &e) < 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_become_numbers),
        cmocka_unit_test(test_default_is_root),
        cmocka_unit_test(test_numbers_need_no_entry),
        cmocka_unit_test(test_explicit_group_replaces_the_users_own),
        cmocka_unit_test(test_added_groups),
        cmocka_unit_test(test_unknown_names_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
