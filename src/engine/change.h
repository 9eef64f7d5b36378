/* SPDX-License-Identifier: Apache-2.0 */
/* Dockerfile instructions of `import --change` and `commit --change`, applied to the `config`
 * object of an image configuration. Pure. */
#pragma once

#include "base/err.h"
#include "base/json.h"

/* CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR; "CMD=x" is
 * podman's way to write "CMD x". ERR_USAGE names the instruction. */
int change_apply(js *config, const char *line, struct err *e);
