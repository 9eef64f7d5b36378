/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of a pull, in the helper process: manifest, configuration, layers, commit. */
#pragma once

#include "registry/job.h"

int transfer_run(struct job *j, struct pull_result *ret, struct err *e);
