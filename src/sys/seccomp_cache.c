/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled filters, kept. A file holds the whole description that was compiled and the program;
 * its name is a hash of the description, which is compared when read: neither a collision nor an
 * older hako can hand out a wrong filter. Files of other owners are not believed.
 */
#include "base/io.h"
#include "base/str.h"
#include "sys/caps.h"
#include "sys/seccomp.h"

#include "seccomp_default_bpf.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_KEY = 1 << 20 };

static const char magic[8] = "hakobpf1";

struct head {
    char magic[8];
    uint32_t key_len, program_len;
};

const void *seccomp_default_embedded(uint64_t caps, size_t *ret_len) {
    /* A capability less than docker's default closes nothing that the kernel would not refuse. */
    if (caps & seccomp_default_gates() & ~(uint64_t)CAPS_DEFAULT)
        return NULL;
    *ret_len = sizeof(seccomp_default_bpf);
    return seccomp_default_bpf;
}

static int put_u64(struct str *s, uint64_t v) {
    return str_addn(s, &v, sizeof(v));
}

static int put_text(struct str *s, const char *text) {
    size_t n = strlen(text) + 1;

    return str_addn(s, text, n);
}

/* Everything that shapes the program, unambiguously. 0 or negative errno. */
static int describe(const struct seccomp_filter *f, struct str *s) {
    const struct scmp_version *v = seccomp_version();
    int bad =
        str_addf(s, "%s %u.%u.%u %s", HAKO_VERSION, v->major, v->minor, v->micro, __VERSION__);

    bad |= put_u64(s, f->default_action) | put_u64(s, f->n_guards) | put_u64(s, f->n_arches) |
           put_u64(s, f->n_rules);
    for (size_t i = 0; i < f->n_guards; i++) {
        const struct seccomp_guard *g = &f->guards[i];
        bad |= put_u64(s, g->nr_x86_64) | put_u64(s, g->nr_i386) | put_u64(s, g->nr_aarch64) |
               put_u64(s, g->index) | put_u64(s, g->action) | put_u64(s, g->n_values);
        for (size_t k = 0; k < g->n_values; k++)
            bad |= put_u64(s, g->values[k]);
    }
    for (size_t i = 0; i < f->n_arches; i++)
        bad |= put_text(s, f->arches[i]);
    for (size_t i = 0; i < f->n_rules; i++) {
        const struct seccomp_rule *r = &f->rules[i];
        bad |= put_u64(s, r->action) | put_u64(s, r->n_names) | put_u64(s, r->n_args);
        for (size_t k = 0; k < r->n_names; k++)
            bad |= put_text(s, r->names[k]);
        for (size_t k = 0; k < r->n_args; k++)
            bad |= put_u64(s, r->args[k].index) | put_u64(s, r->args[k].op) |
                   put_u64(s, r->args[k].value) | put_u64(s, r->args[k].value_two);
    }
    return bad ? -ENOMEM : 0;
}

/* FNV-1a; only a name, see above. */
static uint64_t hash(const struct str *s) {
    uint64_t h = 0xcbf29ce484222325U;

    for (size_t i = 0; i < s->len; i++)
        h = (h ^ (uint8_t)s->s[i]) * 0x100000001b3U;
    return h;
}

/* The program of this description from the cache; false when it is not there or not right. */
static bool lookup(int cachefd, const char *name, const struct str *key, struct arena *a,
                   const void **ret, size_t *ret_len) {
    AUTO_FD int fd = openat(cachefd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    struct head h;

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & 022) || io_read_full(fd, &h, sizeof(h)) != (ssize_t)sizeof(h))
        return false;
    if (memcmp(h.magic, magic, sizeof(magic)) != 0 || h.key_len != key->len || h.program_len == 0 ||
        h.program_len % sizeof(struct sock_filter) ||
        h.program_len / sizeof(struct sock_filter) > BPF_MAXINSNS ||
        st.st_size != (off_t)(sizeof(h) + h.key_len + h.program_len))
        return false;
    size_t total = (size_t)h.key_len + h.program_len;
    /* The program first in memory: it must be aligned. */
    char *bytes = arena_alloc(a, total);
    if (!bytes || io_read_full(fd, bytes + h.program_len, h.key_len) != (ssize_t)h.key_len ||
        io_read_full(fd, bytes, h.program_len) != (ssize_t)h.program_len ||
        memcmp(bytes + h.program_len, key->s, key->len) != 0)
        return false;
    *ret = bytes;
    *ret_len = h.program_len;
    return true;
}

/* Best effort: a cache that cannot be written costs time only. */
static void keep(int cachefd, const char *name, const struct str *key, const void *program,
                 size_t len) {
    AUTO_STR struct str file = STR_INIT(4 << 20);
    struct head h = {.key_len = (uint32_t)key->len, .program_len = (uint32_t)len};

    memcpy(h.magic, magic, sizeof(magic));
    if (str_addn(&file, &h, sizeof(h)) == 0 && str_addn(&file, key->s, key->len) == 0 &&
        str_addn(&file, program, len) == 0)
        (void)!io_replace_file(cachefd, name, file.s, file.len, 0600, false);
}

int seccomp_cached(int cachefd, const struct seccomp_filter *f, struct arena *a, const void **ret,
                   size_t *ret_len, struct err *e) {
    AUTO_STR struct str key = STR_INIT(MAX_KEY);
    char name[40];
    void *program;

    if (cachefd >= 0 && describe(f, &key) < 0)
        cachefd = -1; /* a monstrous profile is compiled each time */
    snprintf(name, sizeof(name), "seccomp-%016llx", (unsigned long long)hash(&key));
    if (cachefd >= 0 && lookup(cachefd, name, &key, a, ret, ret_len))
        return 0;
    int r = seccomp_build(f, a, &program, ret_len, e);
    if (r < 0)
        return r;
    if (cachefd >= 0)
        keep(cachefd, name, &key, program, *ret_len);
    *ret = program;
    return 0;
}

int seccomp_default(int cachefd, uint64_t caps, struct arena *a, const void **ret, size_t *ret_len,
                    struct err *e) {
    struct seccomp_filter f;
    const void *embedded = seccomp_default_embedded(caps, ret_len);

    if (embedded) {
        *ret = embedded;
        return 0;
    }
    int r = seccomp_default_filter(caps, a, &f, e);
    return r < 0 ? r : seccomp_cached(cachefd, &f, a, ret, ret_len, e);
}
