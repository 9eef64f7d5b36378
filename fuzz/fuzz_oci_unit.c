/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroupsPath and annotations on their way to systemd: what passes is one line of the helper's
 * request, never two.
 */
#include "oci/unit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_line(const struct str *s) {
    if (s->len == 0 || s->s[s->len - 1] != '\n')
        abort();
    for (size_t i = 0; i + 1 < s->len; i++)
        if (iscntrl((unsigned char)s->s[i]))
            abort();
}

static void annotation(char *text) {
    AUTO_STR struct str line = STR_INIT(1 << 20);
    struct err e = {0};
    char *value = strchr(text, '=');
    if (!value)
        return;
    *value++ = '\0';
    if (str_starts(text, UNIT_ANNOTATION) && unit_variant_line(text, value, &line, &e) == 0)
        one_line(&line);
}

static void path(const char *text, struct arena *a) {
    struct unit_name n;
    struct err e = {0};
    char *group;
    if (unit_name_parse(text, "p", "id", false, a, &n, &e) < 0)
        return;
    if (strchr(n.unit, '/') || strchr(n.unit, '\n') || strchr(n.slice, '\n'))
        abort();
    if (unit_name_expand(n.slice, a, &group, &e) < 0 || group[0] != '/')
        abort();
}

static void limits(char *text, struct arena *a) {
    AUTO_STR struct str lines = STR_INIT(1 << 20);
    struct rt_kv kv = {text, strchr(text, '=')};
    struct rt_resources r = {.cpu = {.cpus = text}};
    struct err e = {0};
    if (unit_props_resources(&r, NULL, true, a, &lines, &e) == 0 && lines.len)
        one_line(&lines);
    if (!kv.value)
        return;
    *kv.value++ = '\0';
    r = (struct rt_resources){.unified = &kv, .n_unified = 1};
    unit_props_resources(&r, NULL, true, a, &lines, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    AUTO_ARENA struct arena *a = arena_new();
    char *text = a ? arena_strndup(a, (const char *)data, size) : NULL;
    char *again = text ? arena_strdup(a, text) : NULL;
    if (!again)
        return 0;
    path(text, a);
    limits(text, a);
    annotation(again);
    return 0;
}
