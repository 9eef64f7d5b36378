/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lookaside.h"

#include "base/io.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define LOOKASIDE_MAX ((size_t)1 << 20)

struct lookaside_line {
    size_t indent;
    char *key, *value; /* value "" = a block follows */
};

/* Without quotes and the comment behind it. */
static char *lookaside_word(struct arena *a, const char *p, size_t n) {
    while (n && (*p == ' ' || *p == '\t')) {
        p++;
        n--;
    }
    if (n && (*p == '"' || *p == '\'')) {
        const char *end = memchr(p + 1, *p, n - 1);
        return end ? arena_strndup(a, p + 1, (size_t)(end - p - 1)) : NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (p[i] == '#' && (i == 0 || p[i - 1] == ' ')) {
            n = i;
            break;
        }
    while (n && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r'))
        n--;
    return arena_strndup(a, p, n);
}

/* 1: a line with a key; 0: nothing in it; -EINVAL: not of the form that is understood. */
static int lookaside_line(const char *p, size_t n, struct arena *a, struct lookaside_line *ret) {
    size_t indent = 0;
    while (indent < n && p[indent] == ' ')
        indent++;
    if (indent == n || p[indent] == '#' || p[indent] == '\r' ||
        (n - indent >= 3 && strncmp(p + indent, "---", 3) == 0))
        return 0;
    if (p[indent] == '\t' || p[indent] == '-' || p[indent] == '{')
        return -EINVAL;
    /* "host:5000/x:": the key ends at a colon before a blank or the end */
    size_t k = indent;
    while (k < n && !(p[k] == ':' && (k + 1 == n || p[k + 1] == ' ' || p[k + 1] == '\r')))
        k++;
    if (k == n)
        return -EINVAL;
    ret->indent = indent;
    ret->key = lookaside_word(a, p + indent, k - indent);
    ret->value = lookaside_word(a, p + k + 1, n - k - 1);
    return ret->key && ret->value ? 1 : -EINVAL;
}

static bool lookaside_covers(const char *scope, const char *name) {
    size_t n = strlen(scope);
    return strncmp(scope, name, n) == 0 && (name[n] == '\0' || strchr("/:@", name[n]));
}

static void lookaside_take(const struct lookaside_line *l, size_t weight, size_t *best,
                           struct lookaside *ret) {
    bool read = strcmp(l->key, "lookaside") == 0 || strcmp(l->key, "sigstore") == 0;
    bool write =
        strcmp(l->key, "lookaside-staging") == 0 || strcmp(l->key, "sigstore-staging") == 0;
    if ((!read && !write) || weight < *best || !l->value[0])
        return;
    if (weight > *best)
        *ret = (struct lookaside){NULL, NULL};
    *best = weight;
    if (read)
        ret->read = l->value;
    else
        ret->write = l->value;
}

int lookaside_parse(const char *text, const char *what, const char *name, struct arena *a,
                    size_t *best, struct lookaside *ret, struct err *e) {
    bool in_default = false, in_docker = false;
    size_t scope_indent = 0, weight = 0, number = 0;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, "\n");
        struct lookaside_line l;
        int r = lookaside_line(p, n, a, &l);
        p += n + (p[n] == '\n');
        number++;
        if (r < 0)
            return err_set(e, ERR_USAGE, -EINVAL, "%s:%zu: expected \"key: value\"", what, number);
        if (r == 0)
            continue;
        if (l.indent == 0) {
            in_default = strcmp(l.key, "default-docker") == 0;
            in_docker = strcmp(l.key, "docker") == 0;
            scope_indent = weight = 0;
        } else if (in_default) {
            lookaside_take(&l, 1, best, ret);
        } else if (in_docker && (scope_indent == 0 || l.indent <= scope_indent)) {
            scope_indent = l.indent;
            weight = lookaside_covers(l.key, name) ? 1 + strlen(l.key) : 0;
        } else if (in_docker && weight) {
            lookaside_take(&l, weight, best, ret);
        }
    }
    return 0;
}

/* 1: the directory is there. */
static int lookaside_dir(const char *path, const char *name, struct arena *a, size_t *best,
                         struct lookaside *ret, struct err *e) {
    DIR *dir = path ? opendir(path) : NULL;
    int r = dir ? 1 : 0;
    for (struct dirent *d; dir && r >= 0 && (d = readdir(dir));) {
        AUTO_STR struct str text = STR_INIT(LOOKASIDE_MAX);
        const char *file = arena_printf(a, "%s/%s", path, d->d_name);
        if (!str_ends(d->d_name, ".yaml"))
            continue;
        int rc = file ? io_read_file(dirfd(dir), d->d_name, &text) : -ENOMEM;
        if (rc < 0)
            r = err_sysn(e, rc, "%s", file ? file : path);
        else if (lookaside_parse(str_c(&text), file, name, a, best, ret, e) < 0)
            r = e->code;
    }
    if (dir)
        closedir(dir);
    return r;
}

int lookaside_find(const struct ref *ref, struct arena *a, struct lookaside *ret, struct err *e) {
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    struct lookaside l = {NULL, NULL};
    size_t best = 0;
    const char *name = ref_full(ref, a);
    const char *mine = NULL;
    if (!str_empty(xdg))
        mine = arena_printf(a, "%s/containers/registries.d", xdg);
    else if (!str_empty(home))
        mine = arena_printf(a, "%s/.config/containers/registries.d", home);
    if (!name)
        return err_oom(e);
    int r = lookaside_dir(mine, name, a, &best, &l, e);
    if (r == 0)
        r = lookaside_dir("/etc/containers/registries.d", name, a, &best, &l, e);
    if (r < 0)
        return r;
    const char *dflt = geteuid() == 0 || str_empty(home)
                           ? "file:///var/lib/containers/sigstore"
                           : arena_printf(a, "file://%s/.local/share/containers/sigstore", home);
    if (!l.read)
        l.read = l.write ? l.write : dflt;
    if (!l.write)
        l.write = l.read;
    *ret = l;
    return 0;
}
