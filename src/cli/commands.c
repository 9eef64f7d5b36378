/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <string.h>

#define C(name, stem, place)                                                                       \
    { name, &stem##_table, cmd_##stem, place }

/* Order within a place is the order in help. */
const struct command cli_commands[] = {
    C("run", run, COMMAND_COMMON),
    C("exec", exec, COMMAND_COMMON),
    C("ps", ps, COMMAND_COMMON),
    C("pull", pull, COMMAND_COMMON),
    C("push", push, COMMAND_COMMON),
    C("images", images, COMMAND_COMMON),
    C("login", login, COMMAND_COMMON),
    C("logout", logout, COMMAND_COMMON),
    C("search", search, COMMAND_COMMON),
    C("version", version, COMMAND_COMMON),
    C("info", info, COMMAND_COMMON),
    C("attach", attach, COMMAND_OTHER),
    C("commit", commit, COMMAND_OTHER),
    C("create", create, COMMAND_OTHER),
    C("diff", diff, COMMAND_OTHER),
    C("history", history, COMMAND_OTHER),
    C("export", export, COMMAND_OTHER),
    C("import", import, COMMAND_OTHER),
    C("inspect", inspect, COMMAND_OTHER),
    C("kill", kill, COMMAND_OTHER),
    C("load", load, COMMAND_OTHER),
    C("logs", logs, COMMAND_OTHER),
    C("pause", pause, COMMAND_OTHER),
    C("rename", rename, COMMAND_OTHER),
    C("restart", restart, COMMAND_OTHER),
    C("rm", rm, COMMAND_OTHER),
    C("rmi", rmi, COMMAND_OTHER),
    C("save", save, COMMAND_OTHER),
    C("start", start, COMMAND_OTHER),
    C("stop", stop, COMMAND_OTHER),
    C("tag", tag, COMMAND_OTHER),
    C("unpause", unpause, COMMAND_OTHER),
    C("untag", untag, COMMAND_OTHER),
    C("wait", wait, COMMAND_OTHER),
    C("completion", completion, COMMAND_HIDDEN),
    C("man", man, COMMAND_HIDDEN),
    C("container attach", attach, COMMAND_OTHER),
    C("container commit", commit, COMMAND_OTHER),
    C("container create", create, COMMAND_OTHER),
    C("container diff", diff, COMMAND_OTHER),
    C("container exec", exec, COMMAND_OTHER),
    C("container export", export, COMMAND_OTHER),
    C("container inspect", inspect, COMMAND_OTHER),
    C("container kill", kill, COMMAND_OTHER),
    C("container logs", logs, COMMAND_OTHER),
    C("container ls", ps, COMMAND_OTHER),
    C("container list", ps, COMMAND_HIDDEN),
    C("container ps", ps, COMMAND_HIDDEN),
    C("container pause", pause, COMMAND_OTHER),
    C("container rename", rename, COMMAND_OTHER),
    C("container restart", restart, COMMAND_OTHER),
    C("container rm", rm, COMMAND_OTHER),
    C("container remove", rm, COMMAND_HIDDEN),
    C("container run", run, COMMAND_OTHER),
    C("container start", start, COMMAND_OTHER),
    C("container stop", stop, COMMAND_OTHER),
    C("container unpause", unpause, COMMAND_OTHER),
    C("container wait", wait, COMMAND_OTHER),
    C("image bootstrap", image_bootstrap, COMMAND_OTHER),
    C("image diff", diff, COMMAND_OTHER),
    C("image exists", image_exists, COMMAND_OTHER),
    C("image history", history, COMMAND_OTHER),
    C("image import", import, COMMAND_OTHER),
    C("image inspect", inspect, COMMAND_OTHER),
    C("image load", load, COMMAND_OTHER),
    C("image ls", images, COMMAND_OTHER),
    C("image list", images, COMMAND_HIDDEN),
    C("image mount", image_mount, COMMAND_OTHER),
    C("image prune", image_prune, COMMAND_OTHER),
    C("image pull", pull, COMMAND_OTHER),
    C("image push", push, COMMAND_OTHER),
    C("image save", save, COMMAND_OTHER),
    C("image scp", scp, COMMAND_OTHER),
    C("image rm", rmi, COMMAND_OTHER),
    C("image remove", rmi, COMMAND_HIDDEN),
    C("image search", search, COMMAND_OTHER),
    C("image sign", image_sign, COMMAND_OTHER),
    C("image tag", tag, COMMAND_OTHER),
    C("image tree", image_tree, COMMAND_OTHER),
    C("image trust", image_trust, COMMAND_OTHER),
    C("image umount", image_unmount, COMMAND_HIDDEN),
    C("image unmount", image_unmount, COMMAND_OTHER),
    C("image untag", untag, COMMAND_OTHER),
    C("manifest add", manifest_add, COMMAND_OTHER),
    C("manifest annotate", manifest_annotate, COMMAND_OTHER),
    C("manifest create", manifest_create, COMMAND_OTHER),
    C("manifest exists", manifest_exists, COMMAND_OTHER),
    C("manifest inspect", manifest_inspect, COMMAND_OTHER),
    C("manifest push", manifest_push, COMMAND_OTHER),
    C("manifest remove", manifest_remove, COMMAND_OTHER),
    C("manifest rm", manifest_rm, COMMAND_OTHER),
    C("system check", system_check, COMMAND_OTHER),
    C("system df", system_df, COMMAND_OTHER),
    C("system info", info, COMMAND_OTHER),
    C("system prune", system_prune, COMMAND_OTHER),
};
const size_t cli_ncommands = ARRAY_SIZE(cli_commands);

const struct command_group cli_groups[] = {
    {"container", "Manage containers"},
    {"image", "Manage images"},
    {"manifest", "Manage manifest lists"},
    {"system", "Manage hako"},
};
const size_t cli_ngroups = ARRAY_SIZE(cli_groups);

const struct command *commands_find(const char *name) {
    for (size_t i = 0; i < cli_ncommands; i++)
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    return NULL;
}

#define NEAREST_MAX 24

/* Letters to insert, delete, exchange or swap. Both words shorter than NEAREST_MAX. */
static size_t commands_distance(const char *a, const char *b) {
    size_t d[NEAREST_MAX + 1][NEAREST_MAX + 1], n = strlen(a), m = strlen(b);
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t k = 0; k <= m; k++)
        d[0][k] = k;
    for (size_t i = 1; i <= n; i++)
        for (size_t k = 1; k <= m; k++) {
            size_t best = MIN_OF(d[i - 1][k], d[i][k - 1]) + 1;
            best = MIN_OF(best, d[i - 1][k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                best = MIN_OF(best, d[i - 2][k - 2] + 1);
            d[i][k] = best;
        }
    return d[n][m];
}

const char *commands_nearest(const char *word) {
    const char *found = NULL;
    size_t len = strlen(word), best = len < 4 ? 2 : 3; /* one wrong letter in a short word */
    if (len > NEAREST_MAX)
        return NULL;
    for (size_t i = 0; i < cli_ncommands; i++) {
        const struct command *c = &cli_commands[i];
        if (c->place == COMMAND_HIDDEN || strlen(c->name) > NEAREST_MAX ||
            (strchr(c->name, ' ') != NULL) != (strchr(word, ' ') != NULL))
            continue;
        size_t d = len > 1 && str_starts(c->name, word) ? 1 : commands_distance(word, c->name);
        if (d < best) {
            best = d;
            found = c->name;
        }
    }
    return found;
}
