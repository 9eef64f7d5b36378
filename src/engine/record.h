/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.json: what hako remembers of a container, written once at creation (and by rename).
 * Only what was given or resolved stands in it; inspect fills in the defaults. Field tables
 * (spec/field.h) read and write it.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "spec/kv.h"

#define RECORD_FILE "record.json"

struct record_mount {
    char *type; /* bind volume tmpfs */
    char *name; /* of a volume */
    char *source, *destination, *propagation;
    bool readonly, anonymous;
};

struct record_port {
    char *proto, *host_ip;
    uint16_t host_port, container_port;
};

struct record {
    char *id, *name, *image, *image_id, *image_digest, *isolation;
    int64_t created_ns;
    struct strlist args; /* the whole command line that runs */
    struct strlist entrypoint, cmd, env;
    struct rt_kv *labels;
    size_t n_labels;
    char *workdir, *user, *hostname, *domainname, *stop_signal, *platform;
    int64_t stop_timeout; /* seconds; -1 = default */
    bool tty, open_stdin, auto_remove, init, read_only, privileged, publish_all;
    struct record_mount *mounts;
    size_t n_mounts;
    struct strlist binds; /* -v as given */
    struct record_port *ports;
    size_t n_ports;
    struct strlist exposed;
    char *network; /* "bridge" "none" "host" "container:<id>" */
    char *ip, *gateway, *mac, *ifname;
    int prefix;
    char *lease;  /* path beneath <data>/net */
    char *cgroup; /* name of its cgroup */
    uint64_t memory, memory_reservation, shm_size;
    int64_t memory_swap, nano_cpus, cpu_shares, cpu_period, cpu_quota, pids_limit;
    char *cpuset_cpus, *cpuset_mems;
    int64_t oom_score_adj;
    struct strlist cap_add, cap_drop, security_opt, devices, group_add, ulimits, sysctls, tmpfs;
    struct strlist dns, dns_search, dns_options, extra_hosts;
    char *pid_mode, *ipc_mode, *uts_mode, *cgroupns_mode;
    char *log_driver;
};

int record_write(int dirfd, const struct record *r, struct err *e);
/* ERR_CORRUPT when it cannot be read. */
int record_read(int dirfd, struct arena *a, struct record *ret, struct err *e);
