/* SPDX-License-Identifier: Apache-2.0 */
/* Which ids the caller may map: /etc/subuid and /etc/subgid. */
#include "base/io.h"
#include "base/str.h"
#include "sys/userns.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 512 };

/* Decimal number in s[0..len). */
static bool number(const char *s, size_t len, uint64_t *ret) {
    char buf[24];

    if (len == 0 || len >= sizeof(buf))
        return false;
    memcpy(buf, s, len);
    buf[len] = '\0';
    return str_to_u64(buf, ret) == 0;
}

/* One line "owner:start:count". 1 ours, 0 not ours, -EINVAL malformed. */
static int parse_line(const char *line, size_t len, const char *name, uint32_t id, uint64_t *start,
                      uint64_t *count) {
    const char *colon = memchr(line, ':', len);
    uint64_t number_id;

    if (!colon)
        return -EINVAL;
    size_t owner = (size_t)(colon - line);
    bool ours = (name && strlen(name) == owner && strncmp(line, name, owner) == 0) ||
                (number(line, owner, &number_id) && number_id == id);
    if (!ours)
        return 0;
    const char *rest = colon + 1;
    size_t rest_len = len - owner - 1;
    colon = memchr(rest, ':', rest_len);
    if (!colon)
        return -EINVAL;
    size_t first = (size_t)(colon - rest);
    if (!number(rest, first, start) || !number(colon + 1, rest_len - first - 1, count))
        return -EINVAL;
    if (*count == 0 || *start > UINT32_MAX || *count > UINT32_MAX - *start)
        return -EINVAL;
    return 1;
}

int userns_map_parse(const char *text, const char *name, uint32_t id, struct userns_map *ret,
                     struct err *e) {
    struct userns_map m = {.v = {{.inside = 0, .outside = id, .size = 1}}, .n = 1};
    uint64_t inside = 1;
    int number_of_line = 0;

    while (*text) {
        size_t len = strcspn(text, "\n");
        uint64_t start = 0, count = 0;
        number_of_line++;
        int r = len == 0 || text[0] == '#' || len > LINE_MAX_BYTES
                    ? 0
                    : parse_line(text, len, name, id, &start, &count);
        /* A broken line of somebody else is not our trouble, one of ours is. */
        if (r < 0 && name && strncmp(text, name, MIN_OF(len, strlen(name))) == 0)
            return err_set(e, ERR_CORRUPT, r, "line %d is not user:start:count", number_of_line);
        if (r > 0 && m.n < USERNS_MAX_RANGES && inside < UINT32_MAX) {
            count = MIN_OF(count, UINT32_MAX - inside);
            m.v[m.n++] = (struct userns_range){
                .inside = (uint32_t)inside, .outside = (uint32_t)start, .size = (uint32_t)count};
            inside += count;
        }
        text += len + (text[len] == '\n');
    }
    *ret = m;
    return 0;
}

static int read_file(const char *path, const char *name, uint32_t user, uint32_t id,
                     struct userns_map *ret, struct err *e) {
    AUTO_STR struct str text = STR_INIT(4 << 20);
    int r = io_read_file(AT_FDCWD, path, &text);

    if (r < 0 && r != -ENOENT)
        return err_sysn(e, r, "read %s", path);
    /* Both files name the user; only the first mapped id differs. */
    r = userns_map_parse(str_c(&text), name, user, ret, e);
    if (r < 0)
        return err_wrap(e, "%s", path);
    ret->v[0].outside = id;
    return 0;
}

/* Root maps what it has: every range of its own namespace onto itself. */
static int identity(const char *path, struct userns_map *ret, struct err *e) {
    AUTO_STR struct str text = STR_INIT(65536);
    struct userns_map m = {0};
    int r = io_read_file(AT_FDCWD, path, &text);

    if (r < 0)
        return err_sysn(e, r, "read %s", path);
    for (const char *p = str_c(&text); *p && m.n < USERNS_MAX_RANGES;) {
        char *end;
        unsigned long v[3];
        for (int i = 0; i < 3; i++) {
            v[i] = strtoul(p, &end, 10);
            p = end;
        }
        m.v[m.n++] = (struct userns_range){
            .inside = (uint32_t)v[0], .outside = (uint32_t)v[0], .size = (uint32_t)v[2]};
        p += strcspn(p, "\n");
        p += *p == '\n';
    }
    *ret = m;
    return 0;
}

int userns_maps_read(struct userns_maps *ret, struct err *e) {
    struct userns_maps m = {0};
    uid_t uid = geteuid();
    int r;

    if (uid == 0) {
        r = identity("/proc/self/uid_map", &m.uid, e);
        if (r == 0)
            r = identity("/proc/self/gid_map", &m.gid, e);
        if (r == 0)
            *ret = m;
        return r;
    }
    char buf[4096];
    struct passwd pw, *found = NULL;
    const char *name =
        getpwuid_r(uid, &pw, buf, sizeof(buf), &found) == 0 && found ? pw.pw_name : NULL;
    r = read_file("/etc/subuid", name, uid, uid, &m.uid, e);
    if (r == 0)
        r = read_file("/etc/subgid", name, uid, getegid(), &m.gid, e);
    if (r < 0)
        return r;
    if (m.uid.n < 2 || m.gid.n < 2) {
        char who[48];
        m.single = true;
        m.uid.n = m.gid.n = 1;
        snprintf(who, sizeof(who), "%u", uid);
        if (name)
            snprintf(who, sizeof(who), "%.32s", name);
        snprintf(m.why_single, sizeof(m.why_single),
                 "no subordinate ids for user %s: add \"%s:100000:65536\" to /etc/subuid and "
                 "/etc/subgid",
                 who, who);
    }
    *ret = m;
    return 0;
}
