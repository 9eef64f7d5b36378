/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Birth of init: one clone3 with all new namespaces, straight into its v2 cgroup. The child begins
 * to apply its plan at once, while the caller plugs in the network.
 */
#include "machine/container/container.h"

#include "machine/container/apply.h"
#include "machine/container/bind.h"
#include "machine/container/birth.h"
#include "machine/container/listener.h"
#include "machine/container/netdev.h"
#include "machine/container/rdt.h"
#include "machine/container/sync.h"
#include "sys/idmap.h"
#include "sys/ns.h"
#include "sys/syscalls.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

/* A monitor may block signals and ignore some; the box starts with none of that. */
static void child_signals(void) {
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int i = 1; i < 32; i++)
        sigaction(i, &dfl, NULL); /* SIGKILL and SIGSTOP refuse, rightly */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A task that comes to a running box is in its sight from birth, and a CAP_SYS_PTRACE of the box's
 * may look at its descriptors: those of the host's cgroups and directories are not among them. */
static void child_close(const struct birth *b) {
    int keep[] = {b->io->fd[0], b->io->fd[1], b->io->fd[2], b->ends[1], b->box, b->null};
    apply_close_but(3 + b->io->preserve, keep, ARRAY_SIZE(keep));
}

void spawn_child(const struct birth *b) {
    struct err e = {0};
    struct machine_stdio stdio = *b->io;
    int sock = b->ends[1];
    struct apply a = {.plan = b->plan,
                      .io = &stdio,
                      .e = &e,
                      .sock = sock,
                      .box = b->box,
                      .root = -1,
                      .proc = -1,
                      .null = b->null,
                      .empty = -1,
                      .mapped = b->mapped,
                      .dir = -1,
                      .hook_out = {-1, -1}};
    int code = 125;

    stdio.terminal = plan_has_terminal(b->plan);
    child_signals();
    if (b->box >= 0)
        child_close(b);
    if ((b->flags & CLONE_NEWUSER) && !sync_expect(sock, SYNC_MAPPED))
        _exit(125);
    prctl(PR_SET_DUMPABLE, 0); /* after the maps: a non-dumpable process's files are root's */
    if (apply_run(&a, &code) < 0) {
        sync_fail(a.sock, &e);
        _exit(125);
    }
    _exit(code);
}

/* What init asks of us in the middle of its plan; it waits for the answer. */
static int spawn_serve(const struct spawn_talk *t, int word, uint32_t number, struct err *e) {
    const struct listener_call call = {.plan = t->plan,
                                       .pid = t->pid,
                                       .box = t->box ? t->box : t->pid,
                                       .pidfd = t->pidfd,
                                       .number = number};
    int r = 0;
    if (word == SYNC_SOURCE) {
        AUTO_FD int mnt = source_open(t->plan, t->pid, number, e);
        if (mnt >= 0)
            sync_say(t->sock, SYNC_SOURCE, mnt);
        return mnt < 0 ? mnt : 0;
    }
    if (word == SYNC_HOOKS) {
        r = machine_hooks(t->plan, PLAN_HOOK_PRESTART, "created", t->pid, NULL, NULL, e);
        if (r == 0)
            r = machine_hooks(t->plan, PLAN_HOOK_RUNTIME, "creating", t->pid, NULL, NULL, e);
    } else {
        r = listener_hand_over(&call, e);
    }
    if (r < 0)
        return r;
    sync_say(t->sock, SYNC_GO_ON, -1); /* a dead init is heard of next */
    return 0;
}

int spawn_hear(const struct spawn_talk *t, int until, struct err *e) {
    for (;;) {
        uint32_t number = 0;
        int word = sync_hear(t->sock, t->console, &number, e);
        if (t->plan && (word == SYNC_HOOKS || word == SYNC_LISTENER || word == SYNC_SOURCE)) {
            word = spawn_serve(t, word, number, e);
            if (word == 0)
                continue;
        }
        if (word < 0 || word == until)
            return word < 0 ? word : 0;
        if (word == 0)
            return err_set(e, ERR_INTERNAL, -ECHILD,
                           "the box's first process died while it was being set up");
        if (word != SYNC_CONSOLE)
            return err_set(e, ERR_INTERNAL, -EPROTO, "init said an unexpected word");
    }
}

/* The child was quicker to fail than we were to look: its own words say why. */
static int spawn_died(struct machine *m, struct err *e) {
    const struct spawn_talk t = spawn_talk_of(m);
    int r = spawn_hear(&t, SYNC_PARKED, e);
    return r < 0 ? r : err_set(e, ERR_INTERNAL, -ECHILD, "the box's first process was killed");
}

static int spawn_maps(struct machine *m, struct err *e) {
    const struct plan *p = m->plan;
    const char *uid = plan_str(p, p->h->uid_map), *gid = plan_str(p, p->h->gid_map);
    if (!(p->h->clone_ns & CLONE_NEWUSER))
        return 0;
    int r = uid && gid ? idmap_write(m->pid, uid, gid) : -EINVAL;
    if (r == -EPERM && geteuid() != 0)
        r = idmap_write_helped(m->pid, uid, gid, e);
    else if (r < 0)
        err_sysn(e, r, "cannot map the box's users: are these ids yours to give?");
    if (r < 0)
        return r;
    r = sync_say(container_of(m)->sock, SYNC_MAPPED, -1);
    return r < 0 ? spawn_died(m, e) : 0;
}

static int spawn_netns(struct machine *m, struct err *e) {
    if (!(m->plan->h->clone_ns & CLONE_NEWNET))
        return 0;
    int fd = ns_of(m->pid, "net");
    if (fd == -ENOENT || fd == -ESRCH)
        return spawn_died(m, e);
    if (fd < 0)
        return err_sysn(e, fd, "cannot open the box's network namespace");
    m->netns = fd;
    return 0;
}

/* What the starter gives to the box once its namespaces are there. */
static int spawn_born(struct machine *m, struct err *e) {
    uint32_t n;
    const struct plan_step *s = plan_steps(m->plan, PLAN_BORN, &n);
    if (n == 0)
        return 0;
    AUTO_FD int netns = ns_of(m->pid, "net");
    if (netns == -ENOENT || netns == -ESRCH)
        return spawn_died(m, e);
    int r = netns < 0 ? err_sysn(e, netns, "cannot open the box's network namespace") : 0;
    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = s[i].op == PLAN_NET_DEVICE
                ? netdev_give(m->plan, &s[i], netns, e)
                : err_set(e, ERR_CORRUPT, -EINVAL, "step %s has no place after birth",
                          plan_op_info[s[i].op].word);
    return r;
}

int spawn_init(struct machine *m, const struct machine_stdio *io, struct err *e) {
    struct container *c = container_of(m);
    AUTO_FD int cgroup = c->cgroups.v2 ? cgroup_open(c->cgroups.v2) : -1;
    if (c->cgroups.v2 && cgroup < 0)
        return err_sysn(e, cgroup, "cannot open the cgroup %s", c->cgroups.v2);
    struct birth b = {.plan = m->plan,
                      .io = io,
                      .flags = m->plan->h->clone_ns,
                      .box = -1,
                      .cgroup = cgroup,
                      .null = -1,
                      .pidfd = -1};
    int r = sync_pair(b.ends);
    if (r < 0)
        return err_sysn(e, r, "socketpair");
    r = birth(&b, e);
    close(b.ends[1]);
    c->sock = b.ends[0];
    m->pid = b.pid;
    m->exit_fd = b.pidfd;
    if (r == 0)
        r = rdt_join(m->plan, m->pid, e);
    if (r == 0)
        r = spawn_netns(m, e);
    if (r == 0 && (m->plan->h->flags & PLAN_F_LATE_UNMOUNT))
        c->mntns = ns_of(m->pid, "mnt"); /* a gain only: none is no failure */
    if (r == 0)
        r = spawn_maps(m, e);
    return r < 0 ? r : spawn_born(m, e);
}
