/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/create.h"

#include "base/io.h"
#include "oci/cgroups.h"
#include "oci/console.h"
#include "oci/hooks.h"
#include "oci/notify.h"
#include "oci/pidfile.h"
#include "sys/pidref.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* crun passes on what is there. What closes on exec is ours. */
static int create_check_fds(const struct oci *o, const struct oci_create_options *opt,
                            struct err *e) {
    if (str_eq(o->name, "crun"))
        return 0;
    for (unsigned i = 0; i < opt->preserve_fds; i++) {
        int flags = fcntl(3 + (int)i, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC))
            return err_set(e, ERR_USAGE, -EBADF,
                           "unable to preserve file descriptor %u: please check that preserved-fd "
                           "count is correct: it is not open",
                           3 + i);
    }
    return 0;
}

/* The plan is there before the first cgroup is: a sweep knows what to look for. */
static int create_files(struct oci_creation *c, const void *plan, size_t len, struct err *e) {
    int r = io_replace_file(c->dir.fd, STATE_PLAN, plan, len, 0600, false);
    if (r == 0)
        r = io_replace_file(c->dir.fd, STATE_CONFIG, str_c(&c->b.text), c->b.text.len, 0600, false);
    if (r < 0)
        return err_sysn(e, r, "cannot write the state of container %.200s", c->dir.id);
    c->listener = oci_state_listen(&c->dir);
    return c->listener < 0 ? err_sysn(e, c->listener, "cannot make the container's start socket")
                           : 0;
}

static void create_stdio(const struct oci_creation *c, struct machine_stdio *io) {
    *io = (struct machine_stdio){.terminal = c->b.spec.process.terminal,
                                 .listener = c->listener,
                                 .preserve = c->opt->preserve_fds};
    for (int i = 0; i < 3; i++)
        io->fd[i] = fcntl(i, F_GETFD) < 0 ? -1 : i;
}

static int create_machine(struct oci_creation *c, struct err *e) {
    struct machine_stdio io;
    create_stdio(c, &io);
    machine_init(&c->m, &machine_container_ops);
    oci_trace(c->o, "nsexec container setup"); /* runc's words: some wait for them */
    int r = machine_open(&c->m, &c->plan, &io, e);
    if (r == 0)
        r = machine_boot(&c->m, e);
    if (r == 0)
        r = machine_create(&c->m, e);
    if (r < 0)
        return r;
    oci_trace(c->o, "child process in init(): it has applied its plan");
    c->st.pid = c->m.pid;
    r = pidref_start_time(c->m.pid, &c->st.pid_start);
    return r < 0 ? err_sysn(e, r, "the container's first process is gone") : 0;
}

int oci_create_tell(struct oci_creation *c, struct err *e) {
    const struct oci_create_options *opt = c->opt;
    int r = 0;
    if (!str_empty(opt->console_socket)) {
        r = oci_console_send(opt->console_socket, c->m.console, e);
        fd_close(&c->m.console);
    }
    oci_console_lines(c->m.console); /* before the command writes */
    if (r == 0)
        r = pidfile_write(opt->pid_file, c->st.pid, e);
    if (r == 0)
        r = oci_state_write(&c->dir, &c->st, &c->plan, &c->b.spec, e);
    if (r == 0)
        oci_state_unlock(&c->dir);
    return r;
}

/* Where standard input and output lead, as crun writes it down. */
static const char *create_descriptors(struct arena *a) {
    AUTO_JS js *list = js_new_array();
    AUTO_STR struct str text = STR_INIT(0);
    char path[32], to[PATH_MAX];
    for (int i = 0; list && i < 3; i++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", i);
        ssize_t n = readlink(path, to, sizeof(to) - 1);
        to[n < 0 ? 0 : n] = 0;
        if (js_push_str(list, to) < 0)
            return NULL;
    }
    return list && js_print(list, JS_COMPACT, &text) == 0 ? arena_strdup(a, str_c(&text)) : NULL;
}

/* For systemd's socket activation: the command is process 1 of its world. */
static int create_listen_env(struct oci_creation *c, struct err *e) {
    struct strlist *env = &c->b.spec.process.env;
    if (c->opt->listen_fds && (strlist_addf(c->a, env, "LISTEN_FDS=%u", c->opt->listen_fds) < 0 ||
                               strlist_add(c->a, env, "LISTEN_PID=1") < 0))
        return err_oom(e);
    return 0;
}

static void create_state(struct oci_creation *c, const char *id) {
    c->st.id = id;
    c->st.version = c->b.spec.version;
    c->st.bundle = c->b.path;
    c->st.rootfs = c->b.rootfs;
    c->st.created_ns = now_unix_ns();
    c->st.systemd_cgroup = c->o->systemd_cgroup;
    c->st.rootless = c->b.host.rootless;
    c->st.annotations = js_get(c->b.doc, "annotations");
    c->st.hooks = js_get(c->b.doc, "hooks");
    if (str_eq(c->o->name, "crun"))
        c->st.descriptors = create_descriptors(c->a);
}

/* A terminal without a place to go to is said first, whatever else is wrong. */
static int create_bundle(struct oci_creation *c, struct err *e) {
    const struct oci_create_options *opt = c->opt;
    struct err terminal = {0};
    int r = oci_bundle_open(&c->b, opt->bundle, opt->config, c->a, e);
    if (r < 0 && c->b.doc &&
        oci_console_check(js_get_bool(js_get(c->b.doc, "process"), "terminal", false), opt->detach,
                          opt->console_socket, &terminal) < 0)
        *e = terminal;
    return r;
}

static int create_prepare(struct oci_creation *c, const char *id, struct err *e) {
    const struct oci_create_options *opt = c->opt;
    void *plan;
    size_t len;
    int r = oci_check_id(id, e);
    if (r == 0)
        r = create_check_fds(c->o, opt, e);
    if (r == 0)
        r = create_bundle(c, e);
    if (r == 0)
        r = oci_console_check(c->b.spec.process.terminal, opt->detach, opt->console_socket, e);
    if (r == 0)
        r = create_listen_env(c, e);
    if (r == 0)
        r = oci_state_make(c->o, id, &c->dir, e);
    if (r == 0 && oci_notify_wanted(c->o, opt->detach))
        r = oci_notify_prepare(c->o, &c->dir, &c->b, e);
    if (r == 0)
        r = oci_bundle_plan(&c->b, c->o, id, opt, &plan, &len, e);
    if (r == 0)
        r = plan_open(plan, len, &c->plan, e);
    if (r == 0)
        r = oci_cgroups_check(c->o, &c->plan, e);
    if (r == 0)
        r = create_files(c, plan, len, e);
    if (r == 0)
        create_state(c, id);
    return r;
}

int oci_create_prepare(struct oci_creation *c, const struct oci *o, const char *id,
                       const struct oci_create_options *opt, struct err *e) {
    *c = (struct oci_creation){.o = o, .opt = opt, .dir = OCI_DIR_INIT, .listener = -1};
    machine_init(&c->m, &machine_container_ops);
    c->a = arena_new();
    int r = c->a ? create_prepare(c, id, e) : err_oom(e);
    if (r < 0) {
        oci_create_undo(c);
        oci_create_end(c);
    }
    return r;
}

int oci_create_begin(struct oci_creation *c, const struct oci *o, const char *id,
                     const struct oci_create_options *opt, struct err *e) {
    int r = oci_create_prepare(c, o, id, opt, e);
    if (r < 0)
        return r;
    r = create_machine(c, e);
    unit_release(&c->b.unit);
    if (r == 0)
        r = oci_create_tell(c, e);
    if (r < 0) {
        oci_create_undo(c);
        oci_create_end(c);
    }
    return r;
}

int oci_create_detach(struct oci_creation *c, struct err *e) {
    oci_trace(c->o, "init: closing the pipe to signal completion");
    return machine_detach(&c->m, e);
}

int oci_create_start(struct oci_creation *c, struct err *e) {
    oci_trace(c->o, "init: closing the pipe to signal completion");
    AUTO_FD int notify = -1;
    int r = oci_notify_bind(c->o, &c->dir, &notify, e);
    if (r == 0)
        r = machine_start(&c->m, e);
    if (r < 0)
        return r;
    unlinkat(c->dir.fd, STATE_SOCKET, 0);
    r = oci_hooks_poststart(&c->plan, c->m.pid, e);
    return r < 0 || notify < 0 || !c->opt->detach
               ? r
               : oci_notify_wait(notify, c->o->notify_socket, c->m.pid, c->m.exit_fd, e);
}

void oci_create_undo(struct oci_creation *c) {
    struct err ignored = {0};
    if (c->plan.h)
        machine_end(&c->m, &ignored);
    if (c->dir.fd >= 0)
        oci_state_remove(c->o, &c->dir, &ignored);
    if (c->plan.h && c->m.plan)
        oci_hooks_poststop(c->o, &c->plan);
}

void oci_create_end(struct oci_creation *c) {
    fd_close(&c->listener);
    fd_close(&c->m.exit_fd);
    fd_close(&c->m.netns);
    fd_close(&c->m.console);
    oci_state_close(&c->dir);
    oci_bundle_close(&c->b);
    arena_freep(&c->a);
}
