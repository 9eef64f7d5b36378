/* SPDX-License-Identifier: Apache-2.0 */
/* docker inspect's documents: the record and the state, defaults filled in. */
#include "engine/container.h"
#include "engine/describe.h"

#include "base/json.h"
#include "base/str.h"
#include "spec/device.h"
#include "spec/ulimit.h"

#include <stdio.h>
#include <string.h>

static js *inspect_strings(const struct strlist *l, bool null_if_empty) {
    if (l->n == 0 && null_if_empty)
        return NULL;
    js *v = js_new_array();
    for (size_t i = 0; i < l->n; i++)
        js_push_str(v, l->v[i]);
    return v;
}

static js *inspect_labels(const struct rt_kv *v, size_t n) {
    js *o = js_new_object();
    for (size_t i = 0; i < n; i++)
        js_set(o, v[i].key, js_new_str(v[i].value ? v[i].value : ""));
    return o;
}

static void inspect_time(js *o, const char *key, int64_t ns) {
    char t[36] = "0001-01-01T00:00:00Z";
    if (ns)
        str_rfc3339(ns, t);
    js_set(o, key, js_new_str(t));
}

static js *inspect_state(const struct container_state *s) {
    static const char *const words[] = {
        [HAKO_CREATED] = "created", [HAKO_RUNNING] = "running", [HAKO_PAUSED] = "paused",
        [HAKO_EXITED] = "exited",   [HAKO_DEAD] = "dead",
    };
    bool up = s->status == HAKO_RUNNING || s->status == HAKO_PAUSED;
    js *o = js_new_object();
    js_set_str(o, "Status", words[s->status]);
    js_set_bool(o, "Running", up);
    js_set_bool(o, "Paused", s->status == HAKO_PAUSED);
    js_set_bool(o, "Restarting", false);
    js_set_bool(o, "OOMKilled", s->exit.oom_killed);
    js_set_bool(o, "Dead", s->status == HAKO_DEAD);
    js_set_i64(o, "Pid", up ? s->live.pid : 0);
    js_set_i64(o, "ExitCode", s->exit.code);
    js_set(o, "Error", js_new_str(s->exit.error));
    inspect_time(o, "StartedAt", up ? s->live.started_ns : s->exit.started_ns);
    inspect_time(o, "FinishedAt", s->exit.finished_ns);
    return o;
}

static js *inspect_config(const struct record *r) {
    js *o = js_new_object(), *exposed = js_new_object();
    js_set(o, "Hostname", js_new_str(r->hostname ? r->hostname : ""));
    js_set(o, "Domainname", js_new_str(r->domainname ? r->domainname : ""));
    js_set(o, "User", js_new_str(r->user ? r->user : ""));
    for (size_t i = 0; i < r->exposed.n; i++)
        js_set(exposed, r->exposed.v[i], js_new_object());
    js_set(o, "ExposedPorts", exposed);
    js_set_bool(o, "Tty", r->tty);
    js_set_bool(o, "OpenStdin", r->open_stdin);
    js_set(o, "Env", inspect_strings(&r->env, false));
    js_set(o, "Cmd", inspect_strings(&r->cmd, true));
    js_set_str(o, "Image", r->image);
    js_set(o, "WorkingDir", js_new_str(r->workdir ? r->workdir : ""));
    js_set(o, "Entrypoint", inspect_strings(&r->entrypoint, true));
    js_set(o, "Labels", inspect_labels(r->labels, r->n_labels));
    js_set_str(o, "StopSignal", r->stop_signal);
    if (r->stop_timeout >= 0)
        js_set_i64(o, "StopTimeout", r->stop_timeout);
    return o;
}

/* {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]} */
static js *inspect_ports(const struct record *r, bool with_exposed) {
    js *o = js_new_object();
    char key[40], port[8];
    for (size_t i = 0; with_exposed && i < r->exposed.n; i++)
        js_set(o, r->exposed.v[i], NULL);
    for (size_t i = 0; i < r->n_ports; i++) {
        const struct record_port *p = &r->ports[i];
        snprintf(key, sizeof(key), "%u/%s", p->container_port, p->proto);
        snprintf(port, sizeof(port), "%u", p->host_port);
        js *list = js_get(o, key);
        if (!list) {
            js_set(o, key, js_new_array());
            list = js_get(o, key);
        }
        js *one = js_new_object();
        js_set(one, "HostIp", js_new_str(p->host_ip ? p->host_ip : "0.0.0.0"));
        js_set_str(one, "HostPort", port);
        js_push(list, one);
    }
    return o;
}

static void inspect_host_limits(js *o, const struct record *r) {
    js_set_u64(o, "Memory", r->memory);
    js_set_u64(o, "MemoryReservation", r->memory_reservation);
    js_set_i64(o, "MemorySwap", r->memory_swap);
    js_set_i64(o, "NanoCpus", r->nano_cpus);
    js_set_i64(o, "CpuShares", r->cpu_shares);
    js_set_i64(o, "CpuPeriod", r->cpu_period);
    js_set_i64(o, "CpuQuota", r->cpu_quota);
    js_set(o, "CpusetCpus", js_new_str(r->cpuset_cpus ? r->cpuset_cpus : ""));
    js_set(o, "CpusetMems", js_new_str(r->cpuset_mems ? r->cpuset_mems : ""));
    js_set_i64(o, "PidsLimit", r->pids_limit);
    js_set_u64(o, "ShmSize", r->shm_size);
    js_set_i64(o, "OomScoreAdj", r->oom_score_adj);
}

static js *inspect_ulimits(const struct record *r, struct arena *a) {
    js *v = js_new_array();
    for (size_t i = 0; i < r->ulimits.n; i++) {
        struct rt_rlimit l;
        struct err ignored = {0};
        if (ulimit_parse(r->ulimits.v[i], a, &l, &ignored) < 0)
            continue;
        char *name = arena_strndup(a, r->ulimits.v[i], strcspn(r->ulimits.v[i], "="));
        js *o = js_new_object();
        js_set(o, "Name", js_new_str(name ? name : ""));
        js_set_i64(o, "Hard", l.hard > INT64_MAX ? -1 : (int64_t)l.hard);
        js_set_i64(o, "Soft", l.soft > INT64_MAX ? -1 : (int64_t)l.soft);
        js_push(v, o);
    }
    return v;
}

static js *inspect_devices(const struct record *r, struct arena *a) {
    js *v = js_new_array();
    for (size_t i = 0; i < r->devices.n; i++) {
        struct device_request d;
        struct err ignored = {0};
        if (device_parse(r->devices.v[i], a, &d, &ignored) < 0)
            continue;
        js *o = js_new_object();
        js_set_str(o, "PathOnHost", d.host);
        js_set_str(o, "PathInContainer", d.container);
        js_set_str(o, "CgroupPermissions", d.access);
        js_push(v, o);
    }
    return v;
}

/* "a=b" words as an object; docker has null for none. */
static js *inspect_pairs(const struct strlist *l, struct arena *a) {
    if (l->n == 0)
        return NULL;
    js *o = js_new_object();
    for (size_t i = 0; i < l->n; i++) {
        size_t n = strcspn(l->v[i], "=");
        char *key = arena_strndup(a, l->v[i], n);
        if (key)
            js_set(o, key, js_new_str(l->v[i][n] ? l->v[i] + n + 1 : ""));
    }
    return o;
}

static js *inspect_host(const struct record *r, struct arena *a) {
    js *o = js_new_object(), *log = js_new_object(), *restart = js_new_object();
    js_set(o, "Binds", inspect_strings(&r->binds, true));
    js_set_str(log, "Type", str_empty(r->log_driver) ? "cri-file" : r->log_driver);
    js_set(log, "Config", js_new_object());
    js_set(o, "LogConfig", log);
    js_set_str(o, "NetworkMode", r->network);
    js_set(o, "PortBindings", inspect_ports(r, false));
    js_set_str(restart, "Name", "no");
    js_set_i64(restart, "MaximumRetryCount", 0);
    js_set(o, "RestartPolicy", restart);
    js_set_bool(o, "AutoRemove", r->auto_remove);
    js_set(o, "CapAdd", inspect_strings(&r->cap_add, true));
    js_set(o, "CapDrop", inspect_strings(&r->cap_drop, true));
    js_set(o, "CgroupnsMode", js_new_str(r->cgroupns_mode ? r->cgroupns_mode : "private"));
    js_set(o, "Dns", inspect_strings(&r->dns, false));
    js_set(o, "DnsOptions", inspect_strings(&r->dns_options, false));
    js_set(o, "DnsSearch", inspect_strings(&r->dns_search, false));
    js_set(o, "ExtraHosts", inspect_strings(&r->extra_hosts, true));
    js_set(o, "GroupAdd", inspect_strings(&r->group_add, true));
    js_set(o, "IpcMode", js_new_str(r->ipc_mode ? r->ipc_mode : "private"));
    js_set(o, "PidMode", js_new_str(r->pid_mode ? r->pid_mode : ""));
    js_set(o, "UTSMode", js_new_str(r->uts_mode ? r->uts_mode : ""));
    js_set_bool(o, "Privileged", r->privileged);
    js_set_bool(o, "PublishAllPorts", r->publish_all);
    js_set_bool(o, "ReadonlyRootfs", r->read_only);
    js_set(o, "SecurityOpt", inspect_strings(&r->security_opt, true));
    js_set(o, "Tmpfs", inspect_strings(&r->tmpfs, true));
    js_set_bool(o, "Init", r->init);
    js_set_str(o, "Isolation", r->isolation);
    inspect_host_limits(o, r);
    js_set(o, "Devices", inspect_devices(r, a));
    js_set(o, "Ulimits", inspect_ulimits(r, a));
    js_set(o, "Sysctls", inspect_pairs(&r->sysctls, a));
    return o;
}

static js *inspect_mounts(const struct record *r) {
    js *v = js_new_array();
    for (size_t i = 0; i < r->n_mounts; i++) {
        const struct record_mount *m = &r->mounts[i];
        js *o = js_new_object();
        js_set_str(o, "Type", m->type);
        js_set_str(o, "Name", m->name);
        js_set(o, "Source", js_new_str(m->source ? m->source : ""));
        js_set_str(o, "Destination", m->destination);
        if (str_eq(m->type, "volume"))
            js_set_str(o, "Driver", "local");
        js_set(o, "Mode", js_new_str(m->readonly ? "ro" : ""));
        js_set_bool(o, "RW", !m->readonly);
        js_set(o, "Propagation", js_new_str(m->propagation ? m->propagation : "rprivate"));
        js_push(v, o);
    }
    return v;
}

static js *inspect_network(const struct record *r, bool up) {
    js *o = js_new_object(), *nets = js_new_object(), *one = js_new_object();
    const char *ip = up && r->ip ? r->ip : "", *gw = up && r->gateway ? r->gateway : "";
    js_set(o, "Ports", up ? inspect_ports(r, true) : js_new_object());
    js_set(o, "IPAddress", js_new_str(ip));
    js_set(o, "Gateway", js_new_str(gw));
    js_set_i64(o, "IPPrefixLen", up ? r->prefix : 0);
    js_set(o, "MacAddress", js_new_str(up && r->mac ? r->mac : ""));
    js_set(one, "IPAddress", js_new_str(ip));
    js_set(one, "Gateway", js_new_str(gw));
    js_set_i64(one, "IPPrefixLen", up ? r->prefix : 0);
    js_set(one, "MacAddress", js_new_str(up && r->mac ? r->mac : ""));
    const char *name = describe_network_name(r);
    if (name[0])
        js_set(nets, name, one);
    else
        js_free(one);
    js_set(o, "Networks", nets);
    return o;
}

static js *inspect_document(const hako_container *c, const struct container_state *st) {
    const struct record *r = &c->rec;
    struct strlist args = {r->args.v + 1, r->args.n ? r->args.n - 1 : 0, 0};
    bool up = st->status == HAKO_RUNNING || st->status == HAKO_PAUSED;
    char slash[160];
    js *o = js_new_object();
    js_set_str(o, "Id", r->id);
    inspect_time(o, "Created", r->created_ns);
    js_set(o, "Path", js_new_str(r->args.n ? r->args.v[0] : ""));
    js_set(o, "Args", inspect_strings(&args, false));
    js_set(o, "State", inspect_state(st));
    js_set_str(o, "Image", r->image_id);
    js_set_str(o, "ImageDigest", r->image_digest);
    snprintf(slash, sizeof(slash), "/%s", r->name);
    js_set_str(o, "Name", slash);
    js_set_i64(o, "RestartCount", 0);
    js_set_str(o, "Driver", "overlay");
    js_set_str(o, "Platform", "linux");
    AUTO_STR struct str path = STR_INIT(8192);
    static const struct {
        const char *key, *file;
    } files[] = {{"ResolvConfPath", "resolv.conf"},
                 {"HostnamePath", "hostname"},
                 {"HostsPath", "hosts"},
                 {"LogPath", MON_LOG}};
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        str_clear(&path);
        str_addf(&path, "%s/%s", c->path, files[i].file);
        js_set_str(o, files[i].key, str_c(&path));
    }
    js_set(o, "HostConfig", inspect_host(r, c->a));
    js_set(o, "Mounts", inspect_mounts(r));
    js_set(o, "Config", inspect_config(r));
    js_set(o, "NetworkSettings", inspect_network(r, up));
    return o;
}

int hako_container_inspect(hako_container *c, char **ret_json, hako_error *he) {
    struct err *e = as_err(he);
    struct container_state st;
    int r = container_state(c->g, c->id, c->dirfd, &st, e);
    if (r < 0)
        return r == -ENOENT ? err_set(e, ERR_NOT_FOUND, r, "No such container: %s", c->id) : r;
    AUTO_JS js *doc = inspect_document(c, &st);
    AUTO_STR struct str text = STR_INIT(0);
    if (js_print(doc, JS_PRETTY, &text) < 0)
        return err_oom(e);
    *ret_json = str_take(&text);
    return 0;
}
