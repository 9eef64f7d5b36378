/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one machine; monitor.h draws it. */
#include "monitor/monitor.h"

#include "base/str.h"
#include "net/forward.h"
#include "net/net.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct machine_ops *monitor_ops(const char *isolation) {
    const struct machine_ops *all[] = {&machine_container_ops, &machine_fake_ops};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (str_eq(all[i]->name, isolation))
            return all[i];
    return NULL;
}

/* --- BOOTING --------------------------------------------------------------------------------- */

int monitor_boot(struct monitor *m, const struct mon_msg *msg, const int *fds, struct err *e) {
    size_t n = 1;
    int r;

    m->dirfd = fds[0];
    m->host_netns = msg->flags & MON_F_HOSTNET ? fds[n++] : -1;
    m->holder = msg->flags & MON_F_HOLDER ? fds[n++] : -1;
    r = live_lock(m->dirfd);
    if (r == -EAGAIN)
        return err_set(e, ERR_CONFLICT, -EBUSY, "the container is running already");
    if (r < 0)
        return err_sysn(e, r, "cannot take the container's lock");
    m->lock_fd = r;
    m->live = (struct mon_live){.monitor_pid = getpid()};
    r = live_write(m->lock_fd, &m->live);
    if (r < 0)
        return err_sysn(e, r, "cannot write the container's lock file");
    if ((r = bundle_open(m->dirfd, &m->bundle, e)) < 0 ||
        (r = plan_open(m->bundle.plan, m->bundle.plan_len, &m->plan, e)) < 0)
        return r;
    const struct machine_ops *ops = monitor_ops(m->bundle.settings->isolation);
    if (!ops)
        return err_set(e, ERR_UNAVAILABLE, -ENOSYS, "isolation \"%s\" is not in this hako-monitor",
                       m->bundle.settings->isolation);
    machine_init(&m->machine, ops);
    m->booted = true;
    return 0;
}

static void monitor_exit_event(struct loop_source *src, uint32_t events) {
    monitor_ended(src->data);
}

/* Rootless: published ports are carried by a child (net/forward.h), which gets the listeners. For
 * root the packet filter carries them; the sockets only keep the ports ours until we end. */
static int monitor_forward(struct monitor *m, struct err *e) {
    pid_t pid;
    int r;

    if (m->bundle.settings->forward_port_count == 0)
        return 0;
    r = forward_spawn(m->bundle.net, m->bundle.net_len, m->listeners, m->nlisteners, m->host_netns,
                      &pid, &m->forwarder_fd, e);
    if (r < 0)
        return r;
    m->forwarder = pid;
    while (m->nlisteners > 0)
        close(m->listeners[--m->nlisteners]);
    return 0;
}

int monitor_create(struct monitor *m, struct err *e) {
    struct machine_stdio io;
    int r;

    unlinkat(m->dirfd, MON_EXIT, 0); /* the lock file already speaks of this life */
    /* init begins to mount inside open; all that can be done meanwhile comes here */
    if ((r = stdio_prepare(m, &io, e)) < 0 || (r = machine_open(&m->machine, &m->plan, &io, e)) < 0)
        return r;
    m->live.pid = m->machine.pid;
    m->live.pid_start = live_pid_start(m->machine.pid);
    live_write(m->lock_fd, &m->live); /* from here on a sweep knows whom to kill */
    if ((r = control_listen(m, e)) < 0)
        return r;
    if (m->bundle.net_len > 0) {
        m->net_tried = true;
        r = net_attach(m->bundle.net, m->bundle.net_len, m->machine.netns, m->host_netns, e);
        if (r < 0)
            return r;
    }
    if ((r = monitor_forward(m, e)) < 0 || (r = machine_boot(&m->machine, e)) < 0 ||
        (r = machine_create(&m->machine, e)) < 0 || (r = stdio_begin(m, e)) < 0)
        return r;
    r = loop_add(&m->loop, &m->exit_src, m->machine.exit_fd, EPOLLIN, monitor_exit_event, m);
    if (r < 0)
        return err_sysn(e, r, "cannot watch the container");
    m->life = LIFE_CREATED;
    return 0;
}

int monitor_start(struct monitor *m, struct err *e) {
    int r = machine_start(&m->machine, e);

    if (r < 0)
        return r;
    m->life = LIFE_RUNNING;
    m->live.started_ns = m->exit.started_ns = now_unix_ns();
    live_write(m->lock_fd, &m->live);
    return 0;
}

void monitor_failed(struct monitor *m, const struct err *e) {
    m->life = LIFE_OVER;
    m->loop.quit = true;
    m->exit.code = err_exit_code(e);
    str_copy(m->exit.error, sizeof(m->exit.error), e->msg);
    m->exit.finished_ns = now_unix_ns();
    exit_release(m);
    exit_record(m);
    exit_clean(m);
}

/* --- the end --------------------------------------------------------------------------------- */

void monitor_ended(struct monitor *m) {
    struct machine_exit x = {.code = 255};
    struct err e = {0};

    if (m->life != LIFE_CREATED && m->life != LIFE_RUNNING)
        return;
    loop_del(&m->loop, &m->exit_src);
    if (machine_reap(&m->machine, &x, &e) < 0)
        str_copy(m->exit.error, sizeof(m->exit.error), e.msg);
    m->exit.code = x.code;
    m->exit.oom_killed = x.oom_killed;
    m->exit.finished_ns = now_unix_ns();
    m->life = LIFE_DRAINING;
    /* Whoever outlives its pid 1 (host pid namespace) goes now, so that what is in the pipes is
     * all there will ever be. */
    m->machine.ops->remove(&m->machine, &e);
    stdio_drain(m);
}

void monitor_drained(struct monitor *m) {
    m->life = LIFE_OVER;
    m->loop.quit = true;
}

static void monitor_over(struct monitor *m) {
    exit_release(m);
    exit_record(m);
    if (!m->bundle.settings->auto_remove)
        exit_clean(m); /* it can be started or removed as soon as the client knows */
    control_last_call(m);
    execs_end(m);
    control_tell_exited(m);
    exit_clean(m);
}

/* --- the process ----------------------------------------------------------------------------- */

/* Children end: the box and execs are known, all others are orphans that came to us as their
 * subreaper (a box in the host's pid namespace). */
static void monitor_child_event(struct loop_source *src, uint32_t events) {
    struct monitor *m = src->data;
    struct signalfd_siginfo info;
    siginfo_t si;

    while (read(m->signal_fd, &info, sizeof(info)) > 0)
        ;
    for (;;) {
        memset(&si, 0, sizeof(si));
        if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 || si.si_pid == 0)
            return;
        bool box = si.si_pid == m->machine.pid;
        if (box)
            monitor_ended(m);
        if (!box && execs_reaped(m, si.si_pid))
            continue;
        waitid(P_PID, (id_t)si.si_pid, &si, WEXITED | WNOHANG);
    }
}

static int monitor_process(struct monitor *m) {
    sigset_t all;

    /* Blocked, not ignored: the box's init must not inherit what execve keeps. */
    for (int s = 1; s < NSIG; s++)
        sigaction(s, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    umask(022);
    prctl(PR_SET_NAME, "hako-monitor");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (chdir("/") < 0)
        return -errno;
    int r = loop_init(&m->loop);
    if (r < 0)
        return r;
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    m->signal_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    if (m->signal_fd < 0)
        return -errno;
    return loop_add(&m->loop, &m->signal_src, m->signal_fd, EPOLLIN, monitor_child_event, m);
}

int monitor_run(void) {
    struct monitor *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (m == MAP_FAILED)
        return 125;
    m->dirfd = m->lock_fd = m->listen_fd = m->host_netns = m->holder = m->filter_fd = -1;
    if (monitor_process(m) < 0 || fcntl(MONITOR_BOOT_FD, F_SETFD, FD_CLOEXEC) < 0 ||
        !control_add(m, MONITOR_BOOT_FD) || loop_run(&m->loop) < 0)
        return 125;
    if (m->life == LIFE_OVER && m->lock_fd >= 0)
        monitor_over(m);
    if (m->life == LIFE_BOOTING && m->booted && ftruncate(m->lock_fd, 0) < 0)
        return 125; /* nobody said GO: as if we had never been */
    return 0;
}
