/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/ulimit.h"

#include <string.h>
#include <sys/resource.h>

static const struct {
    const char *name, *type;
    int number;
} limits[] = {
    {"as", "RLIMIT_AS", RLIMIT_AS},
    {"core", "RLIMIT_CORE", RLIMIT_CORE},
    {"cpu", "RLIMIT_CPU", RLIMIT_CPU},
    {"data", "RLIMIT_DATA", RLIMIT_DATA},
    {"fsize", "RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"locks", "RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"memlock", "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"msgqueue", "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"nice", "RLIMIT_NICE", RLIMIT_NICE},
    {"nofile", "RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"nproc", "RLIMIT_NPROC", RLIMIT_NPROC},
    {"rss", "RLIMIT_RSS", RLIMIT_RSS},
    {"rtprio", "RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"rttime", "RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"sigpending", "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"stack", "RLIMIT_STACK", RLIMIT_STACK},
};

static int parse_value(const char *s, const char *text, uint64_t *ret, struct err *e) {
    int64_t n = 0;
    if (str_to_i64(s, &n) < 0 || n < -1)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid ulimit argument: %.100s: \"%.40s\" is no number (-1 is unlimited)",
                       text, s);
    *ret = n < 0 ? UINT64_MAX : (uint64_t)n;
    return 0;
}

static const char *type_of(const char *name, size_t n) {
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        if (strlen(limits[i].name) == n && memcmp(limits[i].name, name, n) == 0)
            return limits[i].type;
    }
    return NULL;
}

int ulimit_parse(const char *text, struct arena *a, struct rt_rlimit *ret, struct err *e) {
    struct rt_rlimit l = {0};
    const char *eq = strchr(text, '=');
    if (!eq)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid ulimit argument: %.100s: write it as name=soft[:hard]", text);
    size_t n = (size_t)(eq - text);
    const char *type = type_of(text, n);
    if (!type)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid ulimit type: %.*s", (int)MIN_OF(n, 60),
                       text);
    char *soft = arena_strdup(a, eq + 1);
    l.type = arena_strdup(a, type);
    if (!soft || !l.type)
        return err_oom(e);
    char *hard = strchr(soft, ':');
    if (hard)
        *hard++ = 0;
    int r = parse_value(soft, text, &l.soft, e);
    l.hard = l.soft;
    if (r == 0 && hard)
        r = parse_value(hard, text, &l.hard, e);
    if (r < 0)
        return r;
    if (l.soft > l.hard)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "ulimit soft limit must be less than or equal to hard limit: %.100s", text);
    *ret = l;
    return 0;
}

const char *ulimit_print(const struct rt_rlimit *l, struct arena *a) {
    const char *name = l->type;
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        if (str_eq(limits[i].type, l->type))
            name = limits[i].name;
    }
    /* Unlimited is all ones, which reads as -1. */
    return arena_printf(a, "%s=%lld:%lld", name, (long long)l->soft, (long long)l->hard);
}

int ulimit_number(const char *type) {
    for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
        if (str_eq(limits[i].type, type))
            return limits[i].number;
    }
    return -1;
}
