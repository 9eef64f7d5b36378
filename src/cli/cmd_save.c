/* SPDX-License-Identifier: Apache-2.0 */
/* save, load: images and archives. */
#include "cli/commands.h"
#include "cli/progress.h"

#include "sys/tty.h"

#include <stdio.h>
#include <string.h>

struct save_args {
    const char *output, *format, *platform;
    bool quiet, compress, uncompressed, multi;
};

static const struct opt save_opts[] = {
    OPT(struct save_args, 0, compress, "compress", OPT_BOOL, NULL,
        "Compress the layers of a docker-dir"),
    OPT(struct save_args, 0, format, "format", OPT_STRING, "string",
        "docker-archive (default), oci-archive, oci-dir or docker-dir"),
    OPT(struct save_args, 'm', multi, "multi-image-archive", OPT_BOOL, NULL, NULL),
    OPT(struct save_args, 'o', output, "output", OPT_STRING, "path",
        "Write to a file or directory, instead of STDOUT"),
    OPT(struct save_args, 0, platform, "platform", OPT_STRING, "string",
        "Save only images for this platform (linux/arm64)"),
    OPT(struct save_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Suppress the progress"),
    OPT(struct save_args, 0, uncompressed, "uncompressed", OPT_BOOL, NULL,
        "Leave the layers of an OCI archive as tars"),
};
const struct opt_table save_table = {
    .command = "save",
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Save one or more images to an archive (to STDOUT by default)",
    .opts = save_opts,
    .nopts = ARRAY_SIZE(save_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
};

struct load_args {
    const char *input, *platform;
    bool quiet, json;
};

static const struct opt load_opts[] = {
    OPT(struct load_args, 'i', input, "input", OPT_STRING, "path",
        "Read from a tar archive or a directory, instead of STDIN"),
    OPT(struct load_args, 0, json, "json", OPT_BOOL, NULL, "Progress as lines of JSON"),
    OPT(struct load_args, 0, platform, "platform", OPT_STRING, "string",
        "Load the image for this platform (linux/arm64)"),
    OPT(struct load_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Suppress the progress"),
};
const struct opt_table load_table = {
    .command = "load",
    .usage = "[OPTIONS]",
    .summary = "Load images from an archive, of whatever program, or a directory",
    .opts = load_opts,
    .nopts = ARRAY_SIZE(load_opts),
};

int cmd_save(struct cli *c, int argc, char **argv) {
    struct save_args p = {0};
    struct progress progress = {.data = NULL};
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &save_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if (!p.output && tty_is(STDOUT_FILENO)) {
        fputs("hako: cowardly refusing to save to a terminal: use the -o flag or redirect\n",
              stderr);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    const struct hako_strings images = {.v = args, .n = n};
    const struct hako_save_options o = {
        .size = sizeof(o),
        .format = p.format,
        .output = p.output,
        .fd = STDOUT_FILENO,
        .compress = p.compress,
        .uncompressed = p.uncompressed,
        .platform = p.platform,
        /* bars only: a plain stream is for the archive's user */
        .progress = p.quiet || !tty_is(STDERR_FILENO) ? NULL : progress_show,
        .data = &progress};
    int r = hako_image_save(g, &images, &o, &e);
    progress_end(&progress);
    return r < 0 ? cli_fail(&e, 1) : 0;
}

int cmd_load(struct cli *c, int argc, char **argv) {
    struct load_args p = {0};
    struct progress progress = {.data = NULL};
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    char *report = NULL;
    int code = cli_parse(c, &load_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if (!p.input && tty_is(STDIN_FILENO)) {
        fputs("hako: requested load from stdin, but stdin is a terminal: use -i\n", stderr);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    const struct hako_load_options o = {.size = sizeof(o),
                                        .input = p.input,
                                        .fd = STDIN_FILENO,
                                        .platform = p.platform,
                                        .progress = p.json ? progress_json
                                                    : p.quiet || !tty_is(STDERR_FILENO)
                                                        ? NULL
                                                        : progress_show,
                                        .data = &progress};
    int r = hako_image_load(g, &o, &report, &e);
    progress_end(&progress);
    if (r < 0)
        return cli_fail(&e, 1);
    fputs(report, stdout);
    free(report);
    return cli_flush();
}
