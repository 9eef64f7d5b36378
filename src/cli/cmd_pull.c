/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/progress.h"

#include "spec/ref.h"

#include <stdio.h>
#include <string.h>

struct pull_args {
    const char *platform;
    bool quiet, all_tags;
};

static const struct opt pull_opts[] = {
    OPT(struct pull_args, 'a', all_tags, "all-tags", OPT_BOOL, NULL, NULL),
    OPT(struct pull_args, 0, platform, "platform", OPT_STRING, "string",
        "Platform of the image (linux/arm64)"),
    OPT(struct pull_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Suppress verbose output"),
};
const struct opt_table pull_table = {
    .command = "pull",
    .usage = "[OPTIONS] NAME[:TAG|@DIGEST]",
    .summary = "Download an image from a registry",
    .opts = pull_opts,
    .nopts = ARRAY_SIZE(pull_opts),
    .min_args = 1,
    .max_args = 1,
};

struct pull_words {
    struct ref ref;
    const char *familiar; /* "debian:12" */
    bool said;
};

/* "12: Pulling from library/debian" */
static void pull_begin(void *data) {
    struct pull_words *w = data;
    if (w->said)
        return;
    w->said = true;
    printf("%s: Pulling from %s\n", w->ref.digest.s[0] ? w->ref.digest.s : w->ref.tag, w->ref.path);
    fflush(stdout); /* before the bars */
}

static int pull_words(struct cli *c, const char *name, bool quiet, struct pull_words *w,
                      hako_error *e) {
    int r = ref_parse(name, c->a, &w->ref, cli_err(e));
    if (r < 0)
        return r;
    w->familiar = ref_familiar(&w->ref, c->a);
    if (!w->familiar)
        return err_oom(cli_err(e));
    const char *slash = strrchr(name, '/');
    if (!quiet && !strchr(slash ? slash : name, ':') && !strchr(name, '@'))
        printf("Using default tag: latest\n");
    return 0;
}

int cmd_pull(struct cli *c, int argc, char **argv) {
    struct pull_args p = {0};
    struct pull_words words = {0};
    struct progress progress = {.begin = pull_begin, .data = &words};
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    struct hako_pulled got = {0};
    int code = cli_parse(c, &pull_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if (p.all_tags) {
        fputs("hako: --all-tags is not supported: name the tags to pull\n", stderr);
        return 1;
    }
    if (pull_words(c, args[0], p.quiet, &words, &e) < 0)
        return cli_fail(&e, 1);
    if ((code = cli_engine(c, &g)))
        return code;
    struct hako_pull_options o = {.size = sizeof(o),
                                  .platform = p.platform,
                                  .progress = p.quiet ? NULL : progress_show,
                                  .data = &progress};
    int r = hako_image_pull(g, args[0], &o, &got, &e);
    progress_end(&progress);
    if (r < 0)
        return cli_fail(&e, 1);
    if (!p.quiet) {
        pull_begin(&words);
        printf("Digest: %s\nStatus: %s for %s\n", got.digest,
               got.fresh ? "Downloaded newer image" : "Image is up to date", words.familiar);
    }
    puts(got.reference);
    return 0;
}
