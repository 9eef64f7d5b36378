/* SPDX-License-Identifier: Apache-2.0 */
/* Simple signing: OpenPGP messages in a lookaside store, verified by gpgv. */
#include "registry/trust.h"

#include "base/base64.h"
#include "base/io.h"
#include "base/path.h"
#include "http/fetch.h"
#include "spec/signpayload.h"
#include "sys/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define GPG_MAX_SIGNATURE ((size_t)1 << 20)

/* A directory of our own, gone at the end. */
struct gpg_dir {
    char path[64];
    int fd;
};

static void gpg_dir_done(struct gpg_dir *d) {
    fd_close(&d->fd);
    if (d->path[0])
        (void)path_remove_tree(AT_FDCWD, d->path);
}

static int gpg_dir_make(struct gpg_dir *d, struct err *e) {
    *d = (struct gpg_dir){.path = "/tmp/hako-gpgv-XXXXXX", .fd = -1};
    if (!mkdtemp(d->path)) {
        d->path[0] = '\0';
        return err_sys(e, "cannot make a directory in /tmp");
    }
    d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return d->fd < 0 ? err_sys(e, "%s", d->path) : 0;
}

/* --- keys ------------------------------------------------------------------------------------ */

/* One armoured block from `p`: what is between the blank line and the checksum or the end. */
static const char *gpg_dearmor(const char *p, struct str *out, int *r) {
    const char *body = strstr(p, "\n\n"), *crlf = strstr(p, "\n\r\n");
    const char *end = strstr(p, "-----END PGP");
    if (crlf && (!body || crlf < body))
        body = crlf + 1;
    if (!body || !end || body > end) {
        *r = -EINVAL;
        return NULL;
    }
    const char *sum = body;
    while ((sum = memchr(sum, '\n', (size_t)(end - sum))) && sum[1] != '=')
        sum++;
    *r = base64_decode(body, (size_t)((sum ? sum : end) - body), out);
    return end + 1;
}

/* gpgv wants binary keys in one file. */
static int gpg_keyring(const struct policy_rule *rule, struct gpg_dir *d, struct arena *a,
                       struct err *e) {
    AUTO_STR struct str ring = STR_INIT((size_t)64 << 20);
    struct str *keys = NULL;
    size_t n = 0;
    int r = trust_keys(rule, a, &keys, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n && r == 0; i++) {
        const char *armour = strstr(keys[i].s, "-----BEGIN PGP PUBLIC KEY BLOCK-----");
        if (!armour)
            r = str_addn(&ring, keys[i].s, keys[i].len);
        while (armour && r == 0) {
            armour = gpg_dearmor(armour, &ring, &r);
            if (armour)
                armour = strstr(armour, "-----BEGIN PGP PUBLIC KEY BLOCK-----");
        }
    }
    if (r < 0)
        return err_set(e, ERR_USAGE, r, "the policy's GPG key cannot be read");
    r = io_replace_file(d->fd, "keys", str_c(&ring), ring.len, 0600, false);
    return r < 0 ? err_sysn(e, r, "cannot write the keyring") : 0;
}

/* --- one signature --------------------------------------------------------------------------- */

/* gpgv's status lines: exactly one signature, good, by a key that may sign. */
static bool gpg_status_good(const struct str *status) {
    static const char *const bad[] = {"BADSIG",    "ERRSIG", "EXPSIG", "EXPKEYSIG",
                                      "REVKEYSIG", "NODATA", "FAILURE"};
    size_t good = 0, valid = 0, begun = 0;
    for (const char *p = str_c(status); *p;) {
        static const char prefix[] = "[GNUPG:] ";
        size_t n = strcspn(p, "\n");
        if (strncmp(p, prefix, sizeof(prefix) - 1) == 0) {
            const char *word = p + sizeof(prefix) - 1;
            size_t k = strcspn(word, " \n");
            begun += k == 6 && strncmp(word, "NEWSIG", k) == 0;
            good += k == 7 && strncmp(word, "GOODSIG", k) == 0;
            valid += k == 8 && strncmp(word, "VALIDSIG", k) == 0;
            for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (k == strlen(bad[i]) && strncmp(word, bad[i], k) == 0)
                    return false;
        }
        p += n + (p[n] == '\n');
    }
    return good == 1 && valid == 1 && begun <= 1;
}

static int gpg_verify(struct gpg_dir *d, const struct str *signature, struct str *payload,
                      struct err *e) {
    AUTO_STR struct str status = STR_INIT((size_t)1 << 20), said = STR_INIT(65536);
    char keys[96], in[96], out[96], line[200];
    int code = 0;
    snprintf(keys, sizeof(keys), "%s/keys", d->path);
    snprintf(in, sizeof(in), "%s/signature", d->path);
    snprintf(out, sizeof(out), "%s/payload", d->path);
    (void)unlinkat(d->fd, "payload", 0);
    int r = io_replace_file(d->fd, "signature", str_c(signature), signature->len, 0600, false);
    if (r < 0)
        return err_sysn(e, r, "cannot write the signature");
    const char *const argv[] = {"gpgv", "--homedir", d->path, "--keyring", keys, "--status-fd",
                                "1",    "--output",  out,     in,          NULL};
    const struct program p = {.argv = argv, .out = &status, .out_fd = -1, .err = &said};
    r = program_run(&p, &code, e);
    if (r < 0)
        return r == -ENOENT ? err_set(e, ERR_UNAVAILABLE, r,
                                      "signatures by GPG need the program gpgv: install it")
                            : r;
    if (code != 0 || !gpg_status_good(&status))
        return err_set(e, ERR_DENIED, -EKEYREJECTED,
                       "a signature is there, but by none of the policy's keys, or is damaged (%s)",
                       program_last_line(&said, line, sizeof(line)));
    r = io_read_file(d->fd, "payload", payload);
    return r < 0 ? err_sysn(e, r, "gpgv wrote no document") : 0;
}

/* --- the lookaside store --------------------------------------------------------------------- */

static int gpg_take(void *data, const struct fetch_head *head, const void *p, size_t n,
                    struct err *e) {
    (void)head;
    int r = str_addn(data, p, n);
    return r < 0 ? err_set(e, ERR_CORRUPT, r, "the signature is larger than 1 MiB") : 0;
}

/* <base>/<path>@<algorithm>=<hex>/signature-<n>. 1: there is none. */
static int gpg_fetch(const char *base, const struct trust_subject *s, const struct digest *d,
                     unsigned n, struct str *ret, struct err *e) {
    AUTO_STR struct str url = STR_INIT(4096), text = STR_INIT(FETCH_TEXT_MAX);
    struct fetch *f = NULL;
    struct fetch_head head = {.status = 0};
    size_t k = strlen(base);
    while (k > 0 && base[k - 1] == '/')
        k--;
    str_clear(ret);
    if (str_addf(&url, "%.*s/%s@%s=%s/signature-%u", (int)k, base, s->ref->path, digest_algo(d),
                 digest_hex(d), n) < 0)
        return err_set(e, ERR_USAGE, -EMSGSIZE, "the lookaside address is too long");
    if (str_starts(base, "file://")) {
        int r = io_read_file(AT_FDCWD, str_c(&url) + strlen("file://"), ret);
        if (r == -ENOENT || r == -ENOTDIR)
            return 1;
        return r < 0 ? err_sysn(e, r, "%s", str_c(&url)) : 0;
    }
    int r = fetch_setup(e);
    if (r == 0)
        r = fetch_new(&f, e);
    const struct fetch_want w = {.url = str_c(&url),
                                 .plain_ok = str_starts(base, "http://"),
                                 .body = gpg_take,
                                 .stop = NULL,
                                 .data = ret};
    if (r == 0)
        r = fetch_run(f, &w, &head, &text, e);
    fetch_free(f);
    if (r < 0)
        return r;
    if (head.status == 404 || head.status == 403)
        return 1;
    return head.status / 100 == 2
               ? 0
               : err_set(e, ERR_UNAVAILABLE, -EREMOTEIO,
                         "the lookaside store answers with status %ld", head.status);
}

/* Signatures of one manifest. 0: one holds; 1: there is none; else why the last one does not. */
static int gpg_manifest(const struct policy_rule *rule, const char *base,
                        const struct trust_subject *s, const struct digest *manifest,
                        struct gpg_dir *d, struct err *e) {
    int last = 1;
    for (unsigned n = 1; n <= TRUST_MAX_SIGNATURES; n++) {
        AUTO_STR struct str signature = STR_INIT(GPG_MAX_SIGNATURE);
        AUTO_STR struct str payload = STR_INIT(SIGNPAYLOAD_MAX);
        int r = gpg_fetch(base, s, manifest, n, &signature, e);
        if (r != 0)
            return r < 0 ? r : last;
        r = gpg_verify(d, &signature, &payload, e);
        if (r == 0)
            r = trust_payload(rule, s, str_c(&payload), payload.len, e);
        if (r == 0 || r == -ENOENT)
            return r;
        last = r;
    }
    return last;
}

int trust_gpg(const struct policy_rule *rule, const struct trust_want *want,
              const struct trust_subject *s, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct gpg_dir d = {.fd = -1};
    if (!a)
        return err_oom(e);
    if (!want->lookaside)
        return err_set(e, ERR_DENIED, -EKEYREJECTED,
                       "no lookaside store is configured for it (registries.d)");
    int r = gpg_dir_make(&d, e);
    if (r == 0)
        r = gpg_keyring(rule, &d, a, e);
    if (r == 0)
        r = gpg_manifest(rule, want->lookaside, s, &s->top, &d, e);
    if (r != 0 && r != -ENOENT && !digest_eq(&s->top, &s->at)) {
        struct err before = *e;
        int other = gpg_manifest(rule, want->lookaside, s, &s->at, &d, e);
        if (other == 1 && r < 0)
            *e = before;
        else
            r = other;
    }
    gpg_dir_done(&d);
    return r == 1 ? err_set(e, ERR_DENIED, -EKEYREJECTED, "it has no signature in %.150s",
                            want->lookaside)
                  : r;
}
