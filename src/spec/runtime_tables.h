/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of runtime-spec, one file per chapter. Only for spec/runtime*.c. */
#pragma once

#include "spec/field.h"
#include "spec/runtime.h"

extern const struct field_table runtime_process_table;   /* struct rt_process */
extern const struct field_table runtime_linux_table;     /* struct rt_spec */
extern const struct field_table runtime_idmap_table;     /* struct rt_idmap */
extern const struct field_table runtime_resources_table; /* struct rt_resources */
extern const struct field_table runtime_seccomp_table;   /* struct rt_seccomp */
