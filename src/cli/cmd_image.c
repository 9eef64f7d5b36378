/* SPDX-License-Identifier: Apache-2.0 */
/* image exists, tree, mount, unmount. */
#include "cli/commands.h"

#include "base/json.h"
#include "base/table.h"

#include <stdio.h>
#include <string.h>

const struct opt_table image_exists_table = {
    .command = "image exists",
    .usage = "IMAGE",
    .summary = "Tell by the exit status whether an image is here (0 yes, 1 no)",
    .min_args = 1,
    .max_args = 1,
};

int cmd_image_exists(struct cli *c, int argc, char **argv) {
    AUTO_FREE char *json = NULL;
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &image_exists_table, argc, argv, NULL, &args, &n, 125);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    int r = hako_image_inspect(g, args[0], &json, &e);
    return r == 0 ? 0 : r == -ENOENT ? 1 : cli_fail(&e, 125);
}

/* --- tree ------------------------------------------------------------------------------------ */

struct tree_args {
    bool whatrequires;
};
static const struct opt image_tree_opts[] = {
    OPT(struct tree_args, 0, whatrequires, "whatrequires", OPT_BOOL, NULL,
        "Show the images that stand on this one"),
};
const struct opt_table image_tree_table = {
    .command = "image tree",
    .usage = "[OPTIONS] IMAGE",
    .summary = "Show the layers of an image as a tree",
    .opts = image_tree_opts,
    .nopts = ARRAY_SIZE(image_tree_opts),
    .min_args = 1,
    .max_args = 1,
};

/* "[a:1, b:2]" */
static void tree_names(const js *names, struct str *out) {
    str_addc(out, '[');
    for (size_t i = 0; i < js_len(names); i++)
        str_addf(out, "%s%s", i ? ", " : "", js_str(js_at(names, i)));
    str_addc(out, ']');
}

static const char *tree_short(const js *doc, char out[static 13]) {
    const char *id = js_get_str_or(doc, "Id", "");
    snprintf(out, 13, "%.12s", strchr(id, ':') ? strchr(id, ':') + 1 : id);
    return out;
}

static void tree_print(const js *doc, bool users, struct str *out) {
    char id[13], size[16];
    str_addf(out, "Image ID: %s\nTags:     ", tree_short(doc, id));
    tree_names(js_get(doc, "Tags"), out);
    str_addf(out, "\nSize:     %s\n%s\n", str_human_size(js_get_u64(doc, "Size", 0), size),
             users ? "Images that stand on it" : "Image Layers");
    const js *v = js_get(doc, users ? "UsedBy" : "Layers");
    for (size_t i = 0; i < js_len(v); i++) {
        const js *one = js_at(v, i), *tops = js_get(one, users ? "Tags" : "TopOf");
        str_addf(out, "%s ID: %s", i + 1 < js_len(v) ? "├──" : "└──", tree_short(one, id));
        if (!users)
            str_addf(out, " Size: %8s", str_human_size(js_get_u64(one, "Size", 0), size));
        if (js_len(tops)) {
            str_add(out, users ? " " : " Top Layer of: ");
            tree_names(tops, out);
        }
        str_addc(out, '\n');
    }
}

int cmd_image_tree(struct cli *c, int argc, char **argv) {
    struct tree_args o = {0};
    AUTO_FREE char *json = NULL;
    AUTO_JS js *doc = NULL;
    AUTO_STR struct str out = STR_INIT((size_t)64 << 20);
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &image_tree_table, argc, argv, &o, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    int r = hako_image_tree(g, args[0], &json, &e);
    if (r == 0)
        r = js_parse(json, strlen(json), "image", &doc, cli_err(&e));
    if (r < 0)
        return cli_fail(&e, 1);
    tree_print(doc, o.whatrequires, &out);
    return cli_print(&out);
}

/* --- mount, unmount -------------------------------------------------------------------------- */

struct mount_args {
    bool all, force;
    const char *format;
};
static const struct opt image_mount_opts[] = {
    OPT(struct mount_args, 'a', all, "all", OPT_BOOL, NULL, "Mount all images"),
    OPT(struct mount_args, 0, format, "format", OPT_STRING, "string",
        "Print the mounted images as json"),
};
const struct opt_table image_mount_table = {
    .command = "image mount",
    .usage = "[OPTIONS] [IMAGE...]",
    .summary = "Mount the file system of images read-only; without arguments list what is mounted",
    .opts = image_mount_opts,
    .nopts = ARRAY_SIZE(image_mount_opts),
    .max_args = SIZE_MAX,
};
static const struct opt image_unmount_opts[] = {
    OPT(struct mount_args, 'a', all, "all", OPT_BOOL, NULL, "Unmount all images"),
    OPT(struct mount_args, 'f', force, "force", OPT_BOOL, NULL, "Unmount what is in use, too"),
};
const struct opt_table image_unmount_table = {
    .command = "image unmount",
    .usage = "[OPTIONS] [IMAGE...]",
    .summary = "Unmount the file system of images",
    .opts = image_unmount_opts,
    .nopts = ARRAY_SIZE(image_unmount_opts),
    .max_args = SIZE_MAX,
};

static int mount_one(struct cli *c, const char *name, void *data, hako_error *e) {
    AUTO_FREE char *path = NULL;
    (void)data;
    int r = hako_image_mount(c->engine, name, &path, e);
    if (r == 0)
        printf("%s\n", path);
    return r;
}

static int unmount_one(struct cli *c, const char *name, void *data, hako_error *e) {
    const struct mount_args *o = data;
    int r = hako_image_unmount(c->engine, name, o->force, e);
    if (r == 0)
        printf("%s\n", name);
    return r;
}

static int mount_rows(struct cli *c, js **ret, hako_error *e) {
    AUTO_FREE char *json = NULL;
    int r = hako_image_mounts(c->engine, &json, e);
    return r < 0 ? r : js_parse(json, strlen(json), "mounts", ret, cli_err(e));
}

static int mount_list(struct cli *c, const struct mount_args *o, hako_error *e) {
    AUTO_JS js *rows = NULL;
    AUTO_STR struct str out = STR_INIT((size_t)16 << 20);
    int r = mount_rows(c, &rows, e);
    if (r < 0)
        return cli_fail(e, 1);
    if (o->format) {
        if (js_print(rows, JS_PRETTY, &out) < 0 || str_addc(&out, '\n') < 0)
            return cli_fail(e, 1);
        return cli_print(&out);
    }
    for (size_t i = 0; i < js_len(rows); i++) {
        const js *row = js_at(rows, i), *names = js_get(row, "Repositories");
        const char *id = js_get_str_or(row, "id", "");
        const char *name = js_str(js_at(names, 0));
        str_addf(&out, "%s  %s\n", name ? name : arena_strndup(c->a, id, 12),
                 js_get_str_or(row, "mountpoint", ""));
    }
    return cli_print(&out);
}

int cmd_image_mount(struct cli *c, int argc, char **argv) {
    struct mount_args o = {0};
    struct hako_image_info *v = NULL;
    char **args;
    size_t n, count = 0;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &image_mount_table, argc, argv, &o, &args, &n, 1);
    if (code >= 0)
        return code;
    if (o.format && strcmp(o.format, "json") != 0) {
        fprintf(stderr, "hako: invalid --format \"%s\": only json is known\n", o.format);
        return 1;
    }
    if (o.all && n) {
        fputs("hako: --all and names exclude each other\n", stderr);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    if (!o.all)
        return n ? cli_each(c, args, n, mount_one, NULL) : mount_list(c, &o, &e);
    if (hako_image_list(g, &v, &count, &e) < 0)
        return cli_fail(&e, 1);
    for (size_t i = 0; i < count && code == 0; i++)
        code = mount_one(c, v[i].id, NULL, &e) < 0 ? cli_fail(&e, 1) : 0;
    hako_image_list_free(v, count);
    return code;
}

int cmd_image_unmount(struct cli *c, int argc, char **argv) {
    struct mount_args o = {0};
    AUTO_JS js *rows = NULL;
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &image_unmount_table, argc, argv, &o, &args, &n, 1);
    if (code >= 0)
        return code;
    if (o.all == (n > 0)) {
        fputs("hako: image unmount needs names of images, or --all\n", stderr);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    if (!o.all)
        return cli_each(c, args, n, unmount_one, &o);
    if (mount_rows(c, &rows, &e) < 0)
        return cli_fail(&e, 1);
    for (size_t i = 0; i < js_len(rows); i++) {
        const char *id = js_get_str_or(js_at(rows, i), "id", "");
        if (hako_image_unmount(g, arena_printf(c->a, "sha256:%s", id), o.force, &e) < 0)
            code = cli_fail(&e, 1);
        else
            printf("%s\n", id);
    }
    return code;
}
