/* SPDX-License-Identifier: Apache-2.0 */
#include "store/unpack_attr.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define XATTR_MAX ((size_t)64 << 10)

int unpack_attr_read(struct archive_entry *entry, const char *path, struct unpack_attr *ret,
                     struct err *e) {
    int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
    long nsec = archive_entry_mtime_nsec(entry);
    if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
        return err_set(e, ERR_CORRUPT, -EINVAL, "entry %.200s has an impossible owner", path);
    *ret = (struct unpack_attr){
        .uid = (uid_t)uid,
        .gid = (gid_t)gid,
        .mode = archive_entry_perm(entry) & 07777,
        .mtime = {archive_entry_mtime(entry), nsec >= 0 && nsec < 1000000000 ? nsec : 0}};
    return 0;
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

int unpack_attr_xattrs(struct archive_entry *entry, int fd) {
    const char *name;
    const void *value;
    size_t size;
    if (archive_entry_xattr_reset(entry) == 0)
        return 0;
    while (archive_entry_xattr_next(entry, &name, &value, &size) == 0) {
        if (!name || size > XATTR_MAX || !attr_wanted(name))
            continue;
        if (fsetxattr(fd, name, value, size, 0) == 0)
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
