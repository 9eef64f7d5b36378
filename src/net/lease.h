/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "net/net.h"

/* The lease's file relative to the net directory ("leases/10.77.0.5"): whoever removes the
 * container removes it. 0 or -ENAMETOOLONG. */
int lease_path(const struct lease *l, char *buf, size_t size);
