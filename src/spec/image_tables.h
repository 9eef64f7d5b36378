/* SPDX-License-Identifier: Apache-2.0 */
/* Tables shared by manifest.c and image.c. */
#pragma once

#include "spec/field.h"
#include "spec/image.h"

extern const struct field_table image_platform_table; /* struct platform */
