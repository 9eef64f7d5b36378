/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/credhelper.h"

#include "base/json.h"
#include "base/str.h"
#include "sys/program.h"

#include <string.h>

#define CREDHELPER_MAX ((size_t)1 << 20)
#define CREDHELPER_TOKEN "<token>" /* as user: the secret is an identity token */

/* Run docker-credential-<helper> <verb> with `input`. Its exit status. */
static int credhelper_run(const char *helper, const char *verb, const struct str *input,
                          struct str *out, int *status, struct err *e) {
    AUTO_STR struct str name = STR_INIT(200);
    if (helper[0] == '\0' || strspn(helper, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789._-") != strlen(helper))
        return err_set(e, ERR_USAGE, -EINVAL, "\"%.60s\" is no name of a credential helper",
                       helper);
    if (str_addf(&name, "docker-credential-%s", helper) < 0)
        return err_set(e, ERR_USAGE, -EINVAL, "the name of the credential helper is too long");
    AUTO_STR struct str said = STR_INIT(4096);
    const char *const argv[] = {str_c(&name), verb, NULL};
    const struct program p = {.argv = argv,
                              .input = str_c(input),
                              .input_len = input->len,
                              .out = out,
                              .out_fd = -1,
                              .err = &said};
    int r = program_run(&p, status, e);
    if (r == -ENOENT)
        return err_set(e, ERR_UNAVAILABLE, r,
                       "the credential helper docker-credential-%s is not installed: install it, "
                       "or take it out of the file",
                       helper);
    return r;
}

/* What a failed helper says goes to its stdout; "store" and "get" may quote secrets nowhere. */
static int credhelper_failed(const char *helper, const char *verb, const struct str *out,
                             int status, struct err *e) {
    char line[200];
    program_last_line(out, line, sizeof(line));
    return err_set(e, ERR_DENIED, -EACCES, "docker-credential-%s %s failed with status %d%s%s",
                   helper, verb, status, line[0] ? ": " : "", line);
}

static bool credhelper_none(const struct str *out) {
    return strstr(str_c(out), "credentials not found") != NULL ||
           strstr(str_c(out), "no credentials server URL") != NULL ||
           strstr(str_c(out), "no usernames for") != NULL;
}

static int credhelper_answer(const char *helper, const struct str *out, struct arena *a,
                             struct login *ret, struct err *e) {
    AUTO_JS js *doc = NULL;
    struct login l = {.user = NULL};
    struct err bad;
    const char *user, *secret;
    if (js_parse(str_c(out), out->len, "answer", &doc, &bad) < 0 ||
        !(user = js_get_str(doc, "Username")) || !(secret = js_get_str(doc, "Secret")))
        return err_set(e, ERR_CORRUPT, -EBADMSG, /* without a word of it: it may be a secret */
                       "docker-credential-%s get: the answer is no credentials document", helper);
    if (strcmp(user, CREDHELPER_TOKEN) == 0) {
        l.identity = arena_strdup(a, secret);
    } else {
        l.user = arena_strdup(a, user);
        l.password = arena_strdup(a, secret);
    }
    if (!l.identity && (!l.user || !l.password))
        return err_oom(e);
    *ret = l;
    return 0;
}

int credhelper_get(const char *helper, const char *server, struct arena *a, struct login *ret,
                   struct err *e) {
    AUTO_STR struct str in = STR_INIT(4096), out = STR_INIT(CREDHELPER_MAX);
    int status = 0;
    if (str_add(&in, server) < 0)
        return err_oom(e);
    int r = credhelper_run(helper, "get", &in, &out, &status, e);
    if (r < 0)
        return r;
    if (status != 0)
        return credhelper_none(&out) ? 1 : credhelper_failed(helper, "get", &out, status, e);
    return credhelper_answer(helper, &out, a, ret, e);
}

int credhelper_store(const char *helper, const char *server, const struct login *l, struct err *e) {
    AUTO_STR struct str in = STR_INIT(CREDHELPER_MAX), out = STR_INIT(CREDHELPER_MAX);
    AUTO_JS js *doc = js_new_object();
    int status = 0;
    js_set_str(doc, "ServerURL", server);
    js_set_str(doc, "Username", l->identity ? CREDHELPER_TOKEN : l->user);
    js_set_str(doc, "Secret", l->identity ? l->identity : l->password);
    if (js_print(doc, JS_COMPACT, &in) < 0)
        return err_oom(e);
    int r = credhelper_run(helper, "store", &in, &out, &status, e);
    return r == 0 && status != 0 ? credhelper_failed(helper, "store", &out, status, e) : r;
}

int credhelper_erase(const char *helper, const char *server, struct err *e) {
    AUTO_STR struct str in = STR_INIT(4096), out = STR_INIT(CREDHELPER_MAX);
    int status = 0;
    if (str_add(&in, server) < 0)
        return err_oom(e);
    int r = credhelper_run(helper, "erase", &in, &out, &status, e);
    if (r < 0 || status == 0 || credhelper_none(&out))
        return r;
    return credhelper_failed(helper, "erase", &out, status, e);
}
