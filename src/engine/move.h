/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands that move images share: how registries are spoken to, places with a prefix, and
 * the words of their progress. */
#pragma once

#include "engine/engine.h"

enum move_transport {
    MOVE_REGISTRY,
    MOVE_DOCKER_ARCHIVE,
    MOVE_OCI_ARCHIVE,
    MOVE_OCI_DIR,
    MOVE_DIR,
    MOVE_STORE, /* containers-storage: */
};

struct move_place {
    enum move_transport transport;
    const char *path; /* file, directory, or the whole reference */
    const char *name; /* behind it; NULL = none */
};

/* "oci-archive:file.tar:tag", "docker://debian:12", "debian:12". When reading, "oci:x" and "dir:x"
 * are places only where there is such a file: else images of these names. ERR_USAGE. */
int move_parse(const char *text, bool reading, struct arena *a, struct move_place *ret,
               struct err *e);
int move_access(hako_engine *g, const struct hako_registry *o, struct registry_access *ret,
                struct err *e);
/* The module and the store. */
int move_open(hako_engine *g, const struct registry_module **m, const struct store **s,
              struct err *e);

enum move_verb { MOVE_PULL, MOVE_PUSH, MOVE_SAVE, MOVE_LOAD };
struct move_teller {
    enum move_verb verb;
    void (*progress)(const struct hako_progress *p, void *data);
    void *data;
};
/* pull_request.progress and its like; data is a struct move_teller whose progress is not NULL. */
void move_tell(const struct pull_progress *p, void *data);
