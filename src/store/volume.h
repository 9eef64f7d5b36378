/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named and anonymous volumes: directories that outlive containers.
 *
 * <data>/volumes/<name>/data        what is mounted
 * <data>/volumes/<name>/meta.json   created, anonymous, labels
 * <data>/volumes/.new-<hex>         one being made (its flock is held) or left by the dead
 *
 * A volume appears by rename, complete. An anonymous one has a name of 64 hex digits.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "spec/kv.h"

#define VOLUME_NAME_LEN 64

struct volume {
    char *name;
    char *path; /* absolute, of data */
    bool anonymous;
    int64_t created_ns;
    struct rt_kv *labels;
    size_t n_labels;
};

struct volume_want {
    const char *name; /* NULL: an anonymous one with a new name */
    bool anonymous;   /* whatever it is called */
    const struct rt_kv *labels;
    size_t n_labels;
};

/* docker's rule for names. ERR_USAGE in docker's words. */
int volume_check_name(const char *name, struct err *e);
/* Find it or make it. `rootfd` is the data directory, `root_path` its absolute path. *created
 * tells the caller to fill it from the image. */
int volume_ensure(int rootfd, const char *root_path, const struct volume_want *want,
                  struct arena *a, struct volume *ret, bool *created, struct err *e);
/* Finish what the dead left half made or half removed. */
void volume_tidy(int rootfd);
/* ERR_NOT_FOUND "no such volume: x" */
int volume_find(int rootfd, const char *root_path, const char *name, struct arena *a,
                struct volume *ret, struct err *e);
/* Sorted by name. */
int volume_list(int rootfd, const char *root_path, struct arena *a, struct volume **ret, size_t *n,
                struct err *e);
/* `in_use` names a container that uses the volume or returns NULL; then ERR_CONFLICT. */
int volume_remove(int rootfd, const char *name,
                  const char *(*in_use)(const char *volume, void *data), void *data, struct err *e);
