/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux security modules: which are there, and the label of the next execve. musl-safe.
 */
#pragma once

#include "base/err.h"

bool lsm_has_apparmor(void);
bool lsm_has_selinux(void);
/* Label of the next execve of the calling thread: writes /proc/<self>/attr/…/exec beneath procfd
 * (an open /proc, because the box's own may be masked by then; -1 = "/proc"). 0 or -errno.
 * A process may not do this after no_new_privs only if the profile change would gain rights. */
int lsm_apparmor_exec(int procfd, const char *profile);
int lsm_selinux_exec(int procfd, const char *label);
