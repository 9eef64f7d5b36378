/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that `docker login`, `podman login` or `skopeo login` have left. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define LOGIN_MAX_FILE ((size_t)1 << 20)

struct login {
    char *user, *password; /* NULL = none */
    char *identity;        /* an OAuth2 refresh token; NULL = none */
};

/* From one file's text. `name` is "docker.io/library/debian": the most specific entry wins, then
 * the host alone ("https://index.docker.io/v1/" is docker.io). Nothing found leaves *ret empty. */
int login_parse(const char *text, size_t len, const char *what, const char *host, const char *path,
                struct arena *a, struct login *ret, struct err *e);
/* From `file`, or with NULL from the first default place that has an entry:
 * $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json or ~/.docker/config.json,
 * $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json. */
int login_find(const char *file, const char *host, const char *path, struct arena *a,
               struct login *ret, struct err *e);
