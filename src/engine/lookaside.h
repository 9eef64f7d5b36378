/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where simple signatures lie: containers/image's registries.d. Every *.yaml of the user's
 * containers/registries.d, or else of /etc/containers/registries.d, of the form
 *
 *   default-docker:
 *     lookaside: https://sigs.example
 *   docker:
 *     registry.example/team:
 *       lookaside: https://sigs.example/team
 *       lookaside-staging: file:///srv/sigs
 *
 * The narrowest scope that covers the image counts. Without any:
 * ~/.local/share/containers/sigstore, for root /var/lib/containers/sigstore.
 */
#pragma once

#include "base/arena.h"
#include "spec/ref.h"

struct lookaside {
    const char *read, *write; /* URLs */
};

int lookaside_find(const struct ref *ref, struct arena *a, struct lookaside *ret, struct err *e);
/* One file's text, for tests: keeps the better of *ret and what it finds. *best is the length of
 * the scope that *ret comes from. */
int lookaside_parse(const char *text, const char *what, const char *scope, struct arena *a,
                    size_t *best, struct lookaside *ret, struct err *e);
