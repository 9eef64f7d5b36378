/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/create.h"
#include "oci/criu.h"

#include "base/io.h"
#include "machine/container/container.h"
#include "sys/ns.h"
#include "sys/pidref.h"
#include "sys/syscalls.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define RESTORE_PID "restore.pid"

/* criu wants the root to be a mount point: one of ours alone, gone with this process. */
static int restore_root(const struct oci_creation *c, struct err *e) {
    int r = ns_unshare(CLONE_NEWNS);
    if (r == 0 && sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        r = -errno;
    if (r == 0 && sys_mount(c->b.rootfs, c->b.rootfs, NULL, MS_BIND | MS_REC, NULL) < 0)
        r = -errno;
    return r < 0 ? err_sysn(e, r, "cannot mount the root file system for criu") : 0;
}

/* Pipes of the dump become ours of the same number. */
static void restore_descriptors(struct criu *run) {
    AUTO_STR struct str text = STR_INIT(65536);
    AUTO_JS js *list = NULL;
    struct err ignored;
    AUTO_FD int dir = open(run->images, O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || io_read_file(dir, "descriptors.json", &text) < 0 ||
        js_parse(str_c(&text), text.len, "descriptors.json", &list, &ignored) < 0)
        return;
    for (size_t i = 0; i < 3; i++) {
        const char *was = js_str(js_at(list, i));
        if (!was || !str_starts(was, "pipe:"))
            continue;
        criu_arg(run, "--inherit-fd");
        criu_argf(run, "fd[%zu]:%s", i, was);
    }
}

static int restore_args(struct criu *run, const struct oci_creation *c, struct err *e) {
    const struct oci_criu_options *opt = run->opt;
    criu_arg(run, "--restore-detached");
    criu_arg(run, "--root");
    criu_arg(run, c->b.rootfs);
    criu_arg(run, "--pidfile");
    criu_argf(run, "%s/%s/" RESTORE_PID, c->o->root, c->dir.id);
    if (!str_empty(opt->lsm_profile)) {
        criu_arg(run, "--lsm-profile");
        criu_arg(run, opt->lsm_profile);
    }
    if (!str_empty(opt->lsm_mount_context)) {
        criu_arg(run, "--lsm-mount-context");
        criu_arg(run, opt->lsm_mount_context);
    }
    criu_mounts(run, &c->b.spec, 0, true);
    restore_descriptors(run);
    return run->failed ? err_oom(e) : 0;
}

static int restore_found(struct oci_creation *c, struct oci_task *t, struct err *e) {
    char text[32];
    uint64_t pid = 0;
    int r = io_read_line(c->dir.fd, RESTORE_PID, text, sizeof(text));
    unlinkat(c->dir.fd, RESTORE_PID, 0);
    if (r == 0)
        r = str_to_u64(text, &pid);
    if (r < 0)
        return err_sysn(e, r, "criu did not say which process it restored");
    c->st.pid = t->pid = (pid_t)pid;
    r = pidref_start_time(t->pid, &c->st.pid_start);
    if (r == 0)
        r = t->exit_fd = pidref_open_started(t->pid, c->st.pid_start);
    return r < 0 ? err_sysn(e, r, "the restored process is gone") : 0;
}

static int restore_run(struct oci_creation *c, const struct oci_criu_options *opt,
                       struct oci_task *t, struct err *e) {
    struct criu run;
    if (c->b.spec.process.terminal)
        return err_set(e, ERR_UNAVAILABLE, -ENOTSUP,
                       "process.terminal: true: criu's command line cannot hand out the terminal "
                       "of a restored container");
    int r = criu_begin(&run, c->o, "restore", opt, c->a, e);
    if (r == 0)
        r = restore_args(&run, c, e);
    if (r == 0)
        r = host_apply(&c->plan, e);
    if (r == 0)
        r = restore_root(c, e);
    if (r == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) /* criu's child becomes ours */
        r = err_sys(e, "cannot become the parent of the restored process");
    if (r == 0)
        r = criu_run(&run, e);
    return r < 0 ? r : restore_found(c, t, e);
}

static void restore_undo(struct oci_creation *c, const struct oci_task *t) {
    struct err ignored = {0};
    int code, signo;
    if (t->exit_fd >= 0 && pidref_signal(t->exit_fd, SIGKILL) == 0)
        pidref_reap(t->exit_fd, &code, &signo);
    if (c->plan.h)
        machine_sweep(&c->plan, t->pid, c->st.pid_start, &ignored);
    oci_create_undo(c);
}

int oci_restore(const struct oci *o, const char *id, const struct oci_create_options *create,
                const struct oci_criu_options *opt, struct oci_task *ret, struct err *e) {
    struct oci_creation c;
    struct oci_task t = {.exit_fd = -1, .console = -1};
    int r = oci_create_prepare(&c, o, id, create, e);
    if (r < 0)
        return r;
    unlinkat(c.dir.fd, STATE_SOCKET, 0); /* it does not wait to be started */
    r = restore_run(&c, opt, &t, e);
    unit_release(&c.b.unit);
    if (r == 0)
        r = oci_create_tell(&c, e);
    if (r < 0) {
        restore_undo(&c, &t);
        fd_close(&t.exit_fd);
    } else {
        *ret = t;
    }
    oci_create_end(&c);
    return r;
}
