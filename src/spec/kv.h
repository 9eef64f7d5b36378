/* SPDX-License-Identifier: Apache-2.0 */
/* The small values that OCI documents are made of: string pairs and optional numbers. */
#pragma once

#include "base/c.h"

struct rt_kv {
    char *key, *value;
};

struct rt_opt_i64 {
    bool given;
    int64_t v;
};
struct rt_opt_u64 {
    bool given;
    uint64_t v;
};
