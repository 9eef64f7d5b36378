/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host ports: chosen, checked and held by a socket, which is the one reservation that every
 * program on the host respects.
 */
#pragma once

#include "base/err.h"
#include "spec/port.h"

enum publish_how {
    PUBLISH_HOLD,   /* the packet filter carries the traffic; the socket only keeps others away */
    PUBLISH_LISTEN, /* the socket itself is served (net/forward.h) */
};

/* Bind the host port of p, choosing one when it is 0 or a range (host_port = host_last then).
 * *ret_fd: -1 when nothing can hold it (SCTP), else owned. ERR_CONFLICT in docker's words:
 * "Bind for 0.0.0.0:8080 failed: port is already allocated". */
int publish_open(struct port_spec *p, enum publish_how how, int *ret_fd, struct err *e);
