/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/pull.h"

HAKO_PUBLIC const struct registry_module hako_registry_module = {
    .size = sizeof(struct registry_module),
    .pull = pull_image,
};
