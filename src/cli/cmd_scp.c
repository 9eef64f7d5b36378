/* SPDX-License-Identifier: Apache-2.0 */
/* image scp: an image from one hako to another over ssh, without a registry in between. */
#include "cli/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct scp_args {
    bool quiet;
};

static const struct opt scp_opts[] = {
    OPT(struct scp_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Suppress the output"),
};
const struct opt_table scp_table = {
    .command = "image scp",
    .usage = "[OPTIONS] IMAGE [USER@]HOST[:PORT]:: | [USER@]HOST[:PORT]::IMAGE",
    .summary = "Copy an image to or from another machine's hako over ssh",
    .opts = scp_opts,
    .nopts = ARRAY_SIZE(scp_opts),
    .min_args = 1,
    .max_args = 2,
};

struct scp_end {
    const char *host, *port; /* NULL = here */
    const char *image;       /* NULL = none given */
};

/* "user@host:22::image" or "image". */
static int scp_parse(struct cli *c, const char *text, struct scp_end *ret) {
    const char *sep = strstr(text, "::");
    *ret = (struct scp_end){NULL, NULL, text};
    if (!sep)
        return 0;
    char *host = arena_strndup(c->a, text, (size_t)(sep - text));
    ret->image = sep[2] ? sep + 2 : NULL;
    /* ssh must not take it for an option */
    if (!host || !*host || *host == '-' || (ret->image && *ret->image == '-'))
        return -EINVAL;
    char *colon = strrchr(host, ':');
    if (colon && host[strlen(host) - 1] != ']') {
        *colon = '\0';
        ret->port = colon + 1;
    }
    ret->host = host;
    return 0;
}

/* Words that cannot mean anything to the other side's shell. */
static bool scp_is_safe(const char *image) {
    return strspn(image, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                         "._-/:@") == strlen(image);
}

static pid_t scp_spawn(const char *const argv[], int in, int out) {
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if ((in >= 0 && dup2(in, STDIN_FILENO) < 0) || (out >= 0 && dup2(out, STDOUT_FILENO) < 0))
        _exit(125);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    fprintf(stderr, "hako: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static int scp_wait(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* argv of "hako WORD… " on the other end of ssh, or NULL. */
static const char *const *scp_remote(struct cli *c, const struct scp_end *end,
                                     const char *command) {
    const char **v = arena_array(c->a, 8, const char *);
    const char *ssh = getenv("HAKO_SSH");
    size_t n = 0;
    if (!v)
        return NULL;
    v[n++] = ssh && *ssh ? ssh : "ssh";
    if (end->port) {
        v[n++] = "-p";
        v[n++] = end->port;
    }
    v[n++] = end->host;
    v[n++] = "--";
    v[n++] = command;
    return v;
}

static int scp_send(struct cli *c, hako_engine *g, const struct scp_end *from,
                    const struct scp_end *to, bool quiet) {
    const char *const *argv = scp_remote(c, to, quiet ? "hako load -q" : "hako load");
    char *one[] = {(char *)(uintptr_t)from->image, NULL};
    const struct hako_strings images = {.v = one, .n = 1};
    hako_error e = {0};
    int p[2];
    if (!argv || pipe2(p, O_CLOEXEC) < 0)
        return 1;
    pid_t pid = scp_spawn(argv, p[0], -1);
    close(p[0]);
    const struct hako_save_options o = {.size = sizeof(o), .format = "docker-archive", .fd = p[1]};
    int r = pid < 0 ? -errno : hako_image_save(g, &images, &o, &e);
    close(p[1]);
    int code = pid < 0 ? 1 : scp_wait(pid);
    if (code != 0) {
        fprintf(stderr, "hako: %s could not load the image (exit code %d)\n", to->host, code);
        return 1;
    }
    return r < 0 ? cli_fail(&e, 1) : 0;
}

static int scp_receive(struct cli *c, hako_engine *g, const struct scp_end *from, bool quiet) {
    const char *const *argv =
        scp_remote(c, from, arena_printf(c->a, "hako save -q %s", from->image));
    char *report = NULL;
    hako_error e = {0};
    int p[2];
    if (!argv || pipe2(p, O_CLOEXEC) < 0)
        return 1;
    pid_t pid = scp_spawn(argv, -1, p[1]);
    close(p[1]);
    const struct hako_load_options o = {.size = sizeof(o), .fd = p[0]};
    int r = pid < 0 ? -errno : hako_image_load(g, &o, &report, &e);
    close(p[0]);
    int code = pid < 0 ? 1 : scp_wait(pid);
    if (code != 0) {
        fprintf(stderr, "hako: %s could not save the image (exit code %d)\n", from->host, code);
        free(report);
        return 1;
    }
    if (r < 0)
        return cli_fail(&e, 1);
    if (!quiet)
        fputs(report, stdout);
    free(report);
    return 0;
}

int cmd_scp(struct cli *c, int argc, char **argv) {
    struct scp_args p = {false};
    struct scp_end from, to = {NULL, NULL, NULL};
    char **args;
    size_t n;
    hako_engine *g;
    int code = cli_parse(c, &scp_table, argc, argv, &p, &args, &n, 1);
    if (code >= 0)
        return code;
    if (scp_parse(c, args[0], &from) < 0 || (n > 1 && scp_parse(c, args[1], &to) < 0) ||
        !from.image || !scp_is_safe(from.image) || !from.host == !to.host ||
        (to.host && to.image)) {
        fputs("hako: name an image here and a HOST:: to send it to, or a HOST::IMAGE to fetch\n",
              stderr);
        return 1;
    }
    if ((code = cli_engine(c, &g)))
        return code;
    return from.host ? scp_receive(c, g, &from, p.quiet) : scp_send(c, g, &from, &to, p.quiet);
}
