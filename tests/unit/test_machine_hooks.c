/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks of real boxes, and the listener of a filter. */
#include "machine_box.h"

#include "base/str.h"
#include "machine/container/seccomp_compile.h"

#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

static char base[64];

#define HOOKS_SKIP_UNLESS_ROOT()                                                                   \
    do {                                                                                           \
        if (geteuid() != 0) {                                                                      \
            print_message("skipped: real boxes of this file need root\n");                         \
            skip();                                                                                \
        }                                                                                          \
    } while (0)

static int setup(void **state) {
    struct box *b = calloc(1, sizeof(*b));
    *state = b;
    if (geteuid() != 0)
        return 0;
    if (box_new(b, base) < 0)
        return -1;
    b->before = box_world();
    b->spec.version = arena_strdup(b->a, "1.2.0");
    b->host.id = "c1";
    b->host.bundle = "/some/bundle";
    return 0;
}

static int teardown(void **state) {
    struct box *b = *state;
    int r = 0;
    if (geteuid() == 0) {
        struct err e = {0};
        machine_end(&b->m, &e);
        struct box_world w = box_world();
        if (w.fds != b->before.fds || w.mounts != b->before.mounts) {
            print_error("left behind: %zu → %zu fds, %zu → %zu mounts\n", b->before.fds, w.fds,
                        b->before.mounts, w.mounts);
            r = -1;
        }
        box_end(b);
    }
    free(b);
    return r;
}

static int group_setup(void **state) {
    char lower[100];
    str_copy(base, sizeof(base), "/tmp/hako-test-XXXXXX");
    if (!mkdtemp(base))
        return -1;
    snprintf(lower, sizeof(lower), "%s/lower", base);
    return box_make_root(lower);
}

static int group_teardown(void **state) {
    box_remove_cgroup_parents();
    return path_remove_tree(AT_FDCWD, base);
}

/* One more hook of a point: a shell script. */
static struct rt_hook *hook_add(struct box *b, struct rt_hooks *hooks, const char *script) {
    struct rt_hook *v = arena_array(b->a, hooks->n + 1, struct rt_hook);
    if (hooks->n)
        memcpy(v, hooks->v, hooks->n * sizeof(*v));
    struct rt_hook *h = &v[hooks->n++];
    *h = (struct rt_hook){.path = arena_strdup(b->a, "/bin/sh")};
    strlist_add(b->a, &h->args, "sh");
    strlist_add(b->a, &h->args, "-c");
    strlist_add(b->a, &h->args, script);
    strlist_add(b->a, &h->env, "PATH=/usr/bin:/bin");
    hooks->v = v;
    return h;
}

static const char *note(struct box *b, const char *name) {
    static char text[4096];
    struct str s = STR_INIT(0);
    char *path = arena_printf(b->a, "%s/%s", b->dir, name);
    text[0] = 0;
    if (io_read_file(AT_FDCWD, path, &s) == 0)
        str_copy(text, sizeof(text), str_c(&s));
    str_free(&s);
    return text;
}

static void expect_has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void every_point_in_its_place(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    struct rt_spec *s = &b->spec;
    char own[64] = "", line[128];
    ssize_t n = readlink("/proc/self/ns/mnt", own, sizeof(own) - 1);
    assert_true(n > 0);
    hook_add(b, &s->prestart,
             arena_printf(b->a, "cat > %s/prestart; readlink /proc/self/ns/mnt >> %s/order", b->dir,
                          b->dir));
    hook_add(b, &s->create_runtime,
             arena_printf(b->a, "cat > %s/runtime; echo runtime >> %s/order", b->dir, b->dir));
    hook_add(b, &s->create_container,
             arena_printf(b->a,
                          "cat > %s/container; readlink /proc/self/ns/mnt >> %s/order; umask >> "
                          "%s/order; echo here > ./from-hook; ls /proc/self/fd | wc -l >> %s/order",
                          b->dir, b->dir, b->dir, b->dir));
    hook_add(b, &s->start_container, "cat > /start; ls /proc/self/fd | wc -l >> /start");
    hook_add(b, &s->poststart, arena_printf(b->a, "cat > %s/poststart", b->dir));
    hook_add(b, &s->poststop, arena_printf(b->a, "cat > %s/poststop", b->dir));
    assert_int_equal(box_run(b, "cat /from-hook /start"), 0);
    expect_has(b->out, "here\n{\"ociVersion\":\"1.2.0\",\"id\":\"c1\",\"status\":\"created\","
                       "\"pid\":1,\"bundle\":\"/some/bundle\",\"annotations\":{}}4\n");
    snprintf(line, sizeof(line), "%s\nruntime\nmnt:", own);
    expect_has(note(b, "order"), line);
    expect_has(note(b, "order"), "\n0022\n4\n");
    snprintf(line, sizeof(line), "\"status\":\"created\",\"pid\":%d,", b->m.pid);
    expect_has(note(b, "prestart"), line);
    snprintf(line, sizeof(line), "\"status\":\"creating\",\"pid\":%d,", b->m.pid);
    expect_has(note(b, "runtime"), line);
    expect_has(note(b, "container"), "\"status\":\"creating\",\"pid\":1,");
    assert_string_equal(note(b, "poststart"), "");
    assert_int_equal(machine_hooks(&b->plan, PLAN_HOOK_POSTSTART, "running", 77, NULL, NULL, &b->e),
                     0);
    expect_has(note(b, "poststart"), "\"status\":\"running\",\"pid\":77,");
    assert_int_equal(machine_hooks(&b->plan, PLAN_HOOK_POSTSTOP, "stopped", 0, NULL, NULL, &b->e),
                     0);
    expect_has(note(b, "poststop"), "\"status\":\"stopped\",\"bundle\":");
}

static void expect_failure(struct box *b, const char *part) {
    assert_true(box_run(b, "echo started") < 0);
    expect_has(b->e.msg, part);
}

static void prestart_fails(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    hook_add(b, &b->spec.prestart, "true");
    hook_add(b, &b->spec.prestart, "echo said; echo why >&2; exit 3");
    hook_add(b, &b->spec.create_container, arena_printf(b->a, "touch %s/container", b->dir));
    expect_failure(b, "error running prestart hook #1 (/bin/sh): error running hook: exit status "
                      "3, stdout: said, stderr: why");
    assert_int_not_equal(access(arena_printf(b->a, "%s/container", b->dir), F_OK), 0);
}

static void create_container_fails(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    hook_add(b, &b->spec.create_container, "kill -9 $$");
    expect_failure(b, "createContainer hook #0 (/bin/sh): error running hook: signal: killed");
}

static void start_container_fails(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    hook_add(b, &b->spec.start_container, "exit 4");
    expect_failure(b, "error running startContainer hook #0 (/bin/sh): error running hook: exit "
                      "status 4");
    struct pollfd p = {.fd = b->m.exit_fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 20000), 1); /* it is gone by itself */
}

static void a_missing_program(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    hook_add(b, &b->spec.create_runtime, "true")->path = arena_strdup(b->a, "/no/such");
    expect_failure(b, "error running createRuntime hook #0 (/no/such): fork/exec /no/such: No such "
                      "file or directory");
}

static void a_hook_that_takes_too_long(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    hook_add(b, &b->spec.create_container, "exec sleep 1000")->timeout = 1;
    expect_failure(b, "hook ran past specified timeout of 1.0s");
}

/* What a hook leaves behind may keep its output open: that is not waited for. */
static void a_daemon_is_not_waited_for(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    hook_add(b, &b->spec.prestart, arena_printf(b->a, "sleep 1000 & echo $! > %s/daemon", b->dir));
    assert_int_equal(box_run(b, "true"), 0);
    pid_t pid = (pid_t)strtol(note(b, "daemon"), NULL, 10);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
}

static void the_environment(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    setenv("HAKO_HOOK_TEST", "inherited", 1);
    hook_add(b, &b->spec.prestart, arena_printf(b->a, "echo $HAKO_HOOK_TEST > %s/env", b->dir))
        ->env = (struct strlist){0};
    hook_add(b, &b->spec.create_runtime,
             arena_printf(b->a, "echo no$HAKO_HOOK_TEST >> %s/env", b->dir));
    hook_add(b, &b->spec.start_container, "echo [$HAKO_HOOK_TEST$HOME] > /env")->env =
        (struct strlist){0};
    int r = box_run(b, "cat /env");
    unsetenv("HAKO_HOOK_TEST");
    assert_int_equal(r, 0);
    assert_string_equal(note(b, "env"), "inherited\nno\n");
    assert_string_equal(b->out, "[/root]\n");
}

static void output_to_files(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    b->host.hook_out = arena_printf(b->a, "%s/out", b->dir);
    b->host.hook_err = arena_printf(b->a, "%s/err", b->dir);
    hook_add(b, &b->spec.prestart, "echo a; echo b >&2");
    hook_add(b, &b->spec.start_container, "echo c; echo d >&2");
    assert_int_equal(box_run(b, "true"), 0);
    assert_string_equal(note(b, "out"), "a\nc\n");
    assert_string_equal(note(b, "err"), "b\nd\n");
}

static void count_warning(void *data, const struct err *e) {
    assert_non_null(strstr(e->msg, "poststop hook #0"));
    ++*(int *)data;
}

static void poststop_goes_on(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    int warnings = 0;
    hook_add(b, &b->spec.poststop, "exit 1");
    hook_add(b, &b->spec.poststop, arena_printf(b->a, "touch %s/second", b->dir));
    assert_int_equal(box_run(b, "true"), 0);
    assert_int_equal(
        machine_hooks(&b->plan, PLAN_HOOK_POSTSTOP, "stopped", 0, count_warning, &warnings, &b->e),
        0);
    assert_int_equal(warnings, 1);
    assert_int_equal(access(arena_printf(b->a, "%s/second", b->dir), F_OK), 0);
}

/* --- the listener ------------------------------------------------------------------------------
 */

/* An agent: takes one descriptor, answers each call held up with ENOMEDIUM, until `calls`. */
static pid_t agent_start(const char *path, const char *notes, int calls) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(sock, 1) < 0)
        return -1;
    pid_t pid = fork();
    if (pid != 0) {
        close(sock);
        return pid;
    }
    char text[2048];
    int fds[IO_MAX_FDS];
    size_t nfds = 0;
    int conn = accept(sock, NULL, NULL);
    ssize_t n = io_recv_fds(conn, text, sizeof(text) - 1, fds, &nfds);
    ssize_t more;
    while (n > 0 && (more = read(conn, text + n, sizeof(text) - 1 - (size_t)n)) > 0)
        n += more;
    if (n <= 0 || nfds != 1 || io_replace_file(AT_FDCWD, notes, text, (size_t)n, 0644, false) < 0)
        _exit(1);
    for (int i = 0; i < calls; i++) {
        struct seccomp_notif req = {0};
        struct seccomp_notif_resp resp = {0};
        if (ioctl(fds[0], SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
            _exit(2);
        resp.id = req.id;
        resp.error = -ENOMEDIUM;
        if (ioctl(fds[0], SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0)
            _exit(3);
    }
    _exit(0);
}

static void use_listener(struct box *b, const char *call) {
    struct rt_seccomp *s = arena_array(b->a, 1, struct rt_seccomp);
    struct rt_seccomp_rule *rule = arena_array(b->a, 1, struct rt_seccomp_rule);
    *rule = (struct rt_seccomp_rule){.names = box_words(b->a, call),
                                     .action = arena_strdup(b->a, "SCMP_ACT_NOTIFY")};
    *s = (struct rt_seccomp){.default_action = arena_strdup(b->a, "SCMP_ACT_ALLOW"),
                             .listener_path = arena_printf(b->a, "%s/agent", b->dir),
                             .listener_metadata = arena_strdup(b->a, "meta"),
                             .rules = rule,
                             .n_rules = 1};
    b->spec.seccomp = s;
    b->host.state_version = "1.2.0";
    int r = seccomp_compile(s, -1, b->a, &b->host.seccomp_bpf, &b->host.seccomp_len,
                            &b->host.seccomp_flags, &b->e);
    if (r < 0)
        fail_msg("%s", b->e.msg);
}

static void a_call_is_asked_about(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    for (int nnp = 0; nnp < 2; nnp++) {
        char *path = arena_printf(b->a, "%s/agent", b->dir);
        b->spec.process.no_new_privileges = nnp;
        use_listener(b, "mkdir mkdirat");
        pid_t agent = agent_start(path, arena_printf(b->a, "%s/told", b->dir), 1);
        assert_true(agent > 0);
        int r = box_run(b, "mkdir /tmp/x 2>&1; ls -l /proc/self/fd | grep -c seccomp");
        if (r < 0)
            fail_msg("%s", b->e.msg);
        int status = 0;
        assert_int_equal(waitpid(agent, &status, 0), agent);
        assert_int_equal(status, 0);
        expect_has(b->out, "No medium found");
        expect_has(b->out, "\n0\n");
        char *want = arena_printf(b->a,
                                  "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"metadata\":"
                                  "\"meta\",\"pid\":%d,\"state\":{\"ociVersion\":\"1.2.0\",\"id\":"
                                  "\"c1\",\"status\":\"creating\",\"pid\":%d,\"bundle\":\"/some/"
                                  "bundle\",\"annotations\":{}}}",
                                  b->m.pid, b->m.pid);
        assert_string_equal(note(b, "told"), want);
        assert_int_equal(unlink(path), 0);
        struct err e = {0};
        machine_end(&b->m, &e);
        machine_init(&b->m, &machine_container_ops);
    }
}

static void no_agent(void **state) {
    HOOKS_SKIP_UNLESS_ROOT();
    struct box *b = *state;
    use_listener(b, "mkdir");
    expect_failure(b, "failed to connect with seccomp agent");
    struct err e = {0};
    machine_end(&b->m, &e);
    machine_init(&b->m, &machine_container_ops);
    /* nothing is asked about: the path is ignored */
    b->spec.seccomp->rules[0].action = arena_strdup(b->a, "SCMP_ACT_ERRNO");
    assert_int_equal(box_run(b, "true"), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(every_point_in_its_place),   T(prestart_fails),        T(create_container_fails),
        T(start_container_fails),      T(a_missing_program),     T(a_hook_that_takes_too_long),
        T(a_daemon_is_not_waited_for), T(the_environment),       T(output_to_files),
        T(poststop_goes_on),           T(a_call_is_asked_about), T(no_agent),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
