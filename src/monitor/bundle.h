/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle file: everything the monitor needs, in one read. The command writes it once; the
 * monitor maps it. Header, then three sections: monitor settings, machine plan, net plan.
 */
#pragma once

#include "base/err.h"

struct mon_settings {
    char id[65];
    char isolation[16];     /* "container", "vm", "fake" */
    uint32_t tty;           /* the box has a terminal */
    uint32_t open_stdin;    /* -i */
    uint32_t stdin_once;    /* close stdin at the end of the first attached client's stdin */
    uint32_t auto_remove;   /* --rm: the monitor removes the container's directory at the end */
    uint32_t keep_logs;     /* 0: no log file (--log-driver none) */
    uint64_t log_max_bytes; /* rotate at this size; 0 = default 10 MiB */
    uint32_t log_max_files; /* including the current one; 0 = default 3 */
    int32_t stop_signal;
    int32_t stop_timeout;       /* seconds */
    int32_t forward_port_count; /* rootless listeners that MON_LISTENER will bring */
    char name[128];             /* for --rm: names/<name> link to remove */
    char lease[256];            /* lease file to remove, relative to the net directory; "" = none */
    char volumes[32 * 65];      /* for --rm: anonymous volumes to remove, comma-separated names */
};

/* Where the things of --rm lie, seen from the container's directory. */
#define BUNDLE_CONTAINERS ".."
#define BUNDLE_NAMES "../../names"
#define BUNDLE_NET "../../net"
#define BUNDLE_VOLUMES "../../volumes"
#define BUNDLE_TMP "../../tmp" /* rm-<id>: being removed, under a shared flock on the directory */

struct mon_bundle {
    const struct mon_settings *settings;
    const void *plan; /* machine plan bytes */
    size_t plan_len;
    const void *net; /* net plan bytes; NULL/0 = no attachment */
    size_t net_len;
    void *map_;
    size_t map_len_;
};

/* Write dirfd/"bundle" (not atomic: the directory itself is committed by rename). */
int bundle_write(int dirfd, const struct mon_settings *s, const void *plan, size_t plan_len,
                 const void *net, size_t net_len, struct err *e);
/* Bytes of a bundle file → view; every offset, size and string is checked. Fuzzed. */
int bundle_parse(const void *p, size_t len, struct mon_bundle *ret, struct err *e);
/* Map and check it. */
int bundle_open(int dirfd, struct mon_bundle *ret, struct err *e);
void bundle_close(struct mon_bundle *b);
