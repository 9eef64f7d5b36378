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
        return m->named = true;
    }
    w = word[0] == 'r' ? find(attr_words, ARRAY_SIZE(attr_words), word + 1) : NULL;
    if (!w)
        return false;
    m->rclear = (m->rclear & ~w->set) | w->clear;
    m->rset = (m->rset & ~w->clear) | w->set;
    return true;
}

/* Flags of a file system rather than of a mount: the kernel takes them with its options, and not
 * at all for a bind. */
static bool is_super_word(const char *word) {
    static const char *const words[] = {"sync",       "async", "dirsync", "lazytime",
                                        "nolazytime", "mand",  "nomand",  "iversion",
                                        "noiversion", "acl",   "noacl"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

/* Words for mount(8) or without an effect of their own. */
static bool is_nothing(const char *word) {
    static const char *const words[] = {"defaults", "silent", "loud",    "auto",
                                        "noauto",   "nofail", "_netdev", "dest-follow"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return str_starts(word, "x-");
}

static bool take_idmap(const char *word, struct mount_words *m) {
    const char *name = word + (word[0] == 'r');
    if (!str_starts(name, "idmap") || (name[5] && name[5] != '='))
        return false;
    m->idmap = word[0] == 'r' ? MOUNT_IDMAP_ALL : MOUNT_IDMAP_ONE;
    m->idmap_text = name[5] ? name + 6 : NULL;
    return true;
}

static bool take_control(const char *word, struct mount_words *m) {
    const struct {
        const char *word;
        bool *on;
    } switches[] = {{"bind", &m->bind},
                    {"remount", &m->remount},
                    {"tmpcopyup", &m->tmpcopyup},
                    {"copy-symlink", &m->copy_symlink},
                    {"src-nofollow", &m->src_nofollow},
                    {"dest-nofollow", &m->dest_nofollow}};
    for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
        if (strcmp(switches[i].word, word) == 0)
            return *switches[i].on = true;
    }
    if (strcmp(word, "rbind") == 0)
        return m->bind = m->recursive = true;
    return is_nothing(word) || take_idmap(word, m);
}

static int check_words(const struct rt_mount *m, const struct mount_words *w, struct err *e) {
    const char *path = m->destination ? m->destination : "";
    if (w->tmpcopyup && !str_eq(m->type, "tmpfs"))
        return err_set(e, ERR_USAGE, -EINVAL, "mount %s: tmpcopyup is for tmpfs only", path);
    if (w->idmap && (!w->bind || w->remount))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "mount %s: ids are mapped on bind mounts only (options bind or rbind)",
                       path);
    if (!w->bind && (w->copy_symlink || w->src_nofollow))
        return err_set(e, ERR_USAGE, -EINVAL, "mount %s: %s is for bind mounts only", path,
                       w->copy_symlink ? "copy-symlink" : "src-nofollow");
    return 0;
}

/* Recursive attributes of a file system that is new are its own: nothing lies beneath. */
static void settle(const struct rt_mount *m, struct mount_words *w) {
    if ((m->uid_mappings.n || m->gid_mappings.n) && !w->idmap)
        w->idmap = MOUNT_IDMAP_ONE;
    if (w->bind || w->remount)
        return;
    w->set = (w->set & ~w->rclear) | w->rset;
    w->clear |= w->rclear;
    w->rset = w->rclear = 0;
}

int mount_words_parse(const struct rt_mount *m, struct arena *a, struct mount_words *ret,
                      struct err *e) {
    struct mount_words w = {.bind = str_eq(m->type, "bind")};
    for (size_t i = 0; i < m->options.n; i++) {
        const char *word = m->options.v[i];
        uint64_t propagation = mount_words_propagation(word);
        if (propagation)
            w.propagation = propagation;
        else if (!take_control(word, &w) && !take_attr(word, &w) &&
                 strlist_add(a, &w.data, word) < 0)
            return err_oom(e);
    }
    struct strlist all = w.data;
    w.data = (struct strlist){0};
    for (size_t i = 0; i < all.n; i++) {
        bool drop = w.bind && is_super_word(all.v[i]);
        if (!drop && strlist_add(a, &w.data, all.v[i]) < 0)
            return err_oom(e);
    }
    settle(m, &w);
    int r = check_words(m, &w, e);
    if (r == 0)
        *ret = w;
    return r;
}
