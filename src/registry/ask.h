/* SPDX-License-Identifier: Apache-2.0 */
/* Single questions to a registry, without the store: tags, manifests, referrers; and an index put
 * there with the images that it names. */
#pragma once

#include "registry/registry.h"

int ask_registry(const struct ask_request *rq, struct ask_result *ret, struct str *reply,
                 struct err *e);
