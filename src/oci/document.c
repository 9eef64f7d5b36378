/* SPDX-License-Identifier: Apache-2.0 */
/* state.json, the runtime-spec's state document, and what a container is doing. */
#include "oci/state.h"

#include "base/io.h"
#include "base/str.h"
#include "machine/plan_format.h"
#include "sys/cgroup.h"
#include "sys/pidref.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define STATE_MAX ((size_t)1 << 20)

const char *oci_status_name(enum oci_status s) {
    static const char *const names[] = {"creating", "created", "running", "paused", "stopped"};
    return names[s];
}

static int set_namespaces(js *doc, const struct oci_state *st, const struct rt_spec *spec) {
    static const char *const go_names[RT_NS_COUNT] = {"NEWPID", "NEWNET",  "NEWNS",     "NEWIPC",
                                                      "NEWUTS", "NEWUSER", "NEWCGROUP", "NEWTIME"};
    char path[64];
    js *paths = js_new_object();
    int r = paths ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < spec->n_namespaces; i++) {
        enum rt_ns type = spec->namespaces[i].type;
        snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)st->pid, rt_ns_proc(type));
        r = js_set_str(paths, go_names[type], path);
    }
    return r == 0 ? js_set(doc, "namespace_paths", paths) : (js_free(paths), r);
}

static int set_cgroups(js *doc, const struct plan *plan) {
    struct cgroup_set set;
    plan_cgroups(plan, &set);
    js *paths = js_new_object();
    int r = paths ? 0 : -ENOMEM;
    if (r == 0 && set.v2)
        r = js_set_str(paths, "", set.v2);
    for (int c = 0; r == 0 && c < CG_COUNT; c++) {
        if (set.ctl[c])
            r = js_set_str(paths, cgroup_ctl_name((enum cgroup_ctl)c, false), set.ctl[c]);
    }
    return r == 0 ? js_set(doc, "cgroup_paths", paths) : (js_free(paths), r);
}

static int set_basics(js *doc, const struct oci_state *st) {
    char created[36];
    str_rfc3339(st->created_ns, created);
    int r = js_set_str(doc, "id", st->id);
    r = r ? r : js_set_str(doc, "ociVersion", st->version);
    r = r ? r : js_set_i64(doc, "init_process_pid", st->pid);
    r = r ? r : js_set_u64(doc, "init_process_start", st->pid_start);
    r = r ? r : js_set_str(doc, "created", created);
    r = r ? r : js_set_str(doc, "bundle", st->bundle);
    r = r ? r : js_set_str(doc, "rootfs", st->rootfs);
    r = r ? r : js_set_bool(doc, "rootless", st->rootless);
    r = r ? r : js_set_bool(doc, "systemd_cgroup", st->systemd_cgroup);
    if (r == 0 && st->descriptors)
        r = js_set_str(doc, "external_descriptors", st->descriptors);
    if (r == 0 && st->annotations)
        r = js_set(doc, "annotations", js_ref(st->annotations));
    if (r == 0 && st->hooks)
        r = js_set(doc, "hooks", js_ref(st->hooks));
    return r;
}

int oci_state_write(const struct oci_dir *d, const struct oci_state *st, const struct plan *plan,
                    const struct rt_spec *spec, struct err *e) {
    AUTO_STR struct str text = STR_INIT(STATE_MAX);
    AUTO_JS js *doc = js_new_object();
    if (!doc || set_basics(doc, st) < 0 || set_namespaces(doc, st, spec) < 0 ||
        set_cgroups(doc, plan) < 0 || js_print(doc, JS_COMPACT, &text) < 0)
        return err_oom(e);
    int r = io_replace_file(d->fd, STATE_FILE, str_c(&text), text.len, 0600, false);
    if (r == 0 && st->descriptors && symlinkat(STATE_FILE, d->fd, STATE_CRUN) < 0)
        r = errno == EEXIST ? 0 : -errno;
    return r < 0 ? err_sysn(e, r, "cannot write the state of container %.200s", st->id) : 0;
}

static const char *owner_name(int fd, struct arena *a) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return "";
    AUTO_STR struct str text = STR_INIT(STATE_MAX);
    if (st.st_uid == 0)
        return "root";
    char *number = arena_printf(a, "#%u", st.st_uid);
    if (io_read_file(AT_FDCWD, "/etc/passwd", &text) < 0)
        return number;
    for (const char *line = str_c(&text); *line;) {
        size_t n = strcspn(line, ":\n");
        const char *p = line + n;
        if (*p == ':' && (p = strchr(p + 1, ':')) && strtoul(p + 1, NULL, 10) == st.st_uid)
            return arena_strndup(a, line, n);
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return number;
}

int oci_state_read(const struct oci_dir *d, struct arena *a, struct oci_state *ret, struct err *e) {
    AUTO_STR struct str text = STR_INIT(STATE_MAX);
    AUTO_JS js *doc = NULL;
    AUTO_FD int fd = openat(d->fd, STATE_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "container does not exist: %.200s", d->id);
    int r = fd < 0 ? -errno : io_read_fd(fd, &text);
    if (r < 0)
        return err_sysn(e, r, "cannot read the state of container %.200s", d->id);
    r = js_parse(str_c(&text), text.len, STATE_FILE, &doc, e);
    if (r < 0)
        return r;
    struct oci_state st = {.id = d->id,
                           .version = js_get_str_or(doc, "ociVersion", OCI_SPEC_VERSION),
                           .bundle = js_get_str_or(doc, "bundle", ""),
                           .rootfs = js_get_str_or(doc, "rootfs", ""),
                           .owner = owner_name(d->fd, a),
                           .pid = (pid_t)js_get_i64(doc, "init_process_pid", 0),
                           .pid_start = js_get_u64(doc, "init_process_start", 0),
                           .systemd_cgroup = js_get_bool(doc, "systemd_cgroup", false),
                           .rootless = js_get_bool(doc, "rootless", false),
                           .annotations = js_get(doc, "annotations"),
                           .hooks = js_get(doc, "hooks")};
    const char *created = js_get_str(doc, "created");
    if (created)
        str_from_rfc3339(created, &st.created_ns);
    st.doc = TAKE_PTR(doc);
    *ret = st;
    return 0;
}

void oci_state_free(struct oci_state *st) {
    js_freep(&st->doc);
}

/* --- status ------------------------------------------------------------------------------------
 */

static bool is_frozen(const struct plan *plan) {
    struct cgroup_set set;
    plan_cgroups(plan, &set);
    return cgroup_is_frozen(&set);
}

enum oci_status oci_state_status(const struct oci_dir *d, const struct oci_state *st,
                                 const struct plan *plan) {
    if (st->pid <= 0 || !pidref_is_alive(st->pid, st->pid_start))
        return OCI_STOPPED;
    if (faccessat(d->fd, STATE_SOCKET, F_OK, 0) == 0) {
        int fd = oci_state_connect(d);
        if (fd >= 0)
            close(fd);
        /* whoever started it was killed before the socket's name was removed */
        if (fd != -ECONNREFUSED)
            return OCI_CREATED;
    }
    return plan && is_frozen(plan) ? OCI_PAUSED : OCI_RUNNING;
}

int oci_state_document(const struct oci_state *st, enum oci_status status, js **ret,
                       struct err *e) {
    AUTO_JS js *doc = js_new_object();
    int r = doc ? 0 : -ENOMEM;
    r = r ? r : js_set_str(doc, "ociVersion", st->version);
    r = r ? r : js_set_str(doc, "id", st->id);
    r = r ? r : js_set_i64(doc, "pid", status == OCI_STOPPED ? 0 : st->pid);
    r = r ? r : js_set_str(doc, "status", oci_status_name(status));
    r = r ? r : js_set_str(doc, "bundle", st->bundle);
    r = r ? r : js_set_str(doc, "rootfs", st->rootfs);
    if (r == 0 && st->created_ns) {
        char created[36];
        r = js_set_str(doc, "created", str_rfc3339(st->created_ns, created));
    }
    if (r == 0 && st->annotations)
        r = js_set(doc, "annotations", js_ref(st->annotations));
    if (r == 0 && st->owner)
        r = js_set_str(doc, "owner", str_eq(st->owner, "root") ? "" : st->owner);
    if (r < 0)
        return err_oom(e);
    *ret = TAKE_PTR(doc);
    return 0;
}
