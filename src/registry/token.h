/* SPDX-License-Identifier: Apache-2.0 */
/* The token dance of the distribution spec: 401 with a challenge → token server → Bearer. */
#pragma once

#include "http/fetch.h"
#include "registry/endpoint.h"

/* Answer the challenge of `head` and leave token or basic in the endpoint. 1: nothing that could
 * help (the 401 stands). */
int token_answer(struct fetch *f, struct endpoint *ep, const struct fetch_head *head,
                 struct err *e);
