/* SPDX-License-Identifier: Apache-2.0 */
/* completion, man: texts made from the option tables; packagers call them. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

const struct opt_table completion_table = {
    .command = "completion",
    .usage = "bash|zsh|fish",
    .summary = "Print the completion script for a shell",
    .min_args = 1,
    .max_args = 1,
};
const struct opt_table man_table = {
    .command = "man",
    .usage = "",
    .summary = "Print the manual page (roff)",
};

/* A table per name, "container ls" among them; NULL when out of memory. */
static const struct opt_table **completion_tables(struct arena *a, size_t *n) {
    const struct opt_table **v = arena_array(a, cli_ncommands, const struct opt_table *);
    *n = 0;
    for (size_t i = 0; v && i < cli_ncommands; i++) {
        struct opt_table *t =
            arena_memdup(a, cli_commands[i].table, sizeof(*cli_commands[i].table));
        if (!t)
            return NULL;
        t->command = cli_commands[i].name;
        if (cli_commands[i].place != COMMAND_HIDDEN)
            v[(*n)++] = t;
    }
    return v;
}

int cmd_completion(struct cli *c, int argc, char **argv) {
    char **args;
    size_t n, ntables;
    int code = cli_parse(c, &completion_table, argc, argv, NULL, &args, &n, 1);
    if (code >= 0)
        return code;
    AUTO_STR struct str out = STR_INIT(0);
    const struct opt_table **v = completion_tables(c->a, &ntables);
    int r = v ? opt_completion(v, ntables, args[0], &out) : -ENOMEM;
    if (r == 0)
        return cli_print(&out);
    if (r == -EINVAL)
        fprintf(stderr, "hako: no completion for \"%s\": choose bash, zsh or fish\n", args[0]);
    else
        fputs("hako: out of memory\n", stderr);
    return 1;
}

/* Commands of a group that have no short name: "image sign". */
static bool man_only_in_group(const struct command *c) {
    if (!strchr(c->name, ' ') || c->place == COMMAND_HIDDEN)
        return false;
    for (size_t i = 0; i < cli_ncommands; i++)
        if (cli_commands[i].table == c->table && !strchr(cli_commands[i].name, ' '))
            return false;
    return true;
}

static int man_page(struct str *out) {
    int r = str_addf(out,
                     ".TH HAKO 1 \"\" \"hako %s\" \"User Commands\"\n"
                     ".SH NAME\nhako \\- containers and virtual machines without a daemon\n"
                     ".SH SYNOPSIS\n.B hako\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR "
                     "[\\fIARGUMENTS\\fR]\n.SH GLOBAL OPTIONS\n",
                     hako_version());
    if (r == 0)
        r = opt_man(&help_globals, out);
    if (r == 0)
        r = str_add(out, ".SH COMMANDS\n");
    for (size_t i = 0; i < cli_ncommands && r == 0; i++)
        if (!strchr(cli_commands[i].name, ' ') || man_only_in_group(&cli_commands[i]))
            r = opt_man(cli_commands[i].table, out);
    if (r == 0)
        r = str_add(out, ".SH EXIT STATUS\n0: success. 1: a command failed. 125: hako could not "
                         "run the container.\n126: the container's command cannot be invoked. "
                         "127: it was not found.\nElse the exit status of the container's "
                         "command, 128+n when a signal killed it.\n");
    return r;
}

int cmd_man(struct cli *c, int argc, char **argv) {
    char **args;
    size_t n;
    int code = cli_parse(c, &man_table, argc, argv, NULL, &args, &n, 1);
    if (code >= 0)
        return code;
    AUTO_STR struct str out = STR_INIT(0);
    if (man_page(&out) < 0) {
        fputs("hako: out of memory\n", stderr);
        return 1;
    }
    return cli_print(&out);
}
