/* SPDX-License-Identifier: Apache-2.0 */
/* One layer against its record: first the bytes, then what the tar's headers said. */
#pragma once

#include "store/store.h"

enum check_verdict { VERDICT_GOOD, VERDICT_UNRECORDED, VERDICT_DAMAGED, VERDICT_CHANGED };

/* `why`: of every verdict that is not good. Negative: it could not be checked. */
int check_layer(const struct store *s, const struct digest *diff_id, enum check_verdict *ret,
                struct err *why, struct err *e);
