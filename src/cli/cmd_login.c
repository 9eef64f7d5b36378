/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include "base/io.h"
#include "sys/tty.h"

#include <stdio.h>
#include <string.h>

#define LOGIN_SECRET_MAX ((size_t)64 << 10)

struct login_args {
    bool password_stdin, get_login, tls_verify, tls_verify_set, verbose, all;
    const char *user, *password, *authfile, *compat, *cert_dir, *secret;
};

static const struct opt login_opts[] = {
    OPT(struct login_args, 0, authfile, "authfile", OPT_STRING, "file",
        "Keep the credentials in this file (default $REGISTRY_AUTH_FILE, then docker's)"),
    OPT(struct login_args, 0, cert_dir, "cert-dir", OPT_STRING, "directory",
        "Certificates for the registry"),
    OPT(struct login_args, 0, authfile, "compat-auth-file", OPT_STRING, "file", NULL),
    OPT(struct login_args, 0, get_login, "get-login", OPT_BOOL, NULL,
        "Print the name that is logged in"),
    OPT(struct login_args, 'p', password, "password", OPT_STRING, "string",
        "Password (seen by everybody on this machine: better --password-stdin)"),
    OPT(struct login_args, 0, password_stdin, "password-stdin", OPT_BOOL, NULL,
        "Take the password from stdin"),
    OPT_SEEN(struct login_args, 0, tls_verify, tls_verify_set, "tls-verify", OPT_BOOL, NULL,
             "Insist on HTTPS and a good certificate"),
    OPT(struct login_args, 'u', user, "username", OPT_STRING, "string", "Username"),
    OPT(struct login_args, 'v', verbose, "verbose", OPT_BOOL, NULL,
        "Say where the credentials were written"),
};
const struct opt_table login_table = {
    .command = "login",
    .usage = "[OPTIONS] [REGISTRY]",
    .summary = "Log in to a registry",
    .opts = login_opts,
    .nopts = ARRAY_SIZE(login_opts),
    .max_args = 1,
};

static const struct opt logout_opts[] = {
    OPT(struct login_args, 'a', all, "all", OPT_BOOL, NULL, "Log out from all registries"),
    OPT(struct login_args, 0, authfile, "authfile", OPT_STRING, "file",
        "The file with the credentials (default: all usual places)"),
    OPT(struct login_args, 0, authfile, "compat-auth-file", OPT_STRING, "file", NULL),
};
const struct opt_table logout_table = {
    .command = "logout",
    .usage = "[OPTIONS] [REGISTRY]",
    .summary = "Log out from a registry",
    .opts = logout_opts,
    .nopts = ARRAY_SIZE(logout_opts),
    .max_args = 1,
};

/* One line from the terminal; *secret: without showing it. The caller's memory. */
static char *login_ask(struct cli *c, const char *prompt, bool secret) {
    struct termios was, quiet;
    AUTO_STR struct str line = STR_INIT(LOGIN_SECRET_MAX);
    bool hidden = secret && tcgetattr(STDIN_FILENO, &was) == 0;
    fputs(prompt, stderr);
    if (hidden) {
        quiet = was;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    char ch;
    while (read(STDIN_FILENO, &ch, 1) == 1 && ch != '\n' && str_addc(&line, ch) == 0)
        ;
    if (hidden) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
        fputc('\n', stderr);
    }
    return arena_strdup(c->a, str_c(&line));
}

static char *login_from_stdin(struct cli *c) {
    AUTO_STR struct str text = STR_INIT(LOGIN_SECRET_MAX);
    if (io_read_fd(STDIN_FILENO, &text) < 0)
        return NULL;
    char *s = arena_strdup(c->a, str_c(&text));
    size_t n = s ? strlen(s) : 0; /* docker cuts the line's end, and no blanks */
    if (n && s[n - 1] == '\n')
        s[--n] = '\0';
    if (n && s[n - 1] == '\r')
        s[--n] = '\0';
    return s;
}

static int login_refuse(const char *why) {
    fprintf(stderr, "hako: %s\n", why);
    return 1;
}

/* -1 = go on */
static int login_fill(struct cli *c, struct login_args *o) {
    if (o->password && o->password_stdin)
        return login_refuse("--password and --password-stdin are mutually exclusive");
    if (o->password_stdin && !o->user)
        return login_refuse("Must provide --username with --password-stdin");
    if (o->password)
        fputs("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n", stderr);
    if (o->password_stdin && !(o->password = login_from_stdin(c)))
        return login_refuse("cannot read the password from stdin");
    if ((!o->user || !o->password) && !tty_is(STDIN_FILENO))
        return login_refuse("Cannot perform an interactive login from a non TTY device: give "
                            "--username and --password-stdin");
    if (!o->user)
        o->user = login_ask(c, "Username: ", false);
    if (o->user && !o->password)
        o->password = login_ask(c, "Password: ", true);
    if (str_empty(o->user))
        return login_refuse("username is empty");
    return str_empty(o->password) ? login_refuse("password is empty") : -1;
}

static int login_show(struct cli *c, const char *registry, const char *authfile) {
    AUTO_FREE char *user = NULL;
    hako_error e = {0};
    if (hako_login_user(c->engine, registry, authfile, &user, &e) < 0)
        return cli_fail(&e, 1);
    printf("%s\n", user);
    return 0;
}

int cmd_login(struct cli *c, int argc, char **argv) {
    struct login_args o = {0};
    struct hako_logged_in got = {0};
    char **args;
    size_t n;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &login_table, argc, argv, &o, &args, &n, 1);
    if (code >= 0)
        return code;
    if ((code = cli_engine(c, &g)))
        return code;
    if (o.get_login)
        return login_show(c, n ? args[0] : NULL, o.authfile);
    if ((code = login_fill(c, &o)) >= 0)
        return code;
    const struct hako_login_options lo = {.size = sizeof(lo),
                                          .registry = n ? args[0] : NULL,
                                          .user = o.user,
                                          .password = o.password,
                                          .authfile = o.authfile,
                                          .cert_dir = o.cert_dir,
                                          .tls_verify = o.tls_verify,
                                          .tls_verify_set = o.tls_verify_set};
    if (hako_login(g, &lo, &got, &e) < 0)
        return cli_fail(&e, 1);
    if (got.plain)
        fprintf(stderr,
                "WARNING! Your credentials are stored unencrypted in '%s'.\n"
                "Configure a credential helper to remove this warning.\n",
                got.file);
    if (o.verbose)
        fprintf(stderr, "Used: %s\n", got.file);
    puts("Login Succeeded");
    return 0;
}

int cmd_logout(struct cli *c, int argc, char **argv) {
    struct login_args o = {0};
    char **args;
    size_t n, removed = 0;
    hako_engine *g;
    hako_error e = {0};
    int code = cli_parse(c, &logout_table, argc, argv, &o, &args, &n, 1);
    if (code >= 0)
        return code;
    if (o.all && n)
        return login_refuse("--all and a registry exclude each other");
    if ((code = cli_engine(c, &g)))
        return code;
    if (hako_logout(g, n ? args[0] : NULL, o.all, o.authfile, &removed, &e) < 0)
        return cli_fail(&e, 1);
    if (o.all)
        printf("Removed login credentials for all registries\n");
    else if (removed)
        printf("Removing login credentials for %s\n", n ? args[0] : "https://index.docker.io/v1/");
    else
        printf("Not logged in to %s\n", n ? args[0] : "https://index.docker.io/v1/");
    return 0;
}
