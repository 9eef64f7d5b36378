/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed 512 bytes of a tar header, and the numbers and records in it. */
#pragma once

#include "base/c.h"

#include <time.h>

struct tar_head {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100], magic[6],
        version[2], uname[32], gname[32], major[8], minor[8], prefix[155], pad[12];
};

enum tar_format { TAR_V7, TAR_USTAR, TAR_STAR, TAR_GNU };

/* Octal or base-256. 0, -EINVAL or -ERANGE. */
int tar_head_number(const char *field, size_t n, int64_t *ret);
/* Is the check sum right? Sums of signed bytes were written once and are accepted. */
bool tar_head_valid(const struct tar_head *h);
bool tar_head_zero(const struct tar_head *h);
enum tar_format tar_head_format(const struct tar_head *h);
/* "12.5", "-3.25" → seconds and nanoseconds; digits beyond nine are cut off. 0 or -EINVAL. */
int tar_head_time(const char *text, struct timespec *ret);
/* One pax record "LEN KEY=VALUE\n" off the front of [*p, *p + *n): KEY and VALUE are terminated in
 * place. 0 or -EINVAL. */
int tar_head_record(char **p, size_t *n, char **key, char **value, size_t *value_len);
