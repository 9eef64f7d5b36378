/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/bundle.h"

#include "base/io.h"
#include "base/path.h"
#include "machine/container/seccomp_compile.h"
#include "oci/cgroups.h"
#include "sys/caps.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* --- reading -----------------------------------------------------------------------------------
 */

static int check_process(const struct rt_process *p, struct err *e) {
    if (str_empty(p->cwd))
        return err_set(e, ERR_USAGE, -EINVAL, "process.cwd: Cwd property must not be empty");
    if (p->cwd[0] != '/')
        return err_set(e, ERR_USAGE, -EINVAL,
                       "process.cwd: \"%.200s\": Cwd must be an absolute path", p->cwd);
    if (p->args.n == 0)
        return err_set(e, ERR_USAGE, -EINVAL, "process.args: args must not be empty");
    return 0;
}

static int check_version(const struct rt_spec *s, struct err *e) {
    if (str_empty(s->version) || !str_starts(s->version, "1."))
        return err_set(e, ERR_USAGE, -EINVAL, "ociVersion: \"%.100s\" is not supported: 1.x is",
                       s->version ? s->version : "");
    return 0;
}

int oci_bundle_read(struct oci_bundle *b, int dirfd, const char *file, struct err *e) {
    b->text = STR_INIT(OCI_MAX_CONFIG);
    int r = io_read_file(dirfd, file, &b->text);
    if (r == -ENOENT)
        return err_set(e, ERR_NOT_FOUND, r, "JSON specification file %.300s not found", file);
    if (r < 0)
        return err_sysn(e, r, "cannot read %.300s", file);
    r = js_parse(str_c(&b->text), b->text.len, "config.json", &b->doc, e);
    if (r == 0)
        r = rt_spec_decode(b->doc, b->a, &b->spec, e);
    if (r == 0)
        r = check_version(&b->spec, e);
    if (r < 0)
        return r;
    if (!b->spec.has_process)
        return err_set(e, ERR_USAGE, -EINVAL, "process: process property must not be empty");
    oci_env_tidy(&b->spec.process.env);
    return check_process(&b->spec.process, e);
}

static int bundle_rootfs(struct oci_bundle *b, struct err *e) {
    char real[PATH_MAX];
    struct stat st;
    const char *root = b->spec.root_path;
    if (str_empty(root))
        return err_set(e, ERR_USAGE, -EINVAL, "root.path: Root must be specified");
    char *path =
        root[0] == '/' ? arena_strdup(b->a, root) : arena_printf(b->a, "%s/%s", b->path, root);
    if (!path)
        return err_oom(e);
    if (!realpath(path, real) || stat(real, &st) < 0)
        return err_sys(e, "root.path: invalid rootfs: %.300s", path);
    if (!S_ISDIR(st.st_mode))
        return err_set(e, ERR_USAGE, -ENOTDIR, "root.path: invalid rootfs: %.300s is no directory",
                       path);
    b->rootfs = arena_strdup(b->a, real);
    return b->rootfs ? 0 : err_oom(e);
}

int oci_bundle_open(struct oci_bundle *b, const char *path, const char *config, struct arena *a,
                    struct err *e) {
    char real[PATH_MAX];
    b->a = a;
    if (!realpath(str_empty(path) ? "." : path, real))
        return err_sys(e, "cannot open the bundle %.300s", path);
    b->path = arena_strdup(a, real);
    AUTO_FD int dirfd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dirfd < 0 || !b->path)
        return err_sys(e, "cannot open the bundle %.300s", real);
    int r = oci_bundle_read(b, dirfd, config ? config : "config.json", e);
    return r < 0 ? r : bundle_rootfs(b, e);
}

void oci_bundle_close(struct oci_bundle *b) {
    unit_release(&b->unit);
    js_freep(&b->doc);
    str_free(&b->text);
}

/* --- the host ----------------------------------------------------------------------------------
 */

static const char *annotation(const struct rt_spec *s, const char *key) {
    for (size_t i = 0; i < s->n_annotations; i++) {
        if (str_eq(s->annotations[i].key, key))
            return s->annotations[i].value;
    }
    return NULL;
}

static int bundle_seccomp(struct oci_bundle *b, const struct oci *o, struct err *e) {
    struct rt_seccomp *s = b->spec.seccomp;
    if (!s)
        return 0;
    if (!s->listener_path) /* crun's */
        s->listener_path = arena_strdup(b->a, annotation(&b->spec, "run.oci.seccomp.receiver"));
    if (annotation(&b->spec, "run.oci.seccomp_fail_unknown_syscall")) {
        struct strlist unknown = {0};
        int r = seccomp_compile_unknown(s, b->a, &unknown, e);
        if (r == 0 && unknown.n)
            r = err_set(e, ERR_USAGE, -EINVAL, "linux.seccomp: unknown system call %s",
                        unknown.v[0]);
        if (r < 0)
            return r;
    }
    AUTO_FD int cache = open(o->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return seccomp_compile(s, cache, b->a, &b->ph.seccomp_bpf, &b->ph.seccomp_len,
                           &b->ph.seccomp_flags, e);
}

static int bundle_resctrl(struct oci_bundle *b, struct err *e) {
    char path[PATH_MAX];
    int r = host_resctrl(path, sizeof(path));
    if (r < 0)
        return r == -ENOENT ? 0 : err_sysn(e, r, "cannot read /proc/self/mountinfo");
    b->ph.resctrl = arena_strdup(b->a, path);
    return b->ph.resctrl ? 0 : err_oom(e);
}

int oci_bundle_facts(struct oci_bundle *b, bool with_cgroups, struct err *e) {
    const struct rt_namespace *user = rt_spec_ns(&b->spec, RT_NS_USER);
    int r = host_read(&b->host, e);
    if (r == 0 && with_cgroups)
        r = cgroup_layout_read(b->a, &b->cgroups, e);
    if (r < 0)
        return r;
    b->ph = (struct plan_host){
        .rootless = b->host.rootless,
        /* root of a user namespace has all there is */
        .caps = user ? caps_mask(b->host.last_cap) : b->host.caps,
        .last_cap = b->host.last_cap,
        .has_apparmor = b->host.has_apparmor,
        .has_selinux = b->host.has_selinux,
        .can_raise_oom = b->host.can_raise_oom,
        .can_raise_rlimits = b->host.can_raise_rlimits,
        .cgroups = with_cgroups ? &b->cgroups : NULL,
        .outlive = true,
        .strict = true,
    };
    return b->spec.intel_rdt.given ? bundle_resctrl(b, e) : 0;
}

int oci_bundle_plan(struct oci_bundle *b, const struct oci *o, const char *id,
                    const struct oci_create_options *opt, void **ret, size_t *len, struct err *e) {
    struct root_recipe root = {.kind = ROOT_DIR, .dir = b->rootfs};
    struct strlist warnings = {0};
    int r = oci_bundle_facts(b, true, e);
    if (r == 0)
        r = bundle_seccomp(b, o, e);
    if (r < 0)
        return r;
    r = oci_cgroups_place(o, id, &b->spec, &b->ph, b->a, &b->unit, e);
    if (r < 0)
        return r;
    b->ph.no_pivot = opt->no_pivot;
    b->ph.no_keyring = opt->no_new_keyring;
    b->ph.id = id;
    b->ph.bundle = b->path;
    if (str_eq(o->name, "crun")) /* its agents look for this */
        b->ph.listener_version = "0.2.0";
    b->ph.hook_out = annotation(&b->spec, "run.oci.hooks.stdout");
    b->ph.hook_err = annotation(&b->spec, "run.oci.hooks.stderr");
    b->ph.warnings = &warnings;
    r = plan_build(&b->spec, &root, &b->ph, b->a, ret, len, e);
    for (size_t i = 0; r == 0 && i < warnings.n; i++)
        oci_warn(o, "%s", warnings.v[i]);
    return r;
}
