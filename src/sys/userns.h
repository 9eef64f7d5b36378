/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces for the ordinary user: which ids are ours, and work done as root over them.
 *
 * The command's own process stays outside. A child unshares, the parent has newuidmap(1) and
 * newgidmap(1) write the maps (setuid helpers that check /etc/subuid), and then the child runs a
 * function as root of all mapped ids: unpacking a layer, removing a tree whose files belong to
 * subordinate ids. Without subordinate ids the map holds the user's own id alone.
 * Only single-threaded callers: the child is a fork, not an exec.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define USERNS_MAX_RANGES 32

struct userns_range {
    uint32_t inside, outside, size;
};
struct userns_map {
    struct userns_range v[USERNS_MAX_RANGES];
    size_t n;
};
struct userns_maps {
    struct userns_map uid, gid;
    bool single;          /* no subordinate ids: only 0 → the caller */
    char why_single[220]; /* the mend, for a warning: "no subordinate ids for user ann: add …" */
};

/* 0 → the caller, then 1… → the caller's subordinate ranges of /etc/subuid and /etc/subgid (by
 * name or by number). Root in the initial namespace: identity. */
int userns_maps_read(struct userns_maps *ret, struct err *e);
/* From given texts, for tests and fuzzing. name may be NULL. */
int userns_map_parse(const char *text, const char *name, uint32_t id, struct userns_map *ret,
                     struct err *e);
/* "0 1000 1\n1 100000 65536\n" as uid_map wants it. */
int userns_map_text(const struct userns_map *m, char *buf, size_t size);
/* Ids covered from 0 without a gap. */
uint64_t userns_map_span(const struct userns_map *m);

/* A user namespace with these maps, kept alive by the descriptor alone. fd or negative errno. */
int userns_create(const struct userns_maps *m, int *ret_fd, struct err *e);
/* Write the maps of `pid`, which has unshared its user namespace: directly where we may, else by
 * newuidmap and newgidmap. */
int userns_write_maps(pid_t pid, const struct userns_maps *m, struct err *e);
/* Enter and become root in it. Child-safe, musl-safe. 0 or -errno. */
int userns_join(int fd);

/* Run fn in a child that is root of a new user namespace (and has a mount namespace of its own).
 * fn fills its error and returns 0 or negative errno; both come back here. All descriptors of the
 * caller are there; memory is a copy. */
int userns_run(const struct userns_maps *m, int (*fn)(void *data, struct err *e), void *data,
               struct err *e);
/* The same inside an existing one. */
int userns_run_in(int fd, int (*fn)(void *data, struct err *e), void *data, struct err *e);

/* True when the calling process is in a user namespace that does not map every id, i.e. root here
 * is not root of the host. */
bool userns_inside(void);
