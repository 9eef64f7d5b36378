/* SPDX-License-Identifier: Apache-2.0 */
/* Image + options + host → command, environment, user, namespaces, volumes, devices. */
#include "engine/box.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/options.h"
#include "spec/env.h"
#include "store/volume.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define RESOLVE_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define RESOLVE_MAX_PASSWD ((size_t)4 << 20)

static int resolve_append(struct arena *a, struct strlist *to, const struct strlist *from) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < from->n; i++)
        r = strlist_add(a, to, from->v[i]);
    return r;
}

static int resolve_command(struct box *b, struct err *e) {
    const struct hako_run_options *o = b->o;
    const struct img_config *img = &b->img.config;
    int r = 0;
    if (o->entrypoint_set || o->entrypoint) {
        if (!str_empty(o->entrypoint))
            r = strlist_add(b->a, &b->rec.entrypoint, o->entrypoint);
    } else {
        r = resolve_append(b->a, &b->rec.entrypoint, &img->entrypoint);
    }
    /* an overridden entrypoint drops the image's Cmd, which was meant for the old one */
    bool keep_cmd = !o->entrypoint_set && !o->entrypoint;
    if (r == 0 && o->command.n)
        r = resolve_append(b->a, &b->rec.cmd, as_list(&o->command));
    else if (r == 0 && keep_cmd)
        r = resolve_append(b->a, &b->rec.cmd, &img->cmd);
    if (r == 0)
        r = resolve_append(b->a, &b->args, &b->rec.entrypoint);
    if (r == 0)
        r = resolve_append(b->a, &b->args, &b->rec.cmd);
    if (r < 0)
        return err_oom(e);
    if (b->args.n == 0)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "no command specified: the image %s has neither Cmd nor Entrypoint",
                       o->image);
    return 0;
}

/* A file of the image, "" when there is none. */
static const char *resolve_image_file(struct box *b, const char *path) {
    AUTO_FD int fd = snapshot_open_file(&b->snap, path);
    AUTO_STR struct str text = STR_INIT(RESOLVE_MAX_PASSWD);
    if (fd < 0 || io_read_fd(fd, &text) < 0)
        return "";
    const char *copy = arena_strdup(b->a, str_c(&text));
    return copy ? copy : "";
}

static int resolve_user(struct box *b, struct err *e) {
    const char *user = b->o->user ? b->o->user : b->img.config.user;
    b->rec.user = arena_strdup(b->a, user);
    return user_resolve(user, resolve_image_file(b, "/etc/passwd"),
                        resolve_image_file(b, "/etc/group"), as_list(&b->o->group_add), b->a,
                        &b->user, e);
}

static int resolve_env(struct box *b, struct err *e) {
    struct strlist base = {0}, over = {0}, merged = {0};
    if (strlist_add(b->a, &base, RESOLVE_PATH) < 0 ||
        strlist_addf(b->a, &base, "HOSTNAME=%s", b->hostname) < 0 ||
        (b->o->tty && strlist_add(b->a, &base, "TERM=xterm") < 0) ||
        strlist_addf(b->a, &base, "HOME=%s", b->user.home) < 0)
        return err_oom(e);
    int r = env_merge(&base, &b->img.config.env, b->a, &merged, e);
    if (r == 0)
        r = options_files(&b->o->env_file, b->a, &over, e);
    for (size_t i = 0; r == 0 && i < b->o->env.n; i++)
        r = env_add(b->o->env.v[i], environ, b->a, &over, e);
    if (r == 0)
        r = env_merge(&merged, &over, b->a, &b->env, e);
    b->rec.env = b->env;
    return r;
}

static int resolve_hostname(struct box *b, struct err *e) {
    b->hostname = b->host.hostname;
    if (b->o->hostname)
        b->hostname = b->o->hostname;
    else if (b->net_mode != NET_HOST && !str_eq(b->o->uts, "host"))
        b->hostname = arena_strndup(b->a, b->id, 12);
    return b->hostname ? 0 : err_oom(e);
}

static int resolve_security(struct box *b, struct err *e) {
    struct security_words w = {.cap_add = as_list(&b->o->cap_add),
                               .cap_drop = as_list(&b->o->cap_drop),
                               .security_opt = as_list(&b->o->security_opt),
                               .privileged = b->o->privileged};
    return security_resolve(b->g, &w, &b->host, b->a, &b->sec, e);
}

/* Rootless: how many ids a box has; one only, without subordinate ids. */
static int resolve_ids(struct box *b, struct err *e) {
    if (!b->host.rootless)
        return 0;
    struct userns_maps maps;
    int r = userns_maps_read(&maps, e);
    if (r == 0)
        b->ids = userns_map_span(&maps.uid);
    return r;
}

/* Without a writable pids controller the default becomes a process limit of the user namespace. */
static int resolve_pids(struct box *b) {
    bool v2;
    const struct cgroup_hierarchy *h = cgroup_layout_find(&b->cgroups, CG_PIDS, &v2);
    if ((h && h->writable) || b->pids_given || b->pids_limit <= 0)
        return 0;
    struct rt_rlimit *l = &b->ulimits[b->n_ulimits];
    *l = (struct rt_rlimit){.type = arena_strdup(b->a, "RLIMIT_NPROC"),
                            .soft = (uint64_t)b->pids_limit,
                            .hard = (uint64_t)b->pids_limit};
    for (size_t i = 0; i < b->n_ulimits; i++)
        if (str_eq(b->ulimits[i].type, l->type))
            return 0;
    b->n_ulimits++;
    b->pids_limit = 0;
    return 0;
}

static int resolve_join_container(struct box *b, const char *name, enum rt_ns ns, struct err *e) {
    hako_container *c = NULL;
    struct container_state st;
    int r = hako_container_open(b->g, name, &c, (hako_error *)e);
    if (r < 0)
        return r;
    r = container_state(b->g, c->id, c->dirfd, &st, e);
    if (r == 0 && st.status != HAKO_RUNNING)
        r = err_set(e, ERR_CONFLICT, -ESRCH,
                    "cannot join the %s namespace of container %s: it "
                    "is not running",
                    rt_ns_name(ns), name);
    if (r == 0) {
        b->join[ns] = arena_printf(b->a, "/proc/%d/ns/%s", st.live.pid, rt_ns_proc(ns));
        /* its namespaces belong to its user namespace */
        if (b->host.rootless)
            b->join[RT_NS_USER] = arena_printf(b->a, "/proc/%d/ns/user", st.live.pid);
        if (ns == RT_NS_NET)
            b->rec.network = arena_printf(b->a, "container:%s", c->id);
    }
    hako_container_close(c);
    return r;
}

static int resolve_join(struct box *b, const char *word, const char *option, enum rt_ns ns,
                        struct err *e) {
    if (str_empty(word) || str_eq(word, "private") ||
        (ns == RT_NS_IPC && str_eq(word, "shareable")))
        return 0;
    if (str_eq(word, "host")) {
        b->join[ns] = "";
        return 0;
    }
    if (str_starts(word, "container:"))
        return resolve_join_container(b, word + 10, ns, e);
    return err_set(e, ERR_USAGE, -EINVAL,
                   "--%s: invalid mode \"%s\": use private, host or "
                   "container:NAME",
                   option, word);
}

int box_resolve_namespaces(struct box *b, struct err *e) {
    int r = resolve_join(b, b->o->pid, "pid", RT_NS_PID, e);
    if (r == 0)
        r = resolve_join(b, b->o->ipc, "ipc", RT_NS_IPC, e);
    if (r == 0)
        r = resolve_join(b, b->o->uts, "uts", RT_NS_UTS, e);
    if (r == 0)
        r = resolve_join(b, b->o->cgroupns, "cgroupns", RT_NS_CGROUP, e);
    if (r == 0 && b->net_mode == NET_HOST)
        b->join[RT_NS_NET] = "";
    if (r == 0 && b->net_mode == NET_HOST && !b->o->hostname)
        b->join[RT_NS_UTS] = "";
    if (r == 0 && b->net_mode == NET_CONTAINER)
        r = resolve_join_container(b, b->net_peer, RT_NS_NET, e);
    return r;
}

int box_resolve(struct box *b, struct err *e) {
    static int (*const steps[])(struct box *, struct err *) = {
        resolve_command,     resolve_user, resolve_hostname,       resolve_env,
        resolve_security,    resolve_ids,  box_resolve_namespaces, box_resolve_devices,
        box_resolve_volumes,
    };
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int r = steps[i](b, e);
        if (r < 0)
            return r;
    }
    const char *dir = b->o->workdir ? b->o->workdir : b->img.config.working_dir;
    b->rec.workdir = arena_strdup(b->a, str_empty(dir) ? "/" : dir);
    return resolve_pids(b);
}
