/* SPDX-License-Identifier: Apache-2.0 */
/* image prune, system prune. */
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/filter.h"
#include "cli/prune_filter.h"

#include <stdio.h>
#include <string.h>

struct prune_args {
    bool all, force, volumes, dry_run, external;
    uint64_t keep;
    struct hako_strings filter;
};

static const struct opt image_prune_opts[] = {
    OPT(struct prune_args, 'a', all, "all", OPT_BOOL, NULL,
        "Remove all unused images, not just dangling ones"),
    OPT(struct prune_args, 0, dry_run, "dry-run", OPT_BOOL, NULL, "Only show what would go"),
    OPT(struct prune_args, 0, external, "build-cache", OPT_BOOL, NULL, NULL),
    OPT(struct prune_args, 0, external, "external", OPT_BOOL, NULL, NULL),
    OPT(struct prune_args, 0, filter, "filter", OPT_LIST, "filter",
        "Provide filter values (until=<timestamp>, label=<key>[=<value>], label!=...)"),
    OPT(struct prune_args, 'f', force, "force", OPT_BOOL, NULL, "Do not prompt for confirmation"),
    OPT(struct prune_args, 0, keep, "keep-storage", OPT_BYTES, "bytes",
        "With --all: stop when the images take no more than this, oldest pulls first"),
};
const struct opt_table image_prune_table = {
    .command = "image prune",
    .usage = "[OPTIONS]",
    .summary = "Remove unused images",
    .opts = image_prune_opts,
    .nopts = ARRAY_SIZE(image_prune_opts),
};

static const struct opt system_prune_opts[] = {
    OPT(struct prune_args, 'a', all, "all", OPT_BOOL, NULL,
        "Remove all unused images, not just dangling ones"),
    OPT(struct prune_args, 0, external, "build", OPT_BOOL, NULL, NULL),
    OPT(struct prune_args, 0, external, "external", OPT_BOOL, NULL, NULL),
    OPT(struct prune_args, 0, filter, "filter", OPT_LIST, "filter",
        "Provide filter values (until=<timestamp>, label=<key>[=<value>], label!=...)"),
    OPT(struct prune_args, 'f', force, "force", OPT_BOOL, NULL, "Do not prompt for confirmation"),
    OPT(struct prune_args, 0, volumes, "volumes", OPT_BOOL, NULL, "Prune anonymous volumes"),
};
const struct opt_table system_prune_table = {
    .command = "system prune",
    .usage = "[OPTIONS]",
    .summary = "Remove unused data",
    .opts = system_prune_opts,
    .nopts = ARRAY_SIZE(system_prune_opts),
};

/* --- images ---------------------------------------------------------------------------------- */

static int prune_images(struct cli *c, const struct prune_args *p, const struct prune_filter *f,
                        uint64_t *freed, hako_error *e) {
    AUTO_FREE char *report = NULL;
    const struct hako_prune_options o = {.size = sizeof(o),
                                         .all = p->all || f->dangling_off,
                                         .before_ns = f->before_ns,
                                         .label = f->label,
                                         .label_not = f->label_not,
                                         .keep_bytes = p->keep,
                                         .dry_run = p->dry_run};
    uint64_t n = 0;
    int r = hako_image_prune(c->engine, &o, &report, &n, e);
    if (r == 0 && *report)
        printf("Deleted Images:\n%s\n", report);
    *freed += n;
    return r;
}

static int prune_total(uint64_t freed) {
    char size[16];
    printf("Total reclaimed space: %s\n", str_human_size(freed, size));
    return 0;
}

int cmd_image_prune(struct cli *c, int argc, char **argv) {
    struct prune_args p = {0};
    struct prune_filter f;
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    uint64_t freed = 0;
    int code = cli_parse(c, &image_prune_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if (prune_filter(&p.filter, c->a, &f, cli_err(&e)) < 0)
        return cli_fail(&e, 1);
    if (p.keep && !p.all) {
        fputs("hako: --keep-storage goes with --all\n", stderr);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    if (!p.force && !p.dry_run &&
        !confirm(p.all ? "This will remove all images without at least one container associated to "
                         "them."
                       : "This will remove all dangling images."))
        return 1;
    return prune_images(c, &p, &f, &freed, &e) < 0 ? cli_fail(&e, 1) : prune_total(freed);
}

/* --- all ------------------------------------------------------------------------------------- */

static bool prune_labels(char *const *labels, const struct prune_filter *f) {
    for (size_t k = 0; k < f->label.n + f->label_not.n; k++) {
        bool absent = k >= f->label.n, found = false;
        const char *want = absent ? f->label_not.v[k - f->label.n] : f->label.v[k];
        size_t n = strcspn(want, "=");
        for (size_t i = 0; labels && labels[i] && !found; i++)
            found = want[n] ? strcmp(labels[i], want) == 0
                            : strncmp(labels[i], want, n) == 0 && labels[i][n] == '=';
        if (found == absent)
            return false;
    }
    return true;
}

static int prune_containers(struct cli *c, const struct prune_args *p, const struct prune_filter *f,
                            hako_error *e) {
    struct hako_container_info *v = NULL;
    size_t n = 0, removed = 0;
    int r = hako_container_list(c->engine, &v, &n, e);
    for (size_t i = 0; i < n && r == 0; i++) {
        hako_container *box = NULL;
        hako_error ignored = {0};
        if (v[i].status == HAKO_RUNNING || v[i].status == HAKO_PAUSED ||
            (f->before_ns && v[i].created_ns >= f->before_ns) || !prune_labels(v[i].labels, f))
            continue;
        if (hako_container_open(c->engine, v[i].id, &box, &ignored) == 0 &&
            hako_container_remove(box, false, p->volumes, &ignored) == 0)
            printf("%s%s\n", removed++ ? "" : "Deleted Containers:\n", v[i].id);
        hako_container_close(box);
    }
    if (removed)
        putchar('\n');
    hako_container_list_free(v, n);
    return r;
}

int cmd_system_prune(struct cli *c, int argc, char **argv) {
    struct prune_args p = {0};
    struct prune_filter f;
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    uint64_t freed = 0;
    int code = cli_parse(c, &system_prune_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if (prune_filter(&p.filter, c->a, &f, cli_err(&e)) < 0)
        return cli_fail(&e, 1);
    if ((code = cli_engine(c, &g)))
        return code;
    const char *what =
        arena_printf(c->a, "This will remove:\n  - all stopped containers\n%s  - %s\n",
                     p.volumes ? "  - their anonymous volumes\n" : "",
                     p.all ? "all images without at least one container associated to them"
                           : "all dangling images");
    if (!p.force && !confirm(what ? what : ""))
        return 1;
    int r = prune_containers(c, &p, &f, &e);
    if (r == 0)
        r = prune_images(c, &p, &f, &freed, &e);
    return r < 0 ? cli_fail(&e, 1) : prune_total(freed);
}
