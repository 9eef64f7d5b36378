/* SPDX-License-Identifier: Apache-2.0 */
/* What a user shows to a registry. */
#pragma once

#include "base/c.h"

struct login {
    char *user, *password; /* NULL = none */
    char *identity;        /* an OAuth2 refresh token; NULL = none */
    bool fresh;            /* just typed: ask the token server for an identity token, too … */
    char *granted;         /* … and here it is; malloc'd */
};
