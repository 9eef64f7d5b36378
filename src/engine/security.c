/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/security.h"

#include "base/io.h"
#include "base/str.h"
#include "machine/container/seccomp_compile.h"
#include "spec/runtime.h"
#include "spec/seccomp_profile.h"
#include "sys/caps.h"
#include "sys/seccomp.h"

#include <fcntl.h>
#include <strings.h>

static int security_cap(const char *word, const struct host *host, uint64_t *ret, struct err *e) {
    if (strcasecmp(word, "ALL") == 0) {
        *ret = caps_mask(host->last_cap);
        return 0;
    }
    int cap = rt_cap_from_name(word);
    if (cap < 0)
        return err_set(e, ERR_USAGE, -EINVAL, "unknown capability: \"%s\"", word);
    *ret = CAPS_BIT(cap);
    return 0;
}

/* docker's order: drops and adds refine the default; ALL on one side makes the base. */
static int security_caps(const struct security_words *w, const struct host *host, uint64_t *ret,
                         struct err *e) {
    uint64_t caps = w->privileged ? caps_mask(host->last_cap) : CAPS_DEFAULT;
    uint64_t bit, add = 0, drop = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->cap_add->n; i++) {
        r = security_cap(w->cap_add->v[i], host, &bit, e);
        add |= r == 0 ? bit : 0;
    }
    for (size_t i = 0; r == 0 && i < w->cap_drop->n; i++) {
        r = security_cap(w->cap_drop->v[i], host, &bit, e);
        drop |= r == 0 ? bit : 0;
    }
    if (r < 0)
        return r;
    uint64_t all = caps_mask(host->last_cap);
    if (drop == all)
        caps = add;
    else if (add == all)
        caps = all & ~drop;
    else
        caps = (caps & ~drop) | add;
    uint64_t missing = add & ~host->caps;
    if (missing && add != all && !host->rootless) {
        int cap = __builtin_ctzll(missing);
        return err_set(e, ERR_DENIED, -EPERM,
                       "cannot give capability %s: this process does not have it itself",
                       rt_cap_name(cap));
    }
    *ret = host->rootless ? caps : caps & host->caps;
    return 0;
}

static int security_profile_file(hako_engine *g, const char *path, const struct security *s,
                                 const struct host *host, struct arena *a, struct security *ret,
                                 struct err *e) {
    AUTO_STR struct str text = STR_INIT(JS_MAX_BYTES);
    AUTO_JS js *doc = NULL;
    int r = io_read_file(AT_FDCWD, path, &text);
    if (r < 0)
        return err_sysn(e, r, "opening seccomp profile (%s) failed", path);
    struct rt_seccomp profile = {0};
    struct seccomp_profile_env env = {.caps = s->caps,
                                      .arch = str_eq(host->arch, "aarch64") ? "arm64" : "amd64",
                                      .kernel_major = host->kernel_major,
                                      .kernel_minor = host->kernel_minor};
    r = js_parse(str_c(&text), text.len, path, &doc, e);
    if (r == 0)
        r = seccomp_profile_decode(doc, &env, a, &profile, e);
    if (r == 0)
        r = seccomp_compile(&profile, g->datafd, a, &ret->bpf, &ret->bpf_len, &ret->bpf_flags, e);
    return r < 0 ? err_wrap(e, "seccomp profile %s", path) : 0;
}

struct security_seccomp {
    const char *file; /* NULL = default profile */
    bool off;
};

static int security_word(const char *word, struct security *s, struct security_seccomp *sc,
                         struct err *e) {
    if (str_eq(word, "no-new-privileges") || str_eq(word, "no-new-privileges=true") ||
        str_eq(word, "no-new-privileges:true")) {
        s->no_new_privileges = true;
    } else if (str_eq(word, "no-new-privileges=false")) {
        s->no_new_privileges = false;
    } else if (str_eq(word, "seccomp=unconfined") || str_eq(word, "seccomp:unconfined")) {
        sc->off = true;
    } else if (str_starts(word, "seccomp=")) {
        sc->file = word + sizeof("seccomp=") - 1;
        sc->off = false;
    } else if (str_starts(word, "apparmor=")) {
        s->apparmor = word + sizeof("apparmor=") - 1;
    } else if (str_starts(word, "label=")) {
        s->label = word + sizeof("label=") - 1;
    } else if (str_eq(word, "systempaths=unconfined") || str_eq(word, "unmask=ALL")) {
        s->unmask = true;
    } else {
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid --security-opt: \"%s\": known are no-new-privileges, seccomp=, "
                       "apparmor=, label=, systempaths=unconfined",
                       word);
    }
    return 0;
}

static int security_lsm(struct security *s, const struct host *host, struct err *e) {
    if (s->apparmor && str_eq(s->apparmor, "unconfined"))
        s->apparmor = NULL;
    if (s->apparmor && !host->has_apparmor)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "apparmor=%s: AppArmor is not enabled on this host", s->apparmor);
    if (s->label && str_starts(s->label, "disable"))
        s->label = NULL;
    if (s->label && !host->has_selinux)
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "label=%s: SELinux is not enabled on this host", s->label);
    return 0;
}

int security_resolve(hako_engine *g, const struct security_words *w, const struct host *host,
                     struct arena *a, struct security *ret, struct err *e) {
    struct security s = {.privileged = w->privileged, .unmask = w->privileged};
    struct security_seccomp sc = {.off = w->privileged};
    int r = security_caps(w, host, &s.caps, e);
    for (size_t i = 0; r == 0 && i < w->security_opt->n; i++)
        r = security_word(w->security_opt->v[i], &s, &sc, e);
    if (r == 0)
        r = security_lsm(&s, host, e);
    if (r == 0 && !sc.off)
        r = sc.file ? security_profile_file(g, sc.file, &s, host, a, &s, e)
                    : seccomp_default(g->datafd, s.caps, a, &s.bpf, &s.bpf_len, e);
    if (r < 0)
        return r;
    *ret = s;
    return 0;
}
