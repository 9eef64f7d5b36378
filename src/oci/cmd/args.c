/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/cmd/cmd.h"

#include <stdio.h>
#include <string.h>

static bool is_long(const struct opt_table *t, const char *word) {
    size_t n = strcspn(word, "=");
    for (size_t i = 0; i < t->nopts; i++) {
        if (strlen(t->opts[i].name) == n && strncmp(t->opts[i].name, word, n) == 0)
            return true;
    }
    return false;
}

static const struct opt *find(const struct opt_table *t, const char *word) {
    const char *name = word + strspn(word, "-");
    for (size_t i = 0; i < t->nopts; i++) {
        const struct opt *o = &t->opts[i];
        if (strcmp(o->name, name) == 0 || (o->short_name == name[0] && !name[1]))
            return o;
    }
    return NULL;
}

char **args_normal(const struct opt_table *t, struct arena *a, int argc, char **argv) {
    char **out = arena_array(a, (size_t)argc + 1, char *);
    for (int i = 0; out && i < argc; i++) {
        out[i] = argv[i];
        if (i == 0 || argv[i][0] != '-' || !argv[i][1]) {
            if (i > 0 && t->stop_at_first_arg) {
                memcpy(out + i, argv + i, (size_t)(argc - i) * sizeof(*out));
                return out;
            }
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            memcpy(out + i, argv + i, (size_t)(argc - i) * sizeof(*out));
            return out;
        }
        if (argv[i][1] != '-' && is_long(t, argv[i] + 1) &&
            !(out[i] = arena_printf(a, "-%s", argv[i])))
            return NULL;
        const struct opt *o = find(t, argv[i]);
        if (o && o->type != OPT_BOOL && i + 1 < argc) { /* its value is no option */
            out[i + 1] = argv[i + 1];
            i++;
        }
    }
    return out;
}

unsigned args_listen_fds(void) {
    const char *n = getenv("LISTEN_FDS");
    uint64_t fds;
    return n && str_to_u64(n, &fds) == 0 && fds < 1024 ? (unsigned)fds : 0;
}

int args_preserve(int64_t asked, unsigned *ret, struct err *e) {
    if (asked < 0 || asked > 65536)
        return err_set(e, ERR_USAGE, -EINVAL, "--preserve-fds: %lld is out of range",
                       (long long)asked);
    *ret = (unsigned)asked + args_listen_fds();
    return 0;
}
