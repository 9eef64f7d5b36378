/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binds with their ids mapped. The kernel asks for rights over the file system, which is the
 * host's: so they are taken in BIRTH, before the box's user namespace is.
 */
#include "machine/container/build.h"

#include "base/str.h"

#include <sched.h>
#include <string.h>

struct idmap_text {
    const char *uid, *gid, *ns; /* maps, or a namespace that has them */
};

static int bad_text(struct build *b, const struct rt_mount *m, const char *text) {
    return err_set(b->e, ERR_USAGE, -EINVAL,
                   "mount %s: \"%s\" is not uids=FROM-TO-SIZE#…;gids=FROM-TO-SIZE#…",
                   m->destination, text);
}

static bool take_number(const char **s, char end, uint32_t *ret) {
    char digits[16];
    uint64_t v;
    *s += **s == '+';
    size_t n = strcspn(*s, "-#;");
    if (n == 0 || n >= sizeof(digits) || (end && (*s)[n] != end))
        return false;
    memcpy(digits, *s, n);
    digits[n] = 0;
    if (str_to_u64(digits, &v) < 0 || v > UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    *s += n + (end != 0);
    return true;
}

/* "@": TO is as far from the host's ids as the box has those that FROM is among. */
static bool through_box(const struct rt_idmaps *box, struct rt_idmap *id) {
    for (size_t i = 0; i < box->n; i++) {
        uint32_t first = box->v[i].container_id;
        if (id->container_id >= first && id->container_id - first < box->v[i].size) {
            id->host_id += box->v[i].host_id - first;
            return true;
        }
    }
    return false;
}

static const char *parse_ranges(struct build *b, const char **s, const struct rt_idmaps *box) {
    struct rt_idmaps map = {.v = arena_array(b->a, 32, struct rt_idmap)};
    do {
        *s += **s == '#';
        struct rt_idmap *id = &map.v[map.n];
        bool relative = **s == '@';
        *s += relative;
        if (!map.v || map.n >= 32 || !take_number(s, '-', &id->container_id) ||
            !take_number(s, '-', &id->host_id) || !take_number(s, 0, &id->size) ||
            (relative && !through_box(box, id)))
            return NULL;
        map.n++;
    } while (**s == '#');
    return build_map_text(b, &map);
}

static int parse_text(struct build *b, const struct rt_mount *m, const char *text,
                      struct idmap_text *ret) {
    for (const char *s = text; *s;) {
        bool uids = str_starts(s, "uids=");
        if (!uids && !str_starts(s, "gids="))
            return bad_text(b, m, text);
        s += 5;
        const char *map =
            parse_ranges(b, &s, uids ? &b->spec->uid_mappings : &b->spec->gid_mappings);
        if (!map || (*s && *s != ';'))
            return bad_text(b, m, text);
        s += *s == ';';
        if (uids)
            ret->uid = map;
        else
            ret->gid = map;
    }
    return ret->uid && ret->gid ? 0 : bad_text(b, m, text);
}

/* Its own mapping, or the box's. */
static int choose(struct build *b, const struct rt_mount *m, const struct mount_words *w,
                  struct idmap_text *ret) {
    const struct rt_namespace *user = rt_spec_ns(b->spec, RT_NS_USER);
    const struct rt_idmaps *uid = &m->uid_mappings, *gid = &m->gid_mappings;
    if (w->idmap_text)
        return parse_text(b, m, w->idmap_text, ret);
    if (!uid->n && user && user->path) {
        ret->ns = user->path;
        return 0;
    }
    if (!uid->n) {
        uid = &b->spec->uid_mappings;
        gid = &b->spec->gid_mappings;
    }
    if (!uid->n || !gid->n)
        return err_set(b->e, ERR_USAGE, -EINVAL,
                       "mount %s: idmap needs uidMappings and gidMappings of the mount, or a user "
                       "namespace of the container",
                       m->destination);
    ret->uid = build_map_text(b, uid);
    ret->gid = build_map_text(b, gid);
    return ret->uid && ret->gid ? 0
                                : err_set(b->e, ERR_USAGE, -E2BIG,
                                          "mount %s: uidMappings: too many ranges", m->destination);
}

static int add_mapped(struct build *b, const struct rt_mount *m, const struct mount_words *w) {
    struct idmap_text t = {0};
    const char *source = build_mount_source(b, m);
    int r = source ? choose(b, m, w, &t) : b->e->code;
    if (r < 0)
        return r;
    if (++b->n_mapped > PLAN_MAX_MAPPED)
        return err_set(b->e, ERR_USAGE, -E2BIG, "more than %d mounts with mapped ids",
                       PLAN_MAX_MAPPED);
    /* then only the mapping: the source is yet to be made */
    bool later = build_source_in_root(b, source, w);
    plan_writer_step(&b->w, PLAN_BIRTH,
                     (struct plan_step){.op = PLAN_IDMAP_SOURCE,
                                        .flags = (w->recursive ? PLAN_RECURSIVE : 0) |
                                                 (w->idmap == MOUNT_IDMAP_ALL ? PLAN_MAP_ALL : 0) |
                                                 (w->src_nofollow ? PLAN_SOURCE_LINK : 0) |
                                                 (later ? PLAN_IN_ROOT : 0),
                                        .ref = {build_str(b, source), build_str(b, t.uid),
                                                build_str(b, t.gid), build_str(b, t.ns)}});
    return 0;
}

int build_mapped_binds(struct build *b) {
    for (size_t i = 0; i < b->spec->n_mounts; i++) {
        struct mount_words w;
        const struct rt_mount *m = &b->spec->mounts[i];
        int r = mount_words_parse(m, b->a, &w, b->e);
        if (r == 0 && w.idmap)
            r = add_mapped(b, m, &w);
        if (r < 0)
            return r;
    }
    return 0;
}
