/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate (RFC 7235), as far as registries use it. */
#pragma once

#include "base/c.h"

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
    enum challenge_scheme scheme;
    char realm[512], service[256], scope[512];
};

/* The best challenge of a header value that may hold several: Bearer with a realm before Basic.
 * Unknown schemes and parameters are skipped; what does not parse is CHALLENGE_NONE. */
void challenge_parse(const char *text, struct challenge *ret);
