/* SPDX-License-Identifier: Apache-2.0 */
/* save, load. */
#include "engine/archive.h"

#include "base/json.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/trust.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ARCHIVE_MAX_REPORT ((size_t)8 << 20)

/* --- what to save ---------------------------------------------------------------------------- */

static int archive_platform(const struct image *img, const char *name, const char *platform,
                            struct arena *a, struct err *e) {
    struct platform want;
    if (!platform)
        return 0;
    int r = platform_parse(platform, a, &want, e);
    if (r < 0)
        return r;
    const struct platform *has = &img->config.platform;
    if (str_eq(want.os, has->os) && str_eq(want.arch, has->arch))
        return 0;
    const char *is = platform_print(has, a);
    return err_set(e, ERR_NOT_FOUND, -ENOENT,
                   "image %s is here for %s, not for %s: pull it with "
                   "--platform first",
                   name, is ? is : "another platform", platform);
}

/* A reference given by name keeps that name; by id it has none, as docker. */
static int archive_name(const struct image *img, const char *name, struct arena *a,
                        struct strlist *names, struct err *e) {
    struct ref ref;
    struct err ignored;
    const char *hex = img->id.s + strlen("sha256:");
    const char *bare = str_starts(name, "sha256:") ? name + 7 : name;
    if (strncmp(hex, bare, strlen(bare)) == 0 || ref_parse(name, a, &ref, &ignored) < 0 || !ref.tag)
        return 0;
    ref.digest.s[0] = '\0';
    const char *full = ref_full(&ref, a);
    if (!full || (!strlist_has(names, full) && strlist_add(a, names, full) < 0))
        return err_oom(e);
    return 0;
}

struct archive_list {
    struct save_image *v;
    struct strlist *names; /* of each */
    size_t n;
};

/* The images once each, with all the names they were asked for by. */
static int archive_collect(const struct store *s, const struct hako_strings *images,
                           const char *platform, struct arena *a, struct archive_list *ret,
                           struct err *e) {
    struct archive_list l = {.n = 0};
    l.v = arena_array(a, images->n, struct save_image);
    l.names = arena_array(a, images->n, struct strlist);
    if (!l.v || !l.names)
        return err_oom(e);
    for (size_t i = 0; i < images->n; i++) {
        struct image img = {0};
        size_t at = 0;
        int r = image_find(s, images->v[i], a, &img, e);
        if (r == 0)
            r = archive_platform(&img, images->v[i], platform, a, e);
        if (r < 0)
            return r;
        while (at < l.n && strcmp(l.v[at].id, img.id.s) != 0)
            at++;
        if (at == l.n && !(l.v[l.n++].id = arena_strdup(a, img.id.s)))
            return err_oom(e);
        r = archive_name(&img, images->v[i], a, &l.names[at], e);
        if (r < 0)
            return r;
    }
    static const char *const none[] = {NULL};
    for (size_t i = 0; i < l.n; i++)
        l.v[i].names = l.names[i].n ? (const char *const *)l.names[i].v : none;
    *ret = l;
    return 0;
}

/* --- where to --------------------------------------------------------------------------------- */

/* A file appears when it is complete; what is no regular file (a pipe, /dev/null) is written at
 * once. */
struct archive_target {
    int fd;
    char *tmp; /* to rename; NULL = none */
    const char *path;
};

static int archive_target_dir(const char *path, struct archive_target *t, struct err *e) {
    int r = path_mkdir_p(AT_FDCWD, path, 0755);
    if (r < 0)
        return err_sysn(e, r, "cannot make directory %s", path);
    t->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return t->fd < 0 ? err_sys(e, "cannot open directory %s", path) : 0;
}

static int archive_target_file(const char *path, struct arena *a, struct archive_target *t,
                               struct err *e) {
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(e, ERR_USAGE, -EISDIR, "%s is a directory, not a file", path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        t->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        t->tmp = arena_printf(a, "%s.%d.part", path, (int)getpid());
        if (!t->tmp)
            return err_oom(e);
        t->fd = open(t->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    }
    return t->fd < 0 ? err_sys(e, "cannot write %s", path) : 0;
}

static int archive_target_end(struct archive_target *t, int r, struct err *e) {
    if (t->path)
        fd_close(&t->fd);
    if (!t->tmp)
        return r;
    if (r == 0 && rename(t->tmp, t->path) < 0)
        r = err_sys(e, "cannot write %s", t->path);
    if (r < 0)
        (void)unlink(t->tmp);
    return r;
}

static int archive_save(hako_engine *g, struct save_request *rq, const char *path, int fd,
                        struct arena *a, struct err *e) {
    struct archive_target t = {.fd = fd, .path = path};
    const struct registry_module *m = NULL;
    const struct store *s = NULL;
    bool dir = rq->kind == SAVE_OCI_DIR || rq->kind == SAVE_DIR;
    int r = move_open(g, &m, &s, e);
    if (r < 0)
        return r;
    if (path)
        r = dir ? archive_target_dir(path, &t, e) : archive_target_file(path, a, &t, e);
    else if (dir)
        r = err_set(e, ERR_USAGE, -EINVAL, "this format is a directory: name it with --output");
    if (r == 0) {
        rq->fd = t.fd;
        rq->store = s;
        rq->userns_fd = -1;
        r = m->save(rq, e);
    }
    return archive_target_end(&t, r, e);
}

/* --- save --------------------------------------------------------------------------------------
 */

static int archive_kind(const struct hako_save_options *o, struct save_request *rq, struct err *e) {
    static const struct {
        const char *name;
        enum save_kind kind;
    } kinds[] = {{"docker-archive", SAVE_DOCKER_ARCHIVE},
                 {"oci-archive", SAVE_OCI_ARCHIVE},
                 {"oci-dir", SAVE_OCI_DIR},
                 {"docker-dir", SAVE_DIR}};
    const char *format = o->format ? o->format : "docker-archive";
    size_t i = 0;
    while (i < ARRAY_SIZE(kinds) && strcmp(kinds[i].name, format) != 0)
        i++;
    if (i == ARRAY_SIZE(kinds))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "unknown format \"%s\": expected docker-archive, oci-archive, oci-dir or "
                       "docker-dir",
                       format);
    rq->kind = kinds[i].kind;
    if (o->compress && rq->kind != SAVE_DIR)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "--compress can only be set when --format is 'docker-dir'");
    bool plain = rq->kind == SAVE_DIR ? !o->compress : o->uncompressed;
    rq->form.compression = plain ? BLOB_PLAIN : BLOB_GZIP;
    rq->form.format = rq->kind == SAVE_DIR ? MANIFEST_DOCKER : MANIFEST_OCI;
    return 0;
}

int hako_image_save(hako_engine *g, const struct hako_strings *images,
                    const struct hako_save_options *o, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct store *s = NULL;
    struct archive_list list = {0};
    struct move_teller tell = {MOVE_SAVE, o->progress, o->data};
    struct save_request rq = {.progress = o->progress ? move_tell : NULL, .data = &tell};
    int r = a ? archive_kind(o, &rq, e) : err_oom(e);
    if (r == 0)
        r = engine_store(g, &s, e);
    if (r == 0)
        r = archive_collect(s, images, o->platform, a, &list, e);
    if (r < 0)
        return r;
    rq.images = list.v;
    rq.n = list.n;
    return archive_save(g, &rq, o->output, o->fd, a, e);
}

int archive_put(hako_engine *g, const char *image, const struct move_place *to,
                const struct hako_push_options *o, struct err *e) {
    static const enum save_kind kinds[] = {[MOVE_DOCKER_ARCHIVE] = SAVE_DOCKER_ARCHIVE,
                                           [MOVE_OCI_ARCHIVE] = SAVE_OCI_ARCHIVE,
                                           [MOVE_OCI_DIR] = SAVE_OCI_DIR,
                                           [MOVE_DIR] = SAVE_DIR};
    AUTO_ARENA struct arena *a = arena_new();
    const struct store *s = NULL;
    struct archive_list list = {0};
    char *one[] = {(char *)(uintptr_t)image, NULL};
    const struct hako_strings images = {.v = one, .n = 1};
    struct move_teller tell = {MOVE_SAVE, o->progress, o->data};
    struct save_request rq = {
        .kind = kinds[to->transport], .progress = o->progress ? move_tell : NULL, .data = &tell};
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r == 0)
        r = archive_collect(s, &images, o->platform, a, &list, e);
    if (r < 0)
        return r;
    if (to->name && list.n) { /* this name and no other */
        struct ref ref;
        struct strlist names = {NULL, 0, 0};
        r = ref_parse(to->name, a, &ref, e);
        if (r == 0)
            r = archive_name(&(struct image){.id = {""}}, to->name, a, &names, e);
        if (r < 0)
            return r;
        list.v[0].names = (const char *const *)names.v;
    }
    rq.images = list.v;
    rq.n = list.n;
    rq.form.compression = str_eq(o->compression, "zstd")           ? BLOB_ZSTD
                          : str_eq(o->compression, "uncompressed") ? BLOB_PLAIN
                                                                   : BLOB_GZIP;
    rq.form.level = (int)o->level;
    rq.form.format = rq.kind == SAVE_DIR ? MANIFEST_DOCKER : MANIFEST_OCI;
    if (rq.kind == SAVE_DIR && rq.form.compression == BLOB_ZSTD)
        rq.form.format = MANIFEST_OCI;
    return archive_save(g, &rq, to->path, -1, a, e);
}

/* --- load --------------------------------------------------------------------------------------
 */

/* Which of the two forms it is only shows when it is read: the policy must allow both. */
static int archive_allowed(hako_engine *g, const char *path, struct err *e) {
    struct stat st;
    bool dir = path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    int r = trust_load(g, dir ? "oci" : "docker-archive", path, e);
    return r < 0 ? r : trust_load(g, dir ? "dir" : "oci-archive", path, e);
}

int archive_get(hako_engine *g, const struct load_request *rq, struct str *lines, struct err *e) {
    int allowed = archive_allowed(g, rq->path, e);
    if (allowed < 0)
        return allowed;
    AUTO_ARENA struct arena *a = arena_new();
    const struct registry_module *m = NULL;
    const struct store *s = NULL;
    struct load_request full = *rq;
    int r = a ? move_open(g, &m, &s, e) : err_oom(e);
    if (r < 0)
        return r;
    full.store = s;
    full.userns_fd = -1;
    r = m->load(&full, lines, e);
    if (r < 0) { /* layers that had come are of no use to anybody */
        struct strlist gone = {0};
        struct err ignored = {0};
        AUTO_FD int lock = -1;
        if (store_lock(s, true, &lock, &ignored) == 0)
            gc_layers(s, a, &gone, &ignored);
    }
    return r;
}

/* {"id","names"} → docker's words. */
static int archive_report_line(const char *line, size_t len, struct arena *a, struct str *out,
                               struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = js_parse(line, len, "report of the load", &doc, e);
    if (r < 0)
        return r;
    const js *names = js_get(doc, "names");
    if (js_len(names) == 0)
        return str_addf(out, "Loaded image ID: %s\n", js_get_str_or(doc, "id", "")) < 0 ? err_oom(e)
                                                                                        : 0;
    for (size_t i = 0; r == 0 && i < js_len(names); i++) {
        struct ref ref;
        const char *name = js_str(js_at(names, i));
        r = ref_parse(name ? name : "", a, &ref, e);
        const char *shown = r == 0 ? ref_familiar(&ref, a) : NULL;
        if (r == 0 && (!shown || str_addf(out, "Loaded image: %s\n", shown) < 0))
            r = err_oom(e);
    }
    return r;
}

int hako_image_load(hako_engine *g, const struct hako_load_options *o, char **report,
                    hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str lines = STR_INIT(ARCHIVE_MAX_REPORT), out = STR_INIT(ARCHIVE_MAX_REPORT);
    struct platform platform;
    struct move_teller tell = {MOVE_LOAD, o->progress, o->data};
    struct load_request rq = {.path = o->input,
                              .fd = o->fd,
                              .select = o->select,
                              .progress = o->progress ? move_tell : NULL,
                              .data = &tell};
    int r = a ? 0 : err_oom(e);
    if (r == 0 && o->platform) {
        r = platform_parse(o->platform, a, &platform, e);
        rq.platform = &platform;
    }
    if (r == 0)
        r = archive_get(g, &rq, &lines, e);
    for (const char *p = str_c(&lines); r == 0 && *p;) {
        size_t n = strcspn(p, "\n");
        r = archive_report_line(p, n, a, &out, e);
        p += n + (p[n] == '\n');
    }
    if (r == 0) {
        *report = str_take(&out);
        r = *report ? 0 : err_oom(e);
    }
    return r;
}
