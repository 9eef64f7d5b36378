/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/certs.h"

#include "base/io.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define CERTS_MAX ((size_t)4 << 20)

/* One file of the directory. */
static int certs_take(int dirfd, const char *dir, const char *name, struct arena *a, struct str *ca,
                      struct certs *c, struct err *e) {
    if (str_ends(name, ".crt")) {
        AUTO_STR struct str text = STR_INIT(CERTS_MAX);
        int r = io_read_file(dirfd, name, &text);
        if (r == 0)
            r = str_addf(ca, "%s\n", str_c(&text));
        return r < 0 ? err_sysn(e, r, "cannot read certificate %s/%s", dir, name) : 0;
    }
    if (str_ends(name, ".cert") && !c->cert) {
        const char *key = arena_printf(a, "%s/%.*s.key", dir, (int)strlen(name) - 5, name);
        c->cert = arena_printf(a, "%s/%s", dir, name);
        c->key = key;
        if (!c->cert || !key)
            return err_oom(e);
        if (access(key, R_OK) < 0)
            return err_sys(e, "client certificate %s has no key %s", c->cert, key);
    }
    return 0;
}

static int certs_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* 1: no such directory. */
static int certs_dir(const char *dir, struct arena *a, struct certs *ret, struct err *e) {
    AUTO_STR struct str ca = STR_INIT(CERTS_MAX);
    struct strlist names = {NULL, 0, 0};
    struct certs c = {NULL, NULL, NULL};
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        fd_close(&fd);
        return 1;
    }
    int r = 0;
    for (const struct dirent *de; r == 0 && (de = readdir(d));)
        r = strlist_add(a, &names, de->d_name);
    if (r < 0)
        r = err_oom(e);
    if (names.n)
        qsort(names.v, names.n, sizeof(*names.v), certs_compare);
    for (size_t i = 0; r == 0 && i < names.n; i++)
        r = certs_take(fd, dir, names.v[i], a, &ca, &c, e);
    closedir(d);
    if (r == 0 && ca.len && !(c.ca = arena_strdup(a, str_c(&ca))))
        r = err_oom(e);
    if (r == 0)
        *ret = c;
    return r;
}

int certs_find(const char *dir, const char *host, struct arena *a, struct certs *ret,
               struct err *e) {
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    const char *user = !str_empty(xdg) ? arena_printf(a, "%s/containers/certs.d/%s", xdg, host)
                       : !str_empty(home)
                           ? arena_printf(a, "%s/.config/containers/certs.d/%s", home, host)
                           : NULL;
    const char *places[] = {user, arena_printf(a, "/etc/hako/certs.d/%s", host),
                            arena_printf(a, "/etc/containers/certs.d/%s", host),
                            arena_printf(a, "/etc/docker/certs.d/%s", host)};
    int r = 1;
    *ret = (struct certs){NULL, NULL, NULL};
    if (dir) {
        r = certs_dir(dir, a, ret, e);
        return r == 1 ? err_set(e, ERR_USAGE, -ENOENT, "no such directory of certificates: %s", dir)
                      : r;
    }
    for (size_t i = 0; r == 1 && i < ARRAY_SIZE(places); i++) {
        if (places[i])
            r = certs_dir(places[i], a, ret, e);
    }
    return r < 0 ? r : 0;
}
