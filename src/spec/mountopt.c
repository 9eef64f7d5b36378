/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/mountopt.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "base/path.h"
#include "base/str.h"
#include "spec/mountopt_parts.h"

/* --- shared parts -------------------------------------------------------------------------- */

const char *mountopt_kind_name(enum mount_kind kind) {
    static const char *const names[] = {"bind", "volume", "tmpfs", "image"};
    return names[kind];
}

bool mountopt_is_volume_name(const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)name[i]) && (i == 0 || !strchr("_.-", name[i])))
            return false;
    }
    return n >= 2 && n <= NAME_MAX;
}

bool mountopt_is_propagation(const char *word) {
    static const char *const words[] = {"private", "rprivate", "slave",
                                        "rslave",  "shared",   "rshared"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

static int clean(const char *path, struct arena *a, char **ret, struct err *e) {
    char buf[PATH_MAX];
    int r = path_clean(path, buf, sizeof(buf));
    if (r < 0)
        return err_set(e, ERR_USAGE, r, "invalid mount path: '%.200s' is too long", path);
    *ret = arena_strdup(a, buf);
    return *ret ? 0 : err_oom(e);
}

int mountopt_target(const char *path, struct arena *a, char **ret, struct err *e) {
    if (path[0] != '/')
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid mount path: '%.200s' mount path must be absolute", path);
    int r = clean(path, a, ret, e);
    if (r == 0 && str_eq(*ret, "/"))
        return err_set(e, ERR_USAGE, -EINVAL, "invalid specification: destination can't be '/'");
    return r;
}

int mountopt_host_path(const char *path, const char *cwd, struct arena *a, char **ret,
                       struct err *e) {
    if (path[0] == '/')
        return clean(path, a, ret, e);
    if (path[0] != '.' || !cwd)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid mount path: '%.200s' mount path must be absolute", path);
    const char *joined = arena_printf(a, "%s/%s", cwd, path);
    return joined ? clean(joined, a, ret, e) : err_oom(e);
}

int mountopt_volume_name(const char *name, struct arena *a, char **ret, struct err *e) {
    if (strlen(name) == 1 && isalnum((unsigned char)*name))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "create %s: volume name is too short, names should be at least two "
                       "alphanumeric characters",
                       name);
    if (!mountopt_is_volume_name(name))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "create %.100s: \"%.100s\" includes invalid characters for a local volume "
                       "name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to "
                       "pass a host directory, use absolute path",
                       name, name);
    *ret = arena_strdup(a, name);
    return *ret ? 0 : err_oom(e);
}

/* --- -v ------------------------------------------------------------------------------------ */

static bool is_consistency(const char *word) {
    return str_eq(word, "consistent") || str_eq(word, "cached") || str_eq(word, "delegated");
}

/* At most one word of each group, as docker; `seen` is a bit per group. 0, -EINVAL or -ENOMEM. */
static int mode_word(const char *word, struct arena *a, struct mount_request *m, unsigned *seen) {
    unsigned group = 0;
    if (str_eq(word, "ro") || str_eq(word, "rw")) {
        group = 1;
        m->readonly = word[1] == 'o';
    } else if (str_eq(word, "z") || str_eq(word, "Z")) {
        group = 2;
        m->relabel = word[0];
    } else if (mountopt_is_propagation(word)) {
        group = 4;
        m->propagation = arena_strdup(a, word);
        if (!m->propagation)
            return -ENOMEM;
    } else if (str_eq(word, "nocopy")) {
        group = 8;
        m->nocopy = true;
    } else if (is_consistency(word)) {
        group = 16;
    }
    bool fresh = group && !(*seen & group);
    *seen |= group;
    return fresh ? 0 : -EINVAL;
}

static int parse_mode(const char *mode, struct arena *a, struct mount_request *m) {
    unsigned seen = 0;
    char *s = arena_strdup(a, mode);
    if (!s)
        return -ENOMEM;
    int r = 0;
    while (r == 0 && s && *mode) {
        char *comma = strchr(s, ',');
        if (comma)
            *comma++ = 0;
        r = mode_word(s, a, m, &seen);
        s = comma;
    }
    return r;
}

static int bad_spec(struct err *e, const char *text, const char *why) {
    return err_set(e, ERR_USAGE, -EINVAL, "invalid volume specification: '%.200s'%s%s", text,
                   why ? ": " : "", why ? why : "");
}

static int volume_source(const char *source, const char *text, const char *cwd, struct arena *a,
                         struct mount_request *m, struct err *e) {
    if (source[0] == '/' || source[0] == '.') {
        m->kind = MOUNT_BIND;
        m->create_source = true;
        if (m->nocopy)
            return bad_spec(e, text, "\"nocopy\" is only for volumes");
        return mountopt_host_path(source, cwd, a, &m->source, e);
    }
    if (m->propagation)
        return bad_spec(e, text, "mount propagation is only for host paths");
    return mountopt_volume_name(source, a, &m->source, e);
}

/* "a:b:c" in place → parts; their number, 4 when there are more than 3. */
static size_t split(char *s, char *part[3]) {
    size_t n = 0;
    for (; s && n < 3; n++) {
        part[n] = s;
        s = strchr(s, ':');
        if (s)
            *s++ = 0;
    }
    return s ? 4 : n;
}

/* The third part; and "/data:ro", a target with a mode, is refused as docker does. */
static int read_modes(char *const part[3], size_t n, const char *text, struct arena *a,
                      struct mount_request *m, struct err *e) {
    struct mount_request ignored = {0};
    int r = 0;
    if (n == 2 && parse_mode(part[1], a, &ignored) == 0)
        return bad_spec(e, text, NULL);
    if (n == 3)
        r = parse_mode(part[2], a, m);
    if (r == -ENOMEM)
        return err_oom(e);
    return r < 0 ? err_set(e, ERR_USAGE, r, "invalid mode: %.100s", part[2]) : 0;
}

int mountopt_volume(const char *text, const char *cwd, struct arena *a, struct mount_request *ret,
                    struct err *e) {
    struct mount_request m = {.kind = MOUNT_VOLUME};
    char *part[3] = {NULL, NULL, NULL};
    char *copy = arena_strdup(a, text);
    if (!copy)
        return err_oom(e);
    size_t n = split(copy, part);
    if (n > 3 || !*part[0])
        return bad_spec(e, text, NULL);
    int r = read_modes(part, n, text, a, &m, e);
    if (r == 0 && n > 1)
        r = volume_source(part[0], text, cwd, a, &m, e);
    if (r == 0)
        r = mountopt_target(part[n > 1], a, &m.target, e);
    if (r < 0)
        return r;
    *ret = m;
    return 0;
}
