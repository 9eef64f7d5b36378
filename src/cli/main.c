/* SPDX-License-Identifier: Apache-2.0 */
/* Global options, then the command. Called as docker or podman, hako answers just as well. */
#include "cli/dispatch.h"
#include "cli/help.h"

#include <signal.h>
#include <stdio.h>

static int main_run(struct cli *c, int argc, char **argv) {
    struct err e = {0};
    char **args;
    size_t n;
    int r = opt_parse(&help_globals, c->a, argc, argv, c, &args, &n, &e);
    if (r < 0) {
        fprintf(stderr, "hako: %s\nSee 'hako --help'\n", e.msg);
        return 125;
    }
    if (c->version) {
        printf("hako version %s\n", hako_version());
        return 0;
    }
    return r > 0 || n == 0 ? help_all() : dispatch(c, (int)n, args);
}

int main(int argc, char **argv) {
    struct cli c = {.help = help_command,
                    .engine_options = {.size = sizeof(c.engine_options), .leaves_soon = true}};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL); /* a closed pipe is an error of write(), not a death */
    c.a = arena_new();
    if (!c.a)
        return 125;
    int code = main_run(&c, argc, argv);
    if (cli_flush() && code == 0)
        code = 1;
    hako_engine_close(c.engine);
    arena_free(c.a);
    return code;
}
