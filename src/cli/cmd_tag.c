/* SPDX-License-Identifier: Apache-2.0 */
/* tag, untag: the names of images. */
#include "cli/commands.h"

const struct opt_table tag_table = {
    .command = "tag",
    .usage = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG] [TARGET_IMAGE[:TAG]...]",
    .summary = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    .min_args = 2,
    .max_args = SIZE_MAX,
};
const struct opt_table untag_table = {
    .command = "untag",
    .usage = "IMAGE [NAME...]",
    .summary = "Remove names from an image, which stays (all of them when none is given)",
    .min_args = 1,
    .max_args = SIZE_MAX,
};

int cmd_tag(struct cli *c, int argc, char **argv) {
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &tag_table, argc, argv, NULL, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    for (size_t i = 1; i < n; i++)
        if (hako_image_tag(g, args[0], args[i], &e) < 0)
            return cli_fail(&e, 1);
    return 0;
}

int cmd_untag(struct cli *c, int argc, char **argv) {
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &untag_table, argc, argv, NULL, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    const struct hako_strings names = {.v = args + 1, .n = n - 1};
    return hako_image_untag(g, args[0], &names, &e) < 0 ? cli_fail(&e, 1) : 0;
}
