/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/filter.h"

#include "cli/when.h"

#include "spec/ref.h"

#include <fnmatch.h>
#include <regex.h>
#include <string.h>

/* --- the words ------------------------------------------------------------------------------- */

static bool filter_known(const char *known, const char *key) {
    AUTO_STR struct str word = STR_INIT(100);
    return key[0] && str_addf(&word, " %s ", key) == 0 && strstr(known, word.s) != NULL;
}

int filter_parse(const struct hako_strings *words, const char *known, struct arena *a,
                 struct filter *ret, struct err *e) {
    struct filter f = {.a = a};
    f.v = arena_calloc(a, words->n + 1, sizeof(*f.v));
    if (!f.v)
        return err_oom(e);
    for (size_t i = 0; i < words->n; i++) {
        const char *word = words->v[i], *equals = strchr(word, '=');
        if (!equals)
            return err_set(e, ERR_USAGE, -EINVAL,
                           "invalid argument \"%s\" for \"-f, --filter\" flag: bad format of "
                           "filter (expected name=value)",
                           word);
        char *key = arena_strndup(a, word, (size_t)(equals - word));
        if (!key)
            return err_oom(e);
        for (char *c = key; *c; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
        if (!filter_known(known, key))
            return err_set(e, ERR_USAGE, -EINVAL, "invalid filter '%s'", key);
        f.v[f.n].key = key;
        f.v[f.n++].value = equals + 1;
    }
    *ret = f;
    return 0;
}

bool filter_has(const struct filter *f, const char *key) {
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->v[i].key, key) == 0)
            return true;
    return false;
}

static int filter_invalid(struct err *e, const char *key, const char *value) {
    return err_set(e, ERR_USAGE, -EINVAL, "invalid filter '%s=%s'", key, value);
}

/* --- what both kinds share ------------------------------------------------------------------- */

/* "key" or "key=value" */
static bool filter_label(char *const *labels, const char *want) {
    size_t n = strcspn(want, "=");
    for (size_t i = 0; labels && labels[i]; i++)
        if (want[n] ? strcmp(labels[i], want) == 0
                    : strncmp(labels[i], want, n) == 0 && labels[i][n] == '=')
            return true;
    return false;
}

static bool filter_id_is(const char *id, const char *want) {
    bool algorithm = str_starts(want, "sha256:");
    const char *hex = strchr(id, ':');
    return want[0] && str_starts(algorithm || !hex ? id : hex + 1, want);
}

static const char *filter_familiar(const char *name, struct arena *a) {
    struct ref ref;
    struct err ignored = {0};
    return ref_parse(name, a, &ref, &ignored) == 0 ? ref_familiar(&ref, a) : name;
}

bool filter_image_is(const struct hako_image_info *i, const char *name, struct arena *a) {
    const char *familiar = filter_familiar(name, a);
    for (size_t k = 0; i->references[k]; k++)
        if (str_eq(i->references[k], familiar))
            return true;
    for (size_t k = 0; i->digests[k]; k++)
        if (str_eq(i->digests[k], familiar))
            return true;
    return filter_id_is(i->id, name);
}

/* --- containers ------------------------------------------------------------------------------ */

struct filter_run {
    const struct filter *f;
    const struct hako_container_info *v;
    size_t n;
    const struct hako_image_info *images;
    size_t nimages;
    struct err *e;
};

static const char *const filter_statuses[] = {
    [HAKO_CREATED] = "created", [HAKO_RUNNING] = "running", [HAKO_PAUSED] = "paused",
    [HAKO_EXITED] = "exited",   [HAKO_DEAD] = "dead",
};

const char *filter_status_word(enum hako_status s) {
    return filter_statuses[s];
}

/* docker's names and ids are patterns that may match anywhere. */
static int filter_pattern(const char *key, const char *pattern, const char *text, struct err *e) {
    regex_t re;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return filter_invalid(e, key, pattern);
    int r = regexec(&re, text, 0, NULL, 0);
    regfree(&re);
    return r == 0;
}

static int filter_name(const struct hako_container_info *c, const char *want, struct err *e) {
    AUTO_STR struct str slash = STR_INIT(1000);
    int r = filter_pattern("name", want, c->name, e);
    if (r != 0 || str_addf(&slash, "/%s", c->name) < 0)
        return r;
    return filter_pattern("name", want, slash.s, e); /* "^/box$" is written a lot */
}

static int filter_status(const struct hako_container_info *c, const char *want, struct err *e) {
    if (strcmp(want, "restarting") == 0 || strcmp(want, "removing") == 0)
        return 0; /* docker's, not ours */
    for (size_t i = 0; i < ARRAY_SIZE(filter_statuses); i++)
        if (strcmp(want, filter_statuses[i]) == 0)
            return c->status == i;
    return filter_invalid(e, "status", want);
}

static int filter_exited(const struct hako_container_info *c, const char *want, struct err *e) {
    int64_t code;
    if (str_to_i64(want, &code) < 0)
        return filter_invalid(e, "exited", want);
    return (c->status == HAKO_EXITED || c->status == HAKO_DEAD) && c->exit_code == code;
}

static bool filter_ancestor(const struct filter_run *r, const struct hako_container_info *c,
                            const char *want) {
    for (size_t i = 0; i < r->nimages; i++)
        if (str_eq(r->images[i].id, c->image_id) && filter_image_is(&r->images[i], want, r->f->a))
            return true;
    return filter_id_is(c->image_id, want) ||
           str_eq(filter_familiar(c->image, r->f->a), filter_familiar(want, r->f->a));
}

/* Its place in the list, which is newest first. */
static int filter_age(const struct filter_run *r, const struct hako_container_info *c,
                      const char *want, bool before) {
    for (int by_id = 0; by_id < 2; by_id++)
        for (size_t i = 0; i < r->n; i++)
            if (by_id ? filter_id_is(r->v[i].id, want) : str_eq(r->v[i].name, want))
                return before ? c > &r->v[i] : c < &r->v[i];
    return err_set(r->e, ERR_NOT_FOUND, -ENOENT, "No such container: %s", want);
}

static bool filter_in_list(const char *list, const char *want) {
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");
        if (strlen(want) == n && strncmp(p, want, n) == 0)
            return true;
        p += n + strspn(p + n, ", ");
    }
    return false;
}

static int filter_bool(const char *key, const char *value, bool yes, struct err *e) {
    bool t = strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
    bool f = strcmp(value, "false") == 0 || strcmp(value, "0") == 0;
    return t || f ? t == yes : filter_invalid(e, key, value);
}

/* 1, 0, or an error. */
static int filter_container(const struct filter_run *r, const struct hako_container_info *c,
                            const char *key, const char *value) {
    if (strcmp(key, "id") == 0)
        return filter_pattern(key, value, c->id, r->e);
    if (strcmp(key, "name") == 0)
        return filter_name(c, value, r->e);
    if (strcmp(key, "label") == 0)
        return filter_label(c->labels, value);
    if (strcmp(key, "exited") == 0)
        return filter_exited(c, value, r->e);
    if (strcmp(key, "status") == 0)
        return filter_status(c, value, r->e);
    if (strcmp(key, "ancestor") == 0)
        return filter_ancestor(r, c, value);
    if (strcmp(key, "before") == 0 || strcmp(key, "since") == 0)
        return filter_age(r, c, value, key[0] == 'b');
    if (strcmp(key, "volume") == 0)
        return filter_in_list(c->mounts, value);
    if (strcmp(key, "network") == 0)
        return str_eq(c->networks, value);
    if (strcmp(key, "publish") == 0 || strcmp(key, "expose") == 0)
        return filter_port(c->ports, value, key[0] == 'p');
    if (strcmp(key, "is-task") == 0)
        return filter_bool(key, value, false, r->e);
    if (strcmp(key, "health") == 0) /* no health checks yet */
        return strcmp(value, "none") == 0;
    return strcmp(value, "container") == 0 || strcmp(value, "default") == 0; /* isolation */
}

/* Alternatives of one key, all of the labels. */
static int filter_agrees(const struct filter_run *r, const struct hako_container_info *c) {
    const struct filter *f = r->f;
    for (size_t i = 0; i < f->n; i++) {
        bool all = strcmp(f->v[i].key, "label") == 0, found = false;
        for (size_t k = 0; k < f->n; k++) {
            if (all ? k != i : strcmp(f->v[k].key, f->v[i].key) != 0)
                continue;
            int r1 = filter_container(r, c, f->v[k].key, f->v[k].value);
            if (r1 < 0)
                return r1;
            found = found || r1;
        }
        if (!found)
            return 0;
    }
    return 1;
}

int filter_containers(const struct filter *f, const struct hako_container_info *v, size_t n,
                      const struct hako_image_info *images, size_t nimages, bool *keep,
                      struct err *e) {
    struct filter_run run = {f, v, n, images, nimages, e};
    char none[] = "";
    const struct hako_container_info nobody = {.id = none,
                                               .name = none,
                                               .image = none,
                                               .image_id = none,
                                               .mounts = none,
                                               .networks = none,
                                               .ports = none};
    /* a wrong word is wrong on an empty host too */
    int r = n == 0 ? filter_agrees(&run, &nobody) : 0;
    for (size_t i = 0; i < n && r >= 0; i++) {
        r = filter_agrees(&run, &v[i]);
        keep[i] = r > 0;
    }
    return r < 0 ? r : 0;
}

/* --- ports ----------------------------------------------------------------------------------- */

struct filter_range {
    uint64_t first, last;
    const char *proto; /* "" = tcp, as docker */
};

static bool filter_range(const char *text, struct filter_range *ret) {
    char first[8] = "", last[8] = "";
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n >= sizeof(first))
        return false;
    memcpy(first, text, n);
    first[n] = '\0';
    memcpy(last, first, sizeof(last));
    text += n;
    if (*text == '-') {
        n = strspn(++text, "0123456789");
        if (n == 0 || n >= sizeof(last))
            return false;
        memcpy(last, text, n);
        last[n] = '\0';
        text += n;
    }
    ret->proto = *text == '/' ? text + 1 : "tcp";
    return (*text == '\0' || *text == '/') && str_to_u64(first, &ret->first) == 0 &&
           str_to_u64(last, &ret->last) == 0;
}

bool filter_port(const char *ports, const char *want, bool published) {
    struct filter_range w, have;
    char one[80];
    if (!filter_range(want, &w))
        return false;
    for (const char *p = ports; *p;) {
        size_t n = strcspn(p, ",");
        if (n < sizeof(one)) {
            memcpy(one, p, n);
            one[n] = '\0';
            const char *arrow = strstr(one, "->");
            if ((arrow || !published) && filter_range(arrow ? arrow + 2 : one, &have) &&
                have.first <= w.last && w.first <= have.last && str_eq(have.proto, w.proto))
                return true;
        }
        p += n + strspn(p + n, ", ");
    }
    return false;
}

/* --- images ---------------------------------------------------------------------------------- */

static bool filter_reference_is(const char *reference, const char *pattern) {
    AUTO_STR struct str name = STR_INIT(4096);
    const char *slash = strrchr(reference, '/');
    const char *colon = strrchr(slash ? slash : reference, ':');
    size_t n = colon ? (size_t)(colon - reference) : strlen(reference);
    return fnmatch(pattern, reference, FNM_PATHNAME) == 0 ||
           (str_addn(&name, reference, n) == 0 &&
            fnmatch(pattern, str_c(&name), FNM_PATHNAME) == 0);
}

bool filter_reference(const struct filter *f, const char *reference) {
    bool wanted = filter_has(f, "reference");
    for (size_t i = 0; i < f->n && wanted; i++)
        if (strcmp(f->v[i].key, "reference") == 0 && filter_reference_is(reference, f->v[i].value))
            return true;
    return !wanted;
}

static int filter_image_age(const struct filter *f, const struct hako_image_info *v, size_t n,
                            const struct hako_image_info *i, const char *want, bool before,
                            struct err *e) {
    for (size_t k = 0; k < n; k++)
        if (filter_image_is(&v[k], want, f->a))
            return before ? i->created_ns < v[k].created_ns : i->created_ns > v[k].created_ns;
    return err_set(e, ERR_NOT_FOUND, -ENOENT, "No such image: %s", want);
}

static int filter_until(const struct hako_image_info *i, const char *value, struct err *e) {
    int64_t then;
    if (when_parse(value, now_unix_ns(), &then) < 0)
        return filter_invalid(e, "until", value);
    return i->created_ns < then;
}

static int filter_image(const struct filter *f, const struct hako_image_info *v, size_t n,
                        const struct hako_image_info *i, size_t at, struct err *e) {
    const char *key = f->v[at].key, *value = f->v[at].value;
    if (strcmp(key, "dangling") == 0)
        return filter_bool(key, value, i->references[0] == NULL, e);
    if (strcmp(key, "label") == 0)
        return filter_label(i->labels, value);
    if (strcmp(key, "reference") == 0) {
        for (size_t k = 0; i->references[k]; k++)
            if (filter_reference(f, i->references[k]))
                return 1; /* alternatives: any of the patterns */
        return 0;
    }
    if (strcmp(key, "until") == 0)
        return filter_until(i, value, e);
    return filter_image_age(f, v, n, i, value, key[0] == 'b', e);
}

int filter_images(const struct filter *f, const struct hako_image_info *v, size_t n, bool *keep,
                  struct err *e) {
    for (size_t i = 0; i < n; i++) {
        keep[i] = true;
        for (size_t k = 0; k < f->n; k++) {
            int r = filter_image(f, v, n, &v[i], k, e);
            if (r < 0)
                return r;
            keep[i] = keep[i] && r;
        }
    }
    return 0;
}
