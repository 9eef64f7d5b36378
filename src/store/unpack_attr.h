/* SPDX-License-Identifier: Apache-2.0 */
/* Owner, mode, time and extended attributes of an archive entry. */
#pragma once

#include "base/err.h"
#include "store/tar.h"

struct unpack_attr {
    uid_t uid;
    gid_t gid;
    mode_t mode;
    struct timespec mtime;
};

void unpack_attr_read(const struct tar_entry *entry, struct unpack_attr *ret);
/* Owner of `name` in fd, or of fd itself (name ""). With one_id a refusal is no failure. */
int unpack_attr_owner(const struct unpack_attr *attr, int fd, const char *name, bool one_id);
/* What unpack_attr_owner's failure means to the user. */
int unpack_attr_owner_error(const struct unpack_attr *attr, const char *path, int code,
                            struct err *e);
/* security.capability, user.* and ACLs. overlayfs' own attributes, labels and trusted.* of an
 * archive are ignored: they are the host's to give. */
int unpack_attr_xattrs(const struct tar_entry *entry, int fd);
/* Does our user namespace map one id only? */
bool unpack_attr_one_id(void);
