/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dispatch.h"

#include "cli/help.h"

#include <stdio.h>
#include <string.h>

static const struct command_group *dispatch_group(const char *name) {
    for (size_t i = 0; i < cli_ngroups; i++)
        if (strcmp(cli_groups[i].name, name) == 0)
            return &cli_groups[i];
    return NULL;
}

static int dispatch_unknown(const char *word, const char *where) {
    const char *nearest = commands_nearest(word);
    fprintf(stderr, "hako: '%s' is not a hako command.\nSee 'hako%s%s --help'\n", word,
            where ? " " : "", where ? where : "");
    if (nearest)
        fprintf(stderr, "\nDid you mean this?\n\t%s\n", nearest);
    return 1;
}

static int dispatch_in_group(struct cli *c, const struct command_group *g, int argc, char **argv) {
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help_group(g);
    char *name = arena_printf(c->a, "%s %s", g->name, argv[1]);
    const struct command *cmd = name ? commands_find(name) : NULL;
    if (!cmd)
        return dispatch_unknown(name ? name : argv[1], g->name);
    c->command = cmd->name;
    return cmd->run(c, argc - 1, argv + 1);
}

/* "help", "help run", "help container ls" */
static int dispatch_help(struct cli *c, int argc, char **argv) {
    static char option[] = "--help";
    if (argc < 2)
        return help_all();
    char *words[] = {argv[1], argc > 2 ? argv[2] : option, option, NULL};
    return dispatch(c, argc > 2 ? 3 : 2, words);
}

int dispatch(struct cli *c, int argc, char **argv) {
    const struct command_group *g = dispatch_group(argv[0]);
    if (g)
        return dispatch_in_group(c, g, argc, argv);
    const struct command *cmd = strchr(argv[0], ' ') ? NULL : commands_find(argv[0]);
    if (cmd) {
        c->command = cmd->name;
        return cmd->run(c, argc, argv);
    }
    return strcmp(argv[0], "help") == 0 ? dispatch_help(c, argc, argv)
                                        : dispatch_unknown(argv[0], NULL);
}
