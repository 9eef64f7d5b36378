/* SPDX-License-Identifier: Apache-2.0 */
/* The bundle to begin with: what runc's users expect to find and edit. */
#include "oci/oci.h"

#include <linux/magic.h>
#include <sys/vfs.h>

static const char spec_text[] =
    "{\"ociVersion\":\"" OCI_SPEC_VERSION "\",\"process\":{\"terminal\":true,"
    "\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],\"env\":["
    "\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"TERM=xterm\"],"
    "\"cwd\":\"/\",\"capabilities\":{"
    "\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
    "\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
    "\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
    "\"ambient\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],"
    "\"noNewPrivileges\":true},"
    "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"mounts\":["
    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
    "\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
    "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"]},"
    "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
    "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\"]}],"
    "\"linux\":{\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\","
    "\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\","
    "\"/sys/firmware\",\"/proc/scsi\"],"
    "\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
    "\"/proc/sysrq-trigger\"]}}";

static const char root_mounts[] =
    "[{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}]";
static const char user_mounts[] =
    "[{\"destination\":\"/sys\",\"type\":\"none\",\"source\":\"/sys\","
    "\"options\":[\"rbind\",\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}]";

/* On version 1 a container sees the host's groups, as runc has it. */
static bool unified(void) {
    struct statfs fs;
    return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static int push_namespaces(js *linux_, bool rootless) {
    static const char *const types[] = {"pid", "network", "ipc", "uts", "mount", "cgroup", "user"};
    js *list = js_new_array();
    int r = list ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(types); i++) {
        if ((rootless && str_eq(types[i], "network")) || (!rootless && str_eq(types[i], "user")))
            continue;
        if (str_eq(types[i], "cgroup") && !unified())
            continue;
        js *ns = js_new_object();
        r = ns ? js_set_str(ns, "type", types[i]) : -ENOMEM;
        r = r ? (js_free(ns), r) : js_push(list, ns);
    }
    return r ? (js_free(list), r) : js_set(linux_, "namespaces", list);
}

static int set_map(js *linux_, const char *key, uint32_t id) {
    js *list = js_new_array(), *map = js_new_object();
    int r = list && map ? 0 : -ENOMEM;
    r = r ? r : js_set_i64(map, "containerID", 0);
    r = r ? r : js_set_i64(map, "hostID", id);
    r = r ? r : js_set_i64(map, "size", 1);
    if (r) {
        js_free(list);
        js_free(map);
        return r;
    }
    r = js_push(list, map);
    return r ? (js_free(list), r) : js_set(linux_, key, list);
}

static int set_devices(js *linux_) {
    AUTO_JS js *doc = NULL;
    static const char text[] = "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}";
    struct err e;
    int r = js_parse(text, sizeof(text) - 1, "resources", &doc, &e);
    return r ? r : js_set(linux_, "resources", TAKE_PTR(doc));
}

static int add_mounts(js *doc, bool rootless, struct err *e) {
    const char *text = rootless ? user_mounts : root_mounts;
    AUTO_JS js *more = NULL;
    js *mounts = js_get(doc, "mounts");
    int r = js_parse(text, rootless ? sizeof(user_mounts) - 1 : sizeof(root_mounts) - 1, "mounts",
                     &more, e);
    for (size_t i = 0; r == 0 && i < js_len(more); i++)
        r = js_push(mounts, js_ref(js_at(more, i)));
    /* tty's group, which a single mapped id does not have */
    if (r == 0 && !rootless)
        r = js_push_str(js_get(js_at(mounts, 2), "options"), "gid=5");
    return r;
}

int oci_spec(const struct oci *o, bool rootless, js **ret, struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = js_parse(spec_text, sizeof(spec_text) - 1, "config.json", &doc, e);
    if (r < 0)
        return r;
    js *linux_ = js_get(doc, "linux");
    r = js_set_str(doc, "hostname", o->name);
    r = r ? r : push_namespaces(linux_, rootless);
    r = r ? r : add_mounts(doc, rootless, e);
    if (rootless) {
        r = r ? r : set_map(linux_, "uidMappings", geteuid());
        r = r ? r : set_map(linux_, "gidMappings", getegid());
    } else {
        r = r ? r : set_devices(linux_);
    }
    if (r < 0)
        return err_oom(e);
    *ret = TAKE_PTR(doc);
    return 0;
}
