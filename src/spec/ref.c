/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/ref.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

#define REF_MAX_NAME 255 /* domain and path together, as registries allow */
#define DEFAULT_DOMAIN "docker.io"
#define OFFICIAL "library/"

static int bad(struct err *e, const char *text, const char *why) {
    return err_set(e, ERR_USAGE, -EINVAL, "invalid reference format: \"%.200s\": %s", text, why);
}

/* --- grammar: each of these says whether s[0..n) is one ----------------------------------- */

static bool is_lower_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [a-z0-9]+ joined by ".", "_", "__" or any number of "-". */
static bool is_path_component(const char *s, size_t n) {
    size_t i = 0;
    while (i < n) {
        size_t run = i;
        while (i < n && is_lower_alnum(s[i]))
            i++;
        if (i == run)
            return false;
        if (i == n)
            return true;
        size_t sep = i;
        while (i < n && s[i] == s[sep] && strchr("._-", s[i]))
            i++;
        size_t most = s[sep] == '.' ? 1 : s[sep] == '_' ? 2 : n;
        if (i == sep || i - sep > most || i == n)
            return false;
    }
    return false;
}

static bool is_path(const char *s) {
    for (;;) {
        size_t n = strcspn(s, "/");
        if (!is_path_component(s, n))
            return false;
        if (!s[n])
            return true;
        s += n + 1;
    }
}

static bool is_domain_component(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)s[i]) && s[i] != '-')
            return false;
    }
    return n > 0 && s[0] != '-' && s[n - 1] != '-';
}

static bool is_host(const char *s, size_t n) {
    if (n > 2 && s[0] == '[') {
        size_t inner = strspn(s + 1, "0123456789abcdefABCDEF:");
        return inner > 0 && inner + 2 == n && s[n - 1] == ']';
    }
    while (n > 0) {
        const char *dot = memchr(s, '.', n);
        size_t part = dot ? (size_t)(dot - s) : n;
        if (!is_domain_component(s, part))
            return false;
        if (!dot)
            return true;
        s += part + 1;
        n -= part + 1;
    }
    return false;
}

static bool is_domain(const char *s) {
    const char *close = s[0] == '[' ? strchr(s, ']') : s;
    const char *colon = close ? strchr(close, ':') : NULL;
    if (!colon)
        return is_host(s, strlen(s));
    size_t digits = strspn(colon + 1, "0123456789");
    return digits > 0 && digits <= 5 && !colon[1 + digits] && is_host(s, (size_t)(colon - s));
}

static bool is_tag(const char *s) {
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        bool word = isalnum((unsigned char)s[i]) || s[i] == '_';
        if (!word && (i == 0 || !strchr(".-", s[i])))
            return false;
    }
    return n > 0 && n <= 128;
}

static bool is_image_id(const char *s) {
    return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* --- parsing ------------------------------------------------------------------------------- */

/* docker's rule: the first component is a domain if it holds "." or ":", has an upper-case letter
 * or is "localhost"; everything else is a path on the default registry. */
static bool first_is_domain(const char *s, size_t n) {
    if (n == 9 && memcmp(s, "localhost", 9) == 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '.' || s[i] == ':' || isupper((unsigned char)s[i]))
            return true;
    }
    return false;
}

/* Cut "@digest" and ":tag" off `rest` (in place) and check them. */
static int parse_suffix(char *rest, const char *text, struct ref *r, struct err *e) {
    char *at = strchr(rest, '@');
    if (at) {
        struct err why;
        err_clear(&why);
        *at = 0;
        if (digest_parse(at + 1, "reference", &r->digest, &why) < 0)
            return bad(e, text, "the digest must be sha256:… or sha512:… in lower-case hex");
    }
    char *colon = strchr(rest, ':');
    if (colon) {
        *colon = 0;
        r->tag = colon + 1;
        if (!is_tag(r->tag))
            return bad(e, text, "a tag is up to 128 letters, digits, \"_\", \".\" and \"-\"");
    }
    return 0;
}

static int parse_path(const char *rest, const char *text, struct arena *a, struct ref *r,
                      struct err *e) {
    for (const char *p = rest; *p; p++) {
        if (isupper((unsigned char)*p))
            return err_set(e, ERR_USAGE, -EINVAL,
                           "invalid reference format: repository name (%.200s) must be lowercase",
                           rest);
    }
    if (!is_domain(r->domain))
        return bad(e, text, "bad registry name");
    if (!is_path(rest))
        return bad(e, text, "bad repository name");
    bool official = strcmp(r->domain, DEFAULT_DOMAIN) == 0 && !strchr(rest, '/');
    r->path = arena_printf(a, "%s%s", official ? OFFICIAL : "", rest);
    if (!r->path)
        return err_oom(e);
    if (strlen(r->domain) + 1 + strlen(r->path) > REF_MAX_NAME)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid reference format: repository name must not be more than %d "
                       "characters",
                       REF_MAX_NAME);
    return 0;
}

int ref_parse(const char *text, struct arena *a, struct ref *ret, struct err *e) {
    struct ref r = {0};
    if (!*text)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid reference format: it is empty");
    if (is_image_id(text))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid repository name (%s), cannot specify 64-byte hexadecimal strings",
                       text);
    char *rest = arena_strdup(a, text);
    if (!rest)
        return err_oom(e);
    r.domain = arena_strdup(a, DEFAULT_DOMAIN);
    size_t first = strcspn(rest, "/");
    if (rest[first] && first_is_domain(rest, first)) {
        rest[first] = 0;
        if (strcmp(rest, "index." DEFAULT_DOMAIN) != 0)
            r.domain = rest;
        rest += first + 1;
    }
    if (!r.domain)
        return err_oom(e);
    int rc = parse_suffix(rest, text, &r, e);
    if (rc == 0)
        rc = parse_path(rest, text, a, &r, e);
    if (rc < 0)
        return rc;
    if (!r.tag && !r.digest.s[0]) {
        r.tag = arena_strdup(a, "latest");
        if (!r.tag)
            return err_oom(e);
    }
    *ret = r;
    return 0;
}

/* --- printing ------------------------------------------------------------------------------ */

static const char *with_suffix(const struct ref *r, const char *name, struct arena *a) {
    bool tag = r->tag != NULL;
    bool digest = r->digest.s[0] != 0;
    return arena_printf(a, "%s%s%s%s%s", name, tag ? ":" : "", tag ? r->tag : "", digest ? "@" : "",
                        r->digest.s);
}

const char *ref_full(const struct ref *r, struct arena *a) {
    const char *name = arena_printf(a, "%s/%s", r->domain, r->path);
    return name ? with_suffix(r, name, a) : NULL;
}

/* Shortened only as far as reading it again gives the same: "docker.io/a.b/c" keeps its domain. */
const char *ref_familiar_name(const struct ref *r, struct arena *a) {
    const char *path = r->path;
    size_t first = strcspn(path, "/");
    size_t skip = strlen(OFFICIAL);
    if (strcmp(r->domain, DEFAULT_DOMAIN) != 0 || (path[first] && first_is_domain(path, first)))
        return arena_printf(a, "%s/%s", r->domain, path);
    if (str_starts(path, OFFICIAL) && !strchr(path + skip, '/') && !is_image_id(path + skip))
        path += skip;
    return arena_strdup(a, path);
}

const char *ref_familiar(const struct ref *r, struct arena *a) {
    const char *name = ref_familiar_name(r, a);
    return name ? with_suffix(r, name, a) : NULL;
}
