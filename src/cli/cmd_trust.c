/* SPDX-License-Identifier: Apache-2.0 */
/* image sign, image trust set, image trust show. */
#include "cli/access_opts.h"
#include "cli/commands.h"

#include "base/json.h"
#include "base/table.h"

#include <stdio.h>
#include <string.h>

struct sign_args {
    struct hako_sign_options o;
    bool all;
    struct access_args access;
};
static const struct opt image_sign_opts[] = {
    ACCESS_OPTS(struct sign_args),
    OPT(struct sign_args, 'a', all, "all", OPT_BOOL, NULL, NULL),
    OPT(struct sign_args, 'd', o.directory, "directory", OPT_STRING, "directory",
        "Lookaside store to write GPG signatures to (default: registries.d)"),
    OPT(struct sign_args, 0, o.platform, "platform", OPT_STRING, "string",
        "Of a list of images, sign this platform's, too (default: this machine's)"),
    OPT(struct sign_args, 0, o.gpg_key, "sign-by", OPT_STRING, "key",
        "Sign by this GPG key, into the lookaside store"),
    OPT(struct sign_args, 0, o.key_file, "sign-by-sigstore-private-key", OPT_STRING, "file",
        "Sign by this private key (PEM), beside the image in its registry"),
    OPT(struct sign_args, 0, o.passphrase_file, "sign-passphrase-file", OPT_STRING, "file",
        "Read the key's passphrase from the file"),
};
const struct opt_table image_sign_table = {
    .command = "image sign",
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Sign images of a registry",
    .opts = image_sign_opts,
    .nopts = ARRAY_SIZE(image_sign_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
};

static int sign_one(struct cli *c, const char *name, void *data, hako_error *e) {
    const struct sign_args *s = data;
    return hako_image_sign(c->engine, name, &s->o, e);
}

int cmd_image_sign(struct cli *c, int argc, char **argv) {
    struct sign_args s = {.o = {.size = sizeof(s.o)}};
    char **args;
    size_t n;
    int code = cli_parse(c, &image_sign_table, argc, argv, &s, &args, &n, 1);
    if (code >= 0)
        return code;
    s.o.registry = access_registry(&s.access);
    return cli_each(c, args, n, sign_one, &s);
}

/* --- trust ----------------------------------------------------------------------------------- */

struct trust_args {
    struct hako_trust_options o;
    bool json, raw, no_heading;
};
static const struct opt image_trust_opts[] = {
    OPT(struct trust_args, 'j', json, "json", OPT_BOOL, NULL, "show: print as json"),
    OPT(struct trust_args, 'n', no_heading, "noheading", OPT_BOOL, NULL, "show: no titles"),
    OPT(struct trust_args, 0, o.file, "policypath", OPT_STRING, "file",
        "Policy file (default: the one that counts)"),
    OPT(struct trust_args, 'f', o.keys, "pubkeysfile", OPT_LIST, "file",
        "set: absolute path of a public key"),
    OPT(struct trust_args, 0, raw, "raw", OPT_BOOL, NULL, "show: print the policy file"),
    OPT(struct trust_args, 't', o.type, "type", OPT_STRING, "string",
        "set: accept, reject, signedBy (default) or sigstoreSigned"),
};
const struct opt_table image_trust_table = {
    .command = "image trust",
    .usage = "[OPTIONS] show [SCOPE] | set SCOPE",
    .summary = "Show or change the policy of which images may be used",
    .opts = image_trust_opts,
    .nopts = ARRAY_SIZE(image_trust_opts),
    .min_args = 1,
    .max_args = 2,
};

static int trust_row(struct table *t, const char *transport, const char *scope, const js *list) {
    int r = 0;
    for (size_t i = 0; i < js_len(list) && r == 0; i++) {
        const js *rule = js_at(list, i);
        const char *key = js_get_str(rule, "keyPath");
        const char *first = js_str(js_at(js_get(rule, "keyPaths"), 0));
        const char *const cells[] = {transport, scope, js_get_str_or(rule, "type", ""),
                                     key     ? key
                                     : first ? first
                                             : js_get_str_or(rule, "keyData", "")};
        r = table_row(t, cells);
    }
    return r;
}

static int trust_table(struct cli *c, const js *doc, const char *scope, bool heading,
                       struct str *out) {
    static const char *const headers[] = {"TRANSPORT", "NAME", "TYPE", "KEY"};
    struct table *t = table_new(c->a, headers, ARRAY_SIZE(headers));
    int r = t ? 0 : -ENOMEM;
    if (r == 0 && (!scope || strcmp(scope, "default") == 0))
        r = trust_row(t, "all", "default", js_get(doc, "default"));
    struct js_iter transports = js_iter(js_get(doc, "transports"));
    while (r == 0 && js_get(doc, "transports") && js_next(&transports)) {
        struct js_iter scopes = js_iter(transports.value);
        while (r == 0 && js_next(&scopes))
            if (!scope || strcmp(scope, scopes.key) == 0)
                r = trust_row(t, transports.key, scopes.key, scopes.value);
    }
    return r < 0 ? r : table_print(t, heading, out);
}

static int trust_show(struct cli *c, const struct trust_args *a, const char *scope) {
    AUTO_FREE char *file = NULL, *json = NULL;
    AUTO_JS js *doc = NULL;
    AUTO_STR struct str out = STR_INIT((size_t)4 << 20);
    hako_error e = {0};
    int r = hako_trust_show(c->engine, a->o.file, &file, &json, &e);
    if (r == 0)
        r = js_parse(json, strlen(json), "policy", &doc, cli_err(&e));
    if (r < 0)
        return cli_fail(&e, 1);
    if (a->raw)
        r = str_add(&out, json);
    else if (a->json)
        r = js_print(doc, JS_PRETTY, &out) < 0 ? -ENOMEM : str_addc(&out, '\n');
    else
        r = trust_table(c, doc, scope, !a->no_heading, &out);
    return r < 0 ? 1 : cli_print(&out);
}

int cmd_image_trust(struct cli *c, int argc, char **argv) {
    struct trust_args a = {.o = {.size = sizeof(a.o)}};
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &image_trust_table, argc, argv, &a, &args, &n, 1);
    if (code >= 0)
        return code;
    bool set = strcmp(args[0], "set") == 0;
    if (!set && strcmp(args[0], "show") != 0) {
        fprintf(stderr, "hako: image trust %s: expected show or set\n", args[0]);
        return 1;
    }
    if (set && n != 2) {
        fputs("hako: image trust set: name a registry, a repository, or \"default\"\n", stderr);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    if (!set)
        return trust_show(c, &a, n > 1 ? args[1] : NULL);
    a.o.scope = args[1];
    return hako_trust_set(g, &a.o, &e) < 0 ? cli_fail(&e, 1) : 0;
}
