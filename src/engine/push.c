/* SPDX-License-Identifier: Apache-2.0 */
/* push, and questions to registries. */
#include "base/str.h"
#include "engine/archive.h"
#include "spec/image.h"

#include <string.h>

static int push_form(const struct hako_push_options *o, struct push_form *ret, struct err *e) {
    const char *c = o->compression, *f = o->format;
    struct push_form form = {.force = o->force_compression, .level = (int)o->level};
    if (!c)
        form.compression = BLOB_ANY;
    else if (strcmp(c, "gzip") == 0)
        form.compression = BLOB_GZIP;
    else if (strcmp(c, "zstd") == 0 || strcmp(c, "zstd:chunked") == 0)
        form.compression = BLOB_ZSTD;
    else if (strcmp(c, "uncompressed") == 0)
        form.compression = BLOB_PLAIN;
    else
        return err_set(e, ERR_USAGE, -EINVAL,
                       "unknown compression \"%s\": expected gzip, zstd or uncompressed", c);
    int64_t most = form.compression == BLOB_ZSTD ? 22 : 9;
    if (o->level < 0 || o->level > most)
        return err_set(e, ERR_USAGE, -EINVAL, "compression level %lld: expected 1 to %lld",
                       (long long)o->level, (long long)most);
    if (f && strcmp(f, "oci") == 0)
        form.format = MANIFEST_OCI;
    else if (f && (strcmp(f, "v2s2") == 0 || strcmp(f, "docker") == 0))
        form.format = MANIFEST_DOCKER;
    else if (f)
        return err_set(e, ERR_USAGE, -EINVAL, "unknown format \"%s\": expected oci or v2s2", f);
    *ret = form;
    return 0;
}

/* Only an image for this platform may go. */
static int push_platform(const struct store *s, const char *image, const char *platform,
                         struct arena *a, struct err *e) {
    struct platform want;
    struct image img;
    int r = image_find(s, image, a, &img, e);
    if (r < 0 || !platform)
        return r;
    r = platform_parse(platform, a, &want, e);
    if (r == 0 &&
        !(str_eq(want.os, img.config.platform.os) && str_eq(want.arch, img.config.platform.arch)))
        r = err_set(e, ERR_NOT_FOUND, -ENOENT,
                    "image with reference %s was found but does not provide the platform %s", image,
                    platform);
    return r;
}

static int push_registry(hako_engine *g, const char *image, const char *to,
                         const struct hako_push_options *o, struct arena *a,
                         struct hako_pushed *ret, struct err *e) {
    const struct registry_module *m = NULL;
    const struct store *s = NULL;
    struct push_result got;
    struct ref ref;
    struct move_teller tell = {MOVE_PUSH, o->progress, o->data};
    struct push_request rq = {.image = image,
                              .ref = &ref,
                              .userns_fd = -1,
                              .progress = o->progress ? move_tell : NULL,
                              .data = &tell};
    int r = ref_parse(to, a, &ref, e);
    if (r == 0 && ref.digest.s[0])
        r = err_set(e, ERR_USAGE, -EINVAL,
                    "cannot push a digest reference: %s names what it is, push it by tag", to);
    if (r == 0)
        r = push_form(o, &rq.form, e);
    if (r == 0)
        r = move_open(g, &m, &s, e);
    if (r == 0)
        r = push_platform(s, image, o->platform, a, e);
    if (r == 0)
        r = move_access(g, &o->registry, &rq.access, e);
    if (r < 0 || !m)
        return r;
    rq.store = s;
    r = m->push(&rq, &got, e);
    if (r < 0)
        return r;
    (void)str_copy(ret->reference, sizeof(ret->reference), ref_full(&ref, a));
    (void)str_copy(ret->digest, sizeof(ret->digest), got.manifest.s);
    ret->size = got.size;
    return 0;
}

int hako_image_push(hako_engine *g, const char *image, const char *destination,
                    const struct hako_push_options *o, struct hako_pushed *ret, hako_error *he) {
    static const struct hako_push_options none = {.size = sizeof(none)};
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    struct move_place place;
    const char *to = destination ? destination : image;
    int r = a ? move_parse(to, false, a, &place, e) : err_oom(e);
    if (!o)
        o = &none;
    if (r < 0)
        return r;
    switch (place.transport) {
    case MOVE_REGISTRY:
        return push_registry(g, image, place.path, o, a, ret, e);
    case MOVE_STORE:
        return err_set(e, ERR_USAGE, -EOPNOTSUPP,
                       "containers-storage: is podman's own store: push to oci-archive:FILE and "
                       "podman load that");
    default:
        (void)str_copy(ret->reference, sizeof(ret->reference), to);
        return archive_put(g, image, &place, o, e);
    }
}

/* --- questions -------------------------------------------------------------------------------- */

static int push_ask(hako_engine *g, enum ask_kind kind, const char *name, const char *artifact_type,
                    const struct hako_registry *registry, char **ret, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_STR struct str reply = STR_INIT((size_t)16 << 20);
    const struct registry_module *m = NULL;
    struct ask_result got;
    struct ref ref;
    struct ask_request rq = {.kind = kind, .ref = &ref, .artifact_type = artifact_type};
    if (str_starts(name, "docker://"))
        name += strlen("docker://");
    int r = a ? ref_parse(name, a, &ref, e) : err_oom(e);
    if (r == 0)
        r = move_access(g, registry, &rq.access, e);
    if (r == 0)
        r = module_registry(g, &m, e);
    if (r == 0)
        r = m->ask(&rq, &got, &reply, e);
    if (r < 0)
        return r;
    if (!reply.len && str_add(&reply, "") < 0)
        return err_oom(e);
    *ret = reply.len ? str_take(&reply) : strdup("");
    return *ret ? 0 : err_oom(e);
}

int hako_image_tags(hako_engine *g, const char *repository, const struct hako_registry *registry,
                    char **ret, hako_error *e) {
    return push_ask(g, ASK_TAGS, repository, NULL, registry, ret, as_err(e));
}

int hako_image_manifest(hako_engine *g, const char *reference, const struct hako_registry *registry,
                        char **ret_json, hako_error *e) {
    return push_ask(g, ASK_MANIFEST, reference, NULL, registry, ret_json, as_err(e));
}

int hako_image_referrers(hako_engine *g, const char *reference, const char *artifact_type,
                         const struct hako_registry *registry, char **ret_json, hako_error *e) {
    return push_ask(g, ASK_REFERRERS, reference, artifact_type, registry, ret_json, as_err(e));
}
