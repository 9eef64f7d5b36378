/* SPDX-License-Identifier: Apache-2.0 */
/* Ids, the state directory, and what a status is made of. */
#include "oci/state.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "machine/plan_writer.h"
#include "sys/pidref.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

struct world {
    char root[64];
    struct oci o;
    struct arena *a;
    struct err e;
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    if (!w || !str_copy(w->root, sizeof(w->root), "/tmp/hako-oci-XXXXXX") || !mkdtemp(w->root))
        return -1;
    w->o = (struct oci){.root = w->root, .name = "hako-oci"};
    w->a = arena_new();
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    arena_free(w->a);
    int r = path_remove_tree(AT_FDCWD, w->root);
    free(w);
    return r;
}

/* A plan without cgroups: nothing to sweep. */
static void make_plan(struct world *w, struct plan *ret, void **bytes, size_t *n) {
    struct plan_writer pw;
    plan_writer_begin(&pw);
    assert_int_equal(plan_writer_finish(&pw, w->a, bytes, n, &w->e), 0);
    plan_writer_end(&pw);
    assert_int_equal(plan_open(*bytes, *n, ret, &w->e), 0);
}

static void write_state(struct world *w, const struct oci_dir *d, pid_t pid) {
    struct oci_state st = {.id = d->id,
                           .version = "1.2.0",
                           .bundle = "/b",
                           .rootfs = "/b/rootfs",
                           .pid = pid,
                           .created_ns = 1700000000000000000};
    struct rt_spec spec = {0};
    struct plan plan;
    void *bytes;
    size_t n;
    make_plan(w, &plan, &bytes, &n);
    assert_int_equal(pidref_start_time(pid, &st.pid_start), 0);
    assert_int_equal(io_replace_file(d->fd, STATE_PLAN, bytes, n, 0600, false), 0);
    assert_int_equal(oci_state_write(d, &st, &plan, &spec, &w->e), 0);
}

static void ids(void **state) {
    struct world *w = *state;
    static const char *const good[] = {"a", "a.b", "_x-1+2", "0", "..a"};
    static const char *const bad[] = {"", ".", "..", "a/b", "/a", "a b", "ä", "a\nb", "a:b"};
    char longest[OCI_MAX_ID + 2];
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(oci_check_id(good[i], &w->e), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(oci_check_id(bad[i], &w->e), -EINVAL);
    assert_int_equal(oci_check_id(NULL, &w->e), -EINVAL);
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = 0;
    assert_int_equal(oci_check_id(longest, &w->e), -EINVAL);
    longest[OCI_MAX_ID] = 0;
    assert_int_equal(oci_check_id(longest, &w->e), 0);
}

static void what_is_written_is_read(void **state) {
    struct world *w = *state;
    struct oci_dir d = OCI_DIR_INIT;
    struct oci_state st = {0};
    assert_int_equal(oci_state_make(&w->o, "one", &d, &w->e), 0);
    write_state(w, &d, getpid());
    assert_int_equal(oci_state_read(&d, w->a, &st, &w->e), 0);
    assert_string_equal(st.bundle, "/b");
    assert_int_equal(st.pid, getpid());
    assert_true(st.created_ns == 1700000000000000000);
    assert_int_equal(oci_state_status(&d, &st, NULL), OCI_RUNNING);
    oci_state_free(&st);
    assert_int_equal(oci_state_remove(&w->o, &d, &w->e), 0);
    oci_state_close(&d);
    assert_int_equal(oci_state_open(&w->o, "one", false, &d, &w->e), -ENOENT);
    assert_int_equal(w->e.kind, ERR_NOT_FOUND);
}

static void an_id_is_taken_once(void **state) {
    struct world *w = *state;
    struct oci_dir d = OCI_DIR_INIT, again = OCI_DIR_INIT;
    assert_int_equal(oci_state_make(&w->o, "one", &d, &w->e), 0);
    /* being made: locked, no state.json yet */
    assert_int_equal(oci_state_make(&w->o, "one", &again, &w->e), -EEXIST);
    write_state(w, &d, getpid());
    oci_state_close(&d);
    assert_int_equal(oci_state_make(&w->o, "one", &again, &w->e), -EEXIST);
    assert_int_equal(w->e.kind, ERR_CONFLICT);
}

static void what_a_killed_create_left_is_swept(void **state) {
    struct world *w = *state;
    struct oci_dir d = OCI_DIR_INIT, again = OCI_DIR_INIT;
    struct plan plan;
    struct stat st;
    void *bytes;
    size_t n;
    assert_int_equal(oci_state_make(&w->o, "one", &d, &w->e), 0);
    make_plan(w, &plan, &bytes, &n);
    assert_int_equal(io_replace_file(d.fd, STATE_PLAN, bytes, n, 0600, false), 0);
    int sock = oci_state_listen(&d);
    assert_true(sock >= 0);
    close(sock);
    oci_state_close(&d); /* the lock goes with its process */
    assert_int_equal(oci_state_make(&w->o, "one", &again, &w->e), 0);
    assert_int_equal(fstatat(again.fd, STATE_PLAN, &st, 0), -1);
    assert_int_equal(fstatat(again.fd, STATE_SOCKET, &st, 0), -1);
    oci_state_close(&again);
}

static void a_process_of_another_start_time_is_not_ours(void **state) {
    struct world *w = *state;
    struct oci_dir d = OCI_DIR_INIT;
    struct oci_state st = {0};
    assert_int_equal(oci_state_make(&w->o, "one", &d, &w->e), 0);
    write_state(w, &d, getpid());
    assert_int_equal(oci_state_read(&d, w->a, &st, &w->e), 0);
    st.pid_start++;
    assert_int_equal(oci_state_status(&d, &st, NULL), OCI_STOPPED);
    oci_state_free(&st);
    oci_state_close(&d);
}

static void a_zombie_is_stopped(void **state) {
    struct world *w = *state;
    struct oci_dir d = OCI_DIR_INIT;
    struct oci_state st = {0};
    siginfo_t si;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT), 0);
    assert_int_equal(oci_state_make(&w->o, "one", &d, &w->e), 0);
    write_state(w, &d, pid);
    assert_int_equal(oci_state_read(&d, w->a, &st, &w->e), 0);
    assert_int_equal(oci_state_status(&d, &st, NULL), OCI_STOPPED);
    oci_state_free(&st);
    oci_state_close(&d);
    waitpid(pid, NULL, 0);
}

/* created: the socket answers. A name that nobody listens behind is a start that was killed. */
static void created_is_a_socket_that_answers(void **state) {
    struct world *w = *state;
    struct oci_dir d = OCI_DIR_INIT;
    struct oci_state st = {0};
    assert_int_equal(oci_state_make(&w->o, "one", &d, &w->e), 0);
    write_state(w, &d, getpid());
    assert_int_equal(oci_state_read(&d, w->a, &st, &w->e), 0);
    int sock = oci_state_listen(&d);
    assert_true(sock >= 0);
    assert_int_equal(oci_state_status(&d, &st, NULL), OCI_CREATED);
    close(sock);
    assert_int_equal(oci_state_status(&d, &st, NULL), OCI_RUNNING);
    oci_state_free(&st);
    oci_state_close(&d);
}

static void damage_is_an_error(void **state) {
    struct world *w = *state;
    struct oci_dir d = OCI_DIR_INIT;
    struct oci_state st = {0};
    assert_int_equal(oci_state_make(&w->o, "one", &d, &w->e), 0);
    assert_int_equal(io_replace_file(d.fd, STATE_FILE, "{\"id\":", 6, 0600, false), 0);
    assert_true(oci_state_read(&d, w->a, &st, &w->e) < 0);
    assert_int_equal(w->e.kind, ERR_CORRUPT);
    oci_state_close(&d);
}

static void the_document_has_what_the_spec_says(void **state) {
    struct world *w = *state;
    AUTO_JS js *doc = NULL;
    struct oci_state st = {.id = "x", .version = "1.2.0", .bundle = "/b", .pid = 7};
    assert_int_equal(oci_state_document(&st, OCI_STOPPED, &doc, &w->e), 0);
    assert_string_equal(js_get_str(doc, "ociVersion"), "1.2.0");
    assert_string_equal(js_get_str(doc, "status"), "stopped");
    assert_int_equal(js_get_i64(doc, "pid", -1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ids, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_written_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(an_id_is_taken_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_killed_create_left_is_swept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_process_of_another_start_time_is_not_ours, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_zombie_is_stopped, setup, teardown),
        cmocka_unit_test_setup_teardown(created_is_a_socket_that_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(the_document_has_what_the_spec_says, setup, teardown),
    };
    return cmocka_run_group_tests_name("oci_state", tests, NULL, NULL);
}
