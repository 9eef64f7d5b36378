/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Read before every file by tools/check-tidy.py: the analyzer sees one file at a time and cannot
 * know that these never return 0.
 */
#pragma once

#include "base/err.h"

#define err_set(...) ((err_set)(__VA_ARGS__), -1)
#define err_sys(...) ((err_sys)(__VA_ARGS__), -1)
#define err_sysn(...) ((err_sysn)(__VA_ARGS__), -1)
#define err_wrap(...) ((err_wrap)(__VA_ARGS__), -1)
#define err_oom(e) ((err_oom)(e), -12)
