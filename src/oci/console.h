/* SPDX-License-Identifier: Apache-2.0 */
/* The pty's master on its way to whoever holds the other end of --console-socket. */
#pragma once

#include "oci/oci.h"

/* Does this combination make sense? Errors in runc's words. */
int oci_console_check(bool terminal, bool detach, const char *socket, struct err *e);
/* Connect, send the descriptor with its name, close. */
int oci_console_send(const char *socket, int master, struct err *e);
/* The terminal that we relay: lines come as the task wrote them. -1 = none. */
void oci_console_lines(int master);
