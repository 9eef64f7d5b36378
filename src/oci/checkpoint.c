/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/bundle.h"
#include "oci/criu.h"
#include "oci/open.h"

#include "base/io.h"
#include "machine/plan_format.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int checkpoint_check(const struct oci_open *c, const struct oci_criu_options *opt,
                            struct err *e) {
    if (c->status == OCI_CREATED || c->status == OCI_STOPPED)
        return err_set(e, ERR_CONFLICT, -EINVAL, "Container cannot be checkpointed in %s state",
                       oci_status_name(c->status));
    if (opt->parent_path && opt->parent_path[0] == '/')
        return err_set(e, ERR_USAGE, -EINVAL, "--parent-path must be relative");
    return 0;
}

/* It is relative to the images. */
static int checkpoint_parent(const struct criu *c, const char *parent, struct err *e) {
    AUTO_FD int images = open(c->images, O_PATH | O_DIRECTORY | O_CLOEXEC);
    AUTO_FD int fd = images < 0 ? -1 : openat(images, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "invalid --parent-path %.200s: no directory beneath %.200s", parent,
                            c->images)
                  : 0;
}

/* Where its standard input and output lead: pipes are taken over by number at the restore. */
static int checkpoint_descriptors(const struct criu *c, pid_t pid, struct err *e) {
    AUTO_JS js *list = js_new_array();
    AUTO_STR struct str text = STR_INIT(0);
    char path[64], to[PATH_MAX];
    for (int i = 0; list && i < 3; i++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, i);
        ssize_t n = readlink(path, to, sizeof(to) - 1);
        to[n < 0 ? 0 : n] = 0;
        if (js_push_str(list, to) < 0)
            return err_oom(e);
    }
    if (!list || js_print(list, JS_COMPACT, &text) < 0)
        return err_oom(e);
    AUTO_FD int dir = open(c->images, O_DIRECTORY | O_CLOEXEC);
    int r = dir < 0 ? -errno
                    : io_replace_file(dir, "descriptors.json", str_c(&text), text.len, 0600, false);
    return r < 0 ? err_sysn(e, r, "cannot write %s/descriptors.json", c->images) : 0;
}

static void checkpoint_freezer(struct criu *c, const struct plan *plan) {
    struct cgroup_set set;
    plan_cgroups(plan, &set);
    const char *dir = set.ctl[CG_FREEZER] ? set.ctl[CG_FREEZER] : set.v2;
    if (!dir)
        return;
    criu_arg(c, "--freeze-cgroup");
    criu_arg(c, dir);
}

int oci_checkpoint(const struct oci *o, const char *id, const struct oci_criu_options *opt,
                   struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    AUTO_BUNDLE struct oci_bundle b = {0};
    struct criu run;
    int r = oci_open(o, id, &c, e);
    if (r == 0)
        r = checkpoint_check(&c, opt, e);
    if (r < 0)
        return r;
    b.a = c.a;
    r = oci_bundle_read(&b, c.dir.fd, STATE_CONFIG, e);
    if (r == 0)
        r = criu_begin(&run, o, opt->pre_dump ? "pre-dump" : "dump", opt, c.a, e);
    if (r == 0 && !str_empty(opt->parent_path))
        r = checkpoint_parent(&run, opt->parent_path, e);
    if (r < 0)
        return r;
    criu_arg(&run, "--tree");
    criu_argf(&run, "%d", (int)c.st.pid);
    criu_arg(&run, "--root");
    criu_arg(&run, c.st.rootfs);
    if (!str_empty(opt->parent_path)) {
        criu_arg(&run, "--prev-images-dir");
        criu_arg(&run, opt->parent_path);
        criu_arg(&run, "--track-mem");
    } else if (opt->pre_dump) {
        criu_arg(&run, "--track-mem");
    }
    checkpoint_freezer(&run, &c.plan);
    criu_mounts(&run, &b.spec, c.st.pid, false);
    r = opt->pre_dump ? 0 : checkpoint_descriptors(&run, c.st.pid, e);
    if (r == 0)
        r = criu_run(&run, e);
    if (r < 0 || opt->leave_running || opt->pre_dump)
        return r;
    return oci_delete(o, id, true, e);
}
