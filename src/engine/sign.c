/* SPDX-License-Identifier: Apache-2.0 */
/* image sign: by GPG into a lookaside store, or by a key in PEM beside the image. */
#include "registry/sign.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "engine/lookaside.h"
#include "engine/move.h"
#include "spec/signpayload.h"
#include "sys/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SIGN_MAX_KEY ((size_t)1 << 20)
#define TRUST_MAX_SIGNATURES_WRITTEN 32u

struct sign_what {
    const struct hako_sign_options *o;
    struct ref ref;
    struct registry_access access;
    struct digest manifests[SIGN_MAX];
    const char *passphrase;
};

/* What the name means in its registry: its digest, and that of this platform's image. */
static int sign_resolve(const struct registry_module *m, struct arena *a, struct sign_what *w,
                        struct err *e) {
    AUTO_STR struct str doc = STR_INIT((size_t)4 << 20);
    const struct ask_request rq = {.kind = ASK_MANIFEST, .ref = &w->ref, .access = w->access};
    struct ask_result got = {0};
    struct manifest manifest = {0};
    struct platform host = {0};
    int r = m->ask(&rq, &got, &doc, e);
    if (r == 0)
        r = manifest_decode(str_c(&doc), doc.len, "manifest", a, &manifest, e);
    if (r == 0)
        r = platform_parse(w->o->platform, a, &host, e);
    if (r < 0)
        return r;
    w->manifests[0] = got.digest;
    const struct descriptor *d = manifest.is_index ? manifest_select(&manifest, &host) : NULL;
    if (d)
        w->manifests[1] = d->digest;
    return 0;
}

static int sign_passphrase(const struct hako_sign_options *o, struct arena *a, const char **ret,
                           struct err *e) {
    AUTO_STR struct str text = STR_INIT(65536);
    *ret = NULL;
    if (!o->passphrase_file)
        return 0;
    int r = io_read_file(AT_FDCWD, o->passphrase_file, &text);
    if (r < 0)
        return err_sysn(e, r, "passphrase file %s", o->passphrase_file);
    *ret = arena_strndup(a, str_c(&text), strcspn(str_c(&text), "\r\n"));
    return *ret ? 0 : err_oom(e);
}

/* --- GPG ------------------------------------------------------------------------------------- */

static int sign_gpg_message(const struct sign_what *w, const struct digest *d, struct arena *a,
                            struct str *ret, struct err *e) {
    AUTO_STR struct str payload = STR_INIT(SIGNPAYLOAD_MAX), said = STR_INIT(65536);
    struct signpayload p = {.manifest = *d};
    char line[200];
    int status = 0;
    p.type = arena_strdup(a, SIGNPAYLOAD_GPG);
    p.reference = arena_strdup(a, ref_full(&w->ref, a));
    if (!p.type || !p.reference)
        return err_oom(e);
    int r = signpayload_print(&p, &payload, e);
    if (r < 0)
        return r;
    AUTO_STR struct str input = STR_INIT(SIGNPAYLOAD_MAX + 65536);
    if ((w->passphrase && str_addf(&input, "%s\n", w->passphrase) < 0) ||
        str_addn(&input, str_c(&payload), payload.len) < 0)
        return err_oom(e);
    /* gpg takes the first line of stdin for the passphrase, and what follows is signed */
    const char *const plain[] = {"gpg",         "--batch",  "--quiet", "--local-user",
                                 w->o->gpg_key, "--output", "-",       "--sign",
                                 NULL};
    const char *const with[] = {"gpg",         "--batch",         "--quiet", "--pinentry-mode",
                                "loopback",    "--passphrase-fd", "0",       "--local-user",
                                w->o->gpg_key, "--output",        "-",       "--sign",
                                NULL};
    const struct program prog = {.argv = w->passphrase ? with : plain,
                                 .input = str_c(&input),
                                 .input_len = input.len,
                                 .out = ret,
                                 .out_fd = -1,
                                 .err = &said};
    r = program_run(&prog, &status, e);
    if (r < 0)
        return r;
    if (status != 0 || ret->len == 0)
        return err_set(e, ERR_DENIED, -EKEYREJECTED, "gpg does not sign as %s: %s", w->o->gpg_key,
                       program_last_line(&said, line, sizeof(line)));
    return 0;
}

/* The first free signature-<n>. */
static int sign_gpg_keep(const char *base, const struct sign_what *w, const struct digest *d,
                         const struct str *message, struct arena *a, struct err *e) {
    if (!str_starts(base, "file:///"))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "the lookaside store %s cannot be written: name a directory by "
                       "lookaside-staging in registries.d, or by --directory",
                       base);
    const char *dir = arena_printf(a, "%s/%s@%s=%s", base + strlen("file://"), w->ref.path,
                                   digest_algo(d), digest_hex(d));
    int r = dir ? path_mkdir_p(AT_FDCWD, dir, 0755) : -ENOMEM;
    if (r < 0)
        return err_sysn(e, r, "cannot make %s", dir ? dir : base);
    for (unsigned n = 1; n <= TRUST_MAX_SIGNATURES_WRITTEN; n++) {
        const char *path = arena_printf(a, "%s/signature-%u", dir, n);
        if (path && access(path, F_OK) == 0)
            continue;
        r = path ? io_replace_file(AT_FDCWD, path, str_c(message), message->len, 0644, true)
                 : -ENOMEM;
        return r < 0 ? err_sysn(e, r, "cannot write %s", path ? path : dir) : 0;
    }
    return err_set(e, ERR_CONFLICT, -EMLINK, "%s holds too many signatures", dir);
}

static int sign_gpg(const struct sign_what *w, struct arena *a, struct err *e) {
    struct lookaside l;
    int r = lookaside_find(&w->ref, a, &l, e);
    const char *base = w->o->directory ? arena_printf(a, "file://%s", w->o->directory) : NULL;
    if (r == 0 && w->o->directory && (!base || w->o->directory[0] != '/'))
        r = err_set(e, ERR_USAGE, -EINVAL, "--directory: expected an absolute path");
    for (size_t i = 0; i < SIGN_MAX && r == 0; i++) {
        AUTO_STR struct str message = STR_INIT((size_t)1 << 20);
        if (!w->manifests[i].s[0])
            continue;
        r = sign_gpg_message(w, &w->manifests[i], a, &message, e);
        if (r == 0)
            r = sign_gpg_keep(base ? base : l.write, w, &w->manifests[i], &message, a, e);
    }
    return r;
}

/* --- PEM ------------------------------------------------------------------------------------- */

static int sign_pem(const struct registry_module *m, const struct sign_what *w, struct err *e) {
    AUTO_STR struct str key = STR_INIT(SIGN_MAX_KEY);
    int r = io_read_file(AT_FDCWD, w->o->key_file, &key);
    if (r < 0)
        return err_sysn(e, r, "key %s", w->o->key_file);
    struct sign_request rq = {.ref = &w->ref,
                              .access = w->access,
                              .key = str_c(&key),
                              .key_len = key.len,
                              .passphrase = w->passphrase};
    memcpy(rq.manifests, w->manifests, sizeof(rq.manifests));
    r = m->sign(&rq, e);
    return r < 0 ? err_wrap(e, "%s", w->o->key_file) : 0;
}

int hako_image_sign(hako_engine *g, const char *name, const struct hako_sign_options *o,
                    hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    const struct registry_module *m = NULL;
    struct sign_what w = {.o = o};
    if (!o->gpg_key == !o->key_file)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "say who signs: --sign-by for a GPG key, or --sign-by-sigstore-private-key "
                       "for a key in PEM");
    int r = a ? ref_parse(name, a, &w.ref, e) : err_oom(e);
    if (r == 0)
        r = module_registry(g, &m, e);
    if (r == 0)
        r = move_access(g, &o->registry, &w.access, e);
    if (r == 0)
        r = sign_passphrase(o, a, &w.passphrase, e);
    if (r == 0)
        r = sign_resolve(m, a, &w, e);
    if (r < 0 || !m)
        return r;
    return o->gpg_key ? sign_gpg(&w, a, e) : sign_pem(m, &w, e);
}
