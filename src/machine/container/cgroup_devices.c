/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules: lines for v1's devices.allow and devices.deny, a program for v2. */
#include "machine/container/cgroup_devices.h"

#include "base/str.h"
#include "machine/container/cgroup_limits.h"

#include <string.h>

/* What the field's runtimes let every container have: to make any node, and to use those that
 * every /dev holds, terminals and tun among them. */
static const struct bpf_device_rule default_rules[] = {
    {true, 'c', -1, -1, BPF_DEVICE_MKNOD}, {true, 'b', -1, -1, BPF_DEVICE_MKNOD},
    {true, 'c', 1, 3, BPF_DEVICE_ALL},     {true, 'c', 1, 8, BPF_DEVICE_ALL},
    {true, 'c', 1, 7, BPF_DEVICE_ALL},     {true, 'c', 5, 0, BPF_DEVICE_ALL},
    {true, 'c', 1, 5, BPF_DEVICE_ALL},     {true, 'c', 1, 9, BPF_DEVICE_ALL},
    {true, 'c', 136, -1, BPF_DEVICE_ALL},  {true, 'c', 5, 2, BPF_DEVICE_ALL},
    {true, 'c', 10, 200, BPF_DEVICE_ALL},
};

static bool is_everything(const struct rt_device_rule *d) {
    return (d->type == 'a' || d->type == '\0') && d->major < 0 && d->minor < 0 &&
           (str_empty(d->access) || strlen(d->access) >= 3);
}

static uint32_t access_bits(const char *access) {
    if (str_empty(access) || access[strspn(access, "rwm")])
        return BPF_DEVICE_ALL;
    return (strchr(access, 'r') ? BPF_DEVICE_READ : 0U) |
           (strchr(access, 'w') ? BPF_DEVICE_WRITE : 0U) |
           (strchr(access, 'm') ? BPF_DEVICE_MKNOD : 0U);
}

bool cgroup_devices_any(const struct cgroup_build *b) {
    return b->r->n_devices > 0 || (b->flags & PLAN_CGROUP_DEVICES);
}

int cgroup_devices_rules(const struct rt_resources *r, uint32_t flags, struct arena *a,
                         struct bpf_device_rule **ret, size_t *ret_n) {
    const struct rt_device_rule *given = r->devices;
    size_t n = r->n_devices, out = 0;
    bool strict = flags & PLAN_CGROUP_DEVICES;
    struct bpf_device_rule *v =
        arena_array(a, 2 * n + 1 + ARRAY_SIZE(default_rules), struct bpf_device_rule);

    if (!v)
        return -ENOMEM;
    if (strict && !(n > 0 && is_everything(&given[0])))
        v[out++] = (struct bpf_device_rule){false, 'a', -1, -1, BPF_DEVICE_ALL};
    for (size_t i = 0; i < n; i++) {
        const struct rt_device_rule *d = &given[i];
        struct bpf_device_rule rule = {d->allow, d->type ? d->type : 'a', d->major, d->minor,
                                       access_bits(d->access)};
        if (rule.type == 'a' && !is_everything(d)) {
            rule.type = 'b';
            v[out++] = rule;
            rule.type = 'c';
        }
        v[out++] = rule;
    }
    for (size_t i = 0; strict && i < ARRAY_SIZE(default_rules); i++)
        v[out++] = default_rules[i];
    *ret = v;
    *ret_n = out;
    return 0;
}

static int add_number(struct str *lines, int64_t n, const char *after) {
    return n < 0 ? str_addf(lines, "*%s", after) : str_addf(lines, "%lld%s", (long long)n, after);
}

/* One rule as v1 writes it. 0 or -ENOMEM. */
static int add_line(struct str *lines, const struct bpf_device_rule *d) {
    int r = lines->len ? str_addc(lines, '\n') : 0;

    if (r < 0 || d->type == 'a')
        return r < 0 ? r : str_addc(lines, 'a');
    r = str_addf(lines, "%c ", d->type);
    if (r == 0)
        r = add_number(lines, d->major, ":");
    if (r == 0)
        r = add_number(lines, d->minor, " ");
    return r < 0 ? r
                 : str_addf(lines, "%s%s%s", d->access & BPF_DEVICE_READ ? "r" : "",
                            d->access & BPF_DEVICE_WRITE ? "w" : "",
                            d->access & BPF_DEVICE_MKNOD ? "m" : "");
}

int cgroup_devices_v1(struct cgroup_build *b, const char *dir, struct err *e) {
    AUTO_STR struct str lines = STR_INIT(1 << 20);
    struct bpf_device_rule *rules;
    size_t n;
    int r = cgroup_devices_rules(b->r, b->flags, b->a, &rules, &n);

    if (r < 0)
        return err_oom(e);
    /* Neighbours that go to the same file make one operation. */
    for (size_t i = 0; r == 0 && i < n; i++) {
        const struct bpf_device_rule *d = &rules[i];
        if (d->access == 0)
            continue;
        if (add_line(&lines, d) < 0)
            return err_oom(e);
        if (i + 1 < n && rules[i + 1].allow == d->allow)
            continue;
        r = cgroup_limits_put(b, dir, d->allow ? "devices.allow" : "devices.deny", false, e, "%s",
                              str_c(&lines));
        str_clear(&lines);
    }
    return r;
}

int cgroup_devices_v2(struct cgroup_build *b, const char *dir, struct err *e) {
    struct cgroup_op op = {.kind = CGROUP_OP_DEVICES, .dir = dir};
    struct bpf_device_rule *rules;
    size_t n;
    void *bytes;

    if (cgroup_devices_rules(b->r, b->flags, b->a, &rules, &n) < 0)
        return err_oom(e);
    int r = bpf_device_encode(rules, n, b->a, &bytes, &op.len, e);
    op.bytes = bytes;
    return r < 0 ? err_wrap(e, "linux.resources.devices") : cgroup_limits_add(b, &op, e);
}
