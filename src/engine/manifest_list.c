/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/manifest_list.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LIST_DIR "manifests"
#define LIST_MAX ((size_t)4 << 20)

static int list_name(const char *name, struct arena *a, struct manifest_list *l, struct err *e) {
    int r = ref_parse(name, a, &l->ref, e);
    if (r < 0)
        return r;
    if (!l->ref.tag)
        return err_set(e, ERR_USAGE, -EINVAL, "%s: a manifest list has a tag, not a digest", name);
    char *file = arena_printf(a, "%s/%s:%s", l->ref.domain, l->ref.path, l->ref.tag);
    if (!file)
        return err_oom(e);
    for (char *p = strchr(file, '/'); p; p = strchr(p, '/'))
        *p = '+';
    l->file = arena_printf(a, LIST_DIR "/%s", file);
    return l->file ? 0 : err_oom(e);
}

int manifest_list_open(hako_engine *g, const char *name, struct arena *a, struct manifest_list *ret,
                       struct err *e) {
    struct manifest_list l = {.doc = NULL};
    AUTO_STR struct str text = STR_INIT(LIST_MAX);
    err_clear(e);
    int r = list_name(name, a, &l, e);
    if (r < 0)
        return r;
    r = io_read_file(g->datafd, l.file, &text);
    if (r < 0 && r != -ENOENT)
        return err_sysn(e, r, "cannot read manifest list %s", name);
    if (r == 0)
        r = js_parse(str_c(&text), text.len, "manifest list", &l.doc, e);
    if (r == 0 || r == -ENOENT)
        *ret = l;
    return r;
}

int manifest_list_need(hako_engine *g, const char *name, struct arena *a, struct manifest_list *ret,
                       struct err *e) {
    int r = manifest_list_open(g, name, a, ret, e);
    return r == -ENOENT && e->code == 0
               ? err_set(e, ERR_NOT_FOUND, -ENOENT, "no such manifest list: %s", name)
               : r;
}

int manifest_list_write(hako_engine *g, const struct manifest_list *l, struct err *e) {
    AUTO_STR struct str text = STR_INIT(LIST_MAX);
    if (js_print(l->doc, JS_COMPACT, &text) < 0)
        return err_oom(e);
    if (mkdirat(g->datafd, LIST_DIR, 0755) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make %s/" LIST_DIR, g->data);
    int r = io_replace_file(g->datafd, l->file, str_c(&text), text.len, 0644, true);
    return r < 0 ? err_sysn(e, r, "cannot write %s/%s", g->data, l->file) : 0;
}

void manifest_list_close(struct manifest_list *l) {
    js_free(l->doc);
    l->doc = NULL;
}

js *manifest_list_entries(const struct manifest_list *l) {
    return js_get(l->doc, "manifests");
}

/* "sha256:…" or a unique beginning of its digits; else a reference with the entry's digest. */
js *manifest_list_find(const struct manifest_list *l, const char *image) {
    const js *list = manifest_list_entries(l);
    const char *at = strchr(image, '@');
    const char *want = at ? at + 1 : image;
    js *found = NULL;
    for (size_t i = 0; i < js_len(list); i++) {
        js *entry = js_at(list, i);
        const char *digest = js_get_str_or(entry, "digest", "");
        const char *name = js_get_str_or(entry, "_name", "");
        bool hex = strlen(want) >= 6 && strspn(want, "0123456789abcdef") == strlen(want);
        if (str_eq(digest, want) || str_eq(name, image) ||
            (hex && str_starts(digest, "sha256:") && str_starts(digest + 7, want))) {
            if (found && hex)
                return NULL;
            found = entry;
        }
    }
    return found;
}

js *manifest_list_public(const struct manifest_list *l, bool docker) {
    AUTO_STR struct str text = STR_INIT(LIST_MAX);
    struct err ignored;
    js *doc = NULL;
    if (js_print(l->doc, JS_COMPACT, &text) < 0 ||
        js_parse(str_c(&text), text.len, "manifest list", &doc, &ignored) < 0)
        return NULL;
    if (js_set_str(doc, "mediaType", docker ? MT_DOCKER_LIST : MT_OCI_INDEX) < 0) {
        js_free(doc);
        return NULL;
    }
    const js *list = js_get(doc, "manifests");
    for (size_t i = 0; i < js_len(list); i++) {
        js_del(js_at(list, i), LIST_FROM);
        js_del(js_at(list, i), LIST_IMAGE);
        js_del(js_at(list, i), "_name");
    }
    return doc;
}
