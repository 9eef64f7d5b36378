/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/image.h"

#include <string.h>

#include "spec/image_tables.h"

/* --- descriptors --------------------------------------------------------------------------- */

static const struct field annotation_fields[] = {
    {FIELD(struct descriptor, STR, "org.opencontainers.image.ref.name", ref_name)},
};
static const struct field_table annotation_table =
    FIELD_TABLE(struct descriptor, annotation_fields);

static const struct field descriptor_fields[] = {
    {FIELD(struct descriptor, STR, "mediaType", media_type), .flags = FIELD_REQUIRED},
    {FIELD(struct descriptor, DIGEST, "digest", digest), .flags = FIELD_REQUIRED},
    {FIELD(struct descriptor, U64, "size", size), .flags = FIELD_REQUIRED, .min = 0,
     .max = INT64_MAX},
    {FIELD_NEST(struct descriptor, "platform", platform, image_platform_table)},
    {FIELD_INLINE("annotations", annotation_table)},
};
static const struct field_table descriptor_table =
    FIELD_TABLE(struct descriptor, descriptor_fields);

/* --- the two shapes ------------------------------------------------------------------------ */

static const struct field manifest_fields[] = {
    {FIELD(struct manifest, STR, "mediaType", media_type)},
    {FIELD_NEST(struct manifest, "config", config, descriptor_table), .flags = FIELD_REQUIRED},
    {FIELD_ITEMS(struct manifest, LIST, "layers", struct descriptor, layers, n_layers,
                 descriptor_table),
     .flags = FIELD_REQUIRED},
};

static int check_manifest(struct field_in *in, const void *obj) {
    const struct manifest *m = obj;
    if (m->n_layers > IMG_MAX_LAYERS)
        return field_fail(in, "layers", "%zu layers are more than the %d allowed", m->n_layers,
                          IMG_MAX_LAYERS);
    return 0;
}
static const struct field_table manifest_table =
    FIELD_TABLE_CHECKED(struct manifest, manifest_fields, check_manifest);

static const struct field index_fields[] = {
    {FIELD(struct manifest, STR, "mediaType", media_type)},
    {FIELD_ITEMS(struct manifest, LIST, "manifests", struct descriptor, manifests, n_manifests,
                 descriptor_table),
     .flags = FIELD_REQUIRED},
};

static int check_index(struct field_in *in, const void *obj) {
    const struct manifest *m = obj;
    if (m->n_manifests > IMG_MAX_INDEX)
        return field_fail(in, "manifests", "%zu entries are more than the %d allowed",
                          m->n_manifests, IMG_MAX_INDEX);
    return 0;
}
static const struct field_table index_table =
    FIELD_TABLE_CHECKED(struct manifest, index_fields, check_index);

/* --- which shape it is --------------------------------------------------------------------- */

static int corrupt(struct err *e, const char *what, const char *why) {
    return err_set(e, ERR_CORRUPT, -EINVAL, "%s: %s", what, why);
}

static int check_version(const js *doc, const char *what, struct err *e) {
    const js *version = js_get(doc, "schemaVersion");
    int64_t n = js_type(version) == JS_INT ? js_i64(version, 0) : 0;
    if (n == 1 || js_get(doc, "fsLayers"))
        return err_set(e, ERR_CORRUPT, -EINVAL,
                       "%s: schema 1 manifests are not supported; push the image again with a "
                       "current tool",
                       what);
    return n == 2 ? 0 : corrupt(e, what, "schemaVersion: expected 2");
}

/* What the mediaType says: 1 an index, 0 an image, -1 nothing. */
static int type_says_index(const js *doc, const char *what, int *ret, struct err *e) {
    const js *type = js_get(doc, "mediaType");
    const char *mt = js_str(type);
    if (type && !mt)
        return corrupt(e, what, "mediaType: expected a string");
    if (str_empty(mt))
        *ret = -1;
    else if (str_eq(mt, MT_OCI_INDEX) || str_eq(mt, MT_DOCKER_LIST))
        *ret = 1;
    else if (str_eq(mt, MT_OCI_MANIFEST) || str_eq(mt, MT_DOCKER_MANIFEST))
        *ret = 0;
    else
        return err_set(e, ERR_CORRUPT, -EINVAL, "%s: unsupported mediaType \"%.120s\"", what, mt);
    return 0;
}

/* One digest must never mean two images: a document that two readers could take for different
 * things is refused (CVE-2021-41190), and so is one whose mediaType contradicts its members. */
static int check_shape(const js *doc, const char *what, bool *is_index, struct err *e) {
    int says_index = -1;
    if (js_type(doc) != JS_OBJECT)
        return corrupt(e, what, "expected a manifest, got no JSON object");
    int r = check_version(doc, what, e);
    if (r == 0)
        r = type_says_index(doc, what, &says_index, e);
    if (r < 0)
        return r;
    bool manifests = js_get(doc, "manifests") != NULL;
    bool image = js_get(doc, "layers") || js_get(doc, "config");
    if (manifests && image)
        return corrupt(e, what, "holds both an image manifest and an index: refused as ambiguous");
    if (!manifests && !image)
        return corrupt(e, what, "is neither an image manifest nor an index");
    if (says_index >= 0 && says_index != manifests)
        return corrupt(e, what, "mediaType contradicts the content: refused as ambiguous");
    *is_index = manifests;
    return 0;
}

int manifest_decode(const char *text, size_t len, const char *what, struct arena *a,
                    struct manifest *ret, struct err *e) {
    AUTO_JS js *doc = NULL;
    struct manifest m = {0};
    int r = js_parse(text, len, what, &doc, e);
    if (r == 0)
        r = check_shape(doc, what, &m.is_index, e);
    if (r == 0)
        r = field_decode(m.is_index ? &index_table : &manifest_table, doc, what, a, &m, e);
    if (r < 0)
        return r;
    if (!m.media_type) { /* optional in OCI documents */
        m.media_type = arena_strdup(a, m.is_index ? MT_OCI_INDEX : MT_OCI_MANIFEST);
        if (!m.media_type)
            return err_oom(e);
    }
    *ret = m;
    return 0;
}
