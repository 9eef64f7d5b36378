/* SPDX-License-Identifier: Apache-2.0 */
/* image mount: the file system of an image, to look into, read-only, at <run>/image-mounts/<id>. */
#include "engine/image.h"

#include "base/json.h"
#include "base/path.h"
#include "base/str.h"
#include "spec/ref.h"
#include "store/snapshot.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>

#define IMAGE_MOUNTS "image-mounts"

static int mounted_refuse(const hako_engine *g, struct err *e) {
    if (!g->rootless)
        return 0;
    return err_set(
        e, ERR_DENIED, -EPERM,
        "image mount needs root: an ordinary user's mount lives in a namespace that ends "
        "with the command; look inside with `hako run --rm -it IMAGE sh` or `hako save`");
}

static char *mounted_path(const hako_engine *g, const char *hex, struct arena *a) {
    return arena_printf(a, "%s/" IMAGE_MOUNTS "/%s", g->run, hex);
}

static bool mounted_here(const char *path) {
    struct statx st;
    return sys_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) == 0 &&
           (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

bool image_mounted(const hako_engine *g, const char *id, struct arena *a) {
    const char *hex = strchr(id, ':') ? strchr(id, ':') + 1 : id;
    const char *path = mounted_path(g, hex, a);
    return path && mounted_here(path);
}

/* Detached, read-only. fd or -errno. */
static int mounted_overlay(const struct strlist *lower, char *why, size_t why_size) {
    int fs = mount_fs("overlay");
    if (fs < 0)
        return fs;
    int r = mount_fs_set(fs, "source", "hako-image");
    for (size_t i = 0; i < lower->n && r == 0; i++)
        r = mount_fs_set(fs, "lowerdir+", lower->v[i]);
    if (r < 0) {
        close(fs);
        return r;
    }
    return mount_fs_done(fs, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, why,
                         why_size);
}

/* A single layer is no overlay. */
static int mounted_single(const char *path) {
    int mnt = mount_bind(AT_FDCWD, path, false);
    int r = mnt < 0 ? mnt
                    : mount_set(mnt, false,
                                MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, 0, 0);
    if (r < 0 && mnt >= 0) {
        close(mnt);
        return r;
    }
    return mnt;
}

static int mounted_put(const struct snapshot *sn, const char *path, struct err *e) {
    char why[128] = "";
    AUTO_FD int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (target < 0)
        return err_sys(e, "%s", path);
    AUTO_FD int mnt = sn->lower.n == 1 ? mounted_single(sn->lower.v[0])
                                       : mounted_overlay(&sn->lower, why, sizeof(why));
    if (mnt < 0)
        return err_sysn(e, mnt, "cannot mount %zu layers%s%s%s", sn->lower.n,
                        mnt == -EINVAL && !why[0] ? " (Linux 6.8 or newer is needed)" : "",
                        why[0] ? ": " : "", why);
    int r = mount_put(mnt, target);
    return r < 0 ? err_sysn(e, r, "cannot mount on %s", path) : 0;
}

int hako_image_mount(hako_engine *g, const char *name, char **ret_path, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FD int lock = -1;
    const struct store *s = NULL;
    struct image img = {0};
    struct snapshot sn = {0};
    int r = a ? mounted_refuse(g, e) : err_oom(e);
    if (r == 0)
        r = engine_store(g, &s, e);
    if (r == 0)
        r = store_lock(s, false, &lock, e);
    if (r == 0)
        r = image_find(s, name, a, &img, e);
    if (r == 0)
        r = snapshot_paths(s, &img, g->run, a, &sn, e);
    if (r < 0)
        return r;
    char *path = mounted_path(g, digest_hex(&img.id), a);
    r = path ? path_mkdir_p(AT_FDCWD, path, 0700) : -ENOMEM;
    if (r < 0)
        return err_sysn(e, r, "cannot make %s", path ? path : "the mount point");
    if (!mounted_here(path)) {
        r = mounted_put(&sn, path, e);
        if (r < 0) {
            (void)rmdir(path);
            return r;
        }
    }
    *ret_path = strdup(path);
    return *ret_path ? 0 : err_oom(e);
}

static int mounted_take(const char *path, bool force, struct err *e) {
    if (sys_umount2(path, force ? SYS_MNT_DETACH : 0) < 0) {
        if (errno == EBUSY)
            return err_set(e, ERR_CONFLICT, -EBUSY, "%s is in use: leave it, or use --force", path);
        return err_sys(e, "cannot unmount %s", path);
    }
    (void)rmdir(path);
    return 0;
}

int hako_image_unmount(hako_engine *g, const char *name, bool force, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct store *s = NULL;
    struct image img = {0};
    int r = a ? mounted_refuse(g, e) : err_oom(e);
    if (r == 0)
        r = engine_store(g, &s, e);
    if (r == 0)
        r = image_find(s, name, a, &img, e);
    if (r < 0)
        return r;
    char *path = mounted_path(g, digest_hex(&img.id), a);
    if (!path)
        return err_oom(e);
    if (!mounted_here(path))
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "image %s is not mounted", name);
    return mounted_take(path, force, e);
}

static js *mounted_row(hako_engine *g, const struct store *s, const char *hex, struct arena *a) {
    struct image img = {0};
    struct err ignored = {0};
    js *o = js_new_object(), *names = js_new_array();
    char *id = arena_printf(a, "sha256:%s", hex);
    if (id && image_find(s, id, a, &img, &ignored) == 0 &&
        image_describe(s, a, &img, &ignored) == 0) {
        struct ref ref;
        for (size_t i = 0; i < img.refs.n; i++)
            if (ref_parse(img.refs.v[i], a, &ref, &ignored) == 0)
                js_push_str(names, ref_familiar(&ref, a));
    }
    js_set_str(o, "id", hex);
    js_set(o, "Repositories", names);
    js_set_str(o, "mountpoint", mounted_path(g, hex, a));
    return o;
}

int hako_image_mounts(hako_engine *g, char **ret_json, hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *rows = js_new_array();
    AUTO_STR struct str text = STR_INIT(0);
    const struct store *s = NULL;
    int r = a ? engine_store(g, &s, e) : err_oom(e);
    if (r < 0)
        return r;
    int fd = openat(g->runfd, IMAGE_MOUNTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        fd_close(&fd);
    for (struct dirent *d; dir && (d = readdir(dir));) {
        if (strlen(d->d_name) != 64)
            continue;
        const char *path = mounted_path(g, d->d_name, a);
        if (path && mounted_here(path))
            js_push(rows, mounted_row(g, s, d->d_name, a));
        else
            (void)unlinkat(fd, d->d_name, AT_REMOVEDIR); /* of one that was killed */
    }
    if (dir)
        closedir(dir);
    if (js_print(rows, JS_COMPACT, &text) < 0)
        return err_oom(e);
    *ret_json = str_take(&text);
    return 0;
}
