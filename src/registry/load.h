/* SPDX-License-Identifier: Apache-2.0 */
/* Images out of archives and directories: docker save's, OCI layouts, skopeo's dir:. */
#pragma once

#include "registry/registry.h"

int load_images(const struct load_request *rq, struct str *names, struct err *e);
