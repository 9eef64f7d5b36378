/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tar_head.h"

#include <string.h>

/* Far beyond every file system, far from every overflow. */
#define TIME_MAX ((int64_t)1 << 60)

_Static_assert(sizeof(struct tar_head) == 512, "a header is one block");

/* Two's complement, most significant byte first; bit 7 of the first byte only says so. */
static int head_base256(const unsigned char *p, size_t n, int64_t *ret) {
    bool negative = p[0] & 0x40;
    uint64_t v = negative ? ~(uint64_t)0 : 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = i ? p[i] : (unsigned char)((p[0] & 0x7f) | (negative ? 0x80 : 0));
        if ((int64_t)v > INT64_MAX >> 8 || (int64_t)v < INT64_MIN >> 8)
            return -ERANGE;
        v = v << 8 | c;
    }
    *ret = (int64_t)v;
    return 0;
}

static bool head_blank(char c) {
    return c == ' ' || c == '\0';
}

int tar_head_number(const char *field, size_t n, int64_t *ret) {
    if (field[0] & 0x80)
        return head_base256((const unsigned char *)field, n, ret);
    while (n > 0 && head_blank(*field)) {
        field++;
        n--;
    }
    while (n > 0 && head_blank(field[n - 1]))
        n--;
    int64_t v = 0;
    for (size_t i = 0; i < n && field[i]; i++) {
        if (field[i] < '0' || field[i] > '7')
            return -EINVAL;
        v = v << 3 | (field[i] - '0'); /* 12 digits at most: 36 bits */
    }
    *ret = v;
    return 0;
}

bool tar_head_valid(const struct tar_head *h) {
    const unsigned char *p = (const unsigned char *)h;
    const size_t at = offsetof(struct tar_head, sum);
    int64_t want, is = 0, is_signed = 0;
    if (tar_head_number(h->sum, sizeof(h->sum), &want) < 0)
        return false;
    for (size_t i = 0; i < sizeof(*h); i++) {
        unsigned char c = i >= at && i < at + sizeof(h->sum) ? ' ' : p[i];
        is += c;
        is_signed += (signed char)c;
    }
    return want == is || want == is_signed;
}

bool tar_head_zero(const struct tar_head *h) {
    const char *p = (const char *)h;
    return p[0] == 0 && memcmp(p, p + 1, sizeof(*h) - 1) == 0;
}

enum tar_format tar_head_format(const struct tar_head *h) {
    if (memcmp(h->magic, "ustar ", 6) == 0 && memcmp(h->version, " ", 2) == 0)
        return TAR_GNU;
    if (memcmp(h->magic, "ustar", 6) == 0 && memcmp(h->version, "00", 2) == 0)
        return memcmp(h->pad + sizeof(h->pad) - 4, "tar", 4) == 0 ? TAR_STAR : TAR_USTAR;
    return TAR_V7;
}

int tar_head_time(const char *text, struct timespec *ret) {
    bool negative = *text == '-';
    const char *p = text + negative;
    int64_t sec = 0;
    long nsec = 0, unit = 100000000;
    if (*p < '0' || *p > '9')
        return -EINVAL;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (sec > TIME_MAX / 10)
            return -EINVAL;
        sec = sec * 10 + (*p - '0');
    }
    if (*p == '.')
        p++;
    for (; *p >= '0' && *p <= '9'; p++) {
        nsec += unit * (*p - '0');
        unit /= 10;
    }
    if (*p)
        return -EINVAL;
    if (negative) {
        sec = -sec - (nsec > 0);
        nsec = nsec > 0 ? 1000000000 - nsec : 0;
    }
    *ret = (struct timespec){sec, nsec};
    return 0;
}

int tar_head_record(char **p, size_t *n, char **key, char **value, size_t *value_len) {
    size_t len = 0, digits = 0;
    while (digits < *n && digits < 10 && (*p)[digits] >= '0' && (*p)[digits] <= '9')
        len = len * 10 + (size_t)((*p)[digits++] - '0');
    if (digits == 0 || digits == *n || (*p)[digits] != ' ' || len > *n || len < digits + 3)
        return -EINVAL;
    char *k = *p + digits + 1, *end = *p + len - 1;
    char *eq = memchr(k, '=', (size_t)(end - k));
    if (*end != '\n' || !eq || eq == k || memchr(k, '\0', (size_t)(eq - k)))
        return -EINVAL;
    *eq = *end = '\0';
    *key = k;
    *value = eq + 1;
    *value_len = (size_t)(end - eq - 1);
    *p += len;
    *n -= len;
    return 0;
}
