/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile becomes a runtime-spec document first (conditions decided, archMap resolved), and
 * that goes through the runtime-spec's own table.
 */
#include "spec/seccomp_profile.h"

#include "base/str.h"
#include "spec/runtime_tables.h"

#include <string.h>

static const struct {
    const char *docker, *scmp;
} arch_words[] = {
    {"amd64", "SCMP_ARCH_X86_64"},
    {"x86", "SCMP_ARCH_X86"},
    {"x32", "SCMP_ARCH_X32"},
    {"386", "SCMP_ARCH_X86"},
    {"arm64", "SCMP_ARCH_AARCH64"},
    {"arm", "SCMP_ARCH_ARM"},
    {"riscv64", "SCMP_ARCH_RISCV64"},
    {"ppc64le", "SCMP_ARCH_PPC64LE"},
    {"s390x", "SCMP_ARCH_S390X"},
    {"s390", "SCMP_ARCH_S390"},
    {"loong64", "SCMP_ARCH_LOONGARCH64"},
};

static const char *arch_word(const char *docker) {
    for (size_t i = 0; i < ARRAY_SIZE(arch_words); i++)
        if (str_eq(arch_words[i].docker, docker))
            return arch_words[i].scmp;
    return NULL;
}

/* "5.9" is not above the kernel? 1 yes, 0 no, negative: not a version. */
static int kernel_reached(const char *text, const struct seccomp_profile_env *env) {
    char major[16];
    const char *dot = text ? strchr(text, '.') : NULL;
    uint64_t want[2];

    if (!dot || (size_t)(dot - text) >= sizeof(major))
        return -EINVAL;
    memcpy(major, text, (size_t)(dot - text));
    major[dot - text] = '\0';
    if (str_to_u64(major, &want[0]) < 0 || str_to_u64(dot + 1, &want[1]) < 0)
        return -EINVAL;
    uint64_t have[2] = {(uint64_t)env->kernel_major, (uint64_t)env->kernel_minor};
    return have[0] > want[0] || (have[0] == want[0] && have[1] >= want[1]);
}

/* How many of a list of capabilities the box may hold; *n is the length. Unknown ones it lacks. */
static size_t caps_held(const js *list, uint64_t caps, size_t *n) {
    size_t held = 0;

    *n = js_len(list);
    for (size_t i = 0; i < *n; i++) {
        int cap = js_str(js_at(list, i)) ? rt_cap_from_name(js_str(js_at(list, i))) : -1;
        held += cap >= 0 && (caps >> cap & 1);
    }
    return held;
}

static bool names_arch(const js *list, const char *arch) {
    for (size_t i = 0; i < js_len(list); i++)
        if (str_eq(js_str(js_at(list, i)), arch))
            return true;
    return false;
}

/* Does the rule hold for this box? 1, 0, or an error. */
static int rule_applies(const js *rule, size_t index, const struct seccomp_profile_env *env,
                        struct err *e) {
    const js *in = js_get(rule, "includes"), *out = js_get(rule, "excludes");
    const js *in_kernel = js_get(in, "minKernel"), *out_kernel = js_get(out, "minKernel");
    size_t n;
    int reached[2] = {1, 0};

    if (in_kernel)
        reached[0] = kernel_reached(js_str(in_kernel), env);
    if (out_kernel)
        reached[1] = kernel_reached(js_str(out_kernel), env);
    if (reached[0] < 0 || reached[1] < 0)
        return err_set(e, ERR_CORRUPT, -EINVAL,
                       "seccomp profile: syscalls[%zu]: minKernel is not a version like \"5.9\"",
                       index);
    if (!reached[0] || reached[1])
        return 0;
    if (caps_held(js_get(in, "caps"), env->caps, &n) != n ||
        caps_held(js_get(out, "caps"), env->caps, &n) != 0)
        return 0;
    if (js_get(in, "arches") && js_len(js_get(in, "arches")) &&
        !names_arch(js_get(in, "arches"), env->arch))
        return 0;
    return !names_arch(js_get(out, "arches"), env->arch);
}

/* A rule as the runtime-spec has it. */
static int add_rule(js *rules, js *rule, size_t index, struct err *e) {
    static const char *const keys[] = {"action", "errnoRet", "args"};
    AUTO_JS js *plain = js_new_object();
    js *name = js_get(rule, "name"), *names = js_get(rule, "names");
    int r = 0;

    if (!plain)
        return err_oom(e);
    if (name && js_len(names) > 0 && !str_empty(js_str(name)))
        return err_set(e, ERR_CORRUPT, -EINVAL,
                       "seccomp profile: syscalls[%zu]: use either \"name\" or \"names\"", index);
    if (names && js_len(names) > 0) {
        r = js_set(plain, "names", js_ref(names));
    } else {
        js *list = js_new_array();
        r = list && js_str(name) ? js_push(list, js_ref(name)) : 0;
        if (r == 0)
            r = js_set(plain, "names", list);
        else
            js_free(list);
    }
    for (size_t i = 0; i < ARRAY_SIZE(keys) && r == 0; i++)
        if (js_get(rule, keys[i]))
            r = js_set(plain, keys[i], js_ref(js_get(rule, keys[i])));
    if (r == 0) {
        js *give = plain;
        plain = NULL;
        r = js_push(rules, give);
    }
    return r < 0 ? err_oom(e) : 0;
}

static int add_rules(const js *doc, js *out, const struct seccomp_profile_env *env, struct err *e) {
    const js *list = js_get(doc, "syscalls");
    js *rules = js_new_array();

    if (!rules || js_set(out, "syscalls", rules) < 0) /* takes the reference, failed or not */
        return err_oom(e);
    if (list && js_type(list) != JS_ARRAY)
        return err_set(e, ERR_CORRUPT, -EINVAL, "seccomp profile: syscalls is not a list");
    for (size_t i = 0; i < js_len(list); i++) {
        js *rule = js_at(list, i);
        if (js_type(rule) != JS_OBJECT)
            return err_set(e, ERR_CORRUPT, -EINVAL,
                           "seccomp profile: syscalls[%zu] is not an object", i);
        int r = rule_applies(rule, i, env, e);
        if (r > 0)
            r = add_rule(rules, rule, i, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The architectures of the host's entry in archMap. */
static int add_arch_map(const js *map, js *out, const struct seccomp_profile_env *env,
                        struct err *e) {
    const char *native = arch_word(env->arch);
    js *list = js_new_array();

    if (!list || js_set(out, "architectures", list) < 0)
        return err_oom(e);
    for (size_t i = 0; i < js_len(map); i++) {
        const js *entry = js_at(map, i), *sub = js_get(entry, "subArchitectures");
        if (!native || !str_eq(js_get_str(entry, "architecture"), native))
            continue;
        if (js_push_str(list, native) < 0)
            return err_oom(e);
        for (size_t k = 0; k < js_len(sub); k++)
            if (js_push(list, js_ref(js_at(sub, k))) < 0)
                return err_oom(e);
    }
    return 0;
}

int seccomp_profile_decode(const js *doc, const struct seccomp_profile_env *env, struct arena *a,
                           struct rt_seccomp *ret, struct err *e) {
    static const char *const keys[] = {"defaultAction", "defaultErrnoRet", "architectures",
                                       "flags",         "listenerPath",    "listenerMetadata"};
    AUTO_JS js *out = js_new_object();
    struct rt_seccomp profile = {0};

    if (js_type(doc) != JS_OBJECT)
        return err_set(e, ERR_CORRUPT, -EINVAL, "seccomp profile: not an object");
    if (!out)
        return err_oom(e);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        js *v = js_get(doc, keys[i]);
        if (v && js_set(out, keys[i], js_ref(v)) < 0)
            return err_oom(e);
    }
    const js *map = js_get(doc, "archMap");
    if (js_len(map) > 0 && js_len(js_get(doc, "architectures")) > 0)
        return err_set(e, ERR_CORRUPT, -EINVAL,
                       "seccomp profile: use either \"architectures\" or \"archMap\"");
    int r = js_len(map) > 0 ? add_arch_map(map, out, env, e) : 0;
    if (r == 0)
        r = add_rules(doc, out, env, e);
    if (r == 0)
        r = field_decode(&runtime_seccomp_table, out, "seccomp profile", a, &profile, e);
    if (r == 0)
        *ret = profile;
    return r;
}
