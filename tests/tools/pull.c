/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drive the registry module and the store without the command:
 *
 *   pull MODULE DATADIR [OPTION…] pull REFERENCE    prints "<manifest> <id> fresh|known"
 *   pull MODULE DATADIR [OPTION…] push REFERENCE    prints "<manifest>"; of --image, or itself
 *   pull MODULE DATADIR load FILE                   prints the module's lines
 *   pull MODULE DATADIR list | find NAME | layers NAME | rmi NAME | volumes
 * Options: --layout DIR  --platform P  --auth FILE  --mirror HOST=MIRROR  --insecure HOST
 *          --block HOST  --max-bytes N  --progress  --force  --image NAME  --zstd
 * A failure prints "<kind>: <message>" to stderr and leaves with 1.
 */
#include "base/path.h"
#include "base/str.h"
#include "registry/registry.h"
#include "store/snapshot.h"
#include "store/volume.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MAX_REGISTRIES 8

struct args {
    const char *layout, *platform, *auth, *image;
    uint64_t max_bytes;
    bool progress, force, zstd;
    struct registry_entry registries[MAX_REGISTRIES];
    const char *mirrors[MAX_REGISTRIES][8];
    size_t n;
};

static int fail(const struct err *e) {
    fprintf(stderr, "%s: %s\n", err_kind_name(e->kind), e->msg);
    return 1;
}

static struct registry_entry *entry(struct args *args, const char *host) {
    for (size_t i = 0; i < args->n; i++) {
        if (strcmp(args->registries[i].host, host) == 0)
            return &args->registries[i];
    }
    struct registry_entry *r = &args->registries[args->n];
    r->host = host;
    r->mirrors = args->mirrors[args->n++];
    return r;
}

static void add_mirror(struct args *args, char *text) {
    char *eq = strchr(text, '=');
    *eq = '\0';
    struct registry_entry *r = entry(args, text);
    const char **list = args->mirrors[r - args->registries];
    while (*list)
        list++;
    *list = eq + 1;
}

/* Options up to the first word; its index. */
static int parse(int argc, char **argv, struct args *args) {
    int i = 3;
    for (; i < argc && str_starts(argv[i], "--"); i++) {
        const char *o = argv[i];
        if (strcmp(o, "--progress") == 0)
            args->progress = true;
        else if (strcmp(o, "--force") == 0)
            args->force = true;
        else if (strcmp(o, "--zstd") == 0)
            args->zstd = true;
        else if (i + 1 >= argc)
            return argc;
        else if (strcmp(o, "--image") == 0)
            args->image = argv[++i];
        else if (strcmp(o, "--layout") == 0)
            args->layout = argv[++i];
        else if (strcmp(o, "--platform") == 0)
            args->platform = argv[++i];
        else if (strcmp(o, "--auth") == 0)
            args->auth = argv[++i];
        else if (strcmp(o, "--mirror") == 0)
            add_mirror(args, argv[++i]);
        else if (strcmp(o, "--insecure") == 0)
            entry(args, argv[++i])->insecure = true;
        else if (strcmp(o, "--block") == 0)
            entry(args, argv[++i])->blocked = true;
        else if (strcmp(o, "--max-bytes") == 0)
            (void)str_to_u64(argv[++i], &args->max_bytes);
    }
    return i;
}

static void on_progress(const struct pull_progress *p, void *data) {
    static const char *const words[] = {"waiting", "downloading", "verifying", "extracting",
                                        "done",    "exists",      "preparing", "pushing",
                                        "pushed",  "exists",      "mounted"};
    (void)data;
    fprintf(stderr, "%s %s %llu/%llu\n", p->layer, words[p->phase], (unsigned long long)p->done,
            (unsigned long long)p->total);
}

static const struct registry_module *load_module(const char *path) {
    void *so = dlopen(path, RTLD_NOW);
    const struct registry_module *m = so ? dlsym(so, "hako_registry_module") : NULL;
    if (m && m->size == sizeof(*m))
        return m;
    fprintf(stderr, "module: %s\n", m ? "of another build" : dlerror());
    return NULL;
}

static int do_push(const char *module, const struct store *s, const struct args *args,
                   const char *name, struct arena *a) {
    struct err e;
    struct ref ref;
    struct push_result res;
    const struct registry_module *m = load_module(module);
    if (!m)
        return 2;
    if (ref_parse(name, a, &ref, &e) < 0)
        return fail(&e);
    struct registry_config config = {(struct registry_entry *)(uintptr_t)args->registries, args->n};
    const struct push_request rq = {
        .image = args->image ? args->image : name,
        .ref = &ref,
        .form = {.compression = args->zstd ? BLOB_ZSTD : BLOB_ANY, .force = args->force},
        .store = s,
        .access = {.config = &config, .auth_file = args->auth},
        .userns_fd = -1,
        .progress = args->progress ? on_progress : NULL};
    if (m->push(&rq, &res, &e) < 0)
        return fail(&e);
    printf("%s\n", res.manifest.s);
    return 0;
}

static int do_load(const char *module, const struct store *s, const struct args *args,
                   const char *path) {
    struct err e;
    AUTO_STR struct str names = STR_INIT(1 << 20);
    const struct registry_module *m = load_module(module);
    const struct load_request rq = {
        .path = path, .fd = -1, .store = s, .userns_fd = -1, .max_layer_bytes = args->max_bytes};
    if (!m)
        return 2;
    if (m->load(&rq, &names, &e) < 0)
        return fail(&e);
    fputs(str_c(&names), stdout);
    return 0;
}

static int do_pull(const char *module, const struct store *s, const struct args *args,
                   const char *name, struct arena *a) {
    struct err e;
    struct ref ref;
    struct platform platform;
    struct pull_result res;
    const struct registry_module *m = load_module(module);
    if (!m)
        return 2;
    if (ref_parse(name, a, &ref, &e) < 0 || platform_parse(args->platform, a, &platform, &e) < 0)
        return fail(&e);
    struct registry_config config = {(struct registry_entry *)(uintptr_t)args->registries, args->n};
    struct pull_request rq = {.ref = &ref,
                              .layout_dir = args->layout,
                              .platform = &platform,
                              .store = s,
                              .access = {.config = &config, .auth_file = args->auth},
                              .userns_fd = -1,
                              .max_layer_bytes = args->max_bytes,
                              .progress = args->progress ? on_progress : NULL};
    if (m->pull(&rq, &res, &e) < 0)
        return fail(&e);
    printf("%s %s %s\n", res.manifest.s, res.config.s, res.fresh ? "fresh" : "known");
    return 0;
}

static int do_list(const struct store *s, struct arena *a) {
    struct err e;
    struct image *v;
    size_t n;
    if (image_list(s, a, &v, &n, &e) < 0)
        return fail(&e);
    for (size_t i = 0; i < n; i++) {
        printf("%s %llu", v[i].id.s, (unsigned long long)v[i].size);
        for (size_t k = 0; k < v[i].refs.n; k++)
            printf(" %s", v[i].refs.v[k]);
        for (size_t k = 0; k < v[i].digests.n; k++)
            printf(" %s", v[i].digests.v[k]);
        printf("\n");
    }
    return 0;
}

static int do_find(const struct store *s, const char *name, bool layers, struct arena *a) {
    struct err e;
    struct image img;
    struct snapshot sn;
    if (image_find(s, name, a, &img, &e) < 0 || snapshot_paths(s, &img, "/nowhere", a, &sn, &e) < 0)
        return fail(&e);
    if (!layers)
        printf("%s\n", img.id.s);
    for (size_t i = 0; layers && i < sn.lower.n; i++)
        printf("%s\n", sn.lower.v[i]);
    return 0;
}

static int do_remove(const struct store *s, const char *name, bool force, struct arena *a) {
    struct err e;
    struct strlist report = {NULL, 0, 0};
    if (image_remove(s, name, force, NULL, NULL, a, &report, &e) < 0)
        return fail(&e);
    for (size_t i = 0; i < report.n; i++)
        printf("%s\n", report.v[i]);
    return 0;
}

int main(int argc, char **argv) {
    struct args args = {.n = 0};
    struct err e;
    struct store s;
    int at = parse(argc, argv, &args);
    if (at >= argc) {
        fprintf(stderr, "usage: pull MODULE DATADIR [OPTION…] COMMAND [NAME]\n");
        return 2;
    }
    const char *command = argv[at], *name = at + 1 < argc ? argv[at + 1] : "";
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_FD int root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!a || root < 0 || store_open(root, argv[2], geteuid() != 0, a, &s, &e) < 0)
        return fail(&e);
    int r = 2;
    if (strcmp(command, "pull") == 0)
        r = do_pull(argv[1], &s, &args, name, a);
    else if (strcmp(command, "push") == 0)
        r = do_push(argv[1], &s, &args, name, a);
    else if (strcmp(command, "load") == 0)
        r = do_load(argv[1], &s, &args, name);
    else if (strcmp(command, "list") == 0)
        r = do_list(&s, a);
    else if (strcmp(command, "find") == 0 || strcmp(command, "layers") == 0)
        r = do_find(&s, name, strcmp(command, "layers") == 0, a);
    else if (strcmp(command, "rmi") == 0)
        r = do_remove(&s, name, args.force, a);
    store_close(&s);
    return r;
}
