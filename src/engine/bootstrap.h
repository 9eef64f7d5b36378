/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The versions of a distribution's packages that an image was made of:
 *
 *   # hako bootstrap lock
 *   date 1700000000
 *   adduser 3.134 all
 *   …
 *
 * Sorted, one package a line; `date` is what all times of the image are set to.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define BOOTSTRAP_MAX_LOCK ((size_t)16 << 20)
#define BOOTSTRAP_MAX_PACKAGES 100000

struct bootstrap_package {
    const char *name, *version, *arch;
};
struct bootstrap_lock {
    int64_t date; /* Unix seconds; 0 = none */
    struct bootstrap_package *v;
    size_t n;
};

int bootstrap_lock_parse(const char *text, const char *what, struct arena *a,
                         struct bootstrap_lock *ret, struct err *e);
/* dpkg's status file. */
int bootstrap_status_parse(const char *text, struct arena *a, struct bootstrap_lock *ret,
                           struct err *e);
int bootstrap_lock_print(const struct bootstrap_lock *l, struct str *out, struct err *e);
/* apt's preferences that hold apt to the lock. */
int bootstrap_preferences(const struct bootstrap_lock *l, struct str *out, struct err *e);
/* ERR_UNAVAILABLE names the first package that is not what the lock says. */
int bootstrap_compare(const struct bootstrap_lock *want, const struct bootstrap_lock *is,
                      const char *what, struct err *e);
