/* SPDX-License-Identifier: Apache-2.0 */
/* What the three grammars of spec/mountopt.h share. Only for spec/mountopt*.c. */
#pragma once

#include "spec/mountopt.h"

/* Clean absolute path; "invalid mount path: 'x' mount path must be absolute". */
int mountopt_target(const char *path, struct arena *a, char **ret, struct err *e);
/* Clean absolute path; relative ones starting with "." are joined to cwd. */
int mountopt_host_path(const char *path, const char *cwd, struct arena *a, char **ret,
                       struct err *e);
int mountopt_volume_name(const char *name, struct arena *a, char **ret, struct err *e);
bool mountopt_is_propagation(const char *word);
/* "64m" and "1770" into `m`; false when they are none. */
bool mountopt_tmpfs_size(const char *value, struct mount_request *m);
bool mountopt_tmpfs_mode(const char *value, struct mount_request *m);
