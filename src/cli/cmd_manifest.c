/* SPDX-License-Identifier: Apache-2.0 */
/* manifest create, add, annotate, inspect, push, rm, remove, exists. */
#include "base/io.h"
#include "cli/access_opts.h"
#include "cli/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct manifest_args {
    struct hako_manifest_options o;
    struct access_args access;
    bool insecure, quiet, verbose, ignored, ignore;
    const char *digestfile;
};

#define M(short_, field, name, type, metavar, help)                                                \
    OPT(struct manifest_args, short_, field, name, type, metavar, help)
#define MANIFEST_PLATFORM                                                                          \
    M(0, o.annotation, "annotation", OPT_LIST, "key=value", "Annotation of the entry"),            \
        M(0, o.arch, "arch", OPT_STRING, "string", "Architecture of the entry"),                   \
        M(0, o.features, "features", OPT_CSV, "strings", "CPU features of the entry"),             \
        M(0, o.os, "os", OPT_STRING, "string", "Operating system of the entry"),                   \
        M(0, o.os_features, "os-features", OPT_CSV, "strings",                                     \
          "Features of the operating system"),                                                     \
        M(0, o.os_version, "os-version", OPT_STRING, "string", "Version of the operating system"), \
        M(0, o.variant, "variant", OPT_STRING, "string", "Variant of the architecture")
#define MANIFEST_ACCESS                                                                            \
    ACCESS_OPTS(struct manifest_args),                                                             \
        M(0, insecure, "insecure", OPT_BOOL, NULL, "Allow HTTP and any certificate")

#define TABLE(stem, command_, usage_, summary_, least, most)                                       \
    const struct opt_table stem##_table = {                                                        \
        .command = command_,                                                                       \
        .usage = usage_,                                                                           \
        .summary = summary_,                                                                       \
        .opts = stem##_opts,                                                                       \
        .nopts = ARRAY_SIZE(stem##_opts),                                                          \
        .min_args = least,                                                                         \
        .max_args = most,                                                                          \
    }

static const struct opt manifest_create_opts[] = {
    M(0, o.all, "all", OPT_BOOL, NULL, "Take every image of a list that is named"),
    M('a', o.amend, "amend", OPT_BOOL, NULL, "Amend an existing manifest list"),
    M(0, o.annotation, "annotation", OPT_LIST, "key=value", "Annotation of the entries"),
    MANIFEST_ACCESS,
};
TABLE(manifest_create, "manifest create", "[OPTIONS] LIST [IMAGE...]",
      "Create a local manifest list for pushing to a registry", 1, SIZE_MAX);

static const struct opt manifest_add_opts[] = {
    M(0, o.all, "all", OPT_BOOL, NULL, "Take every image of a list that is named"),
    MANIFEST_PLATFORM,
    MANIFEST_ACCESS,
};
TABLE(manifest_add, "manifest add", "[OPTIONS] LIST IMAGE [IMAGE...]",
      "Add images to a manifest list", 2, SIZE_MAX);

static const struct opt manifest_annotate_opts[] = {
    M(0, o.index, "index", OPT_BOOL, NULL, "Annotate the list itself"),
    M(0, o.subject, "subject", OPT_STRING, "image", "Subject of the list (with --index)"),
    MANIFEST_PLATFORM,
    MANIFEST_ACCESS,
};
TABLE(manifest_annotate, "manifest annotate", "[OPTIONS] LIST [IMAGE]",
      "Add information to an entry of a manifest list", 1, 2);

static const struct opt manifest_inspect_opts[] = {
    M('v', verbose, "verbose", OPT_BOOL, NULL, NULL),
    MANIFEST_ACCESS,
};
TABLE(manifest_inspect, "manifest inspect", "[OPTIONS] LIST|IMAGE",
      "Display a manifest list, or a manifest of a registry", 1, 1);

static const struct opt manifest_push_opts[] = {
    M(0, ignored, "all", OPT_BOOL, NULL, NULL),
    M(0, digestfile, "digestfile", OPT_STRING, "file", "Write the list's digest into this file"),
    M('f', o.format, "format", OPT_STRING, "string", "oci (default) or v2s2"),
    M('p', o.purge, "purge", OPT_BOOL, NULL, "Remove the local manifest list after push"),
    M('q', quiet, "quiet", OPT_BOOL, NULL, "Print nothing"),
    M(0, ignored, "remove-signatures", OPT_BOOL, NULL, NULL),
    M(0, o.purge, "rm", OPT_BOOL, NULL, NULL),
    MANIFEST_ACCESS,
};
TABLE(manifest_push, "manifest push", "[OPTIONS] LIST [DESTINATION]",
      "Push a manifest list and its images to a registry", 1, 2);

static const struct opt manifest_rm_opts[] = {
    M('i', ignore, "ignore", OPT_BOOL, NULL, "Missing lists are no failure"),
};
TABLE(manifest_rm, "manifest rm", "[OPTIONS] LIST [LIST...]", "Delete local manifest lists", 1,
      SIZE_MAX);

const struct opt_table manifest_remove_table = {
    .command = "manifest remove",
    .usage = "LIST DIGEST",
    .summary = "Remove an entry from a manifest list",
    .min_args = 2,
    .max_args = 2,
};
const struct opt_table manifest_exists_table = {
    .command = "manifest exists",
    .usage = "LIST",
    .summary = "Is there a local manifest list of this name?",
    .min_args = 1,
    .max_args = 1,
};

/* Parse, open the engine. -1 = go on. */
static int manifest_begin(struct cli *c, const struct opt_table *t, int argc, char **argv,
                          struct manifest_args *p, char ***args, size_t *n, hako_engine **g) {
    int code = cli_parse(c, t, argc, argv, p, args, n, 1);
    if (code >= 0)
        return code;
    p->o.size = sizeof(p->o);
    if (p->insecure) {
        p->access.tls_verify = false;
        p->access.tls_verify_set = true;
    }
    p->o.registry = access_registry(&p->access);
    code = cli_engine(c, g);
    return code ? code : -1;
}

int cmd_manifest_create(struct cli *c, int argc, char **argv) {
    struct manifest_args p = {.insecure = false};
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = manifest_begin(c, &manifest_create_table, argc, argv, &p, &args, &n, &g);
    if (code >= 0)
        return code;
    const struct hako_strings add = {.v = args + 1, .n = n - 1};
    if (hako_manifest_create(g, args[0], &add, &p.o, &e) < 0)
        return cli_fail(&e, 1);
    printf("Created manifest list %s\n", args[0]);
    return 0;
}

int cmd_manifest_add(struct cli *c, int argc, char **argv) {
    struct manifest_args p = {.insecure = false};
    char **args, digest[136];
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = manifest_begin(c, &manifest_add_table, argc, argv, &p, &args, &n, &g);
    if (code >= 0)
        return code;
    for (size_t i = 1; i < n; i++) {
        if (hako_manifest_add(g, args[0], args[i], &p.o, digest, &e) < 0)
            return cli_fail(&e, 1);
        puts(digest);
    }
    return 0;
}

int cmd_manifest_annotate(struct cli *c, int argc, char **argv) {
    struct manifest_args p = {.insecure = false};
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = manifest_begin(c, &manifest_annotate_table, argc, argv, &p, &args, &n, &g);
    if (code >= 0)
        return code;
    if (n < 2 && !p.o.index) {
        fputs("hako: name the image of the list, or take --index\n", stderr);
        return 1;
    }
    return hako_manifest_annotate(g, args[0], n > 1 ? args[1] : NULL, &p.o, &e) < 0
               ? cli_fail(&e, 1)
               : 0;
}

int cmd_manifest_inspect(struct cli *c, int argc, char **argv) {
    struct manifest_args p = {.insecure = false};
    char **args, *json = NULL;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = manifest_begin(c, &manifest_inspect_table, argc, argv, &p, &args, &n, &g);
    if (code >= 0)
        return code;
    if (hako_manifest_inspect(g, args[0], &p.o, &json, &e) < 0)
        return cli_fail(&e, 1);
    puts(json);
    free(json);
    return cli_flush();
}

int cmd_manifest_push(struct cli *c, int argc, char **argv) {
    struct manifest_args p = {.insecure = false};
    char **args, digest[136];
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = manifest_begin(c, &manifest_push_table, argc, argv, &p, &args, &n, &g);
    if (code >= 0)
        return code;
    if (hako_manifest_push(g, args[0], n > 1 ? args[1] : NULL, &p.o, digest, &e) < 0)
        return cli_fail(&e, 1);
    if (!p.quiet)
        puts(digest);
    int r = p.digestfile
                ? io_replace_file(AT_FDCWD, p.digestfile, digest, strlen(digest), 0644, false)
                : 0;
    if (r < 0)
        fprintf(stderr, "hako: cannot write %s: %s\n", p.digestfile, strerror(-r));
    return r < 0;
}

int cmd_manifest_rm(struct cli *c, int argc, char **argv) {
    struct manifest_args p = {.insecure = false};
    char **args;
    size_t n;
    hako_engine *g;
    int failed = 0, code = manifest_begin(c, &manifest_rm_table, argc, argv, &p, &args, &n, &g);
    if (code >= 0)
        return code;
    for (size_t i = 0; i < n; i++) {
        hako_error e = {0};
        if (p.ignore && !hako_manifest_exists(g, args[i]))
            continue;
        if (hako_manifest_rm(g, args[i], &e) < 0)
            failed = cli_fail(&e, 1);
    }
    return failed;
}

int cmd_manifest_remove(struct cli *c, int argc, char **argv) {
    struct manifest_args p = {.insecure = false};
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = manifest_begin(c, &manifest_remove_table, argc, argv, &p, &args, &n, &g);
    if (code >= 0)
        return code;
    return hako_manifest_remove(g, args[0], args[1], &e) < 0 ? cli_fail(&e, 1) : 0;
}

int cmd_manifest_exists(struct cli *c, int argc, char **argv) {
    struct manifest_args p = {.insecure = false};
    char **args;
    size_t n;
    hako_engine *g;
    int code = manifest_begin(c, &manifest_exists_table, argc, argv, &p, &args, &n, &g);
    return code >= 0 ? code : !hako_manifest_exists(g, args[0]);
}
