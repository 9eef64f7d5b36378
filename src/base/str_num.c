/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people and docker write them. No floating point and no locale: exact to the byte. */
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Digits at *s, at least one. Leaves *s behind them. */
static int scan_u64(const char **s, uint64_t *ret) {
    const char *p = *s;
    uint64_t v = 0;

    if (!is_digit(*p))
        return -EINVAL;
    for (; is_digit(*p); p++)
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
            return -ERANGE;
    *s = p;
    *ret = v;
    return 0;
}

/* The whole string as digits. Letters win over size: "99999999999999999999x" is no number. */
static int whole_u64(const char *s, uint64_t *ret) {
    uint64_t v;

    if (s[0] == '\0' || s[strspn(s, "0123456789")] != '\0')
        return -EINVAL;
    int r = scan_u64(&s, &v);
    if (r == 0)
        *ret = v;
    return r;
}

int str_to_u64(const char *s, uint64_t *ret) {
    return s ? whole_u64(s, ret) : -EINVAL;
}

int str_to_i64(const char *s, int64_t *ret) {
    if (!s)
        return -EINVAL;
    bool minus = *s == '-';
    uint64_t v = 0;

    if (*s == '-' || *s == '+')
        s++;
    int r = whole_u64(s, &v);
    if (r < 0)
        return r;
    if (v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return -ERANGE;
    *ret = minus ? (int64_t)(0 - v) : (int64_t)v;
    return 0;
}

/* A decimal as it was written: digits before and after the point. */
struct decimal {
    uint64_t whole;
    const char *frac;
    size_t nfrac;
};

static int scan_decimal(const char **s, struct decimal *d) {
    const char *p = *s;
    bool any = is_digit(*p);

    *d = (struct decimal){0};
    if (any) {
        int r = scan_u64(&p, &d->whole);
        if (r < 0)
            return r;
    }
    if (*p == '.') {
        d->frac = ++p;
        d->nfrac = strspn(p, "0123456789");
        p += d->nfrac;
        any = any || d->nfrac > 0;
    }
    if (!any)
        return -EINVAL;
    *s = p;
    return 0;
}

/* d × unit, rounded down. The fraction is folded from its last digit, so 64 bits are enough. */
static int decimal_times(const struct decimal *d, uint64_t unit, uint64_t *ret) {
    uint64_t v;
    uint64_t part = 0;

    if (__builtin_mul_overflow(d->whole, unit, &v))
        return -ERANGE;
    for (size_t i = d->nfrac; i > 0; i--)
        part = ((uint64_t)(d->frac[i - 1] - '0') * unit + part) / 10;
    if (__builtin_add_overflow(v, part, &v))
        return -ERANGE;
    *ret = v;
    return 0;
}

/* "", "b", "k", "kb", "kib" … in any case → shift; -1 when unknown. */
static int size_shift(const char *s) {
    static const char units[] = "bkmgtp";
    char low[4] = "";
    size_t n = strnlen(s, sizeof(low));

    if (n == 0)
        return 0;
    if (n > 3)
        return -1;
    for (size_t i = 0; i < n; i++)
        low[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
    const char *u = strchr(units, low[0]);
    if (!u || (*u == 'b' && n > 1))
        return -1;
    if (n > 1 && strcmp(low + 1, "b") != 0 && strcmp(low + 1, "ib") != 0)
        return -1;
    return (int)(u - units) * 10;
}

int str_to_bytes(const char *s, uint64_t *ret) {
    struct decimal d;

    if (!s)
        return -EINVAL;
    int r = scan_decimal(&s, &d);
    if (r < 0)
        return r;
    if (*s == ' ' && s[1] != '\0')
        s++; /* docker takes "64 MiB" */
    int shift = size_shift(s);
    if (shift < 0)
        return -EINVAL;
    return decimal_times(&d, (uint64_t)1 << shift, ret);
}

/* The unit at *s in nanoseconds, 0 when there is none that Go knows. */
static uint64_t scan_time_unit(const char **s) {
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {
        /* longest first: "ms" before "m"; both micro signs, as Go */
        {"ns", 1},       {"us", 1000},      {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000},
        {"ms", 1000000}, {"s", 1000000000}, {"m", 60000000000},  {"h", 3600000000000},
    };
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        size_t n = strlen(units[i].name);
        if (strncmp(*s, units[i].name, n) == 0) {
            *s += n;
            return units[i].ns;
        }
    }
    return 0;
}

int str_to_duration(const char *s, int64_t unit_ns, int64_t *ret) {
    uint64_t total = 0;
    bool first = true;

    if (!s)
        return -EINVAL;
    bool minus = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    do {
        struct decimal d;
        uint64_t v;
        int r = scan_decimal(&s, &d);
        if (r < 0)
            return r;
        uint64_t unit = scan_time_unit(&s);
        if (unit == 0 && first && *s == '\0' && unit_ns >= 0)
            unit = (uint64_t)unit_ns;
        else if (unit == 0)
            return -EINVAL;
        r = decimal_times(&d, unit, &v);
        if (r < 0)
            return r;
        if (__builtin_add_overflow(total, v, &total) || total > INT64_MAX)
            return -ERANGE;
        first = false;
    } while (*s);
    *ret = minus ? -(int64_t)total : (int64_t)total;
    return 0;
}

const char *str_human_size(uint64_t bytes, char out[static 16]) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t u = 0;
    uint64_t scale = 1; /* bytes per unit */

    while (u + 1 < ARRAY_SIZE(units) && bytes / scale >= 1000) {
        scale *= 1000;
        u++;
    }
    /* three digits, rounded; 999.6 kB becomes 1MB, not 1000kB */
    uint64_t whole = bytes / scale;
    uint64_t step = scale;
    unsigned decimals = whole >= 100 || u == 0 ? 0 : whole >= 10 ? 1 : 2;
    for (unsigned i = 0; i < decimals; i++)
        step /= 10;
    uint64_t v = bytes / step + (bytes % step >= step - bytes % step ? 1 : 0);
    if (v >= 1000 && decimals > 0) {
        v = (v + 5) / 10;
        decimals--;
    } else if (v >= 1000 && u + 1 < ARRAY_SIZE(units)) {
        v = 1;
        u++;
    }
    while (decimals > 0 && v % 10 == 0) {
        v /= 10;
        decimals--;
    }
    unsigned n = (unsigned)(v % 1000); /* it is below 1000 here */
    if (decimals == 2)
        snprintf(out, 16, "%u.%02u%s", n / 100, n % 100, units[u]);
    else if (decimals == 1)
        snprintf(out, 16, "%u.%u%s", n / 10, n % 10, units[u]);
    else
        snprintf(out, 16, "%u%s", n, units[u]);
    return out;
}

const char *str_human_duration(int64_t seconds, char out[static 32]) {
    static const struct {
        int64_t below; /* hours */
        int64_t each;
        const char *word;
    } spans[] = {
        {48, 1, "hours"},
        {24 * 7 * 2, 24, "days"},
        {24 * 30 * 2, 24 * 7, "weeks"},
        {24 * 365 * 2, 24 * 30, "months"},
        {INT64_MAX, 24 * 365, "years"},
    };
    int64_t minutes = seconds / 60;
    int64_t hours = minutes / 60 + (minutes % 60 >= 30 ? 1 : 0); /* to the nearest, as docker */

    if (seconds < 1) {
        str_copy(out, 32, "Less than a second");
    } else if (seconds == 1) {
        str_copy(out, 32, "1 second");
    } else if (seconds < 60) {
        snprintf(out, 32, "%d seconds", (int)seconds);
    } else if (minutes == 1) {
        str_copy(out, 32, "About a minute");
    } else if (minutes < 60) {
        snprintf(out, 32, "%d minutes", (int)minutes);
    } else if (hours == 1) {
        str_copy(out, 32, "About an hour");
    } else {
        size_t i = 0;
        while (hours >= spans[i].below)
            i++;
        if (i == ARRAY_SIZE(spans) - 1)
            hours = minutes / 60; /* years are not rounded */
        snprintf(out, 32, "%lld %s", (long long)(hours / spans[i].each), spans[i].word);
    }
    return out;
}
