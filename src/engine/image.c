/* SPDX-License-Identifier: Apache-2.0 */
/* Images: find, pull when absent, list, describe, remove. */
#include "engine/image.h"

#include "base/json.h"
#include "base/str.h"
#include "engine/archive.h"
#include "engine/container.h"
#include "engine/image_rules.h"
#include "spec/image.h"
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int image_fetch(hako_engine *g, const struct hako_pull_options *o, struct pull_request *rq,
                       struct arena *a, struct pull_result *ret, struct err *e) {
    struct image_rules rules;
    const struct registry_module *m = NULL;
    const struct store *s = NULL;
    char *layout = NULL;
    int r = move_open(g, &m, &s, e);
    if (r == 0 && rules_builtin(rq->ref))
        r = engine_helper(g, "box", a, &layout, e);
    if (r < 0)
        return r;
    rq->layout_dir = layout;
    rq->store = s;
    rq->userns_fd = -1;
    r = rules_before_pull(g, o, rq, a, &rules, e);
    if (r < 0)
        return r;
    r = m->pull(rq, ret, e);
    if (r < 0) { /* layers that had come are of no use to anybody */
        struct strlist lines = {0};
        struct err ignored = {0};
        gc_layers(s, a, &lines, &ignored);
    }
    return r < 0 ? r : rules_after_pull(&rules, rq, ret, a, e);
}

static int image_pull_registry(hako_engine *g, const char *reference,
                               const struct hako_pull_options *o, struct arena *a,
                               struct hako_pulled *ret, struct err *e) {
    struct ref ref;
    struct platform platform;
    struct pull_result got = {0};
    struct move_teller tell = {MOVE_PULL, o->progress, o->data};
    struct pull_request rq = {.ref = &ref,
                              .platform = &platform,
                              .all_platforms = o->all_platforms,
                              .progress = o->progress ? move_tell : NULL,
                              .data = &tell};
    int r = ref_parse(reference, a, &ref, e);
    if (r == 0)
        r = platform_parse(o->platform, a, &platform, e);
    if (r == 0)
        r = move_access(g, &o->registry, &rq.access, e);
    if (r == 0)
        r = image_fetch(g, o, &rq, a, &got, e);
    if (r < 0)
        return r;
    str_copy(ret->reference, sizeof(ret->reference), ref_full(&ref, a));
    str_copy(ret->digest, sizeof(ret->digest), got.manifest.s);
    str_copy(ret->id, sizeof(ret->id), got.config.s);
    ret->fresh = got.fresh;
    return 0;
}

/* "oci-archive:FILE:TAG": the first image that was loaded stands for all. */
static int image_pull_archive(hako_engine *g, const struct move_place *from,
                              const struct hako_pull_options *o, struct arena *a,
                              struct hako_pulled *ret, struct err *e) {
    AUTO_STR struct str lines = STR_INIT((size_t)8 << 20);
    AUTO_JS js *doc = NULL;
    struct platform platform;
    struct move_teller tell = {MOVE_PULL, o->progress, o->data};
    struct load_request rq = {.path = from->path,
                              .fd = -1,
                              .select = from->name,
                              .progress = o->progress ? move_tell : NULL,
                              .data = &tell};
    int r = o->platform ? platform_parse(o->platform, a, &platform, e) : 0;
    if (o->platform)
        rq.platform = &platform;
    if (r == 0)
        r = archive_get(g, &rq, &lines, e);
    if (r == 0)
        r = js_parse(str_c(&lines), strcspn(str_c(&lines), "\n"), "report of the load", &doc, e);
    if (r < 0)
        return r;
    const char *id = js_get_str_or(doc, "id", ""), *name = js_str(js_at(js_get(doc, "names"), 0));
    str_copy(ret->reference, sizeof(ret->reference), name ? name : id);
    str_copy(ret->id, sizeof(ret->id), id);
    ret->digest[0] = '\0';
    ret->fresh = true;
    return 0;
}

int hako_image_pull(hako_engine *g, const char *reference, const struct hako_pull_options *o,
                    struct hako_pulled *ret, hako_error *he) {
    static const struct hako_pull_options none = {.size = sizeof(none)};
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    struct move_place from;
    int r = a ? move_parse(reference, true, a, &from, e) : err_oom(e);
    if (r < 0)
        return r;
    if (!o)
        o = &none;
    if (from.transport == MOVE_REGISTRY)
        return image_pull_registry(g, from.path, o, a, ret, e);
    if (from.transport == MOVE_STORE)
        return err_set(e, ERR_USAGE, -EOPNOTSUPP,
                       "containers-storage: is podman's own store: podman save the image and load "
                       "that");
    return image_pull_archive(g, &from, o, a, ret, e);
}

/* In the store, under its lock: nobody removes it before the container exists. */
static int image_local(hako_engine *g, const struct store *s, const struct hako_run_options *o,
                       struct arena *a, struct image *ret, int *lock, struct err *e) {
    struct image img;
    AUTO_FD int fd = -1;
    int r = store_lock(s, false, &fd, e);
    if (r == 0)
        r = image_find(s, o->image, a, &img, e);
    if (r == 0 && o->platform) {
        struct platform want;
        r = platform_parse(o->platform, a, &want, e);
        if (r == 0 && !str_eq(want.arch, img.config.platform.arch))
            r = err_set(e, ERR_NOT_FOUND, -ENOENT, "image %s is here for %s, not for %s", o->image,
                        img.config.platform.arch, o->platform);
    }
    if (r == 0)
        r = rules_run(g, o, s, &img, a, e);
    if (r < 0)
        return r;
    *ret = img;
    *lock = TAKE_FD(fd);
    return 0;
}

int image_get(hako_engine *g, const struct hako_run_options *o, struct arena *a, struct image *ret,
              int *lock, struct err *e) {
    const struct store *s = NULL;
    const char *policy = o->pull ? o->pull : "missing";
    bool always = str_eq(policy, "always"), never = str_eq(policy, "never");
    if (!always && !never && !str_eq(policy, "missing"))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid --pull \"%s\": must be one of \"always\", \"missing\", \"never\"",
                       policy);
    int r = engine_store(g, &s, e);
    if (r == 0 && !always) {
        r = image_local(g, s, o, a, ret, lock, e);
        if ((r != -ENOENT && r != -ESTALE) || never)
            return r;
        r = 0;
    }
    struct hako_pull_options po = {.size = sizeof(po),
                                   .platform = o->platform,
                                   .progress = o->progress,
                                   .data = o->data,
                                   .lock = o->lock};
    struct hako_pulled got;
    if (r == 0)
        r = hako_image_pull(g, o->image, &po, &got, (hako_error *)e);
    return r < 0 ? r : image_local(g, s, o, a, ret, lock, e);
}

static char **image_strv(const char *const *v, size_t n) {
    char **out = calloc(n + 1, sizeof(*out));
    for (size_t i = 0; out && i < n; i++)
        out[i] = strdup(v[i]);
    return out;
}

static int image_info_fill(struct hako_image_info *o, const struct image *img, struct arena *a) {
    struct strlist refs = {0}, digests = {0}, labels = {0};
    struct err ignored = {0};
    struct ref ref;
    for (size_t i = 0; i < img->refs.n; i++)
        if (ref_parse(img->refs.v[i], a, &ref, &ignored) == 0)
            strlist_add(a, &refs, ref_familiar(&ref, a));
    for (size_t i = 0; i < img->digests.n; i++)
        if (ref_parse(img->digests.v[i], a, &ref, &ignored) == 0)
            strlist_add(a, &digests, ref_familiar(&ref, a));
    for (size_t i = 0; i < img->config.n_labels; i++)
        strlist_addf(a, &labels, "%s=%s", img->config.labels[i].key, img->config.labels[i].value);
    int64_t created = 0;
    if (img->config.created)
        str_from_rfc3339(img->config.created, &created);
    *o = (struct hako_image_info){
        .id = strdup(img->id.s),
        .references = image_strv((const char *const *)refs.v, refs.n),
        .digests = image_strv((const char *const *)digests.v, digests.n),
        .labels = image_strv((const char *const *)labels.v, labels.n),
        .bytes = img->size,
        .created_ns = created,
        .pulled_ns = img->pulled_ns,
    };
    return o->id && o->references && o->digests && o->labels ? 0 : -ENOMEM;
}

int hako_image_list(hako_engine *g, struct hako_image_info **ret, size_t *n, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct store *s = NULL;
    struct image *v = NULL;
    size_t count = 0;
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = image_list(s, a, &v, &count, e);
    if (r < 0)
        return r;
    struct hako_image_info *out = calloc(count + 1, sizeof(*out));
    for (size_t i = 0; out && r == 0 && i < count; i++)
        r = image_info_fill(&out[i], &v[i], a);
    if (!out || r < 0) {
        hako_image_list_free(out, out ? count : 0);
        return err_oom(e);
    }
    *ret = out;
    *n = count;
    return 0;
}

static void image_strv_free(char **v) {
    for (size_t i = 0; v && v[i]; i++)
        free(v[i]);
    free(v);
}

void hako_image_list_free(struct hako_image_info *v, size_t n) {
    for (size_t i = 0; v && i < n; i++) {
        free(v[i].id);
        image_strv_free(v[i].references);
        image_strv_free(v[i].digests);
        image_strv_free(v[i].labels);
    }
    free(v);
}

struct image_users {
    hako_engine *g;
    struct arena *a;
    bool mounted;
};

/* Name of a container made from this image, or NULL. */
static const char *image_user(const char *image_id, void *data) {
    struct image_users *u = data;
    int fd = openat(u->g->containersfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    u->mounted = image_mounted(u->g, image_id, u->a);
    const char *found = u->mounted ? "(image mount)" : NULL;
    if (!dir)
        fd_close(&fd);
    for (struct dirent *d; dir && !found && (d = readdir(dir));) {
        AUTO_FD int c = strlen(d->d_name) == 64 ? openat(u->g->containersfd, d->d_name,
                                                         O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                                                : -1;
        struct record rec;
        struct err ignored = {0};
        if (c >= 0 && record_read(c, u->a, &rec, &ignored) == 0 && str_eq(rec.image_id, image_id))
            found = arena_strndup(u->a, rec.id, 12);
    }
    if (dir)
        closedir(dir);
    return found;
}

int hako_image_remove(hako_engine *g, const char *name, bool force, char **report, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct store *s = NULL;
    struct strlist lines = {0};
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r < 0)
        return r;
    struct image_users users = {g, a, false};
    r = image_remove(s, name, force, image_user, &users, a, &lines, e);
    if (r == -EBUSY && users.mounted)
        return err_set(e, ERR_CONFLICT, r, "image %s is mounted: `hako image unmount %s` first",
                       name, name);
    if (r < 0)
        return r;
    AUTO_STR struct str text = STR_INIT(0);
    for (size_t i = 0; i < lines.n; i++)
        if (str_addf(&text, "%s\n", lines.v[i]) < 0)
            return err_oom(e);
    *report = str_take(&text);
    return 0;
}
