/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/move.h"

#include "base/str.h"

#include <string.h>

int move_parse(const char *text, bool reading, struct arena *a, struct move_place *ret,
               struct err *e) {
    static const struct {
        const char *prefix;
        enum move_transport transport;
    } known[] = {
        {"docker://", MOVE_REGISTRY},
        {"docker-archive:", MOVE_DOCKER_ARCHIVE},
        {"oci-archive:", MOVE_OCI_ARCHIVE},
        {"oci:", MOVE_OCI_DIR},
        {"dir:", MOVE_DIR},
        {"containers-storage:", MOVE_STORE},
    };
    static const char *const foreign[] = {"docker-daemon:", "ostree:", "sif:", "tarball:"};
    struct move_place p = {MOVE_REGISTRY, text, NULL};
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
        if (str_starts(text, foreign[i]))
            return err_set(e, ERR_USAGE, -EOPNOTSUPP,
                           "%s is not a place that hako reads or writes: save to an archive and "
                           "load that",
                           foreign[i]);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (!str_starts(text, known[i].prefix))
            continue;
        p.transport = known[i].transport;
        p.path = text + strlen(known[i].prefix);
        break;
    }
    if (p.transport != MOVE_REGISTRY && p.transport != MOVE_STORE && p.transport != MOVE_DIR) {
        size_t n = strcspn(p.path, ":");
        if (p.path[n]) {
            p.name = p.path + n + 1;
            p.path = arena_strndup(a, p.path, n);
        }
    }
    if (!p.path)
        return err_oom(e);
    bool short_word = p.transport == MOVE_OCI_DIR || p.transport == MOVE_DIR;
    if (reading && short_word && !strchr(p.path, '/') && access(p.path, F_OK) < 0)
        p = (struct move_place){MOVE_REGISTRY, text, NULL};
    if (!*p.path)
        return err_set(e, ERR_USAGE, -EINVAL, "\"%s\" names no file or image", text);
    *ret = p;
    return 0;
}

int move_access(hako_engine *g, const struct hako_registry *o, struct registry_access *ret,
                struct err *e) {
    static const struct hako_registry none;
    const struct config *cfg = NULL;
    if (!o)
        o = &none;
    int r = engine_config(g, &cfg, e);
    if (r < 0)
        return r;
    *ret = (struct registry_access){
        .config = &cfg->registries,
        .auth_file = o->authfile,
        .creds = o->creds,
        .cert_dir = o->cert_dir,
        .tls = !o->tls_verify_set ? VERIFY_DEFAULT
               : o->tls_verify    ? VERIFY_YES
                                  : VERIFY_NO,
        .tries = MIN_OF(o->tries, 100U),
        .delay_ms =
            (unsigned)MIN_OF(MAX_OF(o->retry_delay, (int64_t)0) / 1000000, (int64_t)600000)};
    return 0;
}

int move_open(hako_engine *g, const struct registry_module **m, const struct store **s,
              struct err *e) {
    int r = module_registry(g, m, e);
    return r < 0 ? r : engine_store(g, s, e);
}

static const char *move_word(enum move_verb verb, enum pull_phase phase) {
    bool load = verb == MOVE_LOAD, save = verb == MOVE_SAVE;
    switch (phase) {
    case PULL_WAITING:
        return "Waiting";
    case PULL_DOWNLOADING:
        return load ? "Loading" : "Downloading";
    case PULL_VERIFYING:
        return "Verifying";
    case PULL_EXTRACTING:
        return "Extracting";
    case PULL_DONE:
        return load ? "Loaded" : "Pull complete";
    case PULL_EXISTS:
        return "Already exists";
    case PUSH_PREPARING:
        return save ? "Saving" : "Preparing";
    case PUSH_PUSHING:
        return "Pushing";
    case PUSH_DONE:
        return save ? "Saved" : "Pushed";
    case PUSH_EXISTS:
        return "Layer already exists";
    case PUSH_MOUNTED:
        return "Mounted";
    case LOAD_LOADING:
        return "Importing";
    case LOAD_DONE:
        return "Imported";
    }
    return "";
}

void move_tell(const struct pull_progress *p, void *data) {
    const struct move_teller *to = data;
    bool finished = p->phase == PULL_DONE || p->phase == PULL_EXISTS || p->phase == PUSH_DONE ||
                    p->phase == PUSH_EXISTS || p->phase == PUSH_MOUNTED || p->phase == LOAD_DONE;
    struct hako_progress hp = {.layer = p->layer,
                               .phase = move_word(to->verb, p->phase),
                               .done = p->done,
                               .total = p->total,
                               .finished = finished};
    to->progress(&hp, to->data);
}
