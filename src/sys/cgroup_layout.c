/* SPDX-License-Identifier: Apache-2.0 */
/* Where cgroups are mounted, where we are in them, and what we may do there. */
#include "base/io.h"
#include "base/str.h"
#include "sys/caps.h"
#include "sys/cgroup.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CAP_NR_SYS_ADMIN = 21, CAP_NR_BPF = 39 };

/* The controllers in a comma list, by v1 names. */
static uint32_t ctls_of(const char *list, size_t len, const char *separators, bool v2) {
    uint32_t ctls = 0;

    for (size_t at = 0; at < len;) {
        size_t n = 0;
        while (at + n < len && !strchr(separators, list[at + n]))
            n++;
        for (int c = 0; c < CG_COUNT; c++) {
            const char *name = cgroup_ctl_name(c, v2);
            if (strlen(name) == n && strncmp(list + at, name, n) == 0)
                ctls |= CG_BIT(c);
        }
        at += n + 1;
    }
    return ctls;
}

/* Own path in the hierarchy that has one of `ctls` (0: the v2 line). Arena-owned, or NULL. */
static char *own_path(const char *proc_cgroup, uint32_t ctls, struct arena *a) {
    for (const char *line = proc_cgroup; line && *line;) {
        size_t len = strcspn(line, "\n");
        const char *list = memchr(line, ':', len);
        const char *path = list ? memchr(list + 1, ':', len - (size_t)(list + 1 - line)) : NULL;
        if (path) {
            size_t list_len = (size_t)(path - list - 1);
            bool hit = ctls ? (ctls_of(list + 1, list_len, ",", false) & ctls) != 0
                            : list_len == 0 && list == line + 1 && line[0] == '0';
            if (hit)
                return arena_strndup(a, path + 1, len - (size_t)(path + 1 - line));
        }
        line += len + (line[len] == '\n');
    }
    return NULL;
}

/* Undo mountinfo's octal escapes in place. */
static void unescape(char *s) {
    char *to = s;

    for (const char *p = s; *p; to++) {
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
            p[3] >= '0' && p[3] <= '7') {
            *to = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            p += 4;
        } else {
            *to = *p++;
        }
    }
    *to = '\0';
}

/* Word number `nth` (from 0) of a line, arena-owned; NULL when there are fewer. */
static char *word(const char *line, size_t len, int nth, struct arena *a) {
    const char *end = line + len;

    for (const char *p = line; p < end; p++) {
        const char *stop = memchr(p, ' ', (size_t)(end - p));
        stop = stop ? stop : end;
        if (nth-- == 0)
            return arena_strndup(a, p, (size_t)(stop - p));
        p = stop;
    }
    return NULL;
}

struct mount_line {
    char *root, *point, *type, *options;
};

static bool parse_mount(const char *line, size_t len, struct arena *a, struct mount_line *ret) {
    const char *dash = memmem(line, len, " - ", 3);

    if (!dash)
        return false;
    const char *tail = dash + 3;
    size_t tail_len = len - (size_t)(tail - line);
    if (strncmp(tail, "cgroup", MIN_OF(tail_len, (size_t)6)) != 0)
        return false;
    ret->type = word(tail, tail_len, 0, a);
    ret->options = word(tail, tail_len, 2, a);
    ret->root = word(line, (size_t)(dash - line), 3, a);
    ret->point = word(line, (size_t)(dash - line), 4, a);
    if (!ret->type || !ret->options || !ret->root || !ret->point)
        return false;
    unescape(ret->root);
    unescape(ret->point);
    return true;
}

/* Our own directory: the mount point plus what our path has below the mount's root. */
static const char *own_dir(const struct mount_line *m, const char *path, struct arena *a) {
    size_t n = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);

    /* Outside of what is mounted ("/../…", a foreign root): the mount point is all we see. */
    if (!path || strncmp(path, m->root, n) != 0 || (path[n] != '/' && path[n] != '\0') ||
        strncmp(path + n, "/..", 3) == 0 || strcmp(path + n, "/") == 0 || path[n] == '\0')
        return m->point;
    return arena_printf(a, "%s%s", m->point, path + n);
}

static uint32_t read_ctls(const struct cgroup_probe *probe, const char *dir, const char *file,
                          bool *found) {
    char path[PATH_MAX], buf[1024];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

    *found = n > 0 && (size_t)n < sizeof(path) && probe->read(path, buf, sizeof(buf), probe->data);
    return *found ? ctls_of(buf, strlen(buf), " \n", true) : 0;
}

static bool file_writable(const struct cgroup_probe *probe, const char *dir, const char *file) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, file);

    return n > 0 && (size_t)n < sizeof(path) && probe->writable(path, probe->data);
}

/* May we make groups here, enter them from a sibling, and hand controllers to them? */
static bool delegated(const struct cgroup_probe *probe, const char *dir) {
    return probe->writable(dir, probe->data) && file_writable(probe, dir, "cgroup.procs") &&
           file_writable(probe, dir, "cgroup.subtree_control");
}

static bool has_processes(const struct cgroup_probe *probe, const char *dir) {
    char path[PATH_MAX], buf[16];
    int n = snprintf(path, sizeof(path), "%s/cgroup.procs", dir);

    return n > 0 && (size_t)n < sizeof(path) && probe->read(path, buf, sizeof(buf), probe->data) &&
           buf[0] != '\0';
}

/* The real root of the tree, not that of a cgroup namespace: it has no type. */
static bool is_tree_root(const struct cgroup_probe *probe, const char *mount) {
    char path[PATH_MAX], buf[32];
    int n = snprintf(path, sizeof(path), "%s/cgroup.type", mount);

    return n > 0 && (size_t)n < sizeof(path) && !probe->read(path, buf, sizeof(buf), probe->data);
}

/* Where v2 groups go; the theory of operation in cgroup.h says why. */
static int place_v2(const struct mount_line *m, const char *own, const struct cgroup_probe *probe,
                    struct arena *a, struct cgroup_hierarchy *ret) {
    struct cgroup_hierarchy h = {.mount = m->point, .base = own};
    bool found;

    h.mount_writable = delegated(probe, m->point);
    if (h.mount_writable && is_tree_root(probe, m->point)) {
        h.base = m->point;
        h.writable = true;
    } else if (delegated(probe, own)) {
        h.writable = true;
        h.leaf = has_processes(probe, own);
        size_t mount_len = strlen(m->point);
        char *dir = arena_strdup(a, own);
        if (!dir)
            return -ENOMEM;
        while (h.leaf && strlen(dir) > mount_len) {
            *strrchr(dir, '/') = '\0';
            if (!delegated(probe, dir))
                break;
            if (!has_processes(probe, dir)) {
                h.base = dir;
                h.leaf = false;
            }
        }
    }
    h.ctls = read_ctls(probe, h.base, "cgroup.controllers", &found);
    h.enabled = read_ctls(probe, h.base, "cgroup.subtree_control", &found);
    /* Without controllers (hybrid) or with all of them handed out already there is no rule to
     * break. */
    if (h.ctls == 0 || h.enabled == h.ctls)
        h.leaf = false;
    *ret = h;
    return 0;
}

static int place_v1(const struct mount_line *m, uint32_t ctls, const char *proc_cgroup,
                    const struct cgroup_probe *probe, struct arena *a,
                    struct cgroup_hierarchy *ret) {
    const char *base = own_dir(m, own_path(proc_cgroup, ctls, a), a);

    if (!base)
        return -ENOMEM;
    *ret = (struct cgroup_hierarchy){
        .mount = m->point,
        .base = base,
        .ctls = ctls,
        .writable = probe->writable(base, probe->data),
        .mount_writable = probe->writable(m->point, probe->data),
    };
    return 0;
}

static bool swap_accounted(const struct cgroup_layout *l, const struct cgroup_probe *probe) {
    char path[PATH_MAX], buf[64];
    bool v2;
    const struct cgroup_hierarchy *h = cgroup_layout_find(l, CG_MEMORY, &v2);

    if (!h || v2)
        return h != NULL; /* v2: the root has no file to ask */
    int n = snprintf(path, sizeof(path), "%s/memory.memsw.limit_in_bytes", h->mount);
    return n > 0 && (size_t)n < sizeof(path) && probe->read(path, buf, sizeof(buf), probe->data);
}

int cgroup_layout_parse(const char *proc_cgroup, const char *mountinfo,
                        const struct cgroup_probe *probe, struct arena *a,
                        struct cgroup_layout *ret, struct err *e) {
    struct cgroup_layout l = {.kind = CGROUP_NONE, .can_make_devices = probe->root};
    uint32_t seen = 0;

    for (const char *line = mountinfo; *line;) {
        size_t len = strcspn(line, "\n");
        struct mount_line m;
        if (parse_mount(line, len, a, &m)) {
            int r = 0;
            uint32_t ctls = ctls_of(m.options, strlen(m.options), ",", false);
            if (strcmp(m.type, "cgroup2") == 0 && !l.has_v2) {
                const char *own = own_dir(&m, own_path(proc_cgroup, 0, a), a);
                r = own ? place_v2(&m, own, probe, a, &l.v2) : -ENOMEM;
                l.has_v2 = true;
            } else if (strcmp(m.type, "cgroup") == 0 && ctls && !(ctls & seen)) {
                r = place_v1(&m, ctls, proc_cgroup, probe, a, &l.v1[l.n_v1++]);
                seen |= ctls;
            }
            if (r < 0)
                return err_oom(e);
        }
        line += len + (line[len] == '\n');
    }
    if (l.n_v1 > 0)
        l.kind = l.has_v2 ? CGROUP_HYBRID : CGROUP_V1;
    else if (l.has_v2)
        l.kind = CGROUP_V2;
    l.swap_accounting = swap_accounted(&l, probe);
    *ret = l;
    return 0;
}

const struct cgroup_hierarchy *cgroup_layout_find(const struct cgroup_layout *l,
                                                  enum cgroup_ctl ctl, bool *v2) {
    for (size_t i = 0; i < l->n_v1; i++)
        if (l->v1[i].ctls & CG_BIT(ctl)) {
            *v2 = false;
            return &l->v1[i];
        }
    if (l->has_v2 && (l->v2.ctls & CG_BIT(ctl))) {
        *v2 = true;
        return &l->v2;
    }
    return NULL;
}

static bool host_writable(const char *path, void *data) {
    (void)data;
    return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static bool host_read_file(const char *path, char *buf, size_t size, void *data) {
    (void)data;
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : io_read_full(fd, buf, size - 1);

    buf[n < 0 ? 0 : n] = '\0';
    return n >= 0;
}

int cgroup_layout_read(struct arena *a, struct cgroup_layout *ret, struct err *e) {
    AUTO_STR struct str groups = STR_INIT(1 << 20), mounts = STR_INIT(16 << 20);
    struct cgroup_probe probe = {
        .writable = host_writable,
        .read = host_read_file,
        .root = geteuid() == 0 && !userns_inside(),
    };
    struct caps caps;
    int r = io_read_file(AT_FDCWD, "/proc/self/cgroup", &groups);

    if (r == -ENOENT) { /* a kernel without cgroups */
        *ret = (struct cgroup_layout){.kind = CGROUP_NONE};
        return 0;
    }
    if (r < 0)
        return err_sysn(e, r, "read /proc/self/cgroup");
    r = io_read_file(AT_FDCWD, "/proc/self/mountinfo", &mounts);
    if (r < 0)
        return err_sysn(e, r, "read /proc/self/mountinfo");
    r = cgroup_layout_parse(str_c(&groups), str_c(&mounts), &probe, a, ret, e);
    if (r == 0 && probe.root && caps_current(&caps) == 0)
        ret->v2_bpf_devices =
            ret->has_v2 &&
            (caps.effective & (CAPS_BIT(CAP_NR_SYS_ADMIN) | CAPS_BIT(CAP_NR_BPF))) != 0;
    return r;
}
