/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/image.h"

#include <ctype.h>
#include <string.h>

/* --- words --------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#define HOST_ARCH "amd64"
#elif defined(__aarch64__)
#define HOST_ARCH "arm64"
#elif defined(__arm__)
#define HOST_ARCH "arm"
#elif defined(__riscv) && __riscv_xlen == 64
#define HOST_ARCH "riscv64"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define HOST_ARCH "ppc64le"
#elif defined(__s390x__)
#define HOST_ARCH "s390x"
#elif defined(__loongarch64)
#define HOST_ARCH "loong64"
#elif defined(__i386__)
#define HOST_ARCH "386"
#else
#error "platform.c: name this architecture as Go does"
#endif

/* Go's names, and what people write instead. */
static const struct {
    const char *word, *arch, *variant;
} arch_words[] = {
    {"amd64", "amd64", NULL},       {"x86_64", "amd64", NULL},    {"x86-64", "amd64", NULL},
    {"arm64", "arm64", NULL},       {"aarch64", "arm64", NULL},   {"arm", "arm", NULL},
    {"armhf", "arm", "v7"},         {"armel", "arm", "v6"},       {"386", "386", NULL},
    {"i386", "386", NULL},          {"riscv64", "riscv64", NULL}, {"ppc64le", "ppc64le", NULL},
    {"s390x", "s390x", NULL},       {"loong64", "loong64", NULL}, {"loongarch64", "loong64", NULL},
    {"mips64le", "mips64le", NULL}, {"mips64", "mips64", NULL},   {"ppc64", "ppc64", NULL},
    {"wasm", "wasm", NULL},
};

static const char *const os_words[] = {"linux",   "windows", "darwin", "freebsd", "netbsd",
                                       "openbsd", "solaris", "wasip1", "wasi",    "plan9"};

static const char *find_os(const char *word) {
    for (size_t i = 0; i < ARRAY_SIZE(os_words); i++) {
        if (strcmp(os_words[i], word) == 0)
            return os_words[i];
    }
    return NULL;
}

static int find_arch(const char *word) {
    for (size_t i = 0; i < ARRAY_SIZE(arch_words); i++) {
        if (strcmp(arch_words[i].word, word) == 0)
            return (int)i;
    }
    return -1;
}

/* --- parse and print ----------------------------------------------------------------------- */

static int set(struct arena *a, struct platform *p, const char *os, const char *arch,
               const char *variant, struct platform *ret, struct err *e) {
    p->os = arena_strdup(a, os);
    p->arch = arena_strdup(a, arch);
    p->variant = arena_strdup(a, variant);
    if (!p->os || !p->arch || (variant && !p->variant))
        return err_oom(e);
    *ret = *p;
    return 0;
}

static int bad_word(const char *text, const char *word, struct err *e) {
    return err_set(e, ERR_USAGE, -EINVAL,
                   "invalid platform \"%.100s\": \"%.60s\" is an unknown operating system or "
                   "architecture; write it as linux/amd64 or linux/arm/v7",
                   text, word);
}

static bool is_variant(const char *s) {
    for (const char *c = s; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '.')
            return false;
    }
    return *s != 0;
}

/* "a/b/c" → lower-case words; their number, more than 3 when there are too many. */
static size_t split(char *s, char *word[3]) {
    size_t n = 0;
    for (char *c = s; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    for (; s && n < 3; n++) {
        word[n] = s;
        s = strchr(s, '/');
        if (s)
            *s++ = 0;
    }
    return s ? n + 1 : n;
}

int platform_parse(const char *text, struct arena *a, struct platform *ret, struct err *e) {
    struct platform p = {0};
    char *word[3] = {NULL, NULL, NULL};
    if (!text)
        return set(a, &p, "linux", HOST_ARCH, NULL, ret, e);
    char *copy = arena_strdup(a, text);
    if (!copy)
        return err_oom(e);
    size_t n = split(copy, word);
    if (n > 3)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "invalid platform \"%.100s\": more than os/architecture/variant", text);
    const char *os = find_os(word[0]);
    if (n == 1 && os)
        return set(a, &p, os, HOST_ARCH, NULL, ret, e);
    if (n > 1 && !os)
        return bad_word(text, word[0], e);
    const char *arch = n == 1 ? word[0] : word[1];
    int i = find_arch(arch);
    if (i < 0)
        return bad_word(text, arch, e);
    arch = arch_words[i].arch;
    const char *variant = n == 3 ? word[2] : arch_words[i].variant;
    if (variant && !is_variant(variant))
        return bad_word(text, variant, e);
    /* v8 is what arm64 means, so the two spellings are one platform. */
    if (str_eq(arch, "arm64") && (str_eq(variant, "v8") || str_eq(variant, "8")))
        variant = NULL;
    return set(a, &p, os ? os : "linux", arch, variant, ret, e);
}

const char *platform_print(const struct platform *p, struct arena *a) {
    return arena_printf(a, "%s/%s%s%s", p->os ? p->os : "unknown", p->arch ? p->arch : "unknown",
                        p->variant ? "/" : "", p->variant ? p->variant : "");
}

/* --- choosing from an index ---------------------------------------------------------------- */

/* "v7" → 700, "v8.1" → 801; absent is what the architecture means without one; -1 no version. */
static int variant_rank(const char *arch, const char *variant) {
    unsigned major = 0;
    unsigned minor = 0;
    if (!variant) {
        if (strcmp(arch, "arm") == 0)
            return 700;
        return strcmp(arch, "arm64") == 0 ? 800 : 100;
    }
    const char *s = variant[0] == 'v' ? variant + 1 : variant;
    if (!isdigit((unsigned char)*s))
        return -1;
    for (; isdigit((unsigned char)*s) && major < 100; s++)
        major = major * 10 + (unsigned)(*s - '0');
    if (*s == '.')
        for (s++; isdigit((unsigned char)*s) && minor < 100; s++)
            minor = minor * 10 + (unsigned)(*s - '0');
    return *s || minor > 99 ? -1 : (int)(major * 100 + minor);
}

/* How well `have` serves `want`: 0 not at all, higher is better. A machine of a later variant
 * runs earlier ones; an entry without a platform is the last choice. */
static int match(const struct platform *have, const struct platform *want) {
    if (!have->os && !have->arch)
        return 1;
    if (!have->os || !have->arch || strcmp(have->os, want->os) != 0 ||
        strcmp(have->arch, want->arch) != 0)
        return 0;
    int has = variant_rank(have->arch, have->variant);
    int can = variant_rank(want->arch, want->variant);
    if (has < 0 || can < 0)
        return have->variant && want->variant && strcmp(have->variant, want->variant) == 0 ? 2 : 0;
    return has <= can ? 2 + has : 0;
}

static bool is_image(const char *media_type) {
    return !media_type || strcmp(media_type, MT_OCI_MANIFEST) == 0 ||
           strcmp(media_type, MT_DOCKER_MANIFEST) == 0;
}

const struct descriptor *manifest_select(const struct manifest *index,
                                         const struct platform *want) {
    const struct descriptor *best = NULL;
    int best_score = 0;
    for (size_t i = 0; i < index->n_manifests; i++) {
        const struct descriptor *d = &index->manifests[i];
        int score = is_image(d->media_type) ? match(&d->platform, want) : 0;
        if (score > best_score) {
            best = d;
            best_score = score;
        }
    }
    return best;
}
