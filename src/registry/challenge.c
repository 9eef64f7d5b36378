/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/challenge.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

static size_t challenge_token(const char *p) {
    return strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                     "!#$%&'*+-.^_`|~/=:");
}

/* A quoted string or a token → out (NULL: skip it). Where it ends, or NULL. */
static const char *challenge_value(const char *p, char *out, size_t size) {
    size_t n = 0;
    if (*p != '"') {
        size_t k = challenge_token(p);
        if (out && k >= size)
            return NULL;
        if (out) {
            memcpy(out, p, k);
            out[k] = '\0';
        }
        return k ? p + k : NULL;
    }
    for (p++; *p && *p != '"'; p++) {
        if (*p == '\\' && p[1])
            p++;
        if (out && n + 1 >= size)
            return NULL;
        if (out)
            out[n++] = *p;
    }
    if (*p != '"')
        return NULL;
    if (out)
        out[n] = '\0';
    return p + 1;
}

static char *challenge_field(struct challenge *c, const char *name, size_t n, size_t *size) {
    if (n == 5 && strncasecmp(name, "realm", n) == 0) {
        *size = sizeof(c->realm);
        return c->realm;
    }
    if (n == 7 && strncasecmp(name, "service", n) == 0) {
        *size = sizeof(c->service);
        return c->service;
    }
    if (n == 5 && strncasecmp(name, "scope", n) == 0) {
        *size = sizeof(c->scope);
        return c->scope;
    }
    return NULL;
}

static bool challenge_better(const struct challenge *a, const struct challenge *b) {
    return a->scheme > b->scheme && (a->scheme != CHALLENGE_BEARER || a->realm[0]);
}

static enum challenge_scheme challenge_scheme(const char *p, size_t n) {
    if (n == 6 && strncasecmp(p, "bearer", n) == 0)
        return CHALLENGE_BEARER;
    if (n == 5 && strncasecmp(p, "basic", n) == 0)
        return CHALLENGE_BASIC;
    return CHALLENGE_NONE;
}

/* name=value at p, with optional blanks around "=". Where it ends; NULL: no parameter here. */
static const char *challenge_param(const char *p, struct challenge *now, bool *bad) {
    size_t name = strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    const char *q = p + name;
    q += strspn(q, " \t");
    if (name == 0 || *q != '=')
        return NULL;
    q++;
    q += strspn(q, " \t");
    size_t size = 0;
    char *out = challenge_field(now, p, name, &size);
    const char *end = challenge_value(q, out, size);
    *bad = end == NULL;
    return end;
}

void challenge_parse(const char *text, struct challenge *ret) {
    struct challenge best = {CHALLENGE_NONE, "", "", ""}, now = best;
    const char *p = text;
    for (;;) {
        p += strspn(p, " \t,");
        if (!*p)
            break;
        bool bad = false;
        const char *end = challenge_param(p, &now, &bad);
        if (bad) {
            now.scheme = CHALLENGE_NONE; /* half a challenge is none */
            break;
        }
        if (end) {
            p = end;
            continue;
        }
        size_t n = challenge_token(p);
        if (n == 0)
            break;
        if (challenge_better(&now, &best))
            best = now;
        now = (struct challenge){challenge_scheme(p, n), "", "", ""};
        p += n;
    }
    if (challenge_better(&now, &best))
        best = now;
    *ret = best;
}
