/* SPDX-License-Identifier: Apache-2.0 */
#include "machine/container/rdt.h"

#include "base/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define RDT_MAX_SCHEMATA 4096

/* All lines end in '\n' or the text's end; blanks before and after do not count. */
static bool rdt_has_line(const char *text, const char *line) {
    size_t want = strlen(line);
    for (const char *s = text; *s;) {
        s += strspn(s, " \t");
        size_t n = strcspn(s, "\n"), end = n;
        while (end > 0 && s[end - 1] == ' ')
            end--;
        if (end == want && memcmp(s, line, want) == 0)
            return true;
        s += n + (s[n] == '\n');
    }
    return false;
}

static int rdt_compare(const struct plan *p, const struct plan_step *s, int dir, struct err *e) {
    char text[RDT_MAX_SCHEMATA];
    uint32_t n;
    const uint32_t *lines = plan_list(p, s->ref[1], &n);
    AUTO_FD int fd = openat(dir, "schemata", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -errno : io_read_full(fd, text, sizeof(text) - 1);
    if (len < 0)
        return err_sysn(e, (int)len, "linux.intelRdt: cannot read %s/schemata",
                        plan_str(p, s->ref[0]));
    text[len] = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!rdt_has_line(text, plan_str(p, lines[i])))
            return err_set(e, ERR_CONFLICT, -EEXIST,
                           "linux.intelRdt: %s is there and its schemata are not \"%s\"",
                           plan_str(p, s->ref[0]), plan_str(p, lines[i]));
    }
    return 0;
}

static int rdt_write_line(const char *group, int dir, const char *words, struct err *e) {
    char line[RDT_MAX_SCHEMATA];
    int w = snprintf(line, sizeof(line), "%s\n", words);
    int r = w < 0 || (size_t)w >= sizeof(line) ? -E2BIG : io_write_kernel(dir, "schemata", line);
    return r < 0 ? err_sysn(e, r, "linux.intelRdt: the kernel does not take \"%s\" for %s", words,
                            group)
                 : 0;
}

static int rdt_write_schemata(const struct plan *p, const struct plan_step *s, int dir,
                              struct err *e) {
    uint32_t n;
    const uint32_t *lines = plan_list(p, s->ref[1], &n);
    int r = 0;
    for (uint32_t i = 0; i < n && r == 0; i++)
        r = rdt_write_line(plan_str(p, s->ref[0]), dir, plan_str(p, lines[i]), e);
    return r;
}

static int rdt_group(const struct plan *p, const struct plan_step *s, pid_t pid, struct err *e) {
    const char *path = plan_str(p, s->ref[0]), *monitor = plan_str(p, s->ref[2]);
    bool made = s->num[0] != RDT_FOUND && mkdir(path, 0755) == 0;
    if (!made && s->num[0] != RDT_FOUND && (errno != EEXIST || s->num[0] == RDT_OWN))
        return err_sys(e, "linux.intelRdt: cannot make the group %s", path);
    AUTO_FD int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "linux.intelRdt.closID: the group %s is not there", path);
    int r = s->num[0] == RDT_NAMED && !made ? rdt_compare(p, s, dir, e)
                                            : rdt_write_schemata(p, s, dir, e);
    if (r == 0 && monitor && mkdir(monitor, 0755) < 0)
        r = err_sys(e, "linux.intelRdt.enableMonitoring: cannot make the group %s", monitor);
    if (r < 0 && made)
        rmdir(path);
    return r;
}

typedef int rdt_fn(const struct plan *p, const struct plan_step *s, pid_t pid, struct err *e);

static int rdt_each(const struct plan *p, rdt_fn *fn, pid_t pid, struct err *e) {
    uint32_t n;
    const struct plan_step *s = plan_steps(p, PLAN_HOST_OPEN, &n);
    int r = 0;
    for (uint32_t i = 0; i < n && r == 0; i++) {
        if (s[i].op == PLAN_RDT_GROUP)
            r = fn(p, &s[i], pid, e);
    }
    return r;
}

int rdt_make(const struct plan *p, struct err *e) {
    return rdt_each(p, rdt_group, 0, e);
}

static int rdt_add_task(const char *group, pid_t pid, struct err *e) {
    char number[16];
    snprintf(number, sizeof(number), "%d", (int)pid);
    AUTO_FD int dir = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = dir < 0 ? -errno : io_write_kernel(dir, "tasks", number);
    return r < 0 ? err_sysn(e, r, "linux.intelRdt: cannot put the container into %s", group) : 0;
}

static int rdt_join_one(const struct plan *p, const struct plan_step *s, pid_t pid, struct err *e) {
    int r = rdt_add_task(plan_str(p, s->ref[0]), pid, e);
    return r == 0 && s->ref[2] ? rdt_add_task(plan_str(p, s->ref[2]), pid, e) : r;
}

int rdt_join(const struct plan *p, pid_t pid, struct err *e) {
    return rdt_each(p, rdt_join_one, pid, e);
}

int rdt_update(const struct plan *p, const char *line, struct err *e) {
    uint32_t n;
    const struct plan_step *s = plan_steps(p, PLAN_HOST_OPEN, &n);
    int found = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (s[i].op != PLAN_RDT_GROUP)
            continue;
        const char *group = plan_str(p, s[i].ref[0]);
        AUTO_FD int dir = open(group, O_PATH | O_DIRECTORY | O_CLOEXEC);
        int r = dir < 0 ? err_sys(e, "linux.intelRdt.closID: the group %s is not there", group)
                        : rdt_write_line(group, dir, line, e);
        if (r < 0)
            return r;
        found = 1;
    }
    return found;
}

static int rdt_remove_one(const struct plan *p, const struct plan_step *s, pid_t pid,
                          struct err *e) {
    const char *path = plan_str(p, s->ref[0]), *monitor = plan_str(p, s->ref[2]);
    if (monitor && rmdir(monitor) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove the monitoring group %s", monitor);
    if (s->num[0] == RDT_OWN && rmdir(path) < 0 && errno != ENOENT)
        return err_sys(e, "cannot remove the group %s", path);
    return 0;
}

int rdt_remove(const struct plan *p, struct err *e) {
    return rdt_each(p, rdt_remove_one, 0, e);
}
