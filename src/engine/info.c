/* SPDX-License-Identifier: Apache-2.0 */
/* `hako info`: what this host gives and what hako holds, in docker info's words. */
#include "engine/container.h"

#include "base/json.h"
#include "base/str.h"
#include "sys/cgroup.h"
#include "sys/host.h"

#include <sys/utsname.h>

static const char *info_cgroup(const struct cgroup_layout *l) {
    static const char *const words[] = {[CGROUP_NONE] = "none",
                                        [CGROUP_V1] = "1",
                                        [CGROUP_HYBRID] = "1 (hybrid)",
                                        [CGROUP_V2] = "2"};
    return words[l->kind];
}

static int info_counts(hako_engine *g, js *o, hako_error *he) {
    struct hako_container_info *v = NULL;
    struct hako_image_info *images = NULL;
    size_t n = 0, nimages = 0, by[HAKO_DEAD + 1] = {0};
    int r = hako_container_list(g, &v, &n, he);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        by[v[i].status]++;
    hako_container_list_free(v, n);
    r = hako_image_list(g, &images, &nimages, he);
    if (r < 0)
        return r;
    hako_image_list_free(images, nimages);
    js_set_u64(o, "Containers", n);
    js_set_u64(o, "ContainersRunning", by[HAKO_RUNNING]);
    js_set_u64(o, "ContainersPaused", by[HAKO_PAUSED]);
    js_set_u64(o, "ContainersStopped", n - by[HAKO_RUNNING] - by[HAKO_PAUSED]);
    js_set_u64(o, "Images", nimages);
    return 0;
}

static js *info_limits(const struct cgroup_layout *l) {
    static const struct {
        const char *word;
        enum cgroup_ctl ctl;
    } limits[] = {{"memory", CG_MEMORY}, {"cpu", CG_CPU}, {"cpuset", CG_CPUSET},
                  {"pids", CG_PIDS},     {"io", CG_IO},   {"hugetlb", CG_HUGETLB}};
    js *v = js_new_array();
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        bool v2;
        const struct cgroup_hierarchy *h = cgroup_layout_find(l, limits[i].ctl, &v2);
        if (h && h->writable)
            js_push_str(v, limits[i].word);
    }
    return v;
}

static void info_host(js *o, const struct host *h, const struct cgroup_layout *l) {
    js *security = js_new_array();
    if (h->has_seccomp)
        js_push_str(security, "name=seccomp,profile=builtin");
    if (h->has_apparmor)
        js_push_str(security, "name=apparmor");
    if (h->has_selinux)
        js_push_str(security, "name=selinux");
    if (h->rootless)
        js_push_str(security, "name=rootless");
    js_set(o, "SecurityOptions", security);
    js_set_str(o, "CgroupVersion", info_cgroup(l));
    js_set(o, "CgroupLimits", info_limits(l));
    js_set_str(o, "KernelVersion", h->kernel);
    js_set_str(o, "OSType", "linux");
    js_set_str(o, "Architecture", h->arch);
    js_set_u64(o, "NCPU", h->cpus);
    js_set_u64(o, "MemTotal", h->memory_total);
    js_set_str(o, "Name", h->hostname);
    js_set_bool(o, "Rootless", h->rootless);
}

int hako_engine_info(hako_engine *g, char **ret_json, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *o = js_new_object();
    struct host host = {0};
    struct cgroup_layout layout = {0};
    if (!a || !o)
        return err_oom(e);
    int r = info_counts(g, o, he);
    if (r == 0)
        r = host_read_info(&host, e);
    if (r == 0)
        r = cgroup_layout_read(a, &layout, e);
    if (r < 0)
        return r;
    js_set_str(o, "ServerVersion", hako_version());
    js_set_str(o, "Driver", "overlay");
    js_set_str(o, "HakoRootDir", g->data);
    js_set_str(o, "HakoRunDir", g->run);
    info_host(o, &host, &layout);
    AUTO_STR struct str text = STR_INIT(0);
    if (js_print(o, JS_PRETTY, &text) < 0)
        return err_oom(e);
    *ret_json = str_take(&text);
    return 0;
}
