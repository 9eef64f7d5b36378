/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv) {
    struct cli c = {.program = "hako"};
    c.engine_options.size = sizeof(c.engine_options);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error we print, not a death */
    c.a = arena_new();
    if (!c.a)
        return 125;
    int code = commands_main(&c, argc, argv);
    hako_engine_close(c.engine);
    arena_free(c.a);
    return code;
}
