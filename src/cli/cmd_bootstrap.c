/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <stdio.h>

static const struct opt image_bootstrap_opts[] = {
    OPT(struct hako_bootstrap_options, 0, date, "date", OPT_STRING, "date",
        "Make it as of this day (2025-01-31): from Debian's snapshots unless --mirror is given"),
    OPT(struct hako_bootstrap_options, 0, include, "include", OPT_LIST, "packages",
        "More packages, separated by commas"),
    OPT_BARE(struct hako_bootstrap_options, lock, "lock", "bootstrap.lock", "file",
             "Obey the package versions in this file; write it when there is none"),
    OPT(struct hako_bootstrap_options, 0, mirror, "mirror", OPT_LIST, "url",
        "Mirror, or a line of sources.list"),
    OPT(struct hako_bootstrap_options, 0, platform, "platform", OPT_STRING, "string",
        "Platform of the image (linux/arm64)"),
    OPT(struct hako_bootstrap_options, 't', tag, "tag", OPT_STRING, "name",
        "Name of the image (default: as the distribution is called)"),
    OPT(struct hako_bootstrap_options, 0, variant, "variant", OPT_STRING, "string",
        "mmdebstrap's variant: essential, apt, minbase (default)"),
    OPT(struct hako_bootstrap_options, 0, verbose, "verbose", OPT_BOOL, NULL,
        "Show what mmdebstrap says"),
};
const struct opt_table image_bootstrap_table = {
    .command = "image bootstrap",
    .usage = "[OPTIONS] debian:SUITE|ubuntu:SUITE",
    .summary = "Make a minimal image from a distribution's own packages",
    .opts = image_bootstrap_opts,
    .nopts = ARRAY_SIZE(image_bootstrap_opts),
    .min_args = 1,
    .max_args = 1,
};

int cmd_image_bootstrap(struct cli *c, int argc, char **argv) {
    struct hako_bootstrap_options o = {.size = sizeof(o)};
    char **args, id[136];
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &image_bootstrap_table, argc, argv, &o, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    if (hako_image_bootstrap(g, args[0], &o, id, &e) < 0)
        return cli_fail(&e, 1);
    printf("%s\n", id);
    return 0;
}
