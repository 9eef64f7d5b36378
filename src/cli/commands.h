/* SPDX-License-Identifier: Apache-2.0 */
/* The one list of commands. */
#pragma once

#include "cli/cli.h"

enum command_place { COMMAND_COMMON, COMMAND_OTHER, COMMAND_HIDDEN }; /* in help */

struct command {
    const char *name; /* "ps", "container ls" */
    const struct opt_table *table;
    int (*run)(struct cli *c, int argc, char **argv);
    enum command_place place;
};
extern const struct command cli_commands[];
extern const size_t cli_ncommands;

struct command_group {
    const char *name, *summary;
};
extern const struct command_group cli_groups[];
extern const size_t cli_ngroups;

const struct command *commands_find(const char *name);
/* The visible command that `word` was probably meant to be, or NULL. */
const char *commands_nearest(const char *word);

#define CMD(name)                                                                                  \
    int cmd_##name(struct cli *c, int argc, char **argv);                                          \
    extern const struct opt_table name##_table
CMD(attach);
CMD(commit);
CMD(completion);
CMD(create);
CMD(diff);
CMD(exec);
CMD(export);
CMD(history);
CMD(image_bootstrap);
CMD(image_exists);
CMD(image_mount);
CMD(image_prune);
CMD(image_sign);
CMD(image_tree);
CMD(image_trust);
CMD(image_unmount);
CMD(images);
CMD(import);
CMD(info);
CMD(inspect);
CMD(kill);
CMD(load);
CMD(login);
CMD(logout);
CMD(logs);
CMD(man);
CMD(manifest_add);
CMD(manifest_annotate);
CMD(manifest_create);
CMD(manifest_exists);
CMD(manifest_inspect);
CMD(manifest_push);
CMD(manifest_remove);
CMD(manifest_rm);
CMD(pause);
CMD(ps);
CMD(pull);
CMD(push);
CMD(rename);
CMD(restart);
CMD(rm);
CMD(rmi);
CMD(run);
CMD(save);
CMD(scp);
CMD(search);
CMD(start);
CMD(stop);
CMD(system_check);
CMD(system_df);
CMD(system_prune);
CMD(tag);
CMD(unpause);
CMD(untag);
CMD(version);
CMD(wait);
#undef CMD
