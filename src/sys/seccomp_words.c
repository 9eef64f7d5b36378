/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime-spec's words for filters. */
#include "base/str.h"
#include "sys/seccomp.h"

#include <linux/seccomp.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct word {
    const char *word;
    uint32_t value;
};

static int find(const struct word *words, size_t n, const char *word, uint32_t *ret) {
    for (size_t i = 0; i < n; i++)
        if (str_eq(words[i].word, word)) {
            *ret = words[i].value;
            return 0;
        }
    return -EINVAL;
}

int seccomp_action(const char *word, uint32_t errno_ret, uint32_t *ret) {
    static const struct word words[] = {
        {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
        {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
        {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
        {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
        {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
        {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
        {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF},
        {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
        {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
    };
    uint32_t action;
    int r = find(words, ARRAY_SIZE(words), word, &action);

    if (r == 0 && (action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE))
        action |= errno_ret & SECCOMP_RET_DATA;
    if (r == 0)
        *ret = action;
    return r;
}

int seccomp_op(const char *word, enum seccomp_op *ret) {
    static const struct word words[] = {
        {"SCMP_CMP_NE", SECCOMP_OP_NE},
        {"SCMP_CMP_LT", SECCOMP_OP_LT},
        {"SCMP_CMP_LE", SECCOMP_OP_LE},
        {"SCMP_CMP_EQ", SECCOMP_OP_EQ},
        {"SCMP_CMP_GE", SECCOMP_OP_GE},
        {"SCMP_CMP_GT", SECCOMP_OP_GT},
        {"SCMP_CMP_MASKED_EQ", SECCOMP_OP_MASKED_EQ},
    };
    uint32_t op;
    int r = find(words, ARRAY_SIZE(words), word, &op);

    if (r == 0)
        *ret = (enum seccomp_op)op;
    return r;
}

int seccomp_flag(const char *word, uint32_t *ret) {
    static const struct word words[] = {
        {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
        {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
        {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
        {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
    };

    return find(words, ARRAY_SIZE(words), word, ret);
}
