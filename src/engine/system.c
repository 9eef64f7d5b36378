/* SPDX-License-Identifier: Apache-2.0 */
/* system df, image prune, system check. */
#include "base/json.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/image.h"
#include "registry/storejob.h"
#include "spec/ref.h"
#include "store/prune.h"
#include "store/usage.h"
#include "store/volume.h"
#include "sys/userns.h"

#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* --- who uses what --------------------------------------------------------------------------- */

struct system_used {
    hako_engine *g;
    struct arena *a;
    struct hako_container_info *v;
    size_t n;
};

static const char *system_user(const char *image_id, void *data) {
    const struct system_used *u = data;
    for (size_t i = 0; i < u->n; i++)
        if (str_eq(u->v[i].image_id, image_id))
            return u->v[i].id;
    return image_mounted(u->g, image_id, u->a) ? "(image mount)" : NULL;
}

/* --- prune ----------------------------------------------------------------------------------- */

static int system_labels(const struct hako_strings *l, struct arena *a, bool absent,
                         struct prune_label *v) {
    for (size_t i = 0; i < l->n; i++) {
        const char *eq = strchr(l->v[i], '=');
        v[i].key = eq ? arena_strndup(a, l->v[i], (size_t)(eq - l->v[i])) : l->v[i];
        v[i].value = eq ? eq + 1 : NULL;
        v[i].absent = absent;
        if (!v[i].key)
            return -ENOMEM;
    }
    return 0;
}

int hako_image_prune(hako_engine *g, const struct hako_prune_options *o, char **report,
                     uint64_t *freed, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str text = STR_INIT(0);
    const struct store *s = NULL;
    struct system_used used = {.g = g, .a = a};
    struct strlist lines = {0};
    struct prune_label *labels = NULL;
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0) {
        labels = arena_array(a, o->label.n + o->label_not.n + 1, struct prune_label);
        if (!labels || system_labels(&o->label, a, false, labels) < 0 ||
            system_labels(&o->label_not, a, true, labels + o->label.n) < 0)
            r = err_oom(e);
    }
    if (r == 0)
        r = hako_container_list(g, &used.v, &used.n, he);
    if (r < 0)
        return r;
    const struct prune_want want = {.all = o->all,
                                    .before_ns = o->before_ns,
                                    .labels = labels,
                                    .n_labels = o->label.n + o->label_not.n,
                                    .keep_bytes = o->keep_bytes,
                                    .dry_run = o->dry_run,
                                    .in_use = system_user,
                                    .data = &used};
    r = prune_images(s, &want, a, &lines, freed, e);
    hako_container_list_free(used.v, used.n);
    for (size_t i = 0; i < lines.n && r == 0; i++)
        if (str_addf(&text, "%s\n", lines.v[i]) < 0)
            r = err_oom(e);
    if (r == 0)
        *report = str_take(&text);
    return r < 0 ? r : *report || (*report = strdup("")) ? 0 : err_oom(e);
}

/* --- sizes ----------------------------------------------------------------------------------- */

struct size_job {
    const char *path;
    uint64_t *bytes; /* shared memory */
};

/* Bytes on the disk, every file once; what cannot be read counts nothing. */
static int system_size_run(void *data, struct err *e) {
    const struct size_job *j = data;
    char *paths[] = {strdup(j->path), NULL};
    FTS *t = paths[0] ? fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL) : NULL;
    (void)e;
    for (FTSENT *f; t && (f = fts_read(t));)
        if (f->fts_info == FTS_F && f->fts_statp->st_nlink > 1)
            *j->bytes += (uint64_t)f->fts_statp->st_size / f->fts_statp->st_nlink;
        else if (f->fts_info == FTS_F || f->fts_info == FTS_SL)
            *j->bytes += (uint64_t)f->fts_statp->st_size;
    if (t)
        fts_close(t);
    free(paths[0]);
    return 0;
}

/* 0 when it cannot be told. */
static uint64_t system_size(hako_engine *g, const char *path) {
    uint64_t *bytes =
        mmap(NULL, sizeof(*bytes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct userns_maps maps;
    struct err ignored;
    if (bytes == MAP_FAILED)
        return 0;
    struct size_job job = {path, bytes};
    if (!g->rootless)
        (void)system_size_run(&job, &ignored);
    else if (userns_maps_read(&maps, &ignored) == 0)
        (void)userns_run(&maps, system_size_run, &job, &ignored);
    uint64_t n = *bytes;
    munmap(bytes, sizeof(*bytes));
    return n;
}

static js *system_names(const struct strlist *l, struct arena *a) {
    js *v = js_new_array();
    struct ref ref;
    struct err ignored;
    for (size_t i = 0; i < l->n; i++)
        if (ref_parse(l->v[i], a, &ref, &ignored) == 0)
            js_push_str(v, ref_familiar(&ref, a));
    return v;
}

static js *system_df_images(const struct usage *u, const struct system_used *used,
                            struct arena *a) {
    js *v = js_new_array();
    for (size_t i = 0; i < u->n; i++) {
        const struct usage_image *x = &u->images[i];
        js *o = js_new_object();
        int64_t created = 0, containers = 0;
        if (x->image.config.created)
            (void)str_from_rfc3339(x->image.config.created, &created);
        for (size_t k = 0; k < used->n; k++)
            containers += str_eq(used->v[k].image_id, x->image.id.s);
        js_set_str(o, "Id", x->image.id.s);
        js_set(o, "RepoTags", system_names(&x->image.refs, a));
        js_set(o, "RepoDigests", system_names(&x->image.digests, a));
        js_set_i64(o, "Created", created / 1000000000);
        js_set_u64(o, "Size", x->shared + x->unique);
        js_set_u64(o, "SharedSize", x->shared);
        js_set_u64(o, "UniqueSize", x->unique);
        js_set_i64(o, "Containers", containers);
        js_push(v, o);
    }
    return v;
}

static js *system_df_containers(hako_engine *g, const struct system_used *used, struct arena *a) {
    static const char *const words[] = {"created", "running", "paused", "exited", "dead"};
    js *v = js_new_array();
    for (size_t i = 0; i < used->n; i++) {
        const struct hako_container_info *c = &used->v[i];
        js *o = js_new_object();
        const char *upper = arena_printf(a, "%s/containers/%s/upper", g->data, c->id);
        js_set_str(o, "Id", c->id);
        js_set_str(o, "Names", c->name);
        js_set_str(o, "Image", c->image);
        js_set_str(o, "Command", c->command);
        js_set_str(o, "Mounts", c->mounts);
        js_set_i64(o, "Created", c->created_ns / 1000000000);
        js_set_str(o, "State", words[c->status]);
        js_set_u64(o, "SizeRw", upper ? system_size(g, upper) : 0);
        js_push(v, o);
    }
    return v;
}

static bool system_mounts(const char *mounts, const char *name) {
    size_t n = strlen(name);
    for (const char *p = mounts; p && *p;) {
        size_t k = strcspn(p, ",");
        if (k == n && strncmp(p, name, n) == 0)
            return true;
        p += k + (p[k] == ',');
    }
    return false;
}

static int system_df_volumes(hako_engine *g, const struct system_used *used, struct arena *a,
                             js **ret, struct err *e) {
    struct volume *list = NULL;
    size_t n = 0;
    int r = volume_list(g->datafd, g->data, a, &list, &n, e);
    js *v = r == 0 ? js_new_array() : NULL;
    for (size_t i = 0; i < n && r == 0; i++) {
        js *o = js_new_object();
        int64_t links = 0;
        for (size_t k = 0; k < used->n; k++)
            links += system_mounts(used->v[k].mounts, list[i].name);
        js_set_str(o, "Name", list[i].name);
        js_set_bool(o, "Anonymous", list[i].anonymous);
        js_set_u64(o, "Size", system_size(g, list[i].path));
        js_set_i64(o, "Links", links);
        js_push(v, o);
    }
    *ret = v;
    return r;
}

int hako_system_df(hako_engine *g, char **ret_json, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *doc = js_new_object();
    AUTO_STR struct str text = STR_INIT(0);
    const struct store *s = NULL;
    struct system_used used = {.g = g, .a = a};
    struct usage u = {.n = 0};
    js *volumes = NULL;
    int r = a && doc ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = usage_read(s, a, &u, e);
    if (r == 0)
        r = hako_container_list(g, &used.v, &used.n, he);
    if (r == 0)
        r = system_df_volumes(g, &used, a, &volumes, e);
    if (r == 0) {
        js_set_u64(doc, "LayersSize", u.layer_bytes);
        js_set(doc, "Images", system_df_images(&u, &used, a));
        js_set(doc, "Containers", system_df_containers(g, &used, a));
        js_set(doc, "Volumes", volumes);
        js_set(doc, "BuildCache", js_new_array());
        r = js_print(doc, JS_COMPACT, &text) < 0 ? err_oom(e) : 0;
    }
    hako_container_list_free(used.v, used.n);
    if (r == 0)
        *ret_json = str_take(&text);
    return r;
}

/* --- check ----------------------------------------------------------------------------------- */

int hako_system_check(hako_engine *g, bool quick, bool repair, char **ret_findings,
                      struct hako_checked *ret, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str lines = STR_INIT((size_t)64 << 20);
    const struct store *s = NULL;
    const struct registry_module *m = NULL;
    struct system_used used = {.g = g, .a = a};
    struct check_result got = {.layers = 0};
    struct strlist ids = {0};
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = module_registry(g, &m, e);
    if (r == 0)
        r = hako_container_list(g, &used.v, &used.n, he);
    for (size_t i = 0; i < used.n && r == 0; i++)
        r = strlist_add(a, &ids, used.v[i].image_id) < 0 ? err_oom(e) : 0;
    hako_container_list_free(used.v, used.n);
    const struct check_request rq = {.store = s,
                                     .userns_fd = -1,
                                     .quick = quick,
                                     .repair = repair,
                                     .used = (const char *const *)ids.v,
                                     .n_used = ids.n};
    if (r == 0)
        r = m->check(&rq, &got, &lines, e);
    if (r < 0)
        return r;
    *ret = (struct hako_checked){got.layers, got.images, got.refs, got.findings, got.repaired};
    *ret_findings = lines.len ? str_take(&lines) : strdup("");
    return *ret_findings ? 0 : err_oom(e);
}
