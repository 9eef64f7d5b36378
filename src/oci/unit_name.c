/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/unit.h"

#include <string.h>

static int bad_slice(const char *slice, struct err *e) {
    return err_set(e, ERR_USAGE, -EINVAL, "linux.cgroupsPath: invalid slice name: %.200s", slice);
}

int unit_name_expand(const char *slice, struct arena *a, char **ret, struct err *e) {
    static const char suffix[] = ".slice";
    size_t len = strlen(slice), stem = len - strlen(suffix);
    AUTO_STR struct str path = STR_INIT(4096);
    if (len <= strlen(suffix) || !str_ends(slice, suffix) || strchr(slice, '/'))
        return bad_slice(slice, e);
    if (strcmp(slice, "-.slice") == 0) {
        *ret = arena_strdup(a, "/");
        return *ret ? 0 : err_oom(e);
    }
    for (size_t i = 0; i <= stem; i++) {
        if (i < stem && slice[i] != '-')
            continue;
        /* no empty part: "-a.slice", "a--b.slice", "a-.slice" */
        if (i == 0 || slice[i - 1] == '-')
            return bad_slice(slice, e);
        if (str_addf(&path, "/%.*s%s", (int)i, slice, suffix) < 0)
            return bad_slice(slice, e);
    }
    *ret = arena_strdup(a, str_c(&path));
    return *ret ? 0 : err_oom(e);
}

/* What systemd takes in a name; nothing else may come into the helper's request. */
static bool good_name(const char *name) {
    size_t n = 0;
    for (; name[n]; n++) {
        char c = name[n];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    strchr(":-_.\\@", c);
        if (!fine)
            return false;
    }
    return n <= 255;
}

static int check_unit(const struct unit_name *n, struct arena *a, struct err *e) {
    char *ignored;
    if (!good_name(n->unit))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "linux.cgroupsPath: \"%.200s\" cannot be the name of a systemd unit",
                       n->unit);
    return good_name(n->slice) ? unit_name_expand(n->slice, a, &ignored, e)
                               : bad_slice(n->slice, e);
}

int unit_name_parse(const char *cgroups_path, const char *prefix, const char *id, bool user,
                    struct arena *a, struct unit_name *ret, struct err *e) {
    struct unit_name n = {.slice = user ? "user.slice" : "system.slice", .user = user};
    const char *name = id;
    if (!str_empty(cgroups_path)) {
        const char *first = strchr(cgroups_path, ':');
        const char *second = first ? strchr(first + 1, ':') : NULL;
        if (!second || strchr(second + 1, ':') || second[1] == '\0')
            return err_set(e, ERR_USAGE, -EINVAL,
                           "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd "
                           "cgroups, got \"%.200s\" instead",
                           cgroups_path);
        if (first != cgroups_path)
            n.slice = arena_strndup(a, cgroups_path, (size_t)(first - cgroups_path));
        prefix = arena_strndup(a, first + 1, (size_t)(second - first - 1));
        name = second + 1;
    }
    if (!n.slice || !prefix)
        return err_oom(e);
    n.unit = str_ends(name, ".slice")
                 ? arena_strdup(a, name)
                 : arena_printf(a, "%s%s%s.scope", prefix, *prefix ? "-" : "", name);
    if (!n.unit)
        return err_oom(e);
    int r = check_unit(&n, a, e);
    if (r == 0)
        *ret = n;
    return r;
}

const char *unit_name_of(const struct cgroup_set *set) {
    const char *dirs[CG_COUNT + 1];
    if (cgroup_dirs(set, dirs) == 0)
        return NULL;
    const char *slash = strrchr(dirs[0], '/');
    return slash && (str_ends(slash, ".scope") || str_ends(slash, ".slice")) ? slash + 1 : NULL;
}
