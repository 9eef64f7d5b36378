/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/caps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

static uint64_t status_mask(const char *key) {
    char line[256];
    uint64_t v = 0;
    FILE *f = fopen("/proc/self/status", "re");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (strncmp(line, key, strlen(key)) == 0)
            v = strtoull(line + strlen(key), NULL, 16);
    fclose(f);
    return v;
}

static void reads_what_proc_says(void **state) {
    struct caps c;
    uint64_t givable = 1;

    assert_int_equal(caps_current(&c), 0);
    assert_int_equal(c.effective, status_mask("CapEff:\t"));
    assert_int_equal(c.permitted, status_mask("CapPrm:\t"));
    assert_int_equal(c.inheritable, status_mask("CapInh:\t"));
    assert_int_equal(c.bounding, status_mask("CapBnd:\t"));
    assert_int_equal(c.ambient, status_mask("CapAmb:\t"));
    assert_int_equal(caps_givable(&givable), 0);
    assert_int_equal(givable, c.bounding & c.permitted);
}

static void last_and_mask(void **state) {
    char text[16] = "";
    FILE *f = fopen("/proc/sys/kernel/cap_last_cap", "re");

    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    fclose(f);
    assert_int_equal(caps_last(), strtol(text, NULL, 10));
    assert_int_equal(caps_mask(0), 1);
    assert_int_equal(caps_mask(40), 0x1ffffffffff);
    assert_int_equal(caps_mask(63), UINT64_MAX);
    assert_int_equal(__builtin_popcountll(CAPS_DEFAULT), 14);
}

static void applies_in_a_child(void **state) {
    struct caps before,
        want = {
            .effective = CAPS_BIT(0) | CAPS_BIT(10),
            .permitted = CAPS_BIT(0) | CAPS_BIT(10),
            .inheritable = CAPS_BIT(10),
            .bounding = CAPS_BIT(0) | CAPS_BIT(10) | CAPS_BIT(13),
            .ambient = CAPS_BIT(10) | CAPS_BIT(0), /* 0 is not inheritable: left out */
        };
    int status;

    assert_int_equal(caps_current(&before), 0);
    if (!(before.effective & CAPS_BIT(8)) || (want.bounding & ~before.bounding)) {
        print_message("skipped: needs CAP_SETPCAP\n");
        skip();
    }
    pid_t pid = fork();
    if (pid == 0) {
        struct caps now;
        if (caps_apply(&want) != 0 || caps_current(&now) != 0)
            _exit(1);
        if (now.effective != want.effective || now.permitted != want.permitted)
            _exit(2);
        if (now.bounding != want.bounding)
            _exit(3);
        if (now.ambient != CAPS_BIT(10) || now.inheritable != want.inheritable)
            _exit(4);
        /* what is gone does not come back */
        _exit(caps_set(&before) == -EPERM ? 0 : 5);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_proc_says),
        cmocka_unit_test(last_and_mask),
        cmocka_unit_test(applies_in_a_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
