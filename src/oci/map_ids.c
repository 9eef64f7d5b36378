/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/map_ids.h"

#include "base/arena.h"
#include "base/str.h"
#include "sys/program.h"

#include <string.h>

static int map_run(const char *name, pid_t pid, const char *map, struct arena *a, struct err *e) {
    AUTO_STR struct str said = STR_INIT(4096);
    struct strlist argv = {0};
    int status = 0;
    int r = strlist_add(a, &argv, name);
    r = r ? r : strlist_addf(a, &argv, "%d", (int)pid);
    for (const char *s = map; r == 0 && *s; s += strspn(s, " \n")) {
        size_t n = strcspn(s, " \n");
        char *word = arena_strndup(a, s, n);
        r = word ? strlist_add(a, &argv, word) : -ENOMEM;
        s += n;
    }
    if (r < 0)
        return err_oom(e);
    struct program p = {.argv = (const char *const *)argv.v, .out_fd = -1, .err = &said};
    r = program_run(&p, &status, e);
    if (r == 0 && status) {
        char line[300];
        r = err_set(e, ERR_DENIED, -EPERM, "%s: %s", name,
                    program_last_line(&said, line, sizeof(line)));
    }
    return r;
}

int oci_map_ids(pid_t pid, const char *uid, const char *gid, struct err *e) {
    AUTO_ARENA struct arena *a = arena_new();
    if (!a)
        return err_oom(e);
    int r = map_run("newgidmap", pid, gid, a, e);
    return r < 0 ? r : map_run("newuidmap", pid, uid, a, e);
}
