/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/bootstrap.h"

#include <string.h>

/* What dpkg allows in names and versions: nothing that could mean something else to apt. */
static bool lock_word(const char *s) {
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-:~_");
    return n > 0 && n < 256 && s[n] == '\0';
}

static int lock_add(struct bootstrap_lock *l, size_t *cap, const struct bootstrap_package *p,
                    struct arena *a, struct err *e) {
    if (l->n == BOOTSTRAP_MAX_PACKAGES)
        return err_set(e, ERR_USAGE, -EMSGSIZE, "more than %d packages", BOOTSTRAP_MAX_PACKAGES);
    if (l->n == *cap) {
        size_t more = *cap ? *cap * 2 : 256;
        struct bootstrap_package *v = arena_array(a, more, struct bootstrap_package);
        if (!v)
            return err_oom(e);
        if (l->n)
            memcpy(v, l->v, l->n * sizeof(*v));
        l->v = v;
        *cap = more;
    }
    l->v[l->n++] = *p;
    return 0;
}

/* Cuts a line into words at single blanks. Their number, 4 = too many. */
static size_t lock_words(char *line, char *words[static 3]) {
    size_t n = 0;
    for (char *p = line; p; n++) {
        if (n == 3)
            return 4;
        words[n] = p;
        p = strchr(p, ' ');
        if (p)
            *p++ = '\0';
    }
    return n;
}

int bootstrap_lock_parse(const char *text, const char *what, struct arena *a,
                         struct bootstrap_lock *ret, struct err *e) {
    struct bootstrap_lock l = {.n = 0};
    size_t cap = 0, number = 0;
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, "\n");
        char *line = arena_strndup(a, p, len), *words[3];
        p += len + (p[len] == '\n');
        number++;
        if (!line)
            return err_oom(e);
        if (!*line || *line == '#')
            continue;
        size_t n = lock_words(line, words);
        if (n == 2 && strcmp(words[0], "date") == 0 && str_to_i64(words[1], &l.date) == 0 &&
            l.date > 0)
            continue;
        if (n != 3 || !lock_word(words[0]) || !lock_word(words[1]) || !lock_word(words[2]))
            return err_set(e, ERR_USAGE, -EINVAL,
                           "%s:%zu: expected \"package version architecture\"", what, number);
        const struct bootstrap_package pkg = {words[0], words[1], words[2]};
        int r = lock_add(&l, &cap, &pkg, a, e);
        if (r < 0)
            return r;
    }
    *ret = l;
    return 0;
}

static bool lock_field(const char *line, size_t n, const char *name, struct arena *a,
                       const char **ret) {
    size_t k = strlen(name);
    if (n <= k + 2 || strncmp(line, name, k) != 0 || line[k] != ':' || line[k + 1] != ' ')
        return false;
    *ret = arena_strndup(a, line + k + 2, n - k - 2);
    return true;
}

int bootstrap_status_parse(const char *text, struct arena *a, struct bootstrap_lock *ret,
                           struct err *e) {
    struct bootstrap_lock l = {.n = 0};
    struct bootstrap_package now = {NULL, NULL, NULL};
    const char *status = NULL;
    size_t cap = 0;
    for (const char *p = text;;) {
        size_t n = strcspn(p, "\n");
        if (n == 0) { /* the end of one package's fields */
            bool installed = status && str_ends(status, " installed");
            int r = installed && now.name && now.version && now.arch
                        ? lock_add(&l, &cap, &now, a, e)
                        : 0;
            if (r < 0)
                return r;
            now = (struct bootstrap_package){NULL, NULL, NULL};
            status = NULL;
            if (*p == '\0')
                break;
        } else if (!lock_field(p, n, "Package", a, &now.name) &&
                   !lock_field(p, n, "Version", a, &now.version) &&
                   !lock_field(p, n, "Architecture", a, &now.arch)) {
            (void)lock_field(p, n, "Status", a, &status);
        }
        p += n + (p[n] == '\n');
    }
    if (l.n == 0)
        return err_set(e, ERR_CORRUPT, -EBADMSG, "the new system has no list of its packages");
    *ret = l;
    return 0;
}

static int lock_compare(const void *x, const void *y) {
    const struct bootstrap_package *a = x, *b = y;
    int r = strcmp(a->name, b->name);
    return r ? r : strcmp(a->arch, b->arch);
}

int bootstrap_lock_print(const struct bootstrap_lock *l, struct str *out, struct err *e) {
    int r = str_add(out, "# hako bootstrap lock\n");
    if (r == 0 && l->date)
        r = str_addf(out, "date %lld\n", (long long)l->date);
    if (l->n)
        qsort(l->v, l->n, sizeof(*l->v), lock_compare);
    for (size_t i = 0; i < l->n && r == 0; i++)
        r = str_addf(out, "%s %s %s\n", l->v[i].name, l->v[i].version, l->v[i].arch);
    return r < 0 ? err_oom(e) : 0;
}

int bootstrap_preferences(const struct bootstrap_lock *l, struct str *out, struct err *e) {
    int r = 0;
    for (size_t i = 0; i < l->n && r == 0; i++)
        r = str_addf(out, "Package: %s\nPin: version %s\nPin-Priority: 1001\n\n", l->v[i].name,
                     l->v[i].version);
    return r < 0 ? err_oom(e) : 0;
}

static const struct bootstrap_package *lock_find(const struct bootstrap_lock *l,
                                                 const struct bootstrap_package *p) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->v[i].name, p->name) == 0 && strcmp(l->v[i].arch, p->arch) == 0)
            return &l->v[i];
    return NULL;
}

int bootstrap_compare(const struct bootstrap_lock *want, const struct bootstrap_lock *is,
                      const char *what, struct err *e) {
    for (size_t i = 0; i < want->n; i++) {
        const struct bootstrap_package *w = &want->v[i], *h = lock_find(is, w);
        if (!h || strcmp(h->version, w->version) != 0)
            return err_set(e, ERR_UNAVAILABLE, -ESTALE,
                           "lock file %s wants %s %s, but the mirror gives %s%s: name one that "
                           "still has it (--mirror, --date), or remove the lock to write a new one",
                           what, w->name, w->version, h ? "version " : "none", h ? h->version : "");
    }
    for (size_t i = 0; i < is->n; i++)
        if (!lock_find(want, &is->v[i]))
            return err_set(e, ERR_UNAVAILABLE, -ESTALE,
                           "package %s is not in lock file %s: remove the lock to write a new one",
                           is->v[i].name, what);
    return 0;
}
