/* SPDX-License-Identifier: Apache-2.0 */
/* `ps`: directories, locks and small records; no process is asked. */
#include "engine/container.h"
#include "engine/describe.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static char **list_labels(const struct record *rec) {
    char **v = calloc(rec->n_labels + 1, sizeof(*v));
    for (size_t i = 0; v && i < rec->n_labels; i++)
        if (asprintf(&v[i], "%s=%s", rec->labels[i].key, rec->labels[i].value) < 0)
            v[i] = NULL;
    return v;
}

static int list_fill(struct hako_container_info *o, const struct record *rec,
                     const struct container_state *st, struct arena *a) {
    *o = (struct hako_container_info){
        .id = strdup(rec->id),
        .name = strdup(rec->name),
        .image = strdup(rec->image ? rec->image : ""),
        .image_id = strdup(rec->image_id ? rec->image_id : ""),
        .command = describe_command(rec),
        .ports = st->status == HAKO_RUNNING || st->status == HAKO_PAUSED ? describe_ports(rec, a)
                                                                         : strdup(""),
        .mounts = describe_mounts(rec),
        .networks = strdup(describe_network_name(rec)),
        .labels = list_labels(rec),
        .status = st->status,
        .exit_code = st->exit.code,
        .created_ns = rec->created_ns,
        .started_ns = st->live.running ? st->live.started_ns : st->exit.started_ns,
        .finished_ns = st->exit.finished_ns,
        .pid = st->live.running ? st->live.pid : 0,
    };
    return o->id && o->name && o->image && o->image_id && o->command && o->ports && o->mounts &&
                   o->networks && o->labels
               ? 0
               : -ENOMEM;
}

/* 1 = filled, 0 = gone or unreadable: somebody is making or removing it. */
static int list_one(hako_engine *g, const char *id, struct hako_container_info *o) {
    AUTO_FD int dirfd = openat(g->containersfd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_ARENA struct arena *a = arena_new();
    struct container_state st;
    struct record rec;
    struct err ignored = {0};
    if (!a)
        return -ENOMEM;
    if (dirfd < 0 || container_state(g, id, dirfd, &st, &ignored) < 0 ||
        record_read(dirfd, a, &rec, &ignored) < 0)
        return 0;
    int r = list_fill(o, &rec, &st, a);
    return r < 0 ? r : 1;
}

static int list_newest_first(const void *x, const void *y) {
    const struct hako_container_info *a = x, *b = y;
    return a->created_ns < b->created_ns ? 1 : a->created_ns > b->created_ns ? -1 : 0;
}

int hako_container_list(hako_engine *g, struct hako_container_info **ret, size_t *n,
                        hako_error *he) {
    struct err *e = as_err(he);
    reconcile(g, 0);
    int fd = openat(g->containersfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        fd_close(&fd);
        return err_sys(e, "cannot list containers");
    }
    struct hako_container_info *v = NULL;
    size_t count = 0, cap = 0;
    int r = 0;
    for (struct dirent *d; r >= 0 && (d = readdir(dir));) {
        if (strlen(d->d_name) != 64)
            continue;
        if (count == cap) {
            cap = cap ? cap * 2 : 64;
            struct hako_container_info *more = reallocarray(v, cap, sizeof(*v));
            if (!more) {
                r = -ENOMEM;
                break;
            }
            v = more;
        }
        r = list_one(g, d->d_name, &v[count]);
        if (r > 0)
            count++;
    }
    closedir(dir);
    if (r < 0) {
        hako_container_list_free(v, count);
        return err_oom(e);
    }
    if (count)
        qsort(v, count, sizeof(*v), list_newest_first);
    *ret = v;
    *n = count;
    return 0;
}

void hako_container_list_free(struct hako_container_info *v, size_t n) {
    for (size_t i = 0; v && i < n; i++) {
        struct hako_container_info *o = &v[i];
        char *strings[] = {o->id,      o->name,  o->image,  o->image_id,
                           o->command, o->ports, o->mounts, o->networks};
        for (size_t k = 0; k < ARRAY_SIZE(strings); k++)
            free(strings[k]);
        for (size_t k = 0; o->labels && o->labels[k]; k++)
            free(o->labels[k]);
        free(o->labels);
    }
    free(v);
}
