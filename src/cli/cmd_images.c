/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/list.h"
#include "cli/when.h"

#include "spec/ref.h"

#include <stdio.h>
#include <string.h>

struct images_args {
    bool all, digests, no_trunc, quiet, no_heading, tree;
    struct hako_strings filter;
    const char *format, *sort;
};

static const struct opt images_opts[] = {
    OPT(struct images_args, 'a', all, "all", OPT_BOOL, NULL,
        "Show all images (there are no intermediate ones)"),
    OPT(struct images_args, 0, digests, "digests", OPT_BOOL, NULL, "Show digests"),
    OPT(struct images_args, 'f', filter, "filter", OPT_LIST, "filter",
        "Filter output based on conditions provided"),
    OPT(struct images_args, 0, format, "format", OPT_STRING, "string",
        "Format output: a Go template, \"table TEMPLATE\", or json"),
    OPT(struct images_args, 'n', no_heading, "noheading", OPT_BOOL, NULL, "Do not print titles"),
    OPT(struct images_args, 0, no_trunc, "no-trunc", OPT_BOOL, NULL, "Don't truncate output"),
    OPT(struct images_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Only show image IDs"),
    OPT(struct images_args, 0, sort, "sort", OPT_STRING, "string",
        "Sort by created (default), id, repository, size or tag"),
    OPT(struct images_args, 0, tree, "tree", OPT_BOOL, NULL,
        "Show each image once, with its names as a tree"),
};
const struct opt_table images_table = {
    .command = "images",
    .usage = "[OPTIONS] [REPOSITORY[:TAG]]",
    .summary = "List images",
    .opts = images_opts,
    .nopts = ARRAY_SIZE(images_opts),
    .max_args = 1,
};

enum images_key {
    IMAGES_CONTAINERS,
    IMAGES_CREATED_AT,
    IMAGES_CREATED_SINCE,
    IMAGES_DIGEST,
    IMAGES_ID,
    IMAGES_REPOSITORY,
    IMAGES_SIZE,
    IMAGES_TAG,
    IMAGES_KEYS
};

static const struct list_key images_keys[IMAGES_KEYS] = {
    [IMAGES_CONTAINERS] = {"Containers", "CONTAINERS"},
    [IMAGES_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [IMAGES_CREATED_SINCE] = {"CreatedSince", "CREATED"},
    [IMAGES_DIGEST] = {"Digest", "DIGEST"},
    [IMAGES_ID] = {"ID", "IMAGE ID"},
    [IMAGES_REPOSITORY] = {"Repository", "REPOSITORY"},
    [IMAGES_SIZE] = {"Size", "SIZE"},
    [IMAGES_TAG] = {"Tag", "TAG"},
};

struct images_run {
    struct arena *a;
    const struct images_args *args;
    struct filter filter;
    const char *only; /* "debian", "debian:12": NULL = all */
    bool digests;     /* a row for each */
    int64_t now;
    struct list *l;
    size_t cap;
    bool *keep; /* what the filters let pass */
};

static int images_add(struct images_run *r, const struct hako_image_info *i, const char *repository,
                      const char *tag, const char *digest) {
    char ago[40], at[64], size[16];
    struct list *l = r->l;
    const char **v = arena_array(r->a, IMAGES_KEYS, const char *);
    if (!v || l->nrows == r->cap)
        return -ENOMEM;
    bool dated = i->created_ns > 0; /* reproducible builds know no time */
    v[IMAGES_CONTAINERS] = "N/A";
    v[IMAGES_CREATED_AT] = dated ? arena_strdup(r->a, when_local(i->created_ns, at)) : "N/A";
    v[IMAGES_CREATED_SINCE] =
        dated ? arena_strdup(r->a, when_ago(i->created_ns, r->now, ago)) : "N/A";
    v[IMAGES_DIGEST] = digest ? digest : "<none>";
    v[IMAGES_ID] =
        r->args->no_trunc
            ? i->id
            : arena_strndup(r->a, strchr(i->id, ':') ? strchr(i->id, ':') + 1 : i->id, 12);
    v[IMAGES_REPOSITORY] = repository ? repository : "<none>";
    v[IMAGES_SIZE] = arena_strdup(r->a, str_human_size(i->bytes, size));
    v[IMAGES_TAG] = tag ? tag : "<none>";
    l->rows[l->nrows++] = (struct list_row){v, (const char *const *)i->labels};
    return 0;
}

/* "localhost:5000/x:1" → name and tag; "x@sha256:…" → name and digest. */
static void images_cut(struct arena *a, const char *reference, const char **name,
                       const char **rest) {
    const char *at = strchr(reference, '@');
    const char *slash = strrchr(reference, '/');
    const char *colon = at ? at : strrchr(slash ? slash : reference, ':');
    size_t n = colon ? (size_t)(colon - reference) : strlen(reference);
    *name = arena_strndup(a, reference, n);
    *rest = colon ? colon + 1 : NULL;
}

static bool images_wanted(const struct images_run *r, const char *repository, const char *tag) {
    if (!r->only)
        return true;
    struct ref want;
    struct err ignored = {0};
    if (!repository || ref_parse(r->only, r->a, &want, &ignored) < 0)
        return false;
    const char *slash = strrchr(r->only, '/');
    bool tagged = strchr(slash ? slash : r->only, ':') != NULL;
    return str_eq(ref_familiar_name(&want, r->a), repository) && (!tagged || str_eq(want.tag, tag));
}

/* Digests whose repository has no tag here. */
static int images_add_untagged(struct images_run *r, const struct hako_image_info *i) {
    int n = 0;
    for (size_t k = 0; i->digests[k]; k++) {
        const char *name, *digest, *other, *tag;
        bool tagged = false;
        images_cut(r->a, i->digests[k], &name, &digest);
        for (size_t m = 0; i->references[m] && !tagged; m++) {
            images_cut(r->a, i->references[m], &other, &tag);
            tagged = str_eq(other, name);
        }
        if (tagged || !images_wanted(r, name, NULL))
            continue;
        if (images_add(r, i, name, NULL, digest) < 0)
            return -ENOMEM;
        n++;
    }
    return n;
}

/* One tag: as docker, a row for every digest of the repository when digests are shown. */
static int images_add_tag(struct images_run *r, const struct hako_image_info *i, const char *name,
                          const char *tag) {
    bool added = false;
    for (size_t k = 0; r->digests && i->digests[k]; k++) {
        const char *other, *digest;
        images_cut(r->a, i->digests[k], &other, &digest);
        if (!str_eq(name, other))
            continue;
        if (images_add(r, i, name, tag, digest) < 0)
            return -ENOMEM;
        added = true;
    }
    return added ? 0 : images_add(r, i, name, tag, NULL);
}

static int images_add_all(struct images_run *r, const struct hako_image_info *i) {
    for (size_t k = 0; i->references[k]; k++) {
        const char *name, *tag;
        images_cut(r->a, i->references[k], &name, &tag);
        if (images_wanted(r, name, tag) && filter_reference(&r->filter, i->references[k]) &&
            images_add_tag(r, i, name, tag) < 0)
            return -ENOMEM;
    }
    int n = images_add_untagged(r, i);
    if (n == 0 && !i->references[0] && !i->digests[0] && !r->only)
        return images_add(r, i, NULL, NULL, NULL);
    return n < 0 ? n : 0;
}

static int images_newest_first(const void *x, const void *y) {
    const struct hako_image_info *a = x, *b = y;
    int by_name = 0;
    if (a->references[0] && b->references[0])
        by_name = strcmp(a->references[0], b->references[0]);
    return a->created_ns < b->created_ns   ? 1
           : a->created_ns > b->created_ns ? -1
           : by_name                       ? by_name
                                           : strcmp(a->id, b->id);
}

static int images_by_id(const void *x, const void *y) {
    const struct hako_image_info *a = x, *b = y;
    return strcmp(a->id, b->id);
}
static int images_by_size(const void *x, const void *y) {
    const struct hako_image_info *a = x, *b = y;
    return a->bytes < b->bytes ? 1 : a->bytes > b->bytes ? -1 : strcmp(a->id, b->id);
}
static int images_by_repository(const void *x, const void *y) {
    const struct hako_image_info *a = x, *b = y;
    const char *m = a->references[0] ? a->references[0] : "~", *n = b->references[0];
    return strcmp(m, n ? n : "~");
}
static int images_by_tag(const void *x, const void *y) {
    const struct hako_image_info *a = x, *b = y;
    const char *m = a->references[0] ? strrchr(a->references[0], ':') : NULL;
    const char *n = b->references[0] ? strrchr(b->references[0], ':') : NULL;
    return strcmp(m ? m : "~", n ? n : "~");
}

/* NULL: no such word. */
static int (*images_order(const char *word))(const void *x, const void *y) {
    static const struct {
        const char *word;
        int (*compare)(const void *x, const void *y);
    } orders[] = {{"created", images_newest_first},
                  {"id", images_by_id},
                  {"repository", images_by_repository},
                  {"size", images_by_size},
                  {"tag", images_by_tag}};
    for (size_t i = 0; i < ARRAY_SIZE(orders); i++)
        if (strcmp(orders[i].word, word) == 0)
            return orders[i].compare;
    return NULL;
}

/* docker's --tree: an image, its size, and whether containers use it; its names below. */
static int images_tree(struct cli *c, const struct images_run *r, const struct hako_image_info *v,
                       size_t n, const bool *keep, struct str *out) {
    struct hako_container_info *boxes = NULL;
    hako_error ignored = {0};
    size_t nboxes = 0;
    char size[16];
    if (hako_container_list(c->engine, &boxes, &nboxes, &ignored) < 0)
        nboxes = 0;
    int rc = str_addf(out, "%-44s %-14s %-12s %s\n", "IMAGE", "ID", "DISK USAGE", "EXTRA");
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool used = false;
        if (!keep[i])
            continue;
        for (size_t k = 0; k < nboxes && !used; k++)
            used = str_eq(boxes[k].image_id, v[i].id);
        const char *id = strchr(v[i].id, ':') ? strchr(v[i].id, ':') + 1 : v[i].id;
        rc = str_addf(
            out, "%-44s %-14.*s %-12s %s\n", v[i].references[0] ? v[i].references[0] : "<untagged>",
            r->args->no_trunc ? 64 : 12, id, str_human_size(v[i].bytes, size), used ? "U" : "");
        for (size_t k = 1; v[i].references[0] && v[i].references[k] && rc == 0; k++)
            rc = str_addf(out, "%s %s\n", v[i].references[k + 1] ? "├─" : "└─", v[i].references[k]);
    }
    hako_container_list_free(boxes, nboxes);
    return rc;
}

static size_t images_rows_at_most(const struct hako_image_info *v, size_t n) {
    size_t rows = 1;
    for (size_t i = 0; i < n; i++) {
        size_t references = 0, digests = 0;
        while (v[i].references[references])
            references++;
        while (v[i].digests[digests])
            digests++;
        rows += 1 + references * (digests + 1) + digests;
    }
    return rows;
}

static int images_rows(struct images_run *r, const struct hako_image_info *v, size_t n,
                       hako_error *e) {
    bool *keep = arena_array(r->a, n + 1, bool);
    r->cap = images_rows_at_most(v, n);
    r->l->rows = arena_array(r->a, r->cap, struct list_row);
    if (!keep || !r->l->rows)
        return err_oom(cli_err(e));
    r->keep = keep;
    int rc = filter_parse(&r->args->filter, FILTER_IMAGE_KEYS, r->a, &r->filter, cli_err(e));
    if (rc == 0)
        rc = filter_images(&r->filter, v, n, keep, cli_err(e));
    for (size_t i = 0; i < n && rc == 0; i++)
        if (keep[i] && images_add_all(r, &v[i]) < 0)
            rc = err_oom(cli_err(e));
    return rc;
}

static int images_print(struct cli *c, const struct images_args *a, const char *only,
                        struct hako_image_info *v, size_t n, hako_error *e) {
    struct list l = {.keys = images_keys,
                     .nkeys = IMAGES_KEYS,
                     .format = a->format,
                     .columns = a->digests ? "Repository Tag Digest ID CreatedSince Size"
                                           : "Repository Tag ID CreatedSince Size",
                     .quiet = a->quiet ? "ID" : NULL};
    struct images_run run = {.a = c->a,
                             .args = a,
                             .only = only,
                             .digests = a->digests || (a->format && strstr(a->format, "Digest")),
                             .now = now_unix_ns(),
                             .l = &l};
    AUTO_STR struct str out = STR_INIT((size_t)256 << 20);
    int (*order)(const void *x, const void *y) = images_order(a->sort ? a->sort : "created");
    if (!order) {
        fprintf(stderr, "hako: invalid --sort \"%s\": created, id, repository, size or tag\n",
                a->sort);
        return 1;
    }
    if (n)
        qsort(v, n, sizeof(*v), order);
    int r = images_rows(&run, v, n, e);
    if (r == 0 && a->tree)
        r = images_tree(c, &run, v, n, run.keep, &out) < 0 ? err_oom(cli_err(e)) : 0;
    else if (r == 0)
        r = list_print(&l, &out, cli_err(e));
    const char *title = a->no_heading && !a->quiet && !a->format ? strchr(str_c(&out), '\n') : NULL;
    if (r == 0 && title) {
        const struct str rest = {.s = out.s + (title - out.s) + 1,
                                 .len = out.len - (size_t)(title - out.s) - 1};
        return cli_print(&rest);
    }
    return r < 0 ? cli_fail(e, 1) : cli_print(&out);
}

int cmd_images(struct cli *c, int argc, char **argv) {
    struct images_args a = {0};
    struct hako_image_info *v = NULL;
    char **args;
    size_t nargs, n = 0;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &images_table, argc, argv, &a, &args, &nargs, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    if (hako_image_list(g, &v, &n, &e) < 0)
        return cli_fail(&e, 1);
    code = images_print(c, &a, nargs ? args[0] : NULL, v, n, &e);
    hako_image_list_free(v, n);
    return code;
}
