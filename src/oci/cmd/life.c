/* SPDX-License-Identifier: Apache-2.0 */
/* start, state, kill, delete, pause, resume. */
#include "oci/cmd/cmd.h"

#include "spec/signal.h"

#include <regex.h>

struct life_args {
    bool all, force, regex;
};

#define LIFE_TABLE(name_, word_, summary_, usage_, opts_, nopts_, max_)                            \
    static const struct opt_table name_ = {.command = (word_),                                     \
                                           .usage = (usage_),                                      \
                                           .summary = (summary_),                                  \
                                           .opts = (opts_),                                        \
                                           .nopts = (nopts_),                                      \
                                           .min_args = 1,                                          \
                                           .max_args = (max_)}

static const struct opt kill_opts[] = {
    OPT(struct life_args, 'a', all, "all", OPT_BOOL, NULL, "To every process of the container"),
};
static const struct opt delete_opts[] = {
    OPT(struct life_args, 'f', force, "force", OPT_BOOL, NULL, "Kill it first when it runs"),
    OPT(struct life_args, 'r', regex, "regex", OPT_BOOL, NULL,
        "Remove every container whose id matches the extended regular expression"),
};

LIFE_TABLE(start_table, "start", "Start a created container.", "CONTAINER", NULL, 0, 1);
LIFE_TABLE(state_table, "state", "Show the state of a container.", "CONTAINER", NULL, 0, 1);
LIFE_TABLE(pause_table, "pause", "Suspend all processes of a container.", "CONTAINER", NULL, 0, 1);
LIFE_TABLE(resume_table, "resume", "Let a paused container go on.", "CONTAINER", NULL, 0, 1);
LIFE_TABLE(kill_table, "kill", "Send a signal (default: SIGTERM) to a container's first process.",
           "[OPTIONS] CONTAINER [SIGNAL]", kill_opts, ARRAY_SIZE(kill_opts), 2);
LIFE_TABLE(delete_table, "delete", "Remove a container.", "[OPTIONS] CONTAINER", delete_opts,
           ARRAY_SIZE(delete_opts), 1);

static int start_run(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e) {
    return oci_start(&g->o, args[0], e);
}

static int state_run(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e) {
    AUTO_JS js *doc = NULL;
    int r = oci_show(&g->o, args[0], &doc, e);
    return r < 0 ? r : print_json(doc, JS_PRETTY, e);
}

static int kill_signal(const char *word, int *ret, struct err *e) {
    uint64_t number;
    if (str_to_u64(word, &number) == 0 && number <= SIGNAL_RTMAX) {
        *ret = (int)number;
        return 0;
    }
    if (signal_parse(word, ret, e) == 0)
        return 0;
    return err_set(e, ERR_USAGE, -EINVAL, "unknown signal \"%.100s\"", word);
}

static int kill_run(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e) {
    const struct life_args *a = target;
    int signo = 0;
    int r = kill_signal(nargs > 1 ? args[1] : "TERM", &signo, e);
    return r < 0 ? r : oci_kill(&g->o, args[0], signo, a->all, e);
}

static int delete_matching(const struct oci *o, const char *pattern, bool force, struct err *e) {
    AUTO_JS js *list = NULL;
    regex_t re;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid regular expression \"%.200s\"", pattern);
    int r = oci_list(o, &list, e);
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const char *id = js_get_str_or(js_at(list, i), "id", "");
        if (regexec(&re, id, 0, NULL, 0) == 0)
            r = oci_delete(o, id, force, e);
    }
    regfree(&re);
    return r;
}

static int delete_run(struct cmd_global *g, void *target, char **args, size_t nargs,
                      struct err *e) {
    const struct life_args *a = target;
    return a->regex ? delete_matching(&g->o, args[0], a->force, e)
                    : oci_delete(&g->o, args[0], a->force, e);
}

static int pause_run(struct cmd_global *g, void *target, char **args, size_t nargs, struct err *e) {
    return oci_pause(&g->o, args[0], true, e);
}

static int resume_run(struct cmd_global *g, void *target, char **args, size_t nargs,
                      struct err *e) {
    return oci_pause(&g->o, args[0], false, e);
}

#define LIFE(word)                                                                                 \
    const struct cmd cmd_##word = {                                                                \
        .table = &word##_table, .run = word##_run, .size = sizeof(struct life_args)}
LIFE(start);
LIFE(state);
LIFE(kill);
LIFE(delete);
LIFE(pause);
LIFE(resume);
