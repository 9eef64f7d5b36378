/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy: may this image be pulled, loaded, run?
 *
 * The file is the configuration's "policy", else the first of $XDG_CONFIG_HOME/hako/policy.json,
 * /etc/hako/policy.json, $XDG_CONFIG_HOME/containers/policy.json, /etc/containers/policy.json.
 * Without one everything is allowed. What needs a signature is verified when it is pulled; what
 * was required and found is written down beside the image, and `run` compares that with what is
 * required now: an image that came in another way, or under other keys, does not run.
 */
#pragma once

#include "engine/engine.h"
#include "registry/trust.h"

struct trust_decision {
    struct trust_want want;
    bool needs_signature;
    struct str evidence; /* what is required, as text; arena-owned */
};

/* The file that counts; NULL = none. */
int trust_policy_path(hako_engine *g, struct arena *a, const char **ret, struct err *e);
/* ERR_DENIED when the policy refuses the name as such. */
int trust_pull(hako_engine *g, const struct ref *ref, struct arena *a, struct trust_decision *ret,
               struct err *e);
/* The pull succeeded: note what was verified. */
int trust_note(const struct store *s, const struct digest *id, const struct trust_decision *d,
               struct err *e);
/* Something that comes by another way: "docker-archive", "oci", "dir", … */
int trust_load(hako_engine *g, const char *transport, const char *path, struct err *e);
/* An image of the store, under the name it is run by. */
int trust_run(hako_engine *g, const struct store *s, const struct image *img, const char *name,
              struct arena *a, struct err *e);
