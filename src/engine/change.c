/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/change.h"

#include "base/arena.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define CHANGE_MAX ((size_t)64 << 10)

struct change {
    js *config;
    struct arena *a;
    const char *word; /* as known here: "CMD" */
    const char *rest;
};

static int change_bad(const struct change *c, const char *why, struct err *e) {
    return err_set(e, ERR_USAGE, -EINVAL, "invalid change \"%s %.100s\": %s", c->word, c->rest,
                   why);
}

/* ["a", "b"], or NULL when it is none. */
static js *change_array(const char *text) {
    struct err ignored;
    js *v = NULL;
    if (*text != '[' || js_parse(text, strlen(text), "change", &v, &ignored) < 0)
        return NULL;
    for (size_t i = 0; i < js_len(v); i++) {
        if (!js_str(js_at(v, i))) {
            js_free(v);
            return NULL;
        }
    }
    return v;
}

/* The exec form, or words for a shell. */
static int change_command(struct change *c, const char *key, struct err *e) {
    js *v = change_array(c->rest);
    if (!v) {
        v = js_new_array();
        if (!v || js_push_str(v, "/bin/sh") < 0 || js_push_str(v, "-c") < 0 ||
            js_push_str(v, c->rest) < 0) {
            js_free(v);
            return err_oom(e);
        }
    }
    return js_set(c->config, key, v) < 0 ? err_oom(e) : 0;
}

static int change_string(struct change *c, const char *key, struct err *e) {
    return js_set_str(c->config, key, c->rest) < 0 ? err_oom(e) : 0;
}

/* The object below `key`, made when it is not there. */
static js *change_object(struct change *c, const char *key) {
    js *v = js_get(c->config, key);
    if (v)
        return v;
    v = js_new_object();
    return v && js_set(c->config, key, v) == 0 ? v : NULL;
}

/* The next word: quotes and backslashes as in a Dockerfile. NULL: no more. */
static char *change_word(struct change *c, const char **at) {
    AUTO_STR struct str out = STR_INIT(CHANGE_MAX);
    const char *p = *at + strspn(*at, " \t");
    char quote = '\0';
    if (!*p)
        return NULL;
    for (; *p && (quote || (*p != ' ' && *p != '\t')); p++) {
        if (quote && *p == quote)
            quote = '\0';
        else if (!quote && (*p == '"' || *p == '\''))
            quote = *p;
        else if (str_addc(&out, *p == '\\' && quote != '\'' && p[1] ? *++p : *p) < 0)
            return NULL;
    }
    *at = p;
    return arena_strdup(c->a, str_c(&out));
}

static int change_env_set(js *list, const char *pair, js **ret) {
    size_t n = strcspn(pair, "=") + 1;
    js *fresh = js_new_array();
    int r = fresh ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < js_len(list); i++) {
        const char *old = js_str(js_at(list, i));
        if (old && strncmp(old, pair, n) != 0)
            r = js_push_str(fresh, old);
    }
    if (r == 0)
        r = js_push_str(fresh, pair);
    if (r < 0)
        js_free(fresh);
    else
        *ret = fresh;
    return r;
}

static int change_pair(struct change *c, const char *key, char *pair) {
    js *fresh = NULL;
    if (strcmp(key, "Env") == 0) {
        int r = change_env_set(js_get(c->config, "Env"), pair, &fresh);
        return r < 0 ? r : js_set(c->config, "Env", fresh);
    }
    char *eq = strchr(pair, '=');
    *eq = '\0';
    js *labels = change_object(c, key);
    return labels ? js_set_str(labels, pair, eq + 1) : -ENOMEM;
}

/* A=b C="d e", or the old "A b c". */
static int change_pairs(struct change *c, const char *key, struct err *e) {
    const char *p = c->rest;
    size_t first = strcspn(p, "= \t");
    char *pair;
    int r = 0;
    if (!*p)
        return change_bad(c, "expected NAME=VALUE", e);
    if (p[first] != '=') {
        const char *value = p + first + strspn(p + first, " \t");
        pair = arena_printf(c->a, "%.*s=%s", (int)first, p, value);
        if (!*value)
            return change_bad(c, "expected NAME=VALUE", e);
        return !pair || change_pair(c, key, pair) < 0 ? err_oom(e) : 0;
    }
    while (r == 0 && (pair = change_word(c, &p))) {
        if (!strchr(pair, '=') || *pair == '=')
            return change_bad(c, "expected NAME=VALUE", e);
        r = change_pair(c, key, pair);
    }
    return r < 0 ? err_oom(e) : 0;
}

/* EXPOSE 80/tcp 53/udp; VOLUME /a /b or ["/a"]: keys of an object. */
static int change_keys(struct change *c, const char *key, bool port, struct err *e) {
    AUTO_JS js *list = port ? NULL : change_array(c->rest);
    js *to = change_object(c, key);
    const char *p = c->rest;
    char *word;
    int r = to ? 0 : -ENOMEM;
    if (!*p)
        return change_bad(c, "expected a value", e);
    for (size_t i = 0; r == 0 && list && i < js_len(list); i++)
        r = js_set(to, js_str(js_at(list, i)), js_new_object());
    while (r == 0 && !list && (word = change_word(c, &p))) {
        if (port && !isdigit((unsigned char)*word))
            return change_bad(c, "expected PORT[/PROTOCOL]", e);
        if (port && !strchr(word, '/'))
            word = arena_printf(c->a, "%s/tcp", word);
        r = word ? js_set(to, word, js_new_object()) : -ENOMEM;
    }
    return r < 0 ? err_oom(e) : 0;
}

static int change_onbuild(struct change *c, struct err *e) {
    js *list = js_get(c->config, "OnBuild");
    int r = 0;
    if (!list) {
        list = js_new_array();
        r = js_set(c->config, "OnBuild", list);
    }
    if (r == 0)
        r = js_push_str(list, c->rest);
    return r < 0 ? err_oom(e) : 0;
}

/* "--interval=30s" → ns into `key`; 1: it is another flag. */
static int change_health_flag(struct change *c, js *health, const char *flag, const char *name,
                              const char *key, struct err *e) {
    size_t n = strlen(name);
    int64_t ns = 0;
    if (strncmp(flag, name, n) != 0 || flag[n] != '=')
        return 1;
    if (str_to_duration(flag + n + 1, 1000000000, &ns) < 0 || ns < 0)
        return change_bad(c, "expected a duration", e);
    return js_set_i64(health, key, ns) < 0 ? err_oom(e) : 0;
}

static int change_health_option(struct change *c, js *health, const char *flag, struct err *e) {
    static const char *const flags[][2] = {{"--interval", "Interval"},
                                           {"--timeout", "Timeout"},
                                           {"--start-period", "StartPeriod"},
                                           {"--start-interval", "StartInterval"}};
    int64_t retries = 0;
    int r = 1;
    for (size_t i = 0; r == 1 && i < ARRAY_SIZE(flags); i++)
        r = change_health_flag(c, health, flag, flags[i][0], flags[i][1], e);
    if (r != 1)
        return r;
    if (!str_starts(flag, "--retries=") || str_to_i64(flag + 10, &retries) < 0 || retries < 0)
        return change_bad(c, "unknown option", e);
    return js_set_i64(health, "Retries", retries) < 0 ? err_oom(e) : 0;
}

static int change_health_test(struct change *c, js *health, const char *p, struct err *e) {
    js *test = js_new_array();
    int r = test ? 0 : -ENOMEM;
    AUTO_JS js *list = str_starts(p, "CMD") ? change_array(p + 3 + strspn(p + 3, " \t")) : NULL;
    if (strcmp(p, "NONE") == 0) {
        r = r < 0 ? r : js_push_str(test, "NONE");
    } else if (list) {
        r = r < 0 ? r : js_push_str(test, "CMD");
        for (size_t i = 0; r == 0 && i < js_len(list); i++)
            r = js_push_str(test, js_str(js_at(list, i)));
    } else if (str_starts(p, "CMD ")) {
        r = r < 0 ? r : js_push_str(test, "CMD-SHELL");
        if (r == 0)
            r = js_push_str(test, p + 4 + strspn(p + 4, " \t"));
    } else {
        js_free(test);
        return change_bad(c, "expected CMD or NONE", e);
    }
    return js_set(health, "Test", test) < 0 || r < 0 ? err_oom(e) : 0;
}

static int change_health(struct change *c, struct err *e) {
    const char *p = c->rest;
    js *health = js_new_object();
    if (!health || js_set(c->config, "Healthcheck", health) < 0)
        return err_oom(e);
    while (str_starts(p, "--")) {
        char *flag = change_word(c, &p);
        int r = flag ? change_health_option(c, health, flag, e) : err_oom(e);
        if (r < 0)
            return r;
        p += strspn(p, " \t");
    }
    return change_health_test(c, health, p, e);
}

enum change_kind {
    CHANGE_COMMAND,
    CHANGE_STRING,
    CHANGE_PAIRS,
    CHANGE_PORTS,
    CHANGE_KEYS,
    CHANGE_ONBUILD,
    CHANGE_HEALTH
};
static const struct change_word {
    const char *word, *key;
    enum change_kind kind;
} change_words[] = {
    {"CMD", "Cmd", CHANGE_COMMAND},
    {"ENTRYPOINT", "Entrypoint", CHANGE_COMMAND},
    {"ENV", "Env", CHANGE_PAIRS},
    {"EXPOSE", "ExposedPorts", CHANGE_PORTS},
    {"HEALTHCHECK", NULL, CHANGE_HEALTH},
    {"LABEL", "Labels", CHANGE_PAIRS},
    {"ONBUILD", NULL, CHANGE_ONBUILD},
    {"STOPSIGNAL", "StopSignal", CHANGE_STRING},
    {"USER", "User", CHANGE_STRING},
    {"VOLUME", "Volumes", CHANGE_KEYS},
    {"WORKDIR", "WorkingDir", CHANGE_STRING},
};

static int change_do(struct change *c, const struct change_word *w, struct err *e) {
    c->word = w->word;
    switch (w->kind) {
    case CHANGE_COMMAND:
        return change_command(c, w->key, e);
    case CHANGE_STRING:
        return *c->rest ? change_string(c, w->key, e) : change_bad(c, "expected a value", e);
    case CHANGE_PAIRS:
        return change_pairs(c, w->key, e);
    case CHANGE_PORTS:
        return change_keys(c, w->key, true, e);
    case CHANGE_KEYS:
        return change_keys(c, w->key, false, e);
    case CHANGE_ONBUILD:
        return change_onbuild(c, e);
    case CHANGE_HEALTH:
        return change_health(c, e);
    }
    return 0;
}

int change_apply(js *config, const char *line, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    struct change c = {.config = config, .a = a};
    const char *p = line + strspn(line, " \t");
    size_t n = strcspn(p, " \t=");
    if (!a)
        return err_oom(e);
    for (size_t i = 0; i < ARRAY_SIZE(change_words); i++) {
        const struct change_word *w = &change_words[i];
        if (strlen(w->word) != n || strncasecmp(w->word, p, n) != 0)
            continue;
        c.rest = p + n + (p[n] == '=');
        c.rest += strspn(c.rest, " \t");
        return change_do(&c, w, e);
    }
    return err_set(e, ERR_USAGE, -EINVAL,
                   "invalid change \"%.100s\": expected one of CMD ENTRYPOINT ENV EXPOSE "
                   "HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR",
                   line);
}
