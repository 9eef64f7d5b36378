/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/device.h"

#include <limits.h>
#include <string.h>

#include "base/path.h"

/* Each of r, w, m at most once, and at least one. */
static bool is_access(const char *s) {
    for (const char *p = s; *p; p++) {
        if (!strchr("rwm", *p) || strchr(p + 1, *p))
            return false;
    }
    return *s != 0;
}

static int clean(const char *path, struct arena *a, char **ret, struct err *e) {
    char buf[PATH_MAX];
    if (path[0] != '/')
        return err_set(e, ERR_USAGE, -EINVAL, "%.200s is not an absolute path", path);
    int r = path_clean(path, buf, sizeof(buf));
    if (r < 0)
        return err_set(e, ERR_USAGE, r, "device path is too long: %.200s", path);
    *ret = arena_strdup(a, buf);
    return *ret ? 0 : err_oom(e);
}

int device_parse(const char *text, struct arena *a, struct device_request *ret, struct err *e) {
    struct device_request d = {0};
    char *part[3] = {NULL, NULL, NULL};
    size_t n = 0;
    char *copy = arena_strdup(a, text);
    if (!copy)
        return err_oom(e);
    for (char *s = copy; s; n++) {
        if (n == 3)
            return err_set(e, ERR_USAGE, -EINVAL, "bad format for path: %.200s", text);
        part[n] = s;
        s = strchr(s, ':');
        if (s)
            *s++ = 0;
    }
    if (!*part[0] || (n == 2 && !*part[1]))
        return err_set(e, ERR_USAGE, -EINVAL, "bad format for path: %.200s", text);
    const char *inside = part[0];
    const char *access = "rwm";
    if (n == 2 && is_access(part[1]))
        access = part[1];
    else if (n >= 2)
        inside = part[1];
    if (n == 3)
        access = part[2];
    if (!is_access(access))
        return err_set(e, ERR_USAGE, -EINVAL, "bad mode specified: %.60s", access);
    d.access = arena_strdup(a, access);
    int r = d.access ? clean(part[0], a, &d.host, e) : err_oom(e);
    if (r == 0)
        r = clean(inside, a, &d.container, e);
    if (r < 0)
        return r;
    *ret = d;
    return 0;
}
