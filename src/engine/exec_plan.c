/* SPDX-License-Identifier: Apache-2.0 */
/* exec's words + the container's record → an exec plan. */
#include "engine/exec_plan.h"

#include "base/str.h"
#include "engine/engine.h"
#include "engine/options.h"
#include "engine/security.h"
#include "engine/user.h"
#include "monitor/bundle.h"
#include "spec/env.h"
#include "spec/runtime.h"
#include "spec/ulimit.h"
#include "store/snapshot.h"
#include "sys/cgroup.h"

#include "base/io.h"

#include <fcntl.h>

#define EXEC_MAX_PASSWD ((size_t)4 << 20)

/* The box's own file as it is now: its upper layer first, then the image's. */
static const char *exec_file(const struct snapshot *sn, const char *path, struct arena *a) {
    AUTO_FD int fd = snapshot_open_file(sn, path);
    AUTO_STR struct str text = STR_INIT(EXEC_MAX_PASSWD);
    if (fd < 0 || io_read_fd(fd, &text) < 0)
        return "";
    const char *copy = arena_strdup(a, str_c(&text));
    return copy ? copy : "";
}

static int exec_user(hako_container *c, const struct hako_exec_options *o, struct arena *a,
                     struct user_ids *ret, struct err *e) {
    const struct store *s = NULL;
    struct image img;
    struct snapshot sn = {0};
    struct strlist none = {0};
    const char *user = o->user ? o->user : c->rec.user;
    const char *passwd = "", *group = "";
    int r = engine_store(c->g, &s, e);
    if (r == 0)
        r = image_find(s, c->rec.image_id, a, &img, e);
    if (r == 0)
        r = snapshot_paths(s, &img, c->path, a, &sn, e);
    if (r == 0) {
        passwd = exec_file(&sn, "/etc/passwd", a);
        group = exec_file(&sn, "/etc/group", a);
    }
    return user_resolve(user, passwd, group, o->user ? &none : &c->rec.group_add, a, ret, e);
}

static int exec_env(hako_container *c, const struct hako_exec_options *o, struct arena *a,
                    const struct user_ids *user, struct strlist *ret, struct err *e) {
    struct strlist base = {0}, over = {0}, merged = {0};
    if ((o->tty && strlist_add(a, &base, "TERM=xterm") < 0) ||
        (o->user && strlist_addf(a, &over, "HOME=%s", user->home) < 0))
        return err_oom(e);
    int r = env_merge(&base, &c->rec.env, a, &merged, e);
    if (r == 0)
        r = options_files(&o->env_file, a, &over, e);
    for (size_t i = 0; r == 0 && i < o->env.n; i++)
        r = env_add(o->env.v[i], environ, a, &over, e);
    return r < 0 ? r : env_merge(&merged, &over, a, ret, e);
}

static int exec_security(hako_container *c, const struct hako_exec_options *o,
                         const struct host *host, struct arena *a, struct security *ret,
                         struct err *e) {
    struct strlist none = {0};
    if (o->privileged) { /* everything, whatever the box was denied */
        struct security_words all = {&none, &none, &none, true};
        return security_resolve(c->g, &all, host, a, ret, e);
    }
    struct security_words w = {.cap_add = &c->rec.cap_add,
                               .cap_drop = &c->rec.cap_drop,
                               .security_opt = &c->rec.security_opt,
                               .privileged = c->rec.privileged};
    return security_resolve(c->g, &w, host, a, ret, e);
}

static void exec_process(hako_container *c, const struct hako_exec_options *o,
                         const struct user_ids *u, const struct security *sec, struct arena *a,
                         struct rt_process *p) {
    p->terminal = o->tty;
    p->user.uid = u->uid;
    p->user.gid = u->gid;
    p->user.additional_gids = u->groups;
    p->user.n_additional_gids = u->n_groups;
    p->args = *as_list(&o->command);
    p->cwd = arena_strdup(a, o->workdir ? o->workdir : c->rec.workdir);
    p->caps.given = true;
    p->caps.bounding = sec->caps;
    p->caps.effective = p->caps.permitted = u->uid == 0 ? sec->caps : 0;
    p->no_new_privileges = sec->no_new_privileges;
    p->apparmor_profile = arena_strdup(a, sec->apparmor);
    p->selinux_label = arena_strdup(a, sec->label);
}

/* The box's --ulimit; where its processes are bounded by RLIMIT_NPROC (resolve.c), that as well. */
static int exec_limits(hako_container *c, struct arena *a, struct rt_process *p, struct err *e) {
    const struct config *cfg = NULL;
    int r = engine_config(c->g, &cfg, e);
    p->rlimits = arena_array(a, c->rec.ulimits.n + 1, struct rt_rlimit);
    if (r == 0 && !p->rlimits)
        r = err_oom(e);
    bool nproc = false;
    for (size_t i = 0; r == 0 && i < c->rec.ulimits.n; i++) {
        struct rt_rlimit *l = &p->rlimits[p->n_rlimits];
        r = ulimit_parse(c->rec.ulimits.v[i], a, l, e);
        nproc = nproc || (r == 0 && str_eq(l->type, "RLIMIT_NPROC"));
        p->n_rlimits += r == 0;
    }
    if (r == 0 && c->rec.pids_limit == 0 && cfg->pids_limit > 0 && !nproc)
        p->rlimits[p->n_rlimits++] = (struct rt_rlimit){.type = arena_strdup(a, "RLIMIT_NPROC"),
                                                        .soft = (uint64_t)cfg->pids_limit,
                                                        .hard = (uint64_t)cfg->pids_limit};
    return r;
}

int exec_plan_build(hako_container *c, const struct hako_exec_options *o, struct arena *a,
                    void **plan, size_t *len, struct err *e) {
    struct host host;
    struct cgroup_layout cgroups;
    struct security sec = {0};
    struct user_ids user = {0};
    struct rt_process p = {0};
    struct mon_bundle bundle = {0};
    struct plan box;
    int r = engine_host(false, &host, e);
    if (r == 0)
        r = cgroup_layout_read(a, &cgroups, e);
    if (r == 0)
        r = exec_security(c, o, &host, a, &sec, e);
    if (r == 0)
        r = exec_user(c, o, a, &user, e);
    if (r == 0)
        r = exec_env(c, o, a, &user, &p.env, e);
    if (r == 0)
        r = exec_limits(c, a, &p, e);
    if (r == 0)
        r = bundle_open(c->dirfd, &bundle, e);
    if (r < 0)
        return r;
    exec_process(c, o, &user, &sec, a, &p);
    struct rt_spec spec = {.version = arena_strdup(a, "1.2.0"), .has_process = true, .process = p};
    struct plan_host ph = {.rootless = host.rootless,
                           .caps = host.caps,
                           .last_cap = host.last_cap,
                           .has_apparmor = host.has_apparmor,
                           .has_selinux = host.has_selinux,
                           .can_raise_oom = host.can_raise_oom,
                           .can_raise_rlimits = host.can_raise_rlimits,
                           .cgroups = &cgroups,
                           .seccomp_bpf = sec.bpf,
                           .seccomp_len = sec.bpf_len,
                           .seccomp_flags = sec.bpf_flags,
                           .box = &box};
    r = plan_open(bundle.plan, bundle.plan_len, &box, e);
    if (r == 0)
        r = plan_build_exec(&spec, &p, &ph, a, plan, len, e);
    bundle_close(&bundle);
    return r;
}
