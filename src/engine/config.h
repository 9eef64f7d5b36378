/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configuration: a JSON object, /etc/hako/config.json and then the user's
 * ($XDG_CONFIG_HOME/hako/config.json), the later overriding. Missing files are fine.
 *
 *   { "registries": { "docker.io": { "mirrors": ["mirror.example:5000"], "insecure": false } },
 *     "policy": "/etc/hako/policy.json", "lock": "/srv/hako.lock",
 *     "pids-limit": 4096, "log-opts": { "max-size": "10m", "max-file": "3" } }
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "registry/registry.h"

#define CONFIG_DEFAULT_PIDS 4096

struct config {
    struct registry_config registries;
    int64_t pids_limit;     /* default for every box; -1 = unlimited */
    uint64_t log_max_bytes; /* 0 = the monitor's default */
    uint32_t log_max_files;
    const char *policy; /* path of policy.json; NULL = the default places (trust.h) */
    const char *lock;   /* path of a lock file that every run obeys; NULL = hako.lock where it is */
};

/* path NULL: the two default places. */
int config_read(const char *path, struct arena *a, struct config *ret, struct err *e);
