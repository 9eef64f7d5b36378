/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer and the reader of records agree upon. */
#pragma once

#include "store/record.h"

static const char record_magic[8] = {'h', 'a', 'k', 'o', 'r', 'e', 'c', '1'};
#define RECORD_HEAD 16
#define RECORD_NUMBER_MAX 10
