/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that `docker login`, `podman login` or `skopeo login` have left. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "registry/credentials.h"

#define LOGIN_MAX_FILE ((size_t)1 << 20)

/* From one file's text. `name` is "docker.io/library/debian": the most specific entry wins, then
 * the host alone ("https://index.docker.io/v1/" is docker.io). Nothing found leaves *ret empty. */
int login_parse(const char *text, size_t len, const char *what, const char *host, const char *path,
                struct arena *a, struct login *ret, struct err *e);
/* The credential helper that a file's text names for this host (credHelpers, then credsStore); NULL
 * = none. */
const char *login_helper(const char *text, size_t len, const char *host, struct arena *a);
/* docker.io is kept under the address of its first version. */
const char *login_key(const char *host);
/* Does the key of an entry ("https://index.docker.io/v1/", "localhost:5000") name this host? */
bool login_names_host(const char *key, const char *host);
/* The default places, the user's own docker file first among those that are written. Some may be
 * NULL. */
#define LOGIN_PLACES 4
enum { LOGIN_PLACE_ENV, LOGIN_PLACE_DOCKER, LOGIN_PLACE_RUN, LOGIN_PLACE_CONFIG };
void login_places(struct arena *a, char *ret[static LOGIN_PLACES]);
/* From `file`, or with NULL from the first default place that has an entry:
 * $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json or ~/.docker/config.json,
 * $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json. Where a file names a
 * credential helper, that is asked first. */
int login_find(const char *file, const char *host, const char *path, struct arena *a,
               struct login *ret, struct err *e);
