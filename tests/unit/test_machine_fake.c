/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a machine, on the backend that needs no root. */
#include "base/str.h"
#include "machine/machine.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

struct world {
    struct arena *a;
    struct rt_spec spec;
    struct plan_host host;
    struct root_recipe root;
    struct plan plan;
    struct machine m;
    struct machine_stdio io;
    int out; /* what the task writes */
    struct err e;
};

static int setup(void **state) {
    struct world *w = calloc(1, sizeof(*w));
    int p[2];
    w->a = arena_new();
    w->root.lower.n = 0;
    strlist_add(w->a, &w->root.lower, "/l");
    w->spec.has_process = true;
    w->spec.namespaces = arena_array(w->a, 1, struct rt_namespace);
    w->spec.namespaces[0].type = RT_NS_MOUNT;
    w->spec.n_namespaces = 1;
    machine_init(&w->m, &machine_fake_ops);
    if (pipe2(p, O_CLOEXEC) < 0)
        return -1;
    w->out = p[0];
    w->io = (struct machine_stdio){.fd = {-1, p[1], p[1]}};
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    machine_end(&w->m, &w->e);
    assert_int_equal(w->m.netns, -1);
    assert_int_equal(w->m.exit_fd, -1);
    close(w->out);
    if (w->io.fd[1] >= 0)
        close(w->io.fd[1]);
    arena_free(w->a);
    free(w);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child is left */
    return 0;
}

static void plan_of(struct world *w, const char *script, struct plan *ret) {
    void *bytes;
    size_t len;
    struct strlist args = {0}, env = {0};
    strlist_add(w->a, &args, "sh");
    strlist_add(w->a, &args, "-c");
    strlist_add(w->a, &args, script);
    strlist_add(w->a, &env, "PATH=/bin:/usr/bin");
    w->spec.process.args = args;
    w->spec.process.env = env;
    if (plan_build(&w->spec, &w->root, &w->host, w->a, &bytes, &len, &w->e) < 0 ||
        plan_open(bytes, len, ret, &w->e) < 0)
        fail_msg("%s", w->e.msg);
}

static void open_box(struct world *w, const char *script) {
    plan_of(w, script, &w->plan);
    assert_int_equal(machine_open(&w->m, &w->plan, &w->io, &w->e), 0);
    fd_close(&w->io.fd[1]);
}

static void start_box(struct world *w, const char *script) {
    open_box(w, script);
    assert_int_equal(machine_boot(&w->m, &w->e), 0);
    assert_int_equal(machine_create(&w->m, &w->e), 0);
    assert_int_equal(machine_start(&w->m, &w->e), 0);
}

static int wait_for(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 20000);
}

static void a_whole_life(void **state) {
    struct world *w = *state;
    struct machine_exit x;
    char buf[8];
    start_box(w, "echo hi; exit 5");
    assert_int_equal(w->m.state, MACHINE_RUNNING);
    assert_int_equal(read(w->out, buf, sizeof(buf)), 3);
    assert_int_equal(wait_for(w->m.exit_fd), 1);
    assert_int_equal(machine_reap(&w->m, &x, &w->e), 0);
    assert_int_equal(x.code, 5);
    assert_int_equal(x.signal, 0);
    assert_int_equal(machine_end(&w->m, &w->e), 0);
    assert_int_equal(w->m.state, MACHINE_HALTED);
    assert_int_equal(machine_end(&w->m, &w->e), 0);
}

static void parked_until_started(void **state) {
    struct world *w = *state;
    struct pollfd p = {.fd = w->out, .events = POLLIN};
    open_box(w, "echo hi");
    assert_int_equal(machine_boot(&w->m, &w->e), 0);
    assert_int_equal(machine_create(&w->m, &w->e), 0);
    assert_int_equal(poll(&p, 1, 50), 0);
    assert_int_equal(machine_start(&w->m, &w->e), 0);
    assert_int_equal(wait_for(w->out), 1);
}

static void calls_out_of_order_are_refused(void **state) {
    struct world *w = *state;
    struct machine_exit x;
    assert_int_equal(machine_start(&w->m, &w->e), -EINVAL);
    assert_int_equal(machine_boot(&w->m, &w->e), -EINVAL);
    assert_int_equal(machine_reap(&w->m, &x, &w->e), -EINVAL);
    open_box(w, "true");
    assert_int_equal(machine_open(&w->m, &w->plan, &w->io, &w->e), -EINVAL);
    assert_int_equal(machine_start(&w->m, &w->e), -EINVAL);
    assert_string_equal(w->e.msg, "machine: cannot start while it is open");
    assert_int_equal(w->e.kind, ERR_CONFLICT);
    assert_int_equal(machine_boot(&w->m, &w->e), 0);
    assert_int_equal(machine_boot(&w->m, &w->e), -EINVAL);
}

static void command_not_found(void **state) {
    struct world *w = *state;
    void *bytes;
    size_t len;
    plan_of(w, "true", &w->plan);
    w->spec.process.args.v[0] = arena_strdup(w->a, "/no/such/command");
    assert_int_equal(plan_build(&w->spec, &w->root, &w->host, w->a, &bytes, &len, &w->e), 0);
    assert_int_equal(plan_open(bytes, len, &w->plan, &w->e), 0);
    assert_int_equal(machine_open(&w->m, &w->plan, &w->io, &w->e), 0);
    assert_int_equal(machine_boot(&w->m, &w->e), 0);
    assert_int_equal(machine_create(&w->m, &w->e), 0);
    assert_int_equal(machine_start(&w->m, &w->e), -ENOENT);
    assert_int_equal(w->e.kind, ERR_CMD_NOT_FOUND);
}

static void signals_and_exec(void **state) {
    struct world *w = *state;
    struct plan p;
    struct machine_exec x;
    struct machine_exit end;
    int status;
    struct machine_stdio none = {.fd = {-1, -1, -1}};
    start_box(w, "exec sleep 1000");
    plan_of(w, "exit 9", &p);
    assert_int_equal(w->m.ops->exec(&w->m, &p, &none, &x, &w->e), 0);
    assert_int_equal(waitpid(x.pid, &status, 0), x.pid);
    assert_int_equal(WEXITSTATUS(status), 9);
    close(x.exit_fd);
    assert_int_equal(w->m.ops->signal(&w->m, SIGTERM, false, &w->e), 0);
    assert_int_equal(wait_for(w->m.exit_fd), 1);
    assert_int_equal(machine_reap(&w->m, &end, &w->e), 0);
    assert_int_equal(end.code, 143);
    assert_int_equal(end.signal, SIGTERM);
}

/* Background processes and execs do not outlive the box. */
static void the_end_takes_all(void **state) {
    struct world *w = *state;
    struct plan p;
    struct machine_exec x;
    struct machine_exit end;
    int status;
    char buf[8];
    struct machine_stdio none = {.fd = {-1, -1, -1}};
    start_box(w, "sleep 1000 & read x < /dev/zero & sleep 0.05");
    plan_of(w, "exec sleep 1000", &p);
    assert_int_equal(w->m.ops->exec(&w->m, &p, &none, &x, &w->e), 0);
    assert_int_equal(wait_for(w->m.exit_fd), 1);
    assert_int_equal(machine_reap(&w->m, &end, &w->e), 0);
    assert_int_equal(waitpid(x.pid, &status, 0), x.pid);
    assert_int_equal(WTERMSIG(status), SIGKILL);
    close(x.exit_fd);
    assert_int_equal(read(w->out, buf, sizeof(buf)), 0); /* every writer is gone */
}

static void given_up_before_start(void **state) {
    open_box(*state, "true"); /* teardown ends it */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_whole_life),          T(parked_until_started), T(calls_out_of_order_are_refused),
        T(command_not_found),     T(signals_and_exec),     T(the_end_takes_all),
        T(given_up_before_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
