/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/env.h"

#include <string.h>

#include "base/utf8.h"

static size_t key_len(const char *entry) {
    return strcspn(entry, "=");
}

static bool same_key(const char *a, const char *b) {
    size_t n = key_len(a);
    return n == key_len(b) && memcmp(a, b, n) == 0;
}

static const char *host_value(char *const *host, const char *key) {
    size_t n = strlen(key);
    for (; host && *host; host++) {
        if (strncmp(*host, key, n) == 0 && (*host)[n] == '=')
            return *host + n + 1;
    }
    return NULL;
}

int env_add(const char *word, char *const *host, struct arena *a, struct strlist *list,
            struct err *e) {
    if (key_len(word) == 0)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid environment variable: %.200s", word);
    const char *value = strchr(word, '=') ? NULL : host_value(host, word);
    int r = value ? strlist_addf(a, list, "%s=%s", word, value) : strlist_add(a, list, word);
    return r < 0 ? err_oom(e) : 0;
}

static bool is_text(const char *s, size_t n) {
    while (n > 0) {
        size_t step = *s ? utf8_next(s, n, NULL) : 0;
        if (step == 0)
            return false;
        s += step;
        n -= step;
    }
    return true;
}

static int file_line(const char *line, const char *what, char *const *host, struct arena *a,
                     struct strlist *list, struct err *e) {
    size_t key = key_len(line);
    if (!*line || *line == '#')
        return 0;
    if (key == 0)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid env file (%.200s): no variable name on line '%.100s'", what, line);
    if (strcspn(line, " \t") < key)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid env file (%.200s): variable '%.*s' contains whitespaces", what,
                       (int)MIN_OF(key, 100), line);
    const char *value = line[key] ? NULL : host_value(host, line);
    if (!line[key] && !value)
        return 0;
    int r = value ? strlist_addf(a, list, "%s=%s", line, value) : strlist_add(a, list, line);
    return r < 0 ? err_oom(e) : 0;
}

int env_parse_file(const char *text, size_t len, const char *what, char *const *host,
                   struct arena *a, struct strlist *list, struct err *e) {
    const char *end = text + len;
    if (!is_text(text, len))
        return err_set(e, ERR_USAGE, -EINVAL, "invalid env file (%.200s): it is not UTF-8 text",
                       what);
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    while (text < end) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        const char *stop = nl ? nl : end;
        const char *next = nl ? nl + 1 : end;
        if (stop > text && stop[-1] == '\r')
            stop--;
        while (text < stop && strchr(" \t\r\v\f", *text))
            text++;
        if ((size_t)(stop - text) > ENV_MAX_LINE)
            return err_set(e, ERR_USAGE, -EINVAL,
                           "invalid env file (%.200s): a line is longer than 1 MiB", what);
        char *line = arena_strndup(a, text, (size_t)(stop - text));
        int r = line ? file_line(line, what, host, a, list, e) : err_oom(e);
        if (r < 0)
            return r;
        text = next;
    }
    return 0;
}

static char **find(const struct strlist *list, const char *entry) {
    for (size_t i = 0; i < list->n; i++) {
        if (list->v[i] && same_key(list->v[i], entry))
            return &list->v[i];
    }
    return NULL;
}

int env_merge(const struct strlist *base, const struct strlist *over, struct arena *a,
              struct strlist *ret, struct err *e) {
    const struct strlist *const both[] = {base, over};
    struct strlist all = {0};
    struct strlist out = {0};
    if (base->n + over->n > ENV_MAX_VARS) /* the search below is quadratic */
        return err_set(e, ERR_USAGE, -E2BIG, "more than %d environment variables", ENV_MAX_VARS);
    for (size_t k = 0; k < ARRAY_SIZE(both); k++) {
        for (size_t i = 0; i < both[k]->n; i++) {
            char *entry = both[k]->v[i];
            bool removes = !strchr(entry, '=');
            char **slot = find(&all, entry);
            if (slot)
                *slot = removes ? NULL : entry;
            else if (!removes && strlist_add(a, &all, entry) < 0)
                return err_oom(e);
        }
    }
    for (size_t i = 0; i < all.n; i++) {
        if (all.v[i] && strlist_add(a, &out, all.v[i]) < 0)
            return err_oom(e);
    }
    *ret = out;
    return 0;
}

const char *env_get(const struct strlist *list, const char *key) {
    size_t n = strlen(key);
    for (size_t i = list->n; i-- > 0;) {
        if (strncmp(list->v[i], key, n) == 0 && list->v[i][n] == '=')
            return list->v[i] + n + 1;
    }
    return NULL;
}
