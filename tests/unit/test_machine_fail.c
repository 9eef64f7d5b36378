/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong says so, and leaves nothing: teardown looks. */
#include "machine_group.h"

#include <signal.h>

/* --- what goes wrong leaves nothing (teardown looks) --------------------------------------------
 */

static void a_missing_layer(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    strlist_add(b->a, &b->root.lower, "/no/such/layer");
    assert_true(box_run(b, "true") < 0);
    assert_non_null(strstr(b->e.msg, "overlay of 2 layers"));
}

static void a_missing_upper_directory(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    b->root.upper = arena_strdup(b->a, "/no/such/upper");
    assert_true(box_run(b, "true") < 0);
    assert_non_null(strstr(b->e.msg, "root file system"));
}

static void a_file_system_the_kernel_lacks(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    box_mount(b, "/x", "nosuchfs", "none", "");
    assert_true(box_run(b, "true") < 0);
    assert_non_null(strstr(b->e.msg, "mount on /x: file system type nosuchfs"));
}

static void an_option_the_file_system_lacks(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    box_mount(b, "/x", "tmpfs", "none", "sizes=1");
    assert_true(box_run(b, "true") < 0);
    assert_non_null(strstr(b->e.msg, "mount tmpfs on /x: option \"sizes=1\""));
}

static void a_directory_on_a_file(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    box_mount(b, "/etc/passwd", "bind", base, "rbind");
    assert_true(box_run(b, "true") < 0);
    assert_non_null(strstr(b->e.msg, "one is a directory, the other a file"));
}

static void a_namespace_that_is_not_there(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    b->spec.namespaces[1].path = arena_strdup(b->a, "/proc/1/ns/no");
    assert_true(box_run(b, "true") < 0);
    assert_non_null(strstr(b->e.msg, "cannot join the network namespace /proc/1/ns/no"));
}

static void ids_that_cannot_be_mapped(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct rt_idmap map[] = {{0, 100000, 10}, {5, 200000, 10}};
    box_namespaces(b, true);
    b->spec.uid_mappings = b->spec.gid_mappings = (struct rt_idmaps){map, 2};
    assert_true(box_run(b, "true") < 0);
    assert_non_null(strstr(b->e.msg, "cannot map the box's users"));
}

static void killed_while_parked(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct machine_stdio io = {.fd = {-1, -1, -1}};
    box_command(b, "true");
    assert_int_equal(box_plan(b), 0);
    assert_int_equal(machine_open(&b->m, &b->plan, &io, &b->e), 0);
    assert_int_equal(machine_boot(&b->m, &b->e), 0);
    assert_int_equal(machine_create(&b->m, &b->e), 0);
    kill(b->m.pid, SIGKILL);
    struct pollfd p = {.fd = b->m.exit_fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
    machine_start(&b->m, &b->e); /* end of file: as good as started, and then seen dead */
}

static void killed_while_being_set_up(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct machine_stdio io = {.fd = {-1, -1, -1}};
    box_command(b, "true");
    assert_int_equal(box_plan(b), 0);
    assert_int_equal(machine_open(&b->m, &b->plan, &io, &b->e), 0);
    kill(b->m.pid, SIGKILL);
    assert_int_equal(machine_boot(&b->m, &b->e), 0);
    int r = machine_create(&b->m, &b->e);
    if (r < 0) /* it may have been quicker than we */
        assert_non_null(strstr(b->e.msg, "died while it was being set up"));
}

static void left_while_parked(void **state) {
    BOX_SKIP_UNLESS_ROOT();
    struct box *b = box(state);
    struct machine_stdio io = {.fd = {-1, -1, -1}};
    box_command(b, "true");
    assert_int_equal(box_plan(b), 0);
    assert_int_equal(machine_open(&b->m, &b->plan, &io, &b->e), 0); /* teardown ends it */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_missing_layer),
        T(a_missing_upper_directory),
        T(a_file_system_the_kernel_lacks),
        T(an_option_the_file_system_lacks),
        T(a_directory_on_a_file),
        T(a_namespace_that_is_not_there),
        T(ids_that_cannot_be_mapped),
        T(killed_while_parked),
        T(killed_while_being_set_up),
        T(left_while_parked),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
