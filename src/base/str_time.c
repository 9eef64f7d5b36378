/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000LL

/* Days since 1970-01-01 of a date in the Gregorian calendar. Years begin in March here, so that
 * the leap day is the last one of its year. */
static int64_t days_of_date(int64_t year, int month, int day) {
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_of_days(int64_t days, int *year, int *month, int *day) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2 ? 1 : 0));
}

const char *str_rfc3339(int64_t unix_ns, char out[static 36]) {
    int64_t s = unix_ns / NS_PER_S;
    int64_t ns = unix_ns % NS_PER_S;
    if (ns < 0) {
        ns += NS_PER_S;
        s--;
    }
    int64_t days = s / 86400;
    int64_t rest = s % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int year;
    int month;
    int day;
    date_of_days(days, &year, &month, &day);
    /* int64 nanoseconds span 1677 to 2262: the remainders only say so to the compiler */
    snprintf(out, 36, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", (unsigned)year % 10000,
             (unsigned)month % 100, (unsigned)day % 100, (unsigned)(rest / 3600) % 100,
             (unsigned)(rest / 60 % 60), (unsigned)(rest % 60), (unsigned)ns % 1000000000u);
    return out;
}

/* Exactly n digits at *s; -1 if there are fewer. */
static int digits(const char **s, int n) {
    int v = 0;
    for (int i = 0; i < n; i++, (*s)++) {
        if (**s < '0' || **s > '9')
            return -1;
        v = v * 10 + (**s - '0');
    }
    return v;
}

static bool skip(const char **s, char c) {
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

static int days_in_month(int year, int month) {
    static const int n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : n[month - 1];
}

static int scan_date(const char **s, int64_t *days) {
    int year = digits(s, 4);
    if (year < 0 || !skip(s, '-'))
        return -EINVAL;
    int month = digits(s, 2);
    if (month < 1 || month > 12 || !skip(s, '-'))
        return -EINVAL;
    int day = digits(s, 2);
    if (day < 1 || day > days_in_month(year, month))
        return -EINVAL;
    *days = days_of_date(year, month, day);
    return 0;
}

/* "hh:mm" in seconds, or -1. */
static int scan_hh_mm(const char **s) {
    int h = digits(s, 2);
    if (h < 0 || h > 23 || !skip(s, ':'))
        return -1;
    int m = digits(s, 2);
    return m < 0 || m > 59 ? -1 : h * 3600 + m * 60;
}

/* ".digits", of which nine count; at least one when there is a point. */
static int scan_fraction(const char **s, int64_t *ns) {
    *ns = 0;
    if (!skip(s, '.'))
        return 0;
    int64_t unit = NS_PER_S / 10;
    if (**s < '0' || **s > '9')
        return -EINVAL;
    for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
        *ns += (**s - '0') * unit;
    return 0;
}

/* "hh:mm:ss.fraction": seconds of the day and nanoseconds. */
static int scan_clock(const char **s, int64_t *seconds, int64_t *ns) {
    int hh_mm = scan_hh_mm(s);
    if (hh_mm < 0 || !skip(s, ':'))
        return -EINVAL;
    int sec = digits(s, 2);
    if (sec < 0 || sec > 60) /* 60: a leap second */
        return -EINVAL;
    *seconds = hh_mm + sec;
    return scan_fraction(s, ns);
}

/* "Z", "+hh:mm" or "-hh:mm", and nothing behind it. */
static int scan_zone(const char **s, int64_t *offset) {
    int sign = **s == '-' ? -1 : 1;
    int hh_mm = 0;

    if (!skip(s, 'Z') && !skip(s, 'z')) {
        if (!skip(s, '+') && !skip(s, '-'))
            return -EINVAL;
        hh_mm = scan_hh_mm(s);
        if (hh_mm < 0)
            return -EINVAL;
    }
    *offset = sign * hh_mm;
    return **s == '\0' ? 0 : -EINVAL;
}

int str_from_rfc3339(const char *s, int64_t *ret) {
    int64_t days;
    int64_t clock;
    int64_t ns;
    int64_t offset;
    int64_t v;

    if (!s || scan_date(&s, &days) < 0 || (!skip(&s, 'T') && !skip(&s, 't') && !skip(&s, ' ')))
        return -EINVAL;
    if (scan_clock(&s, &clock, &ns) < 0 || scan_zone(&s, &offset) < 0)
        return -EINVAL;
    int64_t seconds = days * 86400 + clock - offset;
    if (seconds < 0 && ns > 0) { /* keep the product in range at the lower end */
        seconds++;
        ns -= NS_PER_S;
    }
    if (__builtin_mul_overflow(seconds, NS_PER_S, &v) || __builtin_add_overflow(v, ns, &v))
        return -ERANGE;
    *ret = v;
    return 0;
}

static int64_t clock_ns(clockid_t id) {
    struct timespec ts = {0};
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t now_unix_ns(void) {
    return clock_ns(CLOCK_REALTIME);
}

int64_t now_mono_ns(void) {
    return clock_ns(CLOCK_MONOTONIC);
}
