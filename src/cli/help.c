/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include <string.h>

static const struct opt help_global_opts[] = {
    OPT(struct cli, 0, engine_options.config, "config", OPT_STRING, "file",
        "Configuration file (default /etc/hako/config.json, then the user's)"),
    OPT(struct cli, 0, engine_options.root, "root", OPT_STRING, "directory",
        "Where images and containers are kept"),
    OPT(struct cli, 0, engine_options.run, "run-dir", OPT_STRING, "directory",
        "Where running containers have their volatile files"),
    OPT(struct cli, 'v', version, "version", OPT_BOOL, NULL, "Print version information and quit"),
};
const struct opt_table help_globals = {
    .command = "",
    .usage = "[OPTIONS] COMMAND",
    .summary = "Containers and virtual machines without a daemon",
    .opts = help_global_opts,
    .nopts = ARRAY_SIZE(help_global_opts),
    .stop_at_first_arg = true,
    .max_args = SIZE_MAX,
};

static int help_line(struct str *out, const char *name, const char *summary) {
    return str_addf(out, "  %-11s %s\n", name, summary);
}

static void help_commands(struct str *out, const char *title, enum command_place place) {
    str_addf(out, "\n%s:\n", title);
    for (size_t i = 0; i < cli_ncommands; i++) {
        const struct command *c = &cli_commands[i];
        if (c->place == place && !strchr(c->name, ' '))
            help_line(out, c->name, c->table->summary);
    }
}

int help_all(void) {
    AUTO_STR struct str out = STR_INIT(0), options = STR_INIT(0);
    str_addf(&out, "Usage:  hako %s\n\n%s\n", help_globals.usage, help_globals.summary);
    help_commands(&out, "Common Commands", COMMAND_COMMON);
    str_add(&out, "\nManagement Commands:\n");
    for (size_t i = 0; i < cli_ngroups; i++)
        help_line(&out, cli_groups[i].name, cli_groups[i].summary);
    help_commands(&out, "Commands", COMMAND_OTHER);
    if (opt_help(&help_globals, &options) == 0) {
        const char *list = strstr(str_c(&options), "Options:");
        str_addf(&out, "\nGlobal %s", list ? list : "");
    }
    str_add(&out, "\nRun 'hako COMMAND --help' for more information on a command.\n");
    return cli_print(&out);
}

int help_group(const struct command_group *g) {
    AUTO_STR struct str out = STR_INIT(0);
    size_t n = strlen(g->name);
    str_addf(&out, "Usage:  hako %s COMMAND\n\n%s\n\nCommands:\n", g->name, g->summary);
    for (size_t i = 0; i < cli_ncommands; i++) {
        const struct command *c = &cli_commands[i];
        if (c->place != COMMAND_HIDDEN && str_starts(c->name, g->name) && c->name[n] == ' ')
            help_line(&out, c->name + n + 1, c->table->summary);
    }
    str_addf(&out, "\nRun 'hako %s COMMAND --help' for more information on a command.\n", g->name);
    return cli_print(&out);
}

static size_t help_aliases(const struct opt_table *of, struct str *out) {
    size_t n = 0;
    for (int top = 0; top < 2; top++) /* groups first, as docker has it */
        for (size_t i = 0; i < cli_ncommands; i++)
            if (cli_commands[i].table == of && (strchr(cli_commands[i].name, ' ') == NULL) == top)
                str_addf(out, "%shako %s", n++ ? ", " : "", cli_commands[i].name);
    return n;
}

int help_command(const struct opt_table *called, const struct opt_table *of, struct str *out) {
    AUTO_STR struct str aliases = STR_INIT(4096), text = STR_INIT(0);
    int r = opt_help(called, &text);
    if (r < 0)
        return r;
    const char *options = strstr(str_c(&text), "\nOptions:\n");
    size_t head = options ? (size_t)(options - str_c(&text)) : text.len;
    r = str_addn(out, str_c(&text), head);
    if (r == 0 && help_aliases(of, &aliases) > 1)
        r = str_addf(out, "\nAliases:\n  %s\n", str_c(&aliases));
    return r < 0 || !options ? r : str_add(out, options);
}
