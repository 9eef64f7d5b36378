/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   s, o, g      the rest of the line
 *   b            0 or 1
 *   y n q i u x t  a number
 *   d            a decimal number
 *   as           words
 *   ay           hexadecimal bytes
 *   a(ss)        words, two and two
 */
#include "oci/systemd/property.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

int property_parse(const char *text, struct arena *a, struct property **ret, size_t *n,
                   struct err *e) {
    size_t lines = 0, count = 0;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    struct property *v = arena_array(a, lines, struct property);
    if (!v)
        return err_oom(e);
    for (const char *p = text; *p && *p != '\n'; p += *p == '\n') {
        size_t len = strcspn(p, "\n");
        char *line = arena_strndup(a, p, len);
        if (!line)
            return err_oom(e);
        p += len;
        char *signature = strchr(line, ' ');
        char *value = signature ? strchr(signature + 1, ' ') : NULL;
        if (!value)
            return err_set(e, ERR_USAGE, -EINVAL, "hako-systemd: not a property: \"%s\"", line);
        *signature++ = '\0';
        *value++ = '\0';
        v[count++] = (struct property){line, signature, value};
    }
    *ret = v;
    *n = count;
    return 0;
}

static const char *word_end(const char *p) {
    return p + strcspn(p, " ");
}

/* The next word of *p into buf; false at the end. */
static bool next_word(const char **p, char *buf, size_t size) {
    *p += strspn(*p, " ");
    size_t len = (size_t)(word_end(*p) - *p);
    if (len == 0 || len >= size)
        return false;
    memcpy(buf, *p, len);
    buf[len] = '\0';
    *p += len;
    return true;
}

static int put_words(sd_bus_message *m, const char *value) {
    char word[4096];
    int r = sd_bus_message_open_container(m, 'a', "s");
    while (r >= 0 && next_word(&value, word, sizeof(word)))
        r = sd_bus_message_append_basic(m, 's', word);
    return r < 0 ? r : sd_bus_message_close_container(m);
}

static int put_pairs(sd_bus_message *m, const char *value) {
    char first[4096], second[4096];
    int r = sd_bus_message_open_container(m, 'a', "(ss)");
    while (r >= 0 && next_word(&value, first, sizeof(first))) {
        if (!next_word(&value, second, sizeof(second)))
            return -EINVAL;
        r = sd_bus_message_append(m, "(ss)", first, second);
    }
    return r < 0 ? r : sd_bus_message_close_container(m);
}

static int put_bytes(sd_bus_message *m, const char *value) {
    uint8_t bytes[2048];
    size_t n = 0;
    for (; value[0] && value[1] && n < sizeof(bytes); value += 2) {
        char pair[3] = {value[0], value[1], '\0'};
        bytes[n++] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return sd_bus_message_append_array(m, 'y', bytes, n);
}

static int put_number(sd_bus_message *m, char type, const char *value) {
    union {
        uint8_t y;
        uint16_t q;
        uint32_t u;
        int b;
        uint64_t t;
        double d;
    } as = {.t = 0};
    char *end;
    errno = 0;
    double d = type == 'd' ? strtod(value, &end) : 0;
    uint64_t t =
        type != 'd' ? (uint64_t)strtoull(value, &end, 10) : 0; /* "-1" wraps as it should */
    if (errno || end == value || *end)
        return -EINVAL;
    switch (type) {
    case 'y':
        as.y = (uint8_t)t;
        break;
    case 'n':
    case 'q':
        as.q = (uint16_t)t;
        break;
    case 'i':
    case 'u':
        as.u = (uint32_t)t;
        break;
    case 'b':
        as.b = t != 0;
        break;
    case 'd':
        as.d = d;
        break;
    default:
        as.t = t;
        break;
    }
    return sd_bus_message_append_basic(m, type, &as);
}

static int put_value(sd_bus_message *m, const struct property *p) {
    const char *s = p->signature;
    if (strcmp(s, "as") == 0)
        return put_words(m, p->value);
    if (strcmp(s, "ay") == 0)
        return put_bytes(m, p->value);
    if (strcmp(s, "a(ss)") == 0)
        return put_pairs(m, p->value);
    if (s[0] == '\0' || s[1] != '\0')
        return -EINVAL;
    if (strchr("sog", s[0]))
        return sd_bus_message_append_basic(m, s[0], p->value);
    return strchr("ynqiubxtd", s[0]) ? put_number(m, s[0], p->value) : -EINVAL;
}

int property_append(sd_bus_message *m, const struct property *p) {
    int r = sd_bus_message_open_container(m, 'r', "sv");
    if (r >= 0)
        r = sd_bus_message_append_basic(m, 's', p->name);
    if (r >= 0)
        r = sd_bus_message_open_container(m, 'v', p->signature);
    if (r >= 0)
        r = put_value(m, p);
    if (r >= 0)
        r = sd_bus_message_close_container(m);
    return r < 0 ? r : sd_bus_message_close_container(m);
}
