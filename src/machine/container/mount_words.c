/* SPDX-License-Identifier: Apache-2.0 */
/* The words of runtime-spec mount options. */
#include "machine/container/build.h"

#include "base/str.h"

#include <linux/mount.h>
#include <string.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

struct word {
    const char *name;
    uint64_t set, clear;
};

static const struct word attr_words[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", 0, MOUNT_ATTR__ATIME},
    {"relatime", 0, MOUNT_ATTR__ATIME}, /* the value of RELATIME is 0 */
    {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", 0, MOUNT_ATTR__ATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

static const struct word propagation_words[] = {
    {"private", MS_PRIVATE, 0},       {"rprivate", MS_PRIVATE | MS_REC, 0},
    {"slave", MS_SLAVE, 0},           {"rslave", MS_SLAVE | MS_REC, 0},
    {"shared", MS_SHARED, 0},         {"rshared", MS_SHARED | MS_REC, 0},
    {"unbindable", MS_UNBINDABLE, 0}, {"runbindable", MS_UNBINDABLE | MS_REC, 0},
};

static const struct word *find(const struct word *v, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].name, name) == 0)
            return &v[i];
    }
    return NULL;
}

uint64_t mount_words_propagation(const char *word) {
    const struct word *w = find(propagation_words, ARRAY_SIZE(propagation_words), word);
    return w ? w->set : 0;
}

/* "rro" is "ro" for the mount and all beneath it; "ro" alone is for the mount. */
static bool take_attr(const char *word, struct mount_words *m) {
    const struct word *w = find(attr_words, ARRAY_SIZE(attr_words), word);
    if (w) {
        m->clear = (m->clear & ~w->set) | w->clear;
        m->set = (m->set & ~w->clear) | w->set;
        return true;
    }
    w = word[0] == 'r' ? find(attr_words, ARRAY_SIZE(attr_words), word + 1) : NULL;
    if (!w)
        return false;
    m->rclear = (m->rclear & ~w->set) | w->clear;
    m->rset = (m->rset & ~w->clear) | w->set;
    return true;
}

static bool take_control(const char *word, struct mount_words *m) {
    if (strcmp(word, "defaults") == 0)
        return true;
    if (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0) {
        m->bind = true;
        m->recursive = m->recursive || word[0] == 'r';
        return true;
    }
    if (strcmp(word, "tmpcopyup") == 0) {
        m->tmpcopyup = true;
        return true;
    }
    return false;
}

static const char *refused(const char *word) {
    if (strcmp(word, "idmap") == 0 || strcmp(word, "ridmap") == 0)
        return "id-mapped mounts are not supported";
    if (strcmp(word, "remount") == 0)
        return "remounting is not supported: give the options with the mount itself";
    return NULL;
}

int mount_words_parse(const struct rt_mount *m, struct arena *a, struct mount_words *ret,
                      struct err *e) {
    struct mount_words w = {.bind = str_eq(m->type, "bind")};
    if (m->uid_mappings.n || m->gid_mappings.n)
        return err_set(e, ERR_USAGE, -ENOTSUP, "mount %s: %s", m->destination, refused("idmap"));
    for (size_t i = 0; i < m->options.n; i++) {
        const char *word = m->options.v[i];
        uint64_t propagation = mount_words_propagation(word);
        if (refused(word))
            return err_set(e, ERR_USAGE, -ENOTSUP, "mount %s: option \"%s\": %s", m->destination,
                           word, refused(word));
        if (propagation)
            w.propagation = propagation;
        else if (!take_control(word, &w) && !take_attr(word, &w) &&
                 strlist_add(a, &w.data, word) < 0)
            return err_oom(e);
    }
    if (w.bind && w.data.n)
        return err_set(e, ERR_USAGE, -EINVAL, "mount %s: unknown option \"%s\" for a bind mount",
                       m->destination, w.data.v[0]);
    if (w.tmpcopyup && !str_eq(m->type, "tmpfs"))
        return err_set(e, ERR_USAGE, -EINVAL, "mount %s: tmpcopyup is for tmpfs only",
                       m->destination);
    *ret = w;
    return 0;
}
