/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer and the reader of records agree upon. */
#pragma once

#include "store/record.h"

#define RECORD_MAGIC "hakorec1"
#define RECORD_HEAD 16
#define RECORD_NUMBER_MAX 10
