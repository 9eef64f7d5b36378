/* SPDX-License-Identifier: Apache-2.0 */
/* An image of the store into a registry. */
#pragma once

#include "registry/registry.h"

int push_image(const struct push_request *rq, struct push_result *ret, struct err *e);
