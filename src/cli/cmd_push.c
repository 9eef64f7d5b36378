/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "cli/access_opts.h"
#include "cli/commands.h"
#include "cli/progress.h"

#include "spec/ref.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct push_args {
    bool quiet, all_tags, json, force_compression, compress, ignored;
    const char *platform, *compression, *digestfile, *format;
    int64_t level;
    struct access_args access;
};

static const struct opt push_opts[] = {
    OPT(struct push_args, 'a', all_tags, "all-tags", OPT_BOOL, NULL,
        "Push all tags of an image to the repository"),
    OPT(struct push_args, 0, compress, "compress", OPT_BOOL, NULL,
        "Compress layers of a dir: place (others are compressed anyway)"),
    OPT(struct push_args, 0, compression, "compression-format", OPT_STRING, "string",
        "gzip, zstd or uncompressed (default: what the registry has, else gzip)"),
    OPT(struct push_args, 0, level, "compression-level", OPT_I64, "int", "1 to 9, zstd to 22"),
    OPT(struct push_args, 0, digestfile, "digestfile", OPT_STRING, "file",
        "Write the manifest's digest into this file"),
    OPT(struct push_args, 0, ignored, "disable-content-trust", OPT_BOOL, NULL, NULL),
    OPT(struct push_args, 0, force_compression, "force-compression", OPT_BOOL, NULL,
        "Send layers in this compression even where the registry has others"),
    OPT(struct push_args, 'f', format, "format", OPT_STRING, "string",
        "Manifest: oci or v2s2 (default: as the image came)"),
    OPT(struct push_args, 0, json, "json", OPT_BOOL, NULL, "Progress as lines of JSON"),
    OPT(struct push_args, 0, platform, "platform", OPT_STRING, "string",
        "Push only an image for this platform (linux/arm64)"),
    OPT(struct push_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Suppress verbose output"),
    OPT(struct push_args, 0, ignored, "remove-signatures", OPT_BOOL, NULL, NULL),
    ACCESS_OPTS(struct push_args),
    RETRY_OPTS(struct push_args),
};
const struct opt_table push_table = {
    .command = "push",
    .usage = "[OPTIONS] IMAGE [DESTINATION]",
    .summary = "Upload an image to a registry",
    .opts = push_opts,
    .nopts = ARRAY_SIZE(push_opts),
    .min_args = 1,
    .max_args = 2,
};

static int push_digestfile(const char *path, const struct hako_pushed *got) {
    if (!path)
        return 0;
    int r = io_replace_file(AT_FDCWD, path, got->digest, strlen(got->digest), 0644, false);
    if (r < 0)
        fprintf(stderr, "hako: cannot write %s: %s\n", path, strerror(-r));
    return r < 0;
}

static int push_one(struct cli *c, hako_engine *g, const struct push_args *p, const char *image,
                    const char *to, const char *shown) {
    struct progress progress = {.data = NULL};
    struct hako_pushed got = {.size = 0};
    hako_error e = {0};
    (void)c;
    const struct hako_push_options o = {
        .size = sizeof(o),
        .compression = p->compression ? p->compression
                       : p->compress  ? "gzip"
                                      : NULL,
        .force_compression = p->force_compression,
        .level = p->level,
        .format = p->format,
        .platform = p->platform,
        .registry = access_registry(&p->access),
        .progress = p->quiet  ? NULL
                    : p->json ? progress_json
                              : progress_show,
        .data = &progress,
    };
    int r = hako_image_push(g, image, to, &o, &got, &e);
    progress_end(&progress);
    if (r < 0)
        return cli_fail(&e, 1);
    if (p->quiet)
        puts(got.reference);
    else if (got.digest[0])
        printf("%s: digest: %s size: %llu\n", shown, got.digest, (unsigned long long)got.size);
    return push_digestfile(p->digestfile, &got);
}

/* "The push refers to repository [docker.io/library/debian]" */
static const char *push_announce(struct cli *c, const struct push_args *p, const char *to) {
    struct ref ref;
    struct err ignored;
    if (str_starts(to, "docker://"))
        to += strlen("docker://");
    if (ref_parse(to, c->a, &ref, &ignored) < 0)
        return to;
    if (!p->quiet && !p->json)
        printf("The push refers to repository [%s/%s]\n", ref.domain, ref.path);
    fflush(stdout); /* before the bars */
    return ref.tag ? ref.tag : to;
}

static int push_all(struct cli *c, hako_engine *g, const struct push_args *p, const char *name) {
    struct hako_image_info *v = NULL;
    struct ref want, ref;
    hako_error e = {0};
    size_t n = 0, pushed = 0;
    int code = 0;
    if (ref_parse(name, c->a, &want, cli_err(&e)) < 0)
        return cli_fail(&e, 1);
    const char *slash = strrchr(name, '/');
    if (strchr(slash ? slash : name, ':') || strchr(name, '@')) {
        fputs("hako: tag can't be used with --all-tags/-a\n", stderr);
        return 1;
    }
    push_announce(c, p, name);
    if (hako_image_list(g, &v, &n, &e) < 0)
        return cli_fail(&e, 1);
    for (size_t i = 0; i < n && code == 0; i++) {
        for (char **r = v[i].references; *r && code == 0; r++) {
            if (ref_parse(*r, c->a, &ref, cli_err(&e)) < 0 || !str_eq(ref.domain, want.domain) ||
                !str_eq(ref.path, want.path))
                continue;
            code = push_one(c, g, p, *r, *r, ref.tag);
            pushed++;
        }
    }
    hako_image_list_free(v, n);
    if (code == 0 && pushed == 0) {
        fprintf(stderr, "hako: An image does not exist locally with the tag: %s\n", name);
        return 1;
    }
    return code;
}

int cmd_push(struct cli *c, int argc, char **argv) {
    struct push_args p = {0};
    char **args;
    size_t n;
    hako_engine *g;
    int code = cli_parse(c, &push_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    if (p.all_tags)
        return push_all(c, g, &p, args[n - 1]);
    const char *to = args[n - 1];
    return push_one(c, g, &p, args[0], to, push_announce(c, &p, to));
}
