/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/mountopt.h"

#include <string.h>

#include "base/str.h"
#include "spec/mountopt_parts.h"

/* docker's list without what would turn the mount into something else (bind, remount, …). */
static const char *const flags[] = {
    "defaults", "suid",       "nosuid",   "dev",        "nodev",       "exec",
    "noexec",   "sync",       "async",    "dirsync",    "atime",       "noatime",
    "diratime", "nodiratime", "relatime", "norelatime", "strictatime", "nostrictatime",
};

static bool is_flag(const char *word) {
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (strcmp(flags[i], word) == 0)
            return true;
    }
    return false;
}

static bool parse_octal(const char *s, uint32_t *ret) {
    uint32_t mode = 0;
    if (!*s || strlen(s) > 5)
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '7')
            return false;
        mode = mode * 8 + (uint32_t)(*s - '0');
    }
    if (mode > 07777)
        return false;
    *ret = mode;
    return true;
}

bool mountopt_tmpfs_size(const char *value, struct mount_request *m) {
    return str_to_bytes(value, &m->tmpfs_size) == 0;
}

bool mountopt_tmpfs_mode(const char *value, struct mount_request *m) {
    m->has_tmpfs_mode = true;
    return parse_octal(value, &m->tmpfs_mode);
}

/* "50%" of memory, for size=, nr_inodes= and nr_blocks=: the kernel reads it. */
static bool is_percent(const char *s) {
    size_t digits = strspn(s, "0123456789");
    return digits > 0 && digits <= 3 && str_eq(s + digits, "%");
}

static bool is_count(const char *s) {
    uint64_t n = 0;
    return str_to_bytes(s, &n) == 0;
}

static bool is_id(const char *s) {
    uint64_t n = 0;
    return str_to_u64(s, &n) == 0 && n < UINT32_MAX;
}

/* "interleave:0-3,5" arrives without its commas: those separate options. */
static bool is_policy(const char *s) {
    return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789:-=")];
}

/* Whether "key=value" is good; what has a member of its own goes there, the rest is kept. */
static bool with_value(const char *key, const char *value, struct mount_request *m, bool *keep) {
    *keep = true;
    if (str_eq(key, "size")) {
        *keep = is_percent(value);
        return *keep || mountopt_tmpfs_size(value, m);
    }
    if (str_eq(key, "mode")) {
        *keep = false;
        return mountopt_tmpfs_mode(value, m);
    }
    if (str_eq(key, "uid") || str_eq(key, "gid"))
        return is_id(value);
    if (str_eq(key, "nr_inodes") || str_eq(key, "nr_blocks"))
        return is_count(value);
    return str_eq(key, "mpol") && is_policy(value);
}

static int option(char *word, struct arena *a, struct mount_request *m, struct err *e) {
    char *value = strchr(word, '=');
    bool keep = true;
    bool good = true;
    if (str_eq(word, "ro") || str_eq(word, "rw")) {
        m->readonly = word[1] == 'o';
        return 0;
    }
    if (value) {
        *value = 0;
        good = with_value(word, value + 1, m, &keep);
        *value = '=';
    } else {
        good = is_flag(word);
    }
    if (!good)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid tmpfs option \"%.100s\"", word);
    return keep && strlist_add(a, &m->options, word) < 0 ? err_oom(e) : 0;
}

int mountopt_tmpfs(const char *text, struct arena *a, struct mount_request *ret, struct err *e) {
    struct mount_request m = {.kind = MOUNT_TMPFS};
    char *target = arena_strdup(a, text);
    if (!target)
        return err_oom(e);
    char *s = strchr(target, ':');
    if (s)
        *s++ = 0;
    int r = mountopt_target(target, a, &m.target, e);
    while (r == 0 && s && *s) {
        char *comma = strchr(s, ',');
        if (comma)
            *comma++ = 0;
        r = option(s, a, &m, e);
        s = comma;
    }
    if (r < 0)
        return r;
    *ret = m;
    return 0;
}
