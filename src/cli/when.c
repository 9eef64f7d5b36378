/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000LL

static int when_from_local(const char *text, int64_t *ret) {
    static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H",
                                          "%Y-%m-%d"};
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(text, formats[i], &tm);
        if (!end || *end)
            continue;
        tm.tm_isdst = -1;
        time_t t = mktime(&tm);
        return t == (time_t)-1 || __builtin_mul_overflow((int64_t)t, NS_PER_S, ret) ? -EINVAL : 0;
    }
    return -EINVAL;
}

/* Digits, and perhaps a point and up to nine more. */
static int when_from_unix(const char *text, int64_t *ret) {
    size_t n = strspn(text, "0123456789");
    size_t digits = text[n] == '.' ? strspn(text + n + 1, "0123456789") : 0;
    char whole[20], part[10] = "000000000";
    int64_t s, ns;
    if (n == 0 || n >= sizeof(whole) || digits > 9 || (text[n] == '.' && digits == 0) ||
        text[n + (digits ? digits + 1 : 0)])
        return -EINVAL;
    memcpy(whole, text, n);
    whole[n] = '\0';
    memcpy(part, text + n + (digits > 0), digits);
    if (str_to_i64(whole, &s) < 0 || str_to_i64(part, &ns) < 0 ||
        __builtin_mul_overflow(s, NS_PER_S, &s) || __builtin_add_overflow(s, ns, ret))
        return -EINVAL;
    return 0;
}

int when_parse(const char *text, int64_t now_ns, int64_t *ret) {
    int64_t v;
    if (str_from_rfc3339(text, &v) < 0 && when_from_unix(text, &v) < 0 &&
        when_from_local(text, &v) < 0) {
        size_t n = strlen(text); /* a number that is no time is no duration either */
        if (n == 0 || strchr("0123456789.", text[n - 1]) ||
            str_to_duration(text, NS_PER_S, &v) < 0 || __builtin_sub_overflow(now_ns, v, &v))
            return -EINVAL;
    }
    *ret = v;
    return 0;
}

const char *when_ago(int64_t then_ns, int64_t now_ns, char out[static 40]) {
    char human[32];
    int64_t s = now_ns > then_ns ? (now_ns - then_ns) / NS_PER_S : 0;
    snprintf(out, 40, "%s ago", str_human_duration(s, human));
    return out;
}

const char *when_local(int64_t ns, char out[static 64]) {
    time_t t = (time_t)(ns / NS_PER_S);
    struct tm tm;
    if (!localtime_r(&t, &tm) || strftime(out, 64, "%Y-%m-%d %H:%M:%S %z %Z", &tm) == 0)
        out[0] = '\0';
    return out;
}
