/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the bytes of a plan. Errors stick: steps can be added without a look, plan_writer_finish
 * tells. Equal strings are kept once.
 */
#pragma once

#include "machine/plan_format.h"

#define PLAN_WRITER_HASH 512

struct plan_writer {
    struct plan_header h;
    struct str steps[PLAN_SECTIONS];
    struct str pool;
    uint32_t hash[PLAN_WRITER_HASH];
    bool failed;
};

void plan_writer_begin(struct plan_writer *w);
void plan_writer_end(struct plan_writer *w); /* frees */
/* Pool objects; NULL, an empty list or length 0 give 0 = absent. */
uint32_t plan_writer_str(struct plan_writer *w, const char *s);
uint32_t plan_writer_list(struct plan_writer *w, char *const *v, size_t n);
uint32_t plan_writer_blob(struct plan_writer *w, const void *p, size_t n);
void plan_writer_step(struct plan_writer *w, enum plan_section section, struct plan_step s);
/* A step of INIT whose refs are strings: the common case. */
#define plan_writer_init(w, op_, ...)                                                              \
    plan_writer_step((w), PLAN_INIT, (struct plan_step){.op = (op_), __VA_ARGS__})
int plan_writer_finish(struct plan_writer *w, struct arena *a, void **ret, size_t *ret_len,
                       struct err *e);
