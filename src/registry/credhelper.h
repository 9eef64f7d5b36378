/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credential helpers: programs docker-credential-<name>, by the protocol that docker publishes.
 * "get" reads a server's name and answers {"ServerURL","Username","Secret"}; "store" reads such an
 * object; "erase" reads a server's name. Secrets travel by pipes only.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "registry/credentials.h"

/* 0: *ret is filled; 1: it knows none for this server. */
int credhelper_get(const char *helper, const char *server, struct arena *a, struct login *ret,
                   struct err *e);
int credhelper_store(const char *helper, const char *server, const struct login *l, struct err *e);
/* Nothing there is success. */
int credhelper_erase(const char *helper, const char *server, struct err *e);
