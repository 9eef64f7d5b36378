/* SPDX-License-Identifier: Apache-2.0 */
/* commit: a container's changes become an image; diff: what they are. */
#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/change.h"
#include "engine/container.h"
#include "registry/storejob.h"
#include "store/snapshot_diff.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define COMMIT_MAX_CONFIG ((size_t)8 << 20)
#define DIFF_MAX ((size_t)256 << 20)

/* What hako puts into every box to mount something on. */
static const char *const commit_made[] = {
    "dev",          "proc",
    "sys",          "etc/hosts",
    "etc/hostname", "etc/resolv.conf",
    "dev/pts",      "dev/shm",
    "dev/mqueue",   "run/secrets",
    ".dockerenv",   "dev/fd",
    "dev/null",     "run/.containerenv",
};

/* Those, and where the user mounted. */
static int commit_omit(const struct record *rec, struct arena *a, struct snapshot_tar_options *ret,
                       struct err *e) {
    struct strlist l = {0};
    for (size_t i = 0; i < ARRAY_SIZE(commit_made); i++)
        if (strlist_add(a, &l, commit_made[i]) < 0)
            return err_oom(e);
    for (size_t i = 0; rec && i < rec->n_mounts; i++) {
        const char *p = rec->mounts[i].destination;
        while (p && *p == '/')
            p++;
        if (p && *p && strlist_add(a, &l, p) < 0)
            return err_oom(e);
    }
    *ret = (struct snapshot_tar_options){(const char *const *)l.v, l.n};
    return 0;
}

/* --- commit ---------------------------------------------------------------------------------- */

static int commit_base(const struct store *s, const struct image *img, js **ret, struct err *e) {
    AUTO_STR struct str text = STR_INIT(COMMIT_MAX_CONFIG), path = STR_INIT(200);
    if (str_addf(&path, "%s/config", digest_hex(&img->id)) < 0)
        return err_oom(e);
    int r = io_read_file(s->imagesfd, str_c(&path), &text);
    if (r < 0)
        return err_sysn(e, r, "configuration of image %.19s", img->id.s);
    return js_parse(str_c(&text), text.len, "image configuration", ret, e);
}

static int commit_strings(js *config, const char *key, const struct strlist *l) {
    js *v = js_new_array();
    for (size_t i = 0; i < l->n; i++)
        js_push_str(v, l->v[i]);
    if (l->n)
        return js_set(config, key, v);
    js_free(v);
    js_del(config, key);
    return 0;
}

static int commit_word(js *config, const char *key, const char *value) {
    if (str_empty(value)) {
        js_del(config, key);
        return 0;
    }
    return js_set(config, key, js_new_str(value));
}

/* The options of the run, as docker keeps them: the image is what the container was. */
static int commit_config(js *config, const struct record *rec) {
    js *labels = js_new_object(), *ports = js_new_object();
    int r = commit_strings(config, "Env", &rec->env);
    if (r == 0)
        r = commit_strings(config, "Cmd", &rec->cmd);
    if (r == 0)
        r = commit_strings(config, "Entrypoint", &rec->entrypoint);
    if (r == 0)
        r = commit_word(config, "WorkingDir", rec->workdir);
    if (r == 0)
        r = commit_word(config, "User", rec->user);
    if (r == 0)
        r = commit_word(config, "StopSignal", rec->stop_signal);
    for (size_t i = 0; i < rec->n_labels && r == 0; i++)
        r = js_set(labels, rec->labels[i].key, js_new_str(rec->labels[i].value));
    for (size_t i = 0; i < rec->exposed.n && r == 0; i++)
        r = js_set(ports, rec->exposed.v[i], js_new_object());
    if (r == 0)
        r = js_set(config, "Labels", labels);
    else
        js_free(labels);
    if (r == 0 && rec->exposed.n)
        return js_set(config, "ExposedPorts", ports);
    js_free(ports);
    return r;
}

static int commit_document(const struct hako_commit_options *o, const struct record *rec, js *doc,
                           struct str *ret, struct err *e) {
    char now[36];
    if (!js_get(doc, "config") && js_set(doc, "config", js_new_object()) < 0)
        return err_oom(e);
    js *config = js_get(doc, "config");
    int r = commit_config(config, rec);
    for (size_t i = 0; i < o->change.n && r == 0; i++) {
        r = change_apply(config, o->change.v[i], e);
        if (r < 0)
            return r;
    }
    if (r == 0)
        r = js_set_str(doc, "created", str_rfc3339(now_unix_ns(), now));
    if (r == 0 && o->author)
        r = js_set_str(doc, "author", o->author);
    if (r == 0)
        r = js_print(doc, JS_COMPACT, ret);
    return r < 0 ? err_oom(e) : 0;
}

struct commit {
    const struct store *s;
    const struct registry_module *m;
    struct image img;
    struct snapshot sn;
    int lock, upper;
};

static int commit_open(hako_container *c, struct arena *a, struct commit *k, struct err *e) {
    int r = module_registry(c->g, &k->m, e);
    if (r == 0)
        r = engine_store(c->g, &k->s, e);
    if (r == 0)
        r = store_lock(k->s, false, &k->lock, e);
    if (r == 0)
        r = image_find(k->s, c->rec.image_id, a, &k->img, e);
    if (r == 0)
        r = snapshot_paths(k->s, &k->img, c->path, a, &k->sn, e);
    fd_close(&k->lock); /* the container holds the image; the commit takes the lock itself */
    if (r < 0)
        return r;
    k->upper = open(k->sn.upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return k->upper < 0 ? err_sys(e, "%s", k->sn.upper) : 0;
}

/* Stand still while the files are read. True: go on afterwards. */
static int commit_pause(hako_container *c, const struct hako_commit_options *o, bool *paused,
                        struct err *e) {
    struct container_state st;
    struct err why;
    if (o->no_pause)
        return 0;
    int r = container_state(c->g, c->id, c->dirfd, &st, e);
    if (r < 0 || st.status != HAKO_RUNNING)
        return r;
    *paused = hako_container_pause(c, true, (hako_error *)&why) == 0;
    if (!*paused && o->pause) {
        *e = why;
        return err_wrap(e, "cannot pause the container (--pause=false goes without)");
    }
    return 0;
}

int hako_container_commit(hako_container *c, const struct hako_commit_options *o, char ret_id[136],
                          hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str config = STR_INIT(COMMIT_MAX_CONFIG);
    AUTO_JS js *doc = NULL;
    struct commit k = {.lock = -1, .upper = -1};
    struct snapshot_tar_options omit;
    struct ref ref;
    bool paused = false;
    int r = a ? commit_open(c, a, &k, e) : err_oom(e);
    AUTO_FD int upper = k.upper;
    if (r == 0 && o->reference)
        r = ref_parse(o->reference, a, &ref, e);
    if (r == 0 && o->reference && ref.digest.s[0])
        r = err_set(e, ERR_USAGE, -EINVAL, "%s: a digest cannot be given to a new image",
                    o->reference);
    if (r == 0)
        r = commit_omit(&c->rec, a, &omit, e);
    if (r == 0)
        r = commit_base(k.s, &k.img, &doc, e);
    if (r == 0)
        r = commit_document(o, &c->rec, doc, &config, e);
    if (r == 0)
        r = commit_pause(c, o, &paused, e);
    if (r < 0)
        return r;
    AUTO_STR struct str by = STR_INIT(65536);
    for (size_t i = 0; i < c->rec.args.n; i++)
        (void)str_addf(&by, "%s%s", i ? " " : "", c->rec.args.v[i]);
    struct commit_result got;
    const struct commit_request rq = {.upperfd = upper,
                                      .squash = o->squash ? &k.sn : NULL,
                                      .omit = omit,
                                      .config = str_c(&config),
                                      .created_by = str_c(&by),
                                      .comment = o->message,
                                      .author = o->author,
                                      .ref = o->reference ? &ref : NULL,
                                      .store = k.s,
                                      .userns_fd = -1};
    r = k.m->commit(&rq, &got, e);
    struct err ignored;
    if (paused)
        (void)hako_container_pause(c, false, (hako_error *)&ignored);
    if (r == 0)
        (void)str_copy(ret_id, sizeof(got.id.s), got.id.s);
    return r;
}

/* --- diff ------------------------------------------------------------------------------------ */

struct diff_job {
    const struct snapshot *sn;
    struct snapshot_tar_options omit;
    int out; /* memfd: the answer of a process of its own comes back by it */
    struct str text;
    bool more;
};

static int diff_add(enum snapshot_change kind, const char *path, void *data, struct err *e) {
    struct diff_job *d = data;
    AUTO_JS js *o = js_new_object();
    js_set_i64(o, "Kind", kind == CHANGE_CHANGED ? 0 : kind == CHANGE_ADDED ? 1 : 2);
    js_set_str(o, "Path", path);
    int r = str_add(&d->text, d->more ? "," : "");
    if (r == 0)
        r = js_print(o, JS_COMPACT, &d->text);
    d->more = true;
    return r < 0 ? err_set(e, ERR_NO_SPACE, r, "too many changes to list") : 0;
}

static int diff_run(void *data, struct err *e) {
    struct diff_job *d = data;
    int r = str_addc(&d->text, '[');
    if (r == 0)
        r = snapshot_diff(d->sn, &d->omit, diff_add, d, e);
    if (r == 0)
        r = str_addc(&d->text, ']');
    if (r == 0)
        r = io_write_all(d->out, str_c(&d->text), d->text.len);
    str_free(&d->text);
    return r < 0 && e->code == 0 ? err_sysn(e, r, "cannot list the changes") : r;
}

static int diff_snapshot(hako_engine *g, const struct snapshot *sn, const struct record *rec,
                         struct arena *a, char **ret_json, struct err *e) {
    AUTO_STR struct str text = STR_INIT(DIFF_MAX);
    AUTO_FD int out = memfd_create("hako-diff", MFD_CLOEXEC);
    struct diff_job job = {.sn = sn, .out = out, .text = STR_INIT(DIFF_MAX)};
    if (out < 0)
        return err_sys(e, "memfd_create");
    err_clear(e);
    int r = commit_omit(rec, a, &job.omit, e);
    if (r == 0 && g->rootless) { /* files of subordinate ids */
        struct userns_maps maps;
        r = userns_maps_read(&maps, e);
        if (r == 0)
            r = userns_run(&maps, diff_run, &job, e);
    } else if (r == 0) {
        r = diff_run(&job, e);
    }
    if (r == 0 && lseek(out, 0, SEEK_SET) < 0)
        r = err_sys(e, "cannot read the changes");
    if (r == 0 && (r = io_read_fd(out, &text)) < 0)
        return err_sysn(e, r, "cannot read the changes");
    if (r < 0)
        return r;
    *ret_json = str_take(&text);
    return *ret_json ? 0 : err_oom(e);
}

int hako_container_diff(hako_container *c, char **ret_json, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FD int lock = -1;
    const struct store *s = NULL;
    struct image img = {0};
    struct snapshot sn = {0};
    int r = a ? engine_store(c->g, &s, e) : err_oom(e);
    if (r == 0)
        r = store_lock(s, false, &lock, e);
    if (r == 0)
        r = image_find(s, c->rec.image_id, a, &img, e);
    if (r == 0)
        r = snapshot_paths(s, &img, c->path, a, &sn, e);
    return r < 0 ? r : diff_snapshot(c->g, &sn, &c->rec, a, ret_json, e);
}

/* What the last layer changes on those below it. */
int hako_image_diff(hako_engine *g, const char *name, char **ret_json, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FD int lock = -1;
    const struct store *s = NULL;
    struct image img = {0};
    struct snapshot sn = {0};
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = store_lock(s, false, &lock, e);
    if (r == 0)
        r = image_find(s, name, a, &img, e);
    if (r == 0)
        r = snapshot_paths(s, &img, g->run, a, &sn, e);
    if (r < 0)
        return r;
    if (sn.lower.n) {
        sn.upper = sn.lower.v[0];
        sn.lower = (struct strlist){sn.lower.v + 1, sn.lower.n - 1, 0};
    }
    return diff_snapshot(g, &sn, NULL, a, ret_json, e);
}
