/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few words hako adds to C17: scope-bound clean-up, ownership transfer and array sizes.
 *
 * Clean-up rule: a variable marked AUTO_* owns what it holds; TAKE_PTR/TAKE_FD give it away.
 * Every destructor accepts the empty value (NULL, -1).
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))
#define HAKO_PUBLIC __attribute__((visibility("default")))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hand an owned pointer on: yields its value and leaves NULL behind. */
#define TAKE_PTR(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) *take_pp_ = &(p);                                                            \
        __typeof__(p) take_p_ = *take_pp_;                                                         \
        *take_pp_ = NULL;                                                                          \
        take_p_;                                                                                   \
    })

/* Hand an owned descriptor on: yields its value and leaves -1 behind. */
static inline int take_fd(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}
#define TAKE_FD(fd) take_fd(&(fd))

static inline void auto_free(void *p) {
    void *owned; /* the pointer behind p has any type: copied, not aliased */
    __builtin_memcpy(&owned, p, sizeof(owned));
    free(owned);
}
#define AUTO_FREE CLEANUP(auto_free)

/* Close without disturbing errno; -1 is fine. */
static inline void fd_close(int *fd) {
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
        *fd = -1;
    }
}
#define AUTO_FD CLEANUP(fd_close)
