/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container being made: what each step of the transaction adds, in order.
 *
 *   options.c   words → parsed lists, checks (no look at the host beyond files named by the user)
 *   image.c     the image
 *   resolve.c   user, environment, command, security, devices, volumes, network, lease
 *   compose*.c  all of this → runtime-spec, PURE
 *   create.c    directory, files, plan, bundle, commit
 *
 * Everything is owned by the arena, except dirfd and the locks (create.c).
 */
#pragma once

#include "engine/engine.h"
#include "engine/record.h"
#include "engine/security.h"
#include "engine/user.h"
#include "machine/plan.h"
#include "net/net.h"
#include "spec/device.h"
#include "spec/mountopt.h"
#include "spec/port.h"
#include "spec/runtime.h"
#include "store/snapshot.h"
#include "sys/cgroup.h"
#include "sys/host.h"

#define BOX_DEFAULT_SHM ((uint64_t)64 << 20)

struct box_mount {
    struct mount_request rq;
    const char *source; /* resolved host path; NULL for tmpfs */
    bool copyup;        /* a new volume: fill it from the image */
    bool straight;      /* no link is followed on the way to the source any more */
    bool anonymous;
};

struct box {
    hako_engine *g;
    struct arena *a;
    const struct hako_run_options *o;
    const struct config *cfg;
    struct host host;
    struct cgroup_layout cgroups;
    bool dry; /* --dry-run: nothing outside the unfinished directory may be made */
    /* parsed */
    struct box_mount *mounts;
    size_t n_mounts;
    struct port_list ports;
    struct rt_rlimit *ulimits;
    size_t n_ulimits;
    struct device_request *device_words;
    size_t n_device_words;
    struct rt_kv *sysctls;
    size_t n_sysctls;
    struct strlist labels; /* "k=v" */
    enum net_mode net_mode;
    const char *net_peer; /* NET_CONTAINER: its name as given */
    uint64_t log_max_bytes;
    uint32_t log_max_files;
    bool log_off;
    int stop_signal;
    int64_t pids_limit; /* -1 = unlimited */
    bool pids_given;
    /* resolved */
    struct image img;
    struct snapshot snap;
    struct user_ids user;
    struct security sec;
    struct strlist env, args;
    const char *hostname;
    const char *join[RT_NS_COUNT]; /* namespace paths of other boxes; "" = the host's; NULL = new */
    struct rt_device *devices;
    size_t n_devices;
    struct network net;
    struct lease lease;
    bool leased;
    struct userns_maps *maps; /* rootless */
    uint64_t ids;             /* rootless: mapped ids from 0 */
    /* place */
    char id[65];
    const char *name;
    const char *path; /* final absolute directory */
    int dirfd;        /* of the unfinished directory */
    struct record rec;
};

int box_options(struct box *b, struct err *e);
int box_resolve(struct box *b, struct err *e); /* needs img, snap */
int box_resolve_volumes(struct box *b, struct err *e);
int box_resolve_devices(struct box *b, struct err *e);
int box_resolve_namespaces(struct box *b, struct err *e);
/* PURE */
int compose_spec(const struct box *b, struct rt_spec *ret, struct err *e);
int compose_mounts(const struct box *b, struct rt_spec *s, struct err *e);
int compose_resources(const struct box *b, struct rt_spec *s, struct err *e);
