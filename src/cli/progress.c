/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdio.h>

void progress_show(const struct hako_progress *p, void *data) {
    if (p->finished)
        fprintf(stderr, "%s: %s\n", p->layer, p->phase);
}
