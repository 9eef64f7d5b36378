/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/lock.h"

#include "base/io.h"
#include "base/str.h"
#include "spec/lockfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

int lock_path(hako_engine *g, const char *given, struct arena *a, const char **ret, struct err *e) {
    const struct config *cfg = NULL;
    int r = engine_config(g, &cfg, e);
    if (r < 0)
        return r;
    if (given)
        *ret = *given ? given : NULL;
    else if (cfg->lock)
        *ret = cfg->lock;
    else
        *ret = access(LOCKFILE_NAME, F_OK) == 0 ? LOCKFILE_NAME : NULL;
    return 0;
}

static int lock_read(const char *path, bool must, struct arena *a, struct lockfile *ret,
                     struct err *e) {
    AUTO_STR struct str text = STR_INIT(LOCKFILE_MAX_BYTES);
    int r = io_read_file(AT_FDCWD, path, &text);
    *ret = (struct lockfile){.n = 0};
    if (r == -ENOENT && !must)
        return 0;
    if (r < 0)
        return err_sysn(e, r, "lock file %s", path);
    return lockfile_parse(str_c(&text), text.len, path, a, ret, e);
}

/* Names without the digest that may hang on them. */
static const char *lock_name(const struct ref *ref, struct arena *a) {
    return arena_printf(a, "%s/%s:%s", ref->domain, ref->path, ref->tag ? ref->tag : "latest");
}

int lock_digest(const char *path, const struct ref *ref, const struct platform *platform,
                struct arena *a, struct digest *ret, struct err *e) {
    struct lockfile l;
    *ret = (struct digest){""};
    if (ref->digest.s[0])
        return 0;
    int r = lock_read(path, true, a, &l, e);
    const char *name = lock_name(ref, a), *pf = platform_print(platform, a);
    if (r < 0)
        return r;
    if (!name || !pf)
        return err_oom(e);
    const struct lockfile_entry *en = lockfile_find(&l, name, pf);
    if (en) {
        *ret = en->digest;
        return 0;
    }
    if (lockfile_has_name(&l, name))
        return err_set(e, ERR_NOT_FOUND, -ENOKEY,
                       "lock file %s has no digest of %s for %s: `hako pull --lock=%s --platform "
                       "%s %s` adds it",
                       path, name, pf, path, pf, name);
    return err_set(e, ERR_NOT_FOUND, -ENOKEY,
                   "%s is not in lock file %s: `hako pull --lock=%s %s` adds it", name, path, path,
                   name);
}

int lock_update(const char *path, const struct ref *ref, const struct platform *platform,
                const struct digest *manifest, struct arena *a, struct err *e) {
    AUTO_STR struct str text = STR_INIT(LOCKFILE_MAX_BYTES);
    const char *slash = strrchr(path, '/');
    const char *dir =
        slash ? arena_strndup(a, path, MAX_OF((size_t)(slash - path), (size_t)1)) : ".";
    const char *name = lock_name(ref, a), *pf = platform_print(platform, a);
    struct lockfile l;
    if (!dir || !name || !pf)
        return err_oom(e);
    /* Two pulls that write the same file: one after the other. */
    AUTO_FD int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return err_sys(e, "cannot lock %s", dir);
    int r = lock_read(path, false, a, &l, e);
    if (r == 0)
        r = lockfile_set(&l, name, pf, manifest, a, e);
    if (r == 0)
        r = lockfile_print(&l, &text, e);
    if (r < 0)
        return r;
    r = io_replace_file(AT_FDCWD, path, str_c(&text), text.len, 0644, true);
    return r < 0 ? err_sysn(e, r, "cannot write lock file %s", path) : 0;
}
