/* SPDX-License-Identifier: Apache-2.0 */
/* import, export: root file systems and tars. */
#include "cli/commands.h"
#include "cli/progress.h"

#include "sys/tty.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct import_args {
    struct hako_strings change;
    const char *message, *platform, *os, *arch, *variant;
    bool quiet;
};

static const struct opt import_opts[] = {
    OPT(struct import_args, 0, arch, "arch", OPT_STRING, "string", "Architecture of the image"),
    OPT(struct import_args, 'c', change, "change", OPT_LIST, "list",
        "Apply Dockerfile instructions to the created image"),
    OPT(struct import_args, 'm', message, "message", OPT_STRING, "string",
        "Set commit message for imported image"),
    OPT(struct import_args, 0, os, "os", OPT_STRING, "string", "Operating system of the image"),
    OPT(struct import_args, 0, platform, "platform", OPT_STRING, "string",
        "Platform of the image (linux/arm64)"),
    OPT(struct import_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Suppress the progress"),
    OPT(struct import_args, 0, variant, "variant", OPT_STRING, "string",
        "Variant of the architecture"),
};
const struct opt_table import_table = {
    .command = "import",
    .usage = "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    .summary = "Import the contents from a tarball to create a filesystem image",
    .opts = import_opts,
    .nopts = ARRAY_SIZE(import_opts),
    .min_args = 1,
    .max_args = 2,
};

struct export_args {
    const char *output;
};

static const struct opt export_opts[] = {
    OPT(struct export_args, 'o', output, "output", OPT_STRING, "file",
        "Write to a file, instead of STDOUT"),
};
const struct opt_table export_table = {
    .command = "export",
    .usage = "[OPTIONS] CONTAINER",
    .summary = "Export a container's filesystem as a tar archive",
    .opts = export_opts,
    .nopts = ARRAY_SIZE(export_opts),
    .min_args = 1,
    .max_args = 1,
};

/* --platform, or its parts as podman has them. */
static const char *import_platform(struct cli *c, const struct import_args *p) {
    if (p->platform || (!p->os && !p->arch && !p->variant))
        return p->platform;
    if (!p->arch)
        return p->os;
    return arena_printf(c->a, "%s/%s%s%s", p->os ? p->os : "linux", p->arch, p->variant ? "/" : "",
                        p->variant ? p->variant : "");
}

int cmd_import(struct cli *c, int argc, char **argv) {
    struct import_args p = {.message = NULL};
    struct progress progress = {.data = NULL};
    char **args, id[136];
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &import_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    const struct hako_import_options o = {
        .size = sizeof(o),
        .source = strcmp(args[0], "-") == 0 ? NULL : args[0],
        .fd = STDIN_FILENO,
        .reference = n > 1 ? args[1] : NULL,
        .change = p.change,
        .message = p.message,
        .platform = import_platform(c, &p),
        .progress = p.quiet || !tty_is(STDERR_FILENO) ? NULL : progress_show,
        .data = &progress,
    };
    int r = hako_image_import(g, &o, id, &e);
    progress_end(&progress);
    if (r < 0)
        return cli_fail(&e, 1);
    puts(id);
    return cli_flush();
}

/* The file appears when it is complete. */
static int export_to_file(hako_container *c, struct cli *cli, const char *path, hako_error *e) {
    char *tmp = arena_printf(cli->a, "%s.%d.part", path, (int)getpid());
    if (!tmp)
        return err_oom(cli_err(e));
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_sys(cli_err(e), "cannot write %s", path);
    int r = hako_container_export(c, fd, e);
    close(fd);
    if (r == 0 && rename(tmp, path) < 0)
        r = err_sys(cli_err(e), "cannot write %s", path);
    if (r < 0)
        unlink(tmp);
    return r;
}

int cmd_export(struct cli *c, int argc, char **argv) {
    struct export_args p = {NULL};
    char **args;
    size_t n;
    hako_engine *g;
    hako_container *box = NULL;
    hako_error e = {0};
    int code = cli_parse(c, &export_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if (!p.output && tty_is(STDOUT_FILENO)) {
        fputs("hako: cowardly refusing to save to a terminal: use the -o flag or redirect\n",
              stderr);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    int r = hako_container_open(g, args[0], &box, &e);
    if (r == 0)
        r = p.output ? export_to_file(box, c, p.output, &e)
                     : hako_container_export(box, STDOUT_FILENO, &e);
    hako_container_close(box);
    return r < 0 ? cli_fail(&e, 1) : 0;
}
