/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/keys.h"

#include <string.h>

static int keys_one(const char *word, size_t n) {
    static const char special[] = "@[\\]^_";
    static const unsigned char codes[] = {0, 27, 28, 29, 30, 31};
    if (n == 1)
        return (unsigned char)word[0];
    if (n != 6 || strncmp(word, "ctrl-", 5) != 0)
        return -1;
    char c = word[5];
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 1;
    const char *p = strchr(special, c);
    return p ? codes[p - special] : -1;
}

int keys_parse(const char *text, struct keys *ret, struct err *e) {
    struct keys k = {0};
    text = text ? text : "ctrl-p,ctrl-q";
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, ",");
        int key = keys_one(p, len);
        if (key < 0 || k.n == KEYS_MAX)
            return err_set(e, ERR_USAGE, -EINVAL,
                           "invalid detach keys (%s): use up to %d letters and ctrl-<letter>, "
                           "separated by commas",
                           text, KEYS_MAX);
        k.v[k.n++] = (unsigned char)key;
        p += len + (p[len] == ',');
    }
    *ret = k;
    return 0;
}

/* The last bytes typed were the beginning of the sequence, and c is not what comes next: pass on
 * what can no longer be part of it. */
static void keys_fall_back(struct keys *k, struct str *out) {
    int shift = 1;
    while (shift < k->matched && memcmp(k->v, k->v + shift, (size_t)(k->matched - shift)) != 0)
        shift++;
    str_addn(out, k->v, (size_t)shift);
    k->matched -= shift;
}

bool keys_filter(struct keys *k, const unsigned char *p, size_t n, struct str *out) {
    for (size_t i = 0; i < n; i++) {
        while (k->matched && p[i] != k->v[k->matched])
            keys_fall_back(k, out);
        if (k->n && p[i] == k->v[k->matched]) {
            if (++k->matched == k->n) {
                k->matched = 0;
                return true;
            }
        } else {
            str_addn(out, &p[i], 1);
        }
    }
    return false;
}
