/* SPDX-License-Identifier: Apache-2.0 */
/* docker's words → parsed lists. Bad words fail here, before anything is pulled or made. */
#include "engine/box.h"

#include "base/io.h"
#include "base/names.h"
#include "base/str.h"
#include "engine/options.h"
#include "spec/env.h"
#include "spec/signal.h"
#include "spec/ulimit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>

static int options_add_mount(struct box *b, const struct mount_request *rq, struct err *e) {
    for (size_t i = 0; i < b->n_mounts; i++)
        if (str_eq(b->mounts[i].rq.target, rq->target))
            return err_set(e, ERR_USAGE, -EINVAL, "Duplicate mount point: %s", rq->target);
    b->mounts[b->n_mounts++] = (struct box_mount){.rq = *rq};
    return 0;
}

static int options_mounts(struct box *b, struct err *e) {
    const struct hako_run_options *o = b->o;
    char cwd[4096];
    const char *here = getcwd(cwd, sizeof(cwd)) ? cwd : NULL;
    size_t n = o->volume.n + o->mount.n + o->tmpfs.n + o->device.n;
    b->mounts = arena_array(b->a, n + IMG_MAX_LAYERS, struct box_mount);
    if (!b->mounts)
        return err_oom(e);
    int r = 0;
    struct mount_request rq;
    for (size_t i = 0; r == 0 && i < o->volume.n; i++) {
        r = mountopt_volume(o->volume.v[i], here, b->a, &rq, e);
        r = r < 0 ? r : options_add_mount(b, &rq, e);
    }
    for (size_t i = 0; r == 0 && i < o->mount.n; i++) {
        r = mountopt_mount(o->mount.v[i], here, b->a, &rq, e);
        r = r < 0 ? r : options_add_mount(b, &rq, e);
    }
    for (size_t i = 0; r == 0 && i < o->tmpfs.n; i++) {
        r = mountopt_tmpfs(o->tmpfs.v[i], b->a, &rq, e);
        r = r < 0 ? r : options_add_mount(b, &rq, e);
    }
    return r;
}

static int options_ports(struct box *b, struct err *e) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < b->o->publish.n; i++)
        r = port_parse(b->o->publish.v[i], b->a, &b->ports, e);
    for (size_t i = 0; r == 0 && i < b->o->expose.n; i++)
        r = port_parse_exposed(b->o->expose.v[i], b->a, &b->ports, e);
    return r;
}

/* Asked for by name: more than the kernel would allow us is refused, not cut down. */
static int options_ulimit_fits(const struct box *b, const struct rt_rlimit *l, const char *word,
                               struct err *e) {
    struct rlimit own;
    int number = ulimit_number(l->type);
    if (b->host.can_raise_rlimits || number < 0 || getrlimit((unsigned)number, &own) < 0 ||
        own.rlim_max == RLIM_INFINITY || l->hard <= own.rlim_max)
        return 0;
    return err_set(e, ERR_DENIED, -EPERM,
                   "--ulimit %.100s: this process may not go beyond its own hard limit of %llu: "
                   "ask for less, or raise that one",
                   word, (unsigned long long)own.rlim_max);
}

static int options_ulimits(struct box *b, struct err *e) {
    b->ulimits = arena_array(b->a, b->o->ulimit.n + 2, struct rt_rlimit);
    if (!b->ulimits)
        return err_oom(e);
    for (size_t i = 0; i < b->o->ulimit.n; i++) {
        const char *word = b->o->ulimit.v[i];
        int r = ulimit_parse(word, b->a, &b->ulimits[b->n_ulimits], e);
        if (r == 0)
            r = options_ulimit_fits(b, &b->ulimits[b->n_ulimits], word, e);
        if (r < 0)
            return r;
        b->n_ulimits++;
    }
    return 0;
}

static int options_devices(struct box *b, struct err *e) {
    b->device_words = arena_array(b->a, b->o->device.n + 1, struct device_request);
    if (!b->device_words)
        return err_oom(e);
    for (size_t i = 0; i < b->o->device.n; i++) {
        int r = device_parse(b->o->device.v[i], b->a, &b->device_words[i], e);
        if (r < 0)
            return r;
        b->n_device_words++;
    }
    return 0;
}

static int options_sysctls(struct box *b, struct err *e) {
    b->sysctls = arena_array(b->a, b->o->sysctl.n + 4, struct rt_kv);
    if (!b->sysctls)
        return err_oom(e);
    for (size_t i = 0; i < b->o->sysctl.n; i++) {
        char *word = arena_strdup(b->a, b->o->sysctl.v[i]);
        char *eq = word ? strchr(word, '=') : NULL;
        if (!eq || eq == word)
            return err_set(e, ERR_USAGE, -EINVAL, "sysctl \"%s\": expected name=value",
                           b->o->sysctl.v[i]);
        *eq = 0;
        b->sysctls[b->n_sysctls++] = (struct rt_kv){word, eq + 1};
    }
    return 0;
}

int options_files(const struct hako_strings *files, struct arena *a, struct strlist *list,
                  struct err *e) {
    for (size_t i = 0; i < files->n; i++) {
        AUTO_STR struct str text = STR_INIT((size_t)16 << 20);
        int r = io_read_file(AT_FDCWD, files->v[i], &text);
        if (r < 0)
            return err_sysn(e, r, "open %s", files->v[i]);
        r = env_parse_file(str_c(&text), text.len, files->v[i], environ, a, list, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int options_labels(struct box *b, struct err *e) {
    int r = options_files(&b->o->label_file, b->a, &b->labels, e);
    for (size_t i = 0; r == 0 && i < b->o->label.n; i++)
        if (strlist_add(b->a, &b->labels, b->o->label.v[i]) < 0)
            r = err_oom(e);
    return r;
}

static int options_network(struct box *b, struct err *e) {
    const char *n = b->o->network ? b->o->network : "bridge";
    if (str_eq(b->o->isolation, "fake"))
        n = "host"; /* the test double has no namespaces */
    if (str_eq(n, "bridge") || str_eq(n, "default")) {
        b->net_mode = NET_BRIDGE;
    } else if (str_eq(n, "none")) {
        b->net_mode = NET_NONE;
    } else if (str_eq(n, "host")) {
        b->net_mode = NET_HOST;
    } else if (str_starts(n, "container:") && n[sizeof("container:") - 1]) {
        b->net_mode = NET_CONTAINER;
        b->net_peer = n + sizeof("container:") - 1;
    } else {
        return err_set(e, ERR_NOT_FOUND, -ENOENT,
                       "network %s not found: known are bridge, none, host, container:NAME", n);
    }
    bool publishes = b->o->publish.n > 0;
    if (publishes && b->net_mode == NET_CONTAINER)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "conflicting options: port publishing and the container type network mode");
    if (b->net_mode == NET_CONTAINER && b->o->hostname)
        return err_set(e, ERR_USAGE, -EINVAL, "conflicting options: hostname and the network mode");
    return 0;
}

static int options_log_word(struct box *b, const char *word, struct err *e) {
    uint64_t n;
    if (str_starts(word, "max-size=")) {
        if (str_to_bytes(word + 9, &b->log_max_bytes) < 0 || b->log_max_bytes == 0)
            return err_set(e, ERR_USAGE, -EINVAL, "invalid value for 'max-size': %s", word + 9);
        return 0;
    }
    if (str_starts(word, "max-file=")) {
        if (str_to_u64(word + 9, &n) < 0 || n == 0 || n > 1000)
            return err_set(e, ERR_USAGE, -EINVAL, "invalid value for 'max-file': %s", word + 9);
        b->log_max_files = (uint32_t)n;
        return 0;
    }
    return err_set(e, ERR_USAGE, -EINVAL, "unknown log opt '%s': known are max-size, max-file",
                   word);
}

static int options_log(struct box *b, struct err *e) {
    const char *d = b->o->log_driver;
    b->log_max_bytes = b->cfg->log_max_bytes;
    b->log_max_files = b->cfg->log_max_files;
    b->log_off = d && str_eq(d, "none");
    if (!str_empty(d) && !b->log_off && !str_eq(d, "cri-file") && !str_eq(d, "k8s-file"))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "log driver \"%s\" is not known: use cri-file or none", d);
    for (size_t i = 0; i < b->o->log_opt.n; i++) {
        int r = options_log_word(b, b->o->log_opt.v[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int options_memory(const struct hako_run_options *o, struct err *e) {
    if (o->memory && o->memory < (6U << 20))
        return err_set(e, ERR_USAGE, -EINVAL, "Minimum memory limit allowed is 6MB");
    if (o->memory_swap > 0 && !o->memory)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "You should always set the Memory limit when using Memoryswap limit");
    if (o->memory_swap > 0 && (uint64_t)o->memory_swap < o->memory)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "Minimum memoryswap limit should be larger than memory limit");
    if (o->memory && o->memory_reservation > o->memory)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "Minimum memory limit can not be less than memory reservation limit");
    return 0;
}

static int options_limits(struct box *b, struct err *e) {
    const struct hako_run_options *o = b->o;
    int r = options_memory(o, e);
    if (r < 0)
        return r;
    if (o->cpus < 0 || o->cpus > b->host.cpus)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "range of CPUs is from 0.01 to %u.00, as there are only %u CPUs available",
                       b->host.cpus, b->host.cpus);
    if (o->cpus > 0 && (o->cpu_period || o->cpu_quota))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "conflicting options: --cpus and --cpu-period or --cpu-quota");
    if (o->oom_score_adj < -1000 || o->oom_score_adj > 1000)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid --oom-score-adj %lld: -1000 to 1000",
                       (long long)o->oom_score_adj);
    if (o->pids_limit < -1)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid --pids-limit %lld",
                       (long long)o->pids_limit);
    b->pids_given = o->pids_limit != 0;
    b->pids_limit = b->pids_given ? o->pids_limit : b->cfg->pids_limit;
    return 0;
}

static int options_words(struct box *b, struct err *e) {
    const struct hako_run_options *o = b->o;
    if (str_empty(o->image))
        return err_set(e, ERR_USAGE, -EINVAL, "no image given");
    if (o->name && !names_valid(o->name))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                       o->name);
    if (o->isolation && !str_eq(o->isolation, "container") && !str_eq(o->isolation, "fake"))
        return err_set(e, ERR_UNAVAILABLE, -EOPNOTSUPP,
                       "isolation \"%s\" is not in this version of hako: use container",
                       o->isolation);
    if (!str_empty(o->workdir) && o->workdir[0] != '/')
        return err_set(e, ERR_USAGE, -EINVAL,
                       "the working directory '%s' is invalid, it needs to be an absolute path",
                       o->workdir);
    if (o->hostname && strlen(o->hostname) > 63)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid hostname: %s: longer than 63 bytes",
                       o->hostname);
    if (o->stop_timeout_set && o->stop_timeout < -1)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid --stop-timeout %lld",
                       (long long)o->stop_timeout);
    return o->stop_signal ? signal_parse(o->stop_signal, &b->stop_signal, e) : 0;
}

int box_options(struct box *b, struct err *e) {
    static int (*const steps[])(struct box *, struct err *) = {
        options_words,   options_mounts, options_ports,   options_ulimits, options_devices,
        options_sysctls, options_labels, options_network, options_log,     options_limits,
    };
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        int r = steps[i](b, e);
        if (r < 0)
            return r;
    }
    return 0;
}
