/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/access_opts.h"
#include "cli/commands.h"
#include "cli/progress.h"

#include "spec/ref.h"

#include <stdio.h>
#include <string.h>

struct pull_args {
    const char *platform, *os, *arch, *variant, *policy, *lock;
    bool quiet, all_tags, all_platforms, json, ignored;
    struct access_args access;
};

static const struct opt pull_opts[] = {
    OPT(struct pull_args, 0, all_platforms, "all-platforms", OPT_BOOL, NULL,
        "Download the images of all platforms"),
    OPT(struct pull_args, 'a', all_tags, "all-tags", OPT_BOOL, NULL,
        "Download all tagged images in the repository"),
    OPT(struct pull_args, 0, arch, "arch", OPT_STRING, "string", NULL),
    OPT(struct pull_args, 0, ignored, "disable-content-trust", OPT_BOOL, NULL, NULL),
    OPT(struct pull_args, 0, json, "json", OPT_BOOL, NULL, "Progress as lines of JSON"),
    OPT_BARE(struct pull_args, lock, "lock", "hako.lock", "file",
             "Write into a lock file which image the name means now"),
    OPT(struct pull_args, 0, os, "os", OPT_STRING, "string", NULL),
    OPT(struct pull_args, 0, platform, "platform", OPT_STRING, "string",
        "Platform of the image (linux/arm64)"),
    OPT(struct pull_args, 0, policy, "policy", OPT_STRING, "string",
        "always (default), missing, newer or never"),
    OPT(struct pull_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Suppress verbose output"),
    OPT(struct pull_args, 0, variant, "variant", OPT_STRING, "string", NULL),
    ACCESS_OPTS(struct pull_args),
    RETRY_OPTS(struct pull_args),
};
const struct opt_table pull_table = {
    .command = "pull",
    .usage = "[OPTIONS] NAME[:TAG|@DIGEST] [NAME...]",
    .summary = "Download images from a registry, or take them out of an archive",
    .opts = pull_opts,
    .nopts = ARRAY_SIZE(pull_opts),
    .min_args = 1,
    .max_args = SIZE_MAX,
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

/* --platform, or its parts as podman has them. */
static const char *pull_platform(struct cli *c, const struct pull_args *p) {
    if (p->platform || (!p->os && !p->arch))
        return p->platform;
    if (!p->arch)
        return p->os;
    return arena_printf(c->a, "%s/%s%s%s", p->os ? p->os : "linux", p->arch, p->variant ? "/" : "",
                        p->variant ? p->variant : "");
}

/* --policy missing and never: is it here? */
static bool pull_is_here(hako_engine *g, const char *name) {
    hako_error ignored = {0};
    char *json = NULL;
    bool here = hako_image_inspect(g, name, &json, &ignored) == 0;
    free(json);
    return here;
}

/* -1: go on. */
static int pull_policy(hako_engine *g, const char *policy, const char *name) {
    bool never = str_eq(policy, "never");
    if (!never && !str_eq(policy, "missing"))
        return -1;
    if (pull_is_here(g, name)) {
        puts(name);
        return 0;
    }
    if (!never)
        return -1;
    fprintf(stderr, "hako: No such image: %s\n", name);
    return 1;
}

static bool pull_is_place(const char *name) {
    static const char *const places[] = {
        "docker-archive:", "oci-archive:", "oci:", "dir:", "containers-storage:", "docker-daemon:"};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (str_starts(name, places[i]))
            return true;
    return false;
}

static int pull_one(struct cli *c, hako_engine *g, const struct pull_args *p, const char *name) {
    struct pull_words words = {0};
    struct progress progress = {.begin = p->json ? NULL : pull_begin, .data = &words};
    hako_error e = {0};
    struct hako_pulled got = {0};
    bool place = pull_is_place(name);
    if (str_starts(name, "docker://"))
        name += strlen("docker://");
    bool quiet = p->quiet || p->json || place;
    if (place)
        progress.begin = NULL;
    else if (pull_words(c, name, quiet, &words, &e) < 0)
        return cli_fail(&e, 1);
    int code = pull_policy(g, p->policy, name);
    if (code >= 0)
        return code;
    struct hako_pull_options o = {.size = sizeof(o),
                                  .platform = pull_platform(c, p),
                                  .all_platforms = p->all_platforms,
                                  .registry = access_registry(&p->access),
                                  .lock = p->lock,
                                  .lock_write = p->lock != NULL,
                                  .progress = p->json    ? progress_json
                                              : p->quiet ? NULL
                                                         : progress_show,
                                  .data = &progress};
    int r = hako_image_pull(g, name, &o, &got, &e);
    progress_end(&progress);
    if (r < 0)
        return cli_fail(&e, 1);
    if (!quiet) {
        pull_begin(&words);
        printf("Digest: %s\nStatus: %s for %s\n", got.digest,
               got.fresh ? "Downloaded newer image" : "Image is up to date", words.familiar);
    }
    puts(got.reference);
    return 0;
}

static int pull_all_tags(struct cli *c, hako_engine *g, const struct pull_args *p,
                         const char *name) {
    const struct hako_registry registry = access_registry(&p->access);
    const char *slash = strrchr(name, '/');
    hako_error e = {0};
    char *tags = NULL;
    int code = 0;
    if (strchr(slash ? slash : name, ':') || strchr(name, '@')) {
        fputs("hako: tag can't be used with --all-tags/-a\n", stderr);
        return 1;
    }
    if (hako_image_tags(g, name, &registry, &tags, &e) < 0)
        return cli_fail(&e, 1);
    for (const char *t = tags; *t && code == 0;) {
        size_t n = strcspn(t, "\n");
        const char *one = arena_printf(c->a, "%s:%.*s", name, (int)n, t);
        code = one ? pull_one(c, g, p, one) : 1;
        t += n + (t[n] == '\n');
    }
    free(tags);
    return code;
}

int cmd_pull(struct cli *c, int argc, char **argv) {
    struct pull_args p = {0};
    char **args;
    size_t n;
    hako_engine *g;
    int code = cli_parse(c, &pull_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if (p.policy && !str_eq(p.policy, "always") && !str_eq(p.policy, "missing") &&
        !str_eq(p.policy, "newer") && !str_eq(p.policy, "never") && !str_eq(p.policy, "ifnewer")) {
        fprintf(stderr, "hako: invalid --policy \"%s\": must be always, missing, newer or never\n",
                p.policy);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    for (size_t i = 0; i < n && code == 0; i++)
        code = p.all_tags ? pull_all_tags(c, g, &p, args[i]) : pull_one(c, g, &p, args[i]);
    return code;
}
