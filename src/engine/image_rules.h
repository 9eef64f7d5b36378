/* SPDX-License-Identifier: Apache-2.0 */
/* What policy and lock file say about an image that is pulled or run. */
#pragma once

#include "engine/lock.h"
#include "engine/trust.h"

struct image_rules {
    struct trust_decision trust;
    struct digest pinned;
    const char *lock; /* the file; NULL = none */
    bool write_lock;
};

/* The image that comes with hako: "box", unless a registry is named. */
bool rules_builtin(const struct ref *r);
/* Before a pull: refuses, or fills rq->trust and rq->pinned. `r` lives as long as rq. */
int rules_before_pull(hako_engine *g, const struct hako_pull_options *o, struct pull_request *rq,
                      struct arena *a, struct image_rules *r, struct err *e);
/* After it: what was verified and what was found is written down. */
int rules_after_pull(const struct image_rules *r, const struct pull_request *rq,
                     const struct pull_result *got, struct arena *a, struct err *e);
/* May this image of the store run under this name? -ESTALE: the lock file means another image than
 * the one that is here (error filled). */
int rules_run(hako_engine *g, const struct hako_run_options *o, const struct store *s,
              const struct image *img, struct arena *a, struct err *e);
