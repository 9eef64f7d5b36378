/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction that makes a container: everything in tmp/new-<id>, then one rename. */
#include "engine/create.h"

#include "engine/container.h"
#include "engine/image.h"
#include "engine/plug.h"

#include "base/io.h"
#include "base/names.h"
#include "base/str.h"
#include "monitor/bundle.h"
#include "net/lease.h"
#include "spec/signal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define CREATE_NAME_TRIES 32

int create_prepare(struct create *c, hako_engine *g, const struct hako_run_options *o,
                   struct err *e) {
    struct box *b = &c->b;
    b->g = g;
    b->o = o;
    b->dirfd = c->lockfd = c->storefd = -1;
    b->stop_signal = SIGTERM;
    b->a = arena_new();
    if (!b->a)
        return err_oom(e);
    int r = engine_config(g, &b->cfg, e);
    if (r == 0)
        r = engine_host(true, &b->host, e);
    if (r == 0)
        r = cgroup_layout_read(b->a, &b->cgroups, e);
    if (r == 0)
        r = box_options(b, e);
    if (r == 0 && o->cidfile && access(o->cidfile, F_OK) == 0)
        r = err_set(e, ERR_CONFLICT, -EEXIST,
                    "container ID file found, make sure the other container isn't running or "
                    "delete %s",
                    o->cidfile);
    return r == 0 ? image_get(g, o, b->a, &b->img, &c->storefd, e) : r;
}

static int create_id(struct box *b, struct err *e) {
    uint8_t raw[32];
    int r = io_random(raw, sizeof(raw));
    if (r < 0)
        return err_sysn(e, r, "cannot draw a container id");
    str_hex(raw, sizeof(raw), b->id);
    b->path = arena_printf(b->a, "%s/containers/%s", b->g->data, b->id);
    return b->path ? 0 : err_oom(e);
}

static int create_dir(struct create *c, struct err *e) {
    struct box *b = &c->b;
    snprintf(c->tmp, sizeof(c->tmp), "new-%s", b->id);
    c->lockfd = openat(b->g->tmpfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->lockfd < 0 || flock(c->lockfd, LOCK_SH) < 0)
        return err_sys(e, "cannot lock %s/tmp", b->g->data);
    if (mkdirat(b->g->tmpfd, c->tmp, 0711) < 0)
        return err_sys(e, "cannot make the container's directory");
    b->dirfd = openat(b->g->tmpfd, c->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return b->dirfd < 0 ? err_sys(e, "cannot open the container's directory") : 0;
}

/* 0, -EEXIST (somebody's), or an error. A link to nothing is what a crash left: replace it. */
static int create_link_name(struct box *b, const char *name, char holder[65]) {
    for (int i = 0; i < 2; i++) {
        if (symlinkat(b->id, b->g->namesfd, name) == 0)
            return 0;
        if (errno != EEXIST)
            return -errno;
        ssize_t n = readlinkat(b->g->namesfd, name, holder, 64);
        if (n == 64) {
            holder[64] = 0;
            if (container_exists(b->g, holder))
                return -EEXIST;
        }
        unlinkat(b->g->namesfd, name, 0);
    }
    return -EEXIST;
}

static int create_name(struct create *c, struct err *e) {
    struct box *b = &c->b;
    char holder[65] = "", name[NAMES_MAX + 1];
    int r = -EEXIST;
    if (b->o->name) {
        b->name = b->o->name[0] == '/' ? b->o->name + 1 : b->o->name;
        r = create_link_name(b, b->name, holder);
    }
    for (int i = 0; !b->o->name && r == -EEXIST && i < CREATE_NAME_TRIES; i++) {
        r = names_random(name);
        if (r == 0)
            r = create_link_name(b, name, holder);
        b->name = arena_strdup(b->a, name);
    }
    if (r == -EEXIST)
        return err_set(e, ERR_CONFLICT, r,
                       "Conflict. The container name \"/%s\" is already in use by container "
                       "\"%s\". You have to remove (or rename) that container to be able to "
                       "reuse that name.",
                       b->name, holder);
    if (r < 0)
        return err_sysn(e, r, "cannot take the name %s", b->name);
    c->named = true;
    return 0;
}

static int create_labels(struct box *b, struct err *e) {
    const struct img_config *img = &b->img.config;
    struct rt_kv *v = arena_array(b->a, img->n_labels + b->labels.n + 1, struct rt_kv);
    size_t n = 0;
    if (!v)
        return err_oom(e);
    for (size_t i = 0; i < img->n_labels; i++)
        v[n++] = img->labels[i];
    for (size_t i = 0; i < b->labels.n; i++) {
        char *key = b->labels.v[i], *eq = strchr(key, '=');
        char *value = eq ? eq + 1 : arena_strdup(b->a, "");
        if (eq)
            key = arena_strndup(b->a, key, (size_t)(eq - key));
        size_t at = n;
        for (size_t k = 0; k < n; k++)
            if (str_eq(v[k].key, key))
                at = k;
        v[at] = (struct rt_kv){key, value};
        n = MAX_OF(n, at + 1);
    }
    b->rec.labels = v;
    b->rec.n_labels = n;
    return 0;
}

/* What was asked, for inspect; what was resolved stands in the record already. */
static int create_record(struct box *b, struct err *e) {
    const struct hako_run_options *o = b->o;
    struct record *r = &b->rec;
    char signal[16];
    r->id = b->id;
    r->name = arena_strdup(b->a, b->name);
    r->image = arena_strdup(b->a, o->image);
    r->image_id = b->img.id.s;
    r->image_digest = b->img.manifest.s[0] ? b->img.manifest.s : NULL;
    r->isolation = arena_strdup(b->a, o->isolation ? o->isolation : "container");
    const char *parent = o->cgroup_parent;
    r->cgroup = arena_printf(b->a, "%s%shako-%s", parent ? parent : "", parent ? "/" : "", b->id);
    r->created_ns = now_unix_ns();
    r->args = b->args;
    r->hostname = arena_strdup(b->a, b->hostname);
    r->domainname = arena_strdup(b->a, o->domainname);
    if (!o->stop_signal && b->img.config.stop_signal)
        signal_parse(b->img.config.stop_signal, &b->stop_signal, &(struct err){0});
    r->stop_signal = arena_strdup(b->a, signal_name(b->stop_signal, signal));
    r->stop_timeout = o->stop_timeout_set ? o->stop_timeout : -1;
    r->tty = o->tty;
    r->open_stdin = o->interactive;
    r->auto_remove = o->rm;
    r->init = o->init;
    r->read_only = o->read_only;
    r->privileged = o->privileged;
    r->publish_all = o->publish_all;
    r->binds = *as_list(&o->volume);
    r->platform = arena_strdup(b->a, o->platform);
    r->log_driver = arena_strdup(b->a, o->log_driver);
    if (!r->network)
        r->network = arena_strdup(b->a, o->network && !str_eq(o->network, "default") ? o->network
                                                                                     : "bridge");
    return create_labels(b, e);
}

static void create_record_limits(struct box *b) {
    const struct hako_run_options *o = b->o;
    struct record *r = &b->rec;
    r->memory = o->memory;
    r->memory_reservation = o->memory_reservation;
    r->memory_swap = o->memory_swap ? o->memory_swap : (int64_t)o->memory * 2;
    r->nano_cpus = (int64_t)(o->cpus * 1e9 + 0.5);
    r->cpu_shares = o->cpu_shares;
    r->cpu_period = o->cpu_period;
    r->cpu_quota = o->cpu_quota;
    r->cpuset_cpus = arena_strdup(b->a, o->cpuset_cpus);
    r->cpuset_mems = arena_strdup(b->a, o->cpuset_mems);
    r->pids_limit = b->pids_limit;
    r->shm_size = o->shm_size ? o->shm_size : BOX_DEFAULT_SHM;
    r->oom_score_adj = o->oom_score_adj;
    r->cap_add = *as_list(&o->cap_add);
    r->cap_drop = *as_list(&o->cap_drop);
    r->security_opt = *as_list(&o->security_opt);
    r->devices = *as_list(&o->device);
    r->group_add = *as_list(&o->group_add);
    r->ulimits = *as_list(&o->ulimit);
    r->sysctls = *as_list(&o->sysctl);
    r->tmpfs = *as_list(&o->tmpfs);
    r->dns = *as_list(&o->dns);
    r->dns_search = *as_list(&o->dns_search);
    r->dns_options = *as_list(&o->dns_option);
    r->extra_hosts = *as_list(&o->add_host);
    r->pid_mode = arena_strdup(b->a, o->pid);
    r->ipc_mode = arena_strdup(b->a, o->ipc);
    r->uts_mode = arena_strdup(b->a, o->uts);
    r->cgroupns_mode = arena_strdup(b->a, o->cgroupns);
}

static const char *const *create_copyups(const struct box *b) {
    const char **v = arena_array(b->a, b->n_mounts + 1, const char *);
    size_t n = 0;
    for (size_t i = 0; v && i < b->n_mounts; i++)
        if (b->mounts[i].copyup)
            v[n++] = b->mounts[i].rq.target;
    return v;
}

static const char *const *create_straights(const struct box *b) {
    const char **v = arena_array(b->a, b->n_mounts + 1, const char *);
    size_t n = 0;
    for (size_t i = 0; v && i < b->n_mounts; i++)
        if (b->mounts[i].straight)
            v[n++] = b->mounts[i].rq.target;
    return v;
}

int create_plan(struct box *b, void **plan, size_t *len, struct rt_spec *spec, struct err *e) {
    int r = compose_spec(b, spec, e);
    if (r < 0)
        return r;
    struct root_recipe root = {.kind = ROOT_OVERLAY,
                               .lower = b->snap.lower,
                               .upper = b->snap.upper,
                               .work = b->snap.work,
                               .throwaway = b->o->rm,
                               .userxattr = b->host.rootless};
    struct plan_host host = {.rootless = b->host.rootless,
                             .caps = b->host.caps,
                             .last_cap = b->host.last_cap,
                             .has_apparmor = b->host.has_apparmor,
                             .has_selinux = b->host.has_selinux,
                             .can_raise_oom = b->host.can_raise_oom,
                             .can_raise_rlimits = b->host.can_raise_rlimits,
                             .cgroups = &b->cgroups,
                             .seccomp_bpf = b->sec.bpf,
                             .seccomp_len = b->sec.bpf_len,
                             .seccomp_flags = b->sec.bpf_flags,
                             .late_unmount = b->n_mounts == 0,
                             .init = b->o->init,
                             .copyup = create_copyups(b),
                             .straight = create_straights(b)};
    if (!host.copyup || !host.straight)
        return err_oom(e);
    return plan_build(spec, &root, &host, b->a, plan, len, e);
}

static int create_bundle(struct box *b, struct err *e) {
    void *plan = NULL, *net = NULL;
    size_t plan_len = 0, net_len = 0;
    struct rt_spec spec;
    int r = create_plan(b, &plan, &plan_len, &spec, e);
    if (r == 0)
        r = plug_plan(b, &net, &net_len, e);
    if (r < 0)
        return r;
    struct mon_settings s = {.tty = b->o->tty,
                             .open_stdin = b->o->interactive,
                             .stdin_once = b->o->interactive && !b->o->detach,
                             .auto_remove = b->o->rm,
                             .keep_logs = !b->log_off,
                             .log_max_bytes = b->log_max_bytes,
                             .log_max_files = b->log_max_files,
                             .stop_signal = b->stop_signal,
                             .stop_timeout = (int32_t)b->rec.stop_timeout,
                             .forward_port_count = b->host.rootless ? (int32_t)b->rec.n_ports : 0};
    str_copy(s.id, sizeof(s.id), b->id);
    str_copy(s.name, sizeof(s.name), b->name);
    str_copy(s.isolation, sizeof(s.isolation), b->rec.isolation);
    str_copy(s.lease, sizeof(s.lease), b->rec.lease ? b->rec.lease : "");
    return bundle_write(b->dirfd, &s, plan, plan_len, net, net_len, e);
}

static int create_cidfile(struct box *b, struct err *e) {
    if (!b->o->cidfile)
        return 0;
    AUTO_FD int fd = open(b->o->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    int r = fd < 0 ? -errno : io_write_all(fd, b->id, 64);
    return r < 0 ? err_sysn(e, r, "cannot write the container id to %s", b->o->cidfile) : 0;
}

int create_place(struct create *c, struct err *e) {
    struct box *b = &c->b;
    int r = create_id(b, e);
    if (r == 0)
        r = create_dir(c, e);
    if (r == 0)
        r = create_name(c, e);
    if (r == 0)
        r = snapshot_prepare(&b->g->store, &b->img, b->dirfd, b->path, b->a, &b->snap, e);
    if (r == 0)
        r = box_resolve(b, e);
    if (r == 0)
        r = plug_lease(b, e);
    if (r == 0)
        r = create_record(b, e);
    if (r == 0)
        create_record_limits(b);
    return r;
}

static int create_commit(struct create *c, struct err *e) {
    struct box *b = &c->b;
    int r = plug_files(b, e);
    if (r == 0)
        r = create_bundle(b, e);
    if (r == 0)
        r = record_write(b->dirfd, &b->rec, e);
    if (r == 0)
        r = create_cidfile(b, e);
    if (r == 0 && renameat(b->g->tmpfd, c->tmp, b->g->containersfd, b->id) < 0)
        r = err_sys(e, "cannot commit the container");
    return r;
}

void create_undo(struct create *c) {
    struct box *b = &c->b;
    struct err ignored = {0};
    if (c->named)
        unlinkat(b->g->namesfd, b->name, 0);
    if (b->leased)
        lease_drop(b->g->netfd, &b->net, &b->lease);
    if (b->dirfd >= 0)
        remove_new_volumes(b->g, b->dirfd);
    if (b->dirfd >= 0)
        remove_tree(b->g, b->g->tmpfd, c->tmp, &ignored);
}

void create_done(struct create *c) {
    fd_close(&c->b.dirfd);
    fd_close(&c->lockfd);
    fd_close(&c->storefd);
    arena_free(c->b.a);
}

int hako_container_create(hako_engine *g, const struct hako_run_options *o, hako_container **ret,
                          hako_error *he) {
    struct err *e = as_err(he);
    struct create c = {0};
    int r = create_prepare(&c, g, o, e);
    if (r == 0)
        r = create_place(&c, e);
    if (r == 0)
        r = create_commit(&c, e);
    if (r < 0)
        create_undo(&c);
    if (r == 0)
        r = container_open_id(g, c.b.id, ret, e);
    create_done(&c);
    return r;
}
