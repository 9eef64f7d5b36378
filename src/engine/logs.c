/* SPDX-License-Identifier: Apache-2.0 */
/* Logs come from the container's files; the monitor is not asked. */
#include "engine/container.h"

#include "monitor/log_read.h"

struct logs_to {
    const struct hako_log_options *o;
};

static int logs_piece(void *data, const struct log_piece *p) {
    const struct logs_to *to = data;
    return to->o->line(p->stream, p->time_ns, p->text, p->len, to->o->data);
}

int hako_container_logs(hako_container *c, const struct hako_log_options *o, hako_error *he) {
    struct logs_to to = {o};
    struct log_query q = {.tail = o->tail_set ? o->tail : -1,
                          .since_ns = o->since_ns,
                          .until_ns = o->until_ns,
                          .follow = o->follow,
                          .no_stdout = o->no_stdout,
                          .no_stderr = o->no_stderr};
    return log_read(c->dirfd, &q, logs_piece, &to, as_err(he));
}
