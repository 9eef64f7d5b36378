/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_attr.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define XATTR_MAX ((size_t)64 << 10)

void unpack_attr_read(const struct tar_entry *entry, struct unpack_attr *ret) {
    *ret = (struct unpack_attr){.uid = (uid_t)entry->uid,
                                .gid = (gid_t)entry->gid,
                                .mode = entry->mode,
                                .mtime = entry->mtime};
}

int unpack_attr_owner(const struct unpack_attr *attr, int fd, const char *name, bool one_id) {
    int flags = *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
    if (fchownat(fd, name, attr->uid, attr->gid, flags) < 0 && !one_id)
        return -errno;
    return 0;
}

int unpack_attr_owner_error(const struct unpack_attr *attr, const char *path, int code,
                            struct err *e) {
    if (code == -EINVAL)
        return err_set(e, ERR_DENIED, code,
                       "%.150s belongs to %u:%u, beyond the subordinate ids of this user: widen "
                       "the range in /etc/subuid and /etc/subgid",
                       path, (unsigned)attr->uid, (unsigned)attr->gid);
    return err_sysn(e, code, "cannot set the owner of %.200s", path);
}

static bool attr_wanted(const char *name) {
    if (str_starts(name, "user."))
        return !str_starts(name, "user.overlay.");
    return strcmp(name, "security.capability") == 0 ||
           strcmp(name, "system.posix_acl_access") == 0 ||
           strcmp(name, "system.posix_acl_default") == 0;
}

int unpack_attr_xattrs(const struct tar_entry *entry, int fd) {
    for (size_t i = 0; i < entry->n_xattrs; i++) {
        const struct tar_xattr *x = &entry->xattrs[i];
        if (x->size > XATTR_MAX || !attr_wanted(x->name))
            continue;
        if (fsetxattr(fd, x->name, x->value, x->size, 0) == 0)
            continue;
        /* A file system without attributes, or a value that this namespace may not give: the file
         * is whole without it. Running out of room is another matter. */
        if (errno == ENOSPC || errno == EDQUOT || errno == EIO)
            return -errno;
    }
    return 0;
}

bool unpack_attr_one_id(void) {
    AUTO_STR struct str map = STR_INIT(4096);
    if (io_read_file(AT_FDCWD, "/proc/self/gid_map", &map) < 0)
        return false;
    /* "         0       1000          1\n" and nothing else */
    const char *p = str_c(&map);
    for (int word = 0; word < 2; word++) {
        p += strspn(p, " ");
        p += strcspn(p, " ");
    }
    p += strspn(p, " ");
    return strcmp(p, "1\n") == 0;
}
