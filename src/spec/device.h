/* SPDX-License-Identifier: Apache-2.0 */
/* `--device host[:container[:rwm]]` or `host:rwm`. Only the words; the engine looks at the node. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct device_request {
    char *host;      /* absolute, clean */
    char *container; /* absolute, clean */
    char *access;    /* letters of "rwm" */
};

/* ERR_USAGE in docker's words: "bad mode specified: x", "dev/x is not an absolute path". */
int device_parse(const char *text, struct arena *a, struct device_request *ret, struct err *e);
