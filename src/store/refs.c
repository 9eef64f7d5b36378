/* SPDX-License-Identifier: Apache-2.0 */
#include "store/refs.h"

#include "base/io.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int refs_escape(const char *full, char out[static NAME_MAX + 1], struct err *e) {
    if (!str_copy(out, NAME_MAX + 1, full))
        return err_set(e, ERR_USAGE, -ENAMETOOLONG, "reference %.60s… is longer than %d characters",
                       full, NAME_MAX);
    for (char *p = out; (p = strchr(p, '/'));)
        *p = '+';
    return 0;
}

static int refs_read(const struct store *s, const char *file, struct digest *ret, struct err *e) {
    char line[sizeof(ret->s) + 1];
    int r = io_read_line(s->refsfd, file, line, sizeof(line));
    if (r == -ENOENT)
        return r;
    if (r < 0)
        return err_sysn(e, r, "cannot read %s/refs/%s", s->root, file);
    return digest_parse(line, file, ret, e);
}

int refs_get(const struct store *s, const char *full, struct digest *ret, struct err *e) {
    char file[NAME_MAX + 1];
    int r = refs_escape(full, file, e);
    return r < 0 ? r : refs_read(s, file, ret, e);
}

int refs_set(const struct store *s, const char *full, const struct digest *id, struct err *e) {
    char file[NAME_MAX + 1], line[sizeof(id->s) + 1];
    int r = refs_escape(full, file, e);
    if (r < 0)
        return r;
    size_t n = strlen(id->s);
    memcpy(line, id->s, n);
    line[n++] = '\n';
    /* Made beside the directory, so that refs/ never holds a half-named file. */
    static const char unfinished[] = "ref.new";
    AUTO_FD int fd =
        openat(s->rootfd, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_sys(e, "cannot write %s/refs/%s", s->root, file);
    r = io_write_all(fd, line, n);
    if (r == 0 && renameat(s->rootfd, unfinished, s->refsfd, file) < 0)
        r = -errno;
    if (r == 0)
        return 0;
    unlinkat(s->rootfd, unfinished, 0);
    return err_sysn(e, r, "cannot write %s/refs/%s", s->root, file);
}

int refs_drop(const struct store *s, const char *full, struct err *e) {
    char file[NAME_MAX + 1];
    int r = refs_escape(full, file, e);
    if (r < 0)
        return r;
    if (unlinkat(s->refsfd, file, 0) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove %s/refs/%s", s->root, file);
    return 0;
}

static int refs_compare(const void *a, const void *b) {
    return strcmp(((const struct refs_entry *)a)->full, ((const struct refs_entry *)b)->full);
}

/* One directory entry → list; what is unreadable is left out, it names nothing. */
static int refs_add(const struct store *s, const char *file, struct arena *a, struct refs_entry **v,
                    size_t *n, size_t *cap, struct err *e) {
    struct digest id;
    if (refs_read(s, file, &id, e) < 0)
        return 0;
    if (*n == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        struct refs_entry *grown = arena_array(a, more, struct refs_entry);
        if (!grown)
            return err_oom(e);
        if (*n)
            memcpy(grown, *v, *n * sizeof(**v));
        *v = grown;
        *cap = more;
    }
    char *full = arena_strdup(a, file);
    if (!full)
        return err_oom(e);
    for (char *p = full; (p = strchr(p, '+'));)
        *p = '/';
    (*v)[(*n)++] = (struct refs_entry){full, id};
    return 0;
}

int refs_list(const struct store *s, struct arena *a, struct refs_entry **ret, size_t *n,
              struct err *e) {
    struct refs_entry *v = NULL;
    size_t count = 0, cap = 0;
    int fd = openat(s->refsfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        int r = err_sys(e, "cannot list %s/refs", s->root);
        fd_close(&fd);
        return r;
    }
    int r = 0;
    for (const struct dirent *de; r == 0 && (de = readdir(d));) {
        if (de->d_name[0] != '.')
            r = refs_add(s, de->d_name, a, &v, &count, &cap, e);
    }
    closedir(d);
    if (r < 0)
        return r;
    if (count)
        qsort(v, count, sizeof(*v), refs_compare);
    *ret = v;
    *n = count;
    return 0;
}

char *refs_tag_name(const struct ref *r, struct arena *a) {
    return arena_printf(a, "%s/%s:%s", r->domain, r->path, r->tag ? r->tag : "latest");
}

char *refs_digest_name(const struct ref *r, const struct digest *d, struct arena *a) {
    return arena_printf(a, "%s/%s@%s", r->domain, r->path, d->s);
}
