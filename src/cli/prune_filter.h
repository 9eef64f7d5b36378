/* SPDX-License-Identifier: Apache-2.0 */
/* --filter of the prune commands: until, label, label!. */
#pragma once

#include "cli/cli.h"

struct prune_filter {
    int64_t before_ns; /* 0 = whenever */
    struct hako_strings label, label_not;
    bool dangling_off; /* dangling=false: tagged ones too */
};

int prune_filter(const struct hako_strings *words, struct arena *a, struct prune_filter *ret,
                 struct err *e);
