/* SPDX-License-Identifier: Apache-2.0 */
#include "store/volume.h"

#include "base/io.h"
#include "base/json.h"
#include "base/str.h"
#include "store/discard.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define VOLUME_MAX_META ((size_t)1 << 20)
#define UNFINISHED ".new-"

static bool volume_is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int volume_check_name(const char *name, struct err *e) {
    size_t n = 0;
    while (volume_is_alnum(name[n]) || (n > 0 && name[n] && strchr("_.-", name[n])))
        n++;
    if (name[n] || n < 2 || n > NAME_MAX)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "create %.100s: \"%.100s\" includes invalid characters for a local volume "
                       "name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to "
                       "pass a host directory, use absolute path",
                       name, name);
    return 0;
}

static int volume_dir(int rootfd, int *ret, struct err *e) {
    int fd = openat(rootfd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        if (mkdirat(rootfd, "volumes", 0711) < 0 && errno != EEXIST)
            return err_sys(e, "cannot make the volumes directory");
        fd = openat(rootfd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (fd < 0)
        return err_sys(e, "cannot open the volumes directory");
    *ret = fd;
    return 0;
}

static int volume_labels(const js *meta, struct arena *a, struct volume *v) {
    const js *labels = js_get(meta, "labels");
    if (js_type(labels) != JS_OBJECT || js_len(labels) == 0)
        return 0;
    v->labels = arena_array(a, js_len(labels), struct rt_kv);
    if (!v->labels)
        return -ENOMEM;
    struct js_iter it = js_iter(labels);
    while (js_next(&it)) {
        struct rt_kv *kv = &v->labels[v->n_labels++];
        const char *value = js_str(it.value);
        kv->key = arena_strdup(a, it.key);
        kv->value = arena_strdup(a, value ? value : "");
        if (!kv->key || !kv->value)
            return -ENOMEM;
    }
    return 0;
}

/* -ENOENT without an error filled when there is none. */
static int volume_read(int dir, const char *root_path, const char *name, struct arena *a,
                       struct volume *ret, struct err *e) {
    char file[NAME_MAX + 16];
    struct volume v = {.name = arena_strdup(a, name),
                       .path = arena_printf(a, "%s/volumes/%s/data", root_path, name)};
    AUTO_STR struct str text = STR_INIT(VOLUME_MAX_META);
    AUTO_JS js *meta = NULL;
    if (!v.name || !v.path)
        return err_oom(e);
    snprintf(file, sizeof(file), "%.*s/meta.json", NAME_MAX, name);
    int r = io_read_file(dir, file, &text);
    if (r == -ENOENT)
        return r;
    if (r < 0)
        return err_sysn(e, r, "cannot read volume %s", name);
    r = js_parse(str_c(&text), text.len, file, &meta, e);
    if (r < 0)
        return r;
    const char *created = js_get_str(meta, "created");
    if (!created || str_from_rfc3339(created, &v.created_ns) < 0)
        v.created_ns = 0;
    v.anonymous = js_get_bool(meta, "anonymous", false);
    if (volume_labels(meta, a, &v) < 0)
        return err_oom(e);
    *ret = v;
    return 0;
}

static int volume_meta_print(const struct volume_want *want, struct str *text) {
    char when[36];
    AUTO_JS js *meta = js_new_object();
    if (!meta)
        return -ENOMEM;
    int r = js_set_str(meta, "created", str_rfc3339(now_unix_ns(), when));
    if (r == 0 && (want->anonymous || !want->name))
        r = js_set_bool(meta, "anonymous", true);
    if (r == 0 && want->n_labels) {
        js *labels = js_new_object();
        for (size_t i = 0; labels && r == 0 && i < want->n_labels; i++)
            r = js_set_str(labels, want->labels[i].key,
                           want->labels[i].value ? want->labels[i].value : "");
        int s = js_set(meta, "labels", labels);
        r = r < 0 ? r : s;
    }
    return r < 0 ? r : js_print(meta, JS_COMPACT, text);
}

/* Make the whole volume in .new-… and let it appear. -EEXIST when somebody else was faster. */
static int volume_build(int dir, const char *tmp, const char *name,
                        const struct volume_want *want) {
    AUTO_STR struct str text = STR_INIT(VOLUME_MAX_META);
    if (mkdirat(dir, tmp, 0711) < 0)
        return -errno;
    AUTO_FD int fd = openat(dir, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX) < 0)
        return -errno;
    int r = volume_meta_print(want, &text);
    if (r == 0)
        r = io_replace_file(fd, "meta.json", text.s, text.len, 0644, false);
    if (r == 0 && mkdirat(fd, "data", 0755) < 0)
        r = -errno;
    if (r == 0 && fchmodat(fd, "data", 0755, 0) < 0)
        r = -errno;
    if (r == 0 && renameat2(dir, tmp, dir, name, RENAME_NOREPLACE) < 0)
        r = -errno;
    return r;
}

/* Volumes whose makers died before the rename, or removals that were cut short. */
static void volume_sweep(int dir) {
    struct err ignored;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        fd_close(&fd);
        return;
    }
    for (const struct dirent *de; (de = readdir(d));) {
        if (!str_starts(de->d_name, UNFINISHED))
            continue;
        AUTO_FD int one = openat(dir, de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (one >= 0 && flock(one, LOCK_EX | LOCK_NB) == 0)
            (void)discard_tree(dir, de->d_name, &ignored);
    }
    closedir(d);
}

void volume_tidy(int rootfd) {
    AUTO_FD int dir = openat(rootfd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir >= 0)
        volume_sweep(dir);
}

static int volume_random(char out[static 2 * 32 + 1], struct err *e) {
    unsigned char bytes[32];
    int r = io_random(bytes, sizeof(bytes));
    if (r < 0)
        return err_sysn(e, r, "random bytes");
    str_hex(bytes, sizeof(bytes), out);
    return 0;
}

static int volume_create(int dir, const char *name, const struct volume_want *want, bool *created,
                         struct err *e) {
    char tmp[sizeof(UNFINISHED) + 64], random[65];
    volume_sweep(dir);
    int r = volume_random(random, e);
    if (r < 0)
        return r;
    snprintf(tmp, sizeof(tmp), UNFINISHED "%.16s", random);
    r = volume_build(dir, tmp, name, want);
    *created = r == 0;
    if (r == 0)
        return 0;
    struct err ignored;
    (void)discard_tree(dir, tmp, &ignored);
    return r == -EEXIST ? 0 : err_sysn(e, r, "cannot create volume %s", name);
}

int volume_ensure(int rootfd, const char *root_path, const struct volume_want *want,
                  struct arena *a, struct volume *ret, bool *created, struct err *e) {
    char fresh[65];
    const char *name = want->name;
    AUTO_FD int dir = -1;
    bool made = false;
    int r = name ? volume_check_name(name, e) : volume_random(fresh, e);
    if (r < 0)
        return r;
    if (!name)
        name = fresh;
    r = volume_dir(rootfd, &dir, e);
    if (r < 0)
        return r;
    r = volume_read(dir, root_path, name, a, ret, e);
    if (r == -ENOENT) {
        r = volume_create(dir, name, want, &made, e);
        if (r == 0)
            r = volume_read(dir, root_path, name, a, ret, e);
        if (r == -ENOENT)
            r = err_set(e, ERR_CONFLICT, -EBUSY, "volume %s was removed meanwhile: try again",
                        name);
    }
    if (r == 0)
        *created = made;
    return r;
}

static int volume_none(const char *name, struct err *e) {
    return err_set(e, ERR_NOT_FOUND, -ENOENT, "no such volume: %s", name);
}

int volume_find(int rootfd, const char *root_path, const char *name, struct arena *a,
                struct volume *ret, struct err *e) {
    struct err bad;
    AUTO_FD int dir = -1;
    if (volume_check_name(name, &bad) < 0)
        return volume_none(name, e);
    int r = volume_dir(rootfd, &dir, e);
    if (r < 0)
        return r;
    r = volume_read(dir, root_path, name, a, ret, e);
    return r == -ENOENT ? volume_none(name, e) : r;
}

static int volume_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int volume_names(int dir, struct arena *a, struct strlist *ret, struct err *e) {
    struct err bad;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        int r = err_sys(e, "cannot list the volumes directory");
        fd_close(&fd);
        return r;
    }
    int r = 0;
    for (const struct dirent *de; r == 0 && (de = readdir(d));) {
        if (volume_check_name(de->d_name, &bad) == 0 && strlist_add(a, ret, de->d_name) < 0)
            r = err_oom(e);
    }
    closedir(d);
    if (r == 0 && ret->n)
        qsort(ret->v, ret->n, sizeof(*ret->v), volume_compare);
    return r;
}

int volume_list(int rootfd, const char *root_path, struct arena *a, struct volume **ret, size_t *n,
                struct err *e) {
    struct strlist names = {NULL, 0, 0};
    AUTO_FD int dir = -1;
    size_t count = 0;
    int r = volume_dir(rootfd, &dir, e);
    if (r == 0)
        r = volume_names(dir, a, &names, e);
    if (r < 0)
        return r;
    struct volume *v = arena_array(a, names.n, struct volume);
    if (!v)
        return err_oom(e);
    for (size_t i = 0; i < names.n; i++) {
        r = volume_read(dir, root_path, names.v[i], a, &v[count], e);
        if (r == 0)
            count++;
        else if (r != -ENOENT)
            return r;
    }
    *ret = v;
    *n = count;
    return 0;
}

int volume_remove(int rootfd, const char *name,
                  const char *(*in_use)(const char *volume, void *data), void *data,
                  struct err *e) {
    char tmp[sizeof(UNFINISHED) + 64], random[65];
    struct err ignored;
    AUTO_FD int dir = -1;
    if (volume_check_name(name, &ignored) < 0)
        return volume_none(name, e);
    int r = volume_dir(rootfd, &dir, e);
    if (r == 0)
        r = volume_random(random, e);
    if (r < 0)
        return r;
    AUTO_FD int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? volume_none(name, e) : err_sys(e, "cannot open volume %s", name);
    const char *user = in_use ? in_use(name, data) : NULL;
    if (user)
        return err_set(e, ERR_CONFLICT, -EBUSY, "remove %s: volume is in use - [%s]", name, user);
    /* Gone at once, emptied afterwards; a sweep finishes what is cut short. */
    snprintf(tmp, sizeof(tmp), UNFINISHED "%.16s", random);
    if (flock(fd, LOCK_EX) < 0 || renameat(dir, name, dir, tmp) < 0)
        return errno == ENOENT ? volume_none(name, e) : err_sys(e, "cannot remove volume %s", name);
    r = discard_tree(dir, tmp, e);
    return r < 0 ? err_wrap(e, "volume %s", name) : 0;
}
