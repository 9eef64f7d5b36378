/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: objects and transactions behind include/hako.h; the only room that knows store,
 * net, registry and monitor at once.
 *
 * Theory of operation
 *   <data>/containers/<id>/   a container: record.json, bundle, upper/ work/, hosts, resolv.conf,
 *                             hostname; while it lives: lock, ctl.sock; later: log, exit.json
 *   <data>/names/<name>       symlink → id: the atomic uniqueness of names
 *   <data>/tmp/               directories being made (new-<id>) or removed (rm-<id>;
 *                             rm-<id>-v: with its anonymous volumes)
 *   <data>/net/ store/ volumes/   see their rooms
 *   <run>/                    volatile: rootless holder
 *
 *   A transaction makes new-<id> in tmp/ under a shared flock on tmp/, and commits it by rename
 *   into containers/. Whoever gets that flock exclusively knows that no creator lives and removes
 *   what is there, with the names and addresses of containers that are not. A monitor writes into
 *   the lock file when it begins and wipes it when all is taken down: a lock that is free and says
 *   something means work for reconcile, which sweeps, writes exit.json if there is none, wipes.
 *
 * Files: engine.c (handle, directories), config.c, module.c, record.c (the container's record),
 * image.c, create.c (transaction), compose*.c (options → runtime-spec, PURE), start.c, talk.c
 * (wait, attach, signal), exec.c, list.c, inspect.c, remove.c, reconcile.c, info.c. Images:
 * image*.c, image_rules.c (policy and lock: trust.c, lookaside.c, lock.c), commit.c, system.c
 * (room, prune, check), sign.c, bootstrap*.c, account.c (login, search).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "engine/config.h"
#include "hako.h"
#include "registry/registry.h"
#include "store/store.h"
#include "sys/host.h"

struct hako_engine {
    struct arena *a;  /* lives as long as the handle */
    char *data, *run; /* absolute */
    int datafd, containersfd, namesfd, tmpfd, netfd, runfd;
    bool rootless; /* without privileges over the host's namespaces */
    struct config config;
    bool config_read;
    struct store store;
    bool store_ready;
    const char *config_path; /* NULL: default places */
    bool leaves_soon;        /* monitors may be our children */
    char *libexec;           /* NULL: search beside the program, then the configured place */
    void *module;            /* dlopen handle */
    const struct registry_module *registry;
};

/* A hako_error is a struct err: same layout, asserted in engine.c. */
static inline struct err *as_err(hako_error *e) {
    return (struct err *)e;
}
/* Likewise struct hako_strings and struct strlist. */
static inline const struct strlist *as_list(const struct hako_strings *s) {
    return (const struct strlist *)s;
}

/* The host as boxes find it: rootless ones are set up by root of the user's own namespace, who can
 * give every capability there. `full`: with memory and processors. */
int engine_host(bool full, struct host *ret, struct err *e);
int engine_store(hako_engine *g, const struct store **ret, struct err *e);
int engine_config(hako_engine *g, const struct config **ret, struct err *e);
/* Path of an installed or built helper: "hako-monitor", "modules/registry.so", "box". The
 * caller's arena. ERR_UNAVAILABLE naming the places searched. */
int engine_helper(hako_engine *g, const char *name, struct arena *a, char **ret, struct err *e);
/* The registry module, loaded on first use. */
int module_registry(hako_engine *g, const struct registry_module **ret, struct err *e);
