/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hooks that are ours to run: those after the start and after the end. What comes before runs
 * within machine_create and machine_start. They are in the plan (machine_hooks); config.json is not
 * read again.
 */
#pragma once

#include "machine/machine.h"
#include "oci/oci.h"

/* The command runs. The first hook that fails is the error, and the container must end. */
int oci_hooks_poststart(const struct plan *plan, pid_t pid, struct err *e);
/* Everything is gone: what fails now is warned about. */
void oci_hooks_poststop(const struct oci *o, const struct plan *plan);
