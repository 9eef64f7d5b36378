/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials into and out of docker's and podman's files. Other keys of a file stay as they are;
 * it is replaced by rename with mode 0600, where it is a symbolic link behind the link.
 */
#pragma once

#include "registry/login.h"

/* Under the file's credential helper when it names one (then the file only notes that there is
 * something). *plain: the secret lies in the file. */
int login_file_store(const char *file, const char *host, const struct login *l, bool *plain,
                     struct err *e);
/* host NULL: all entries. Counts what it removed in *removed. A missing file is fine. */
int login_file_erase(const char *file, const char *host, size_t *removed, struct err *e);
/* Where `login` writes when no file is named: $REGISTRY_AUTH_FILE, else docker's. NULL: no HOME. */
const char *login_file_default(struct arena *a);
