/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/progress.h"

#include <stdio.h>

struct pull_args {
    const char *platform;
    bool quiet;
};

static const struct opt pull_opts[] = {
    OPT(struct pull_args, 0, platform, "platform", OPT_STRING, "string",
        "Platform of the image (linux/arm64)"),
    OPT(struct pull_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Print only the image's name"),
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

int cmd_pull(struct cli *c, int argc, char **argv) {
    struct pull_args p = {0};
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    struct hako_pulled got = {0};
    int code = cli_parse(c, &pull_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    struct hako_pull_options o = {
        .size = sizeof(o), .platform = p.platform, .progress = p.quiet ? NULL : progress_show};
    if (hako_image_pull(g, args[0], &o, &got, &e) < 0)
        return cli_fail(&e, 1);
    if (!p.quiet)
        printf("Digest: %s\nStatus: %s for %s\n", got.digest,
               got.fresh ? "Downloaded newer image" : "Image is up to date", args[0]);
    puts(got.reference);
    return 0;
}
