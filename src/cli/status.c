/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/status.h"

#include "cli/when.h"

#include <stdio.h>

const char *status_text(const struct hako_container_info *c, int64_t now_ns,
                        char out[static STATUS_MAX]) {
    char ago[40], up[32];
    int64_t s = now_ns > c->started_ns ? (now_ns - c->started_ns) / 1000000000 : 0;
    switch (c->status) {
    case HAKO_CREATED:
        str_copy(out, STATUS_MAX, "Created");
        break;
    case HAKO_RUNNING:
    case HAKO_PAUSED:
        snprintf(out, STATUS_MAX, "Up %s%s", str_human_duration(s, up),
                 c->status == HAKO_PAUSED ? " (Paused)" : "");
        break;
    case HAKO_EXITED:
        snprintf(out, STATUS_MAX, "Exited (%d) %s", c->exit_code,
                 when_ago(c->finished_ns, now_ns, ago));
        break;
    case HAKO_DEAD:
        str_copy(out, STATUS_MAX, "Dead");
        break;
    }
    return out;
}
