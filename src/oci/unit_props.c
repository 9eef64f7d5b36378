/* SPDX-License-Identifier: Apache-2.0 */
/* Limits in systemd's words. */
#include "oci/unit.h"

#include "base/io.h"
#include "machine/container/cgroup_devices.h"
#include "machine/container/cgroup_limits.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define INFINITE "18446744073709551615"

int unit_props_new(const struct rt_spec *spec, const struct unit_name *name, bool v2,
                   struct str *out, struct err *e) {
    int r = str_addf(out, "Description s container %s\n", name->unit);
    if (r == 0 && str_ends(name->unit, ".slice"))
        r = str_addf(out, "Wants as %s\n", name->slice);
    else if (r == 0)
        r = str_addf(out, "Slice s %s\nDelegate b 1\nCollectMode s inactive-or-failed\n",
                     name->slice);
    if (r == 0) /* the kernel would rather not join controllers later */
        r = str_addf(out,
                     "MemoryAccounting b 1\nCPUAccounting b 1\n%sAccounting b 1\n"
                     "TasksAccounting b 1\nDefaultDependencies b 0\n",
                     v2 ? "IO" : "BlockIO");
    if (r < 0)
        return err_oom(e);
    for (size_t i = 0; r == 0 && i < spec->n_annotations; i++) {
        const struct rt_kv *kv = &spec->annotations[i];
        if (str_starts(kv->key, UNIT_ANNOTATION))
            r = unit_variant_line(kv->key, kv->value ? kv->value : "", out, e);
    }
    return r;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static int put_limit(struct str *out, const char *name, const struct rt_opt_i64 *v) {
    if (!cgroup_limits_has(v))
        return 0;
    return v->v < 0 ? str_addf(out, "%s t " INFINITE "\n", name)
                    : str_addf(out, "%s t %lld\n", name, (long long)v->v);
}

static int put_u64(struct str *out, const char *name, uint64_t v) {
    return str_addf(out, "%s t %llu\n", name, (unsigned long long)v);
}

/* systemd counts microseconds per second, in whole percents: rounded up, so that the group's own
 * quota fits in. */
static int put_quota(struct str *out, int64_t quota, uint64_t period) {
    int r = 0;
    if (quota == 0 && period == 0)
        return 0;
    if (period)
        r = put_u64(out, "CPUQuotaPeriodUSec", period);
    else
        period = 100000;
    if (r < 0 || quota <= 0)
        return r < 0 ? r : str_add(out, "CPUQuotaPerSecUSec t " INFINITE "\n");
    uint64_t per_sec = (uint64_t)quota * 1000000 / period;
    return put_u64(out, "CPUQuotaPerSecUSec", (per_sec + 9999) / 10000 * 10000);
}

/* Digits at *p, which moves behind them; ULONG_MAX when there are none or too many. */
static unsigned long digits_at(const char **p) {
    size_t n = strspn(*p, "0123456789");
    unsigned long v = 0;
    for (size_t i = 0; i < n && n <= 6; i++)
        v = v * 10 + (unsigned long)((*p)[i] - '0');
    *p += n;
    return n == 0 || n > 6 ? ULONG_MAX : v;
}

/* "3" or "0-2" at *p into bits; the number of bytes used, 0 = bad. */
static size_t range_at(const char **p, uint8_t *bits, size_t size) {
    unsigned long first = digits_at(p), last = first;
    if (**p == '-') {
        (*p)++;
        last = digits_at(p);
    }
    if (first > last || last / 8 >= size)
        return 0;
    for (; first <= last; first++)
        bits[first / 8] |= (uint8_t)(1U << (first % 8));
    return last / 8 + 1;
}

/* "0-2,5" as a bit each, lowest first: 27 */
static int put_list(struct str *out, const char *name, const char *text, const char *json,
                    struct err *e) {
    uint8_t bits[1024] = {0};
    size_t n = 0;
    for (const char *p = text; *p; p += *p == ',') {
        p += strspn(p, " \n");
        if (*p == ',' || *p == '\0')
            continue;
        size_t used = range_at(&p, bits, sizeof(bits));
        p += strspn(p, " \n");
        if (used == 0 || (*p && *p != ','))
            return err_set(e, ERR_USAGE, -EINVAL, "%s: \"%.100s\" is not a list such as 0-2,5",
                           json, text);
        n = MAX_OF(n, used);
    }
    int r = n ? str_addf(out, "%s ay ", name) : 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = str_addf(out, "%02x", bits[i]);
    return r == 0 && n ? str_addc(out, '\n') : r;
}

/* --- by version ---------------------------------------------------------------------------------
 */

static int memory_v2(const struct rt_resources *r, const struct cgroup_now *now, struct str *out) {
    struct rt_opt_i64 swap = r->memory.swap, limit = r->memory.limit;
    int rc = put_limit(out, "MemoryMax", &limit);
    if (!cgroup_limits_has(&limit) && now)
        limit = now->memory;
    if (rc == 0)
        rc = put_limit(out, "MemoryLow", &r->memory.reservation);
    if (rc < 0 || !cgroup_limits_has(&swap))
        return rc;
    if (swap.v > 0 && limit.given && limit.v > 0 && swap.v >= limit.v)
        return put_u64(out, "MemorySwapMax", (uint64_t)(swap.v - limit.v));
    return swap.v < 0 ? put_limit(out, "MemorySwapMax", &swap) : 0;
}

static int limits_v2(const struct rt_resources *r, const struct cgroup_now *now, struct str *out) {
    bool idle = r->cpu.idle.given && r->cpu.idle.v;
    int rc = memory_v2(r, now, out);
    if (rc == 0 && cgroup_limits_hasu(&r->cpu.shares) && !idle)
        rc = put_u64(out, "CPUWeight", cgroup_limits_cpu_weight(r->cpu.shares.v));
    if (rc == 0 && cgroup_limits_hasu(&r->block_io.weight))
        rc = put_u64(out, "IOWeight", cgroup_limits_io_weight(r->block_io.weight.v));
    return rc;
}

static int limits_v1(const struct rt_resources *r, struct str *out) {
    int rc = put_limit(out, "MemoryLimit", &r->memory.limit);
    if (rc == 0 && cgroup_limits_hasu(&r->cpu.shares))
        rc = put_u64(out, "CPUShares", r->cpu.shares.v);
    if (rc == 0 && cgroup_limits_hasu(&r->block_io.weight))
        rc = put_u64(out, "BlockIOWeight", r->block_io.weight.v);
    return rc;
}

/* --- unified ------------------------------------------------------------------------------------
 */

static int put_max(struct str *out, const char *name, const char *value) {
    uint64_t v;
    if (strcmp(value, "max") == 0)
        return str_addf(out, "%s t " INFINITE "\n", name);
    return str_to_u64(value, &v) < 0 ? -EINVAL : put_u64(out, name, v);
}

static int put_cpu_max(struct str *out, const char *value) {
    char words[64];
    uint64_t quota = 0, period = 100000;
    if (!str_copy(words, sizeof(words), value))
        return -EINVAL;
    char *gap = strchr(words, ' ');
    if (gap) {
        *gap = '\0';
        if (str_to_u64(gap + 1, &period) < 0 || period == 0)
            return -EINVAL;
    }
    if (strcmp(words, "max") != 0 && (str_to_u64(words, &quota) < 0 || quota > INT64_MAX / 1000000))
        return -EINVAL;
    return put_quota(out, (int64_t)quota, period);
}

/* The files that systemd has a word for; the others are written all the same. */
static int put_unified(const struct rt_kv *kv, struct str *out, struct err *e) {
    static const char *const numbers[][2] = {
        {"cpu.weight", "CPUWeight"}, {"memory.high", "MemoryHigh"},
        {"memory.low", "MemoryLow"}, {"memory.min", "MemoryMin"},
        {"memory.max", "MemoryMax"}, {"memory.swap.max", "MemorySwapMax"},
        {"pids.max", "TasksMax"},
    };
    const char *value = kv->value ? kv->value : "";
    int r = 0;
    if (strcmp(kv->key, "cpu.max") == 0)
        r = put_cpu_max(out, value);
    else if (strcmp(kv->key, "cpuset.cpus") == 0)
        return put_list(out, "AllowedCPUs", value, "linux.resources.unified", e);
    else if (strcmp(kv->key, "cpuset.mems") == 0)
        return put_list(out, "AllowedMemoryNodes", value, "linux.resources.unified", e);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(numbers); i++)
        if (strcmp(kv->key, numbers[i][0]) == 0)
            r = put_max(out, numbers[i][1], value);
    return r < 0 ? err_set(e, ERR_USAGE, -EINVAL,
                           "linux.resources.unified: unified resource \"%.60s\" value conversion "
                           "error: \"%.60s\"",
                           kv->key, value)
                 : 0;
}

int unit_props_resources(const struct rt_resources *r, const struct cgroup_now *now, bool v2,
                         struct arena *a, struct str *out, struct err *e) {
    int64_t quota = r->cpu.quota.given ? r->cpu.quota.v : 0;
    uint64_t period = r->cpu.period.given ? r->cpu.period.v : 0;
    int rc = v2 ? limits_v2(r, now, out) : limits_v1(r, out);
    if (now && (quota || period)) { /* systemd must know both */
        quota = quota ? quota : now->quota.v;
        period = period ? period : now->period.v;
    }
    if (rc == 0)
        rc = put_quota(out, quota, period);
    if (rc == 0 && r->pids_limit.given && r->pids_limit.v != 0)
        rc = put_limit(out, "TasksMax", &r->pids_limit);
    if (rc < 0)
        return err_oom(e);
    if (!str_empty(r->cpu.cpus))
        rc = put_list(out, "AllowedCPUs", r->cpu.cpus, "linux.resources.cpu.cpus", e);
    if (rc == 0 && !str_empty(r->cpu.mems))
        rc = put_list(out, "AllowedMemoryNodes", r->cpu.mems, "linux.resources.cpu.mems", e);
    for (size_t i = 0; v2 && rc == 0 && i < r->n_unified; i++)
        rc = put_unified(&r->unified[i], out, e);
    return rc;
}

/* --- devices ------------------------------------------------------------------------------------
 */

/* The name of a major number in /proc/devices: "136 pts". Arena-owned, NULL when unknown. */
static char *device_group(const char *devices, char type, int64_t major, struct arena *a) {
    const char *p = strstr(devices, type == 'b' ? "Block devices:" : "Character devices:");
    for (p = p ? strchr(p, '\n') : NULL; p && p[1] && p[1] != '\n'; p = strchr(p + 1, '\n')) {
        const char *digits = p + 1 + strspn(p + 1, " ");
        int64_t n = 0;
        for (; *digits >= '0' && *digits <= '9'; digits++)
            n = n * 10 + (*digits - '0');
        if (n == major && *digits == ' ')
            return arena_printf(a, "%s-%.*s", type == 'b' ? "block" : "char",
                                (int)strcspn(digits + 1, "\n"), digits + 1);
    }
    return NULL;
}

/* How systemd names what a rule is about; NULL when it cannot. */
static char *device_path(const struct bpf_device_rule *d, const char *devices, struct arena *a) {
    const char *kind = d->type == 'b' ? "block" : "char";
    struct stat st;
    if (d->major < 0)
        return d->minor < 0 ? arena_printf(a, "%s-*", kind) : NULL;
    if (d->minor < 0)
        return device_group(devices, d->type, d->major, a);
    char *path =
        arena_printf(a, "/sys/dev/%s/%lld:%lld", kind, (long long)d->major, (long long)d->minor);
    /* systemd complains about nodes that are not there */
    return path && stat(path, &st) == 0 ? path + strlen("/sys") : NULL;
}

static bool same_device(const struct bpf_device_rule *x, const struct bpf_device_rule *y) {
    return x->type == y->type && x->major == y->major && x->minor == y->minor;
}

/* Follow the rules to what is allowed at their end. Returns the number of entries left; *all: all
 * is, but for what *except says cannot be told to systemd. */
static size_t settle(struct bpf_device_rule *v, size_t n, bool *all) {
    size_t out = 0;
    *all = true; /* a new group allows what its parent does */
    for (size_t i = 0; i < n; i++) {
        const struct bpf_device_rule d = v[i];
        size_t at = 0;
        if (d.type == 'a') {
            *all = d.allow;
            out = 0;
            continue;
        }
        while (at < out && !same_device(&v[at], &d))
            at++;
        if (*all && !d.allow) { /* a list of what is denied: systemd has none; the plan's holds */
            *all = false;
            out = 0;
        } else if (!*all && d.allow && at < out) {
            v[at].access |= d.access;
        } else if (!*all && d.allow) {
            v[out++] = d;
        } else if (at < out) {
            v[at].access &= ~d.access;
        }
    }
    return out;
}

int unit_props_devices(const struct rt_resources *r, struct arena *a, struct str *out,
                       struct err *e) {
    AUTO_STR struct str devices = STR_INIT(1 << 20);
    struct bpf_device_rule *v;
    size_t n;
    bool all;
    if (cgroup_devices_rules(r, PLAN_CGROUP_DEVICES, a, &v, &n) < 0)
        return err_oom(e);
    n = settle(v, n, &all);
    if (all)
        return str_add(out, "DevicePolicy s auto\nDeviceAllow a(ss) \n") < 0 ? err_oom(e) : 0;
    io_read_file(AT_FDCWD, "/proc/devices", &devices);
    int rc = str_add(out, "DevicePolicy s strict\nDeviceAllow a(ss) ");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const char *path = v[i].access ? device_path(&v[i], str_c(&devices), a) : NULL;
        if (path && !strchr(path, '\n') && !strchr(path, ' '))
            rc = str_addf(out, "%s %s%s%s ", path, v[i].access & BPF_DEVICE_READ ? "r" : "",
                          v[i].access & BPF_DEVICE_WRITE ? "w" : "",
                          v[i].access & BPF_DEVICE_MKNOD ? "m" : "");
    }
    return rc < 0 || str_addc(out, '\n') < 0 ? err_oom(e) : 0;
}
