/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs and manifests to a registry (distribution-spec "Push").
 *
 * A small blob goes in one PUT; a large one by PATCH, so that after a broken line the registry can
 * be asked how much has arrived, and the rest follows. An upload that the registry has forgotten
 * begins anew.
 */
#pragma once

#include "registry/session.h"
#include "spec/digest.h"

struct upload {
    struct session *s;
    struct endpoint *ep;
    const struct session_names *names;
    void (*sent)(void *data, uint64_t n); /* of the blob so far; may be NULL */
    void *data;
};

/* 1: the registry has it in this repository. */
int upload_exists(const struct upload *u, const struct digest *d, struct err *e);
/* From another repository of the same registry. 1: done; 0: it does not want to. */
int upload_mount(const struct upload *u, const struct digest *d, const char *repo, struct err *e);
int upload_blob(const struct upload *u, const struct digest *d, const struct fetch_body *body,
                struct err *e);
/* `name`: tag or digest. */
int upload_manifest(const struct upload *u, const char *name, const struct str *doc,
                    const char *type, const struct digest *d, struct err *e);
