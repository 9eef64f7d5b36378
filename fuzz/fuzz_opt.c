/* SPDX-License-Identifier: Apache-2.0 */
/* The option parser: input is an argument vector, one argument per NUL-terminated piece. */
#include "base/opt.h"

#include <string.h>

struct args {
    bool a, b, seen;
    const char *string;
    struct strlist list, csv;
    int64_t i64, duration, swap;
    uint64_t u64, bytes;
    double number;
};

static const struct opt opts[] = {
    OPT(struct args, 'a', a, "aa", OPT_BOOL, NULL, "a"),
    OPT(struct args, 'b', b, "bb", OPT_BOOL, NULL, "b"),
    OPT(struct args, 's', string, "string", OPT_STRING, NULL, "s"),
    OPT(struct args, 'e', list, "env", OPT_LIST, NULL, "e"),
    OPT(struct args, 'c', csv, "cap-add", OPT_CSV, NULL, "c"),
    OPT(struct args, 'i', i64, "int", OPT_I64, NULL, "i"),
    OPT(struct args, 'u', u64, "uint", OPT_U64, NULL, "u"),
    OPT_SEEN(struct args, 'm', bytes, seen, "memory", OPT_BYTES, NULL, "m"),
    OPT(struct args, 'w', swap, "memory-swap", OPT_SIGNED_BYTES, NULL, "w"),
    OPT(struct args, 't', duration, "time", OPT_DURATION, NULL, "t"),
    OPT(struct args, 'd', number, "cpus", OPT_DOUBLE, NULL, "d"),
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *argv[64] = {(char[]){"x"}};
    int argc = 1;
    AUTO_FREE char *copy = calloc(1, size + 1);
    AUTO_ARENA struct arena *a = arena_new();

    if (size == 0 || !copy || !a)
        return 0;
    memcpy(copy, data + 1, size - 1);
    for (char *p = copy; p < copy + size - 1 && argc < 63; p += strlen(p) + 1)
        argv[argc++] = p;
    struct opt_table t = {.command = "x",
                          .opts = opts,
                          .nopts = ARRAY_SIZE(opts),
                          .stop_at_first_arg = data[0] & 1,
                          .max_args = data[0] & 2 ? 3 : SIZE_MAX};
    struct args v = {0};
    struct err e = {0};
    char **args = NULL;
    size_t n = 0;
    int r = opt_parse(&t, a, argc, argv, &v, &args, &n, &e);
    if (r < 0 && (!e.msg[0] || e.kind != ERR_USAGE))
        abort();
    if (r == 0 && (n > (size_t)argc || args[n]))
        abort();
    for (size_t i = 0; r == 0 && i < n; i++)
        (void)strlen(args[i]);
    if ((v.list.v && v.list.v[v.list.n]) || (v.csv.v && v.csv.v[v.csv.n]))
        abort();
    return 0;
}
