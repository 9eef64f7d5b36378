/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <locale.h>
#include <sys/wait.h>

#include <cmocka.h>

struct args {
    bool tty, detach, interactive;
    bool memory_seen;
    const char *name;
    struct strlist env;
    struct strlist caps;
    int64_t shares;
    uint64_t pids;
    uint64_t memory;
    int64_t swap;
    int64_t timeout;
    double cpus;
    const char *old;
};

static const struct opt opts[] = {
    OPT(struct args, 't', tty, "tty", OPT_BOOL, NULL, "Allocate a pseudo-TTY"),
    OPT(struct args, 'd', detach, "detach", OPT_BOOL, NULL,
        "Run in the background and print the id of the new box, which is a long story that goes "
        "over the edge"),
    OPT(struct args, 'i', interactive, "interactive", OPT_BOOL, NULL, "Keep STDIN open"),
    OPT(struct args, 0, name, "name", OPT_STRING, NULL, "Assign a name, it's \\yours"),
    OPT(struct args, 'e', env, "env", OPT_LIST, NULL, "Set environment variables"),
    OPT(struct args, 0, caps, "cap-add", OPT_CSV, "caps", "Add capabilities"),
    OPT(struct args, 'c', shares, "cpu-shares", OPT_I64, NULL, "CPU shares"),
    OPT(struct args, 0, pids, "pids", OPT_U64, NULL, ".limit of processes"),
    OPT_SEEN(struct args, 'm', memory, memory_seen, "memory", OPT_BYTES, "bytes", "Memory limit"),
    OPT(struct args, 0, swap, "memory-swap", OPT_SIGNED_BYTES, NULL, "Swap limit"),
    OPT(struct args, 0, timeout, "timeout", OPT_DURATION, NULL, "Time to wait"),
    OPT(struct args, 0, cpus, "cpus", OPT_DOUBLE, NULL, "Number of CPUs"),
    OPT(struct args, 0, old, "old", OPT_STRING, NULL, NULL),
};

static const struct opt_table run = {
    .command = "run",
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Create and run a new container from an image",
    .opts = opts,
    .nopts = ARRAY_SIZE(opts),
    .stop_at_first_arg = true,
    .min_args = 1,
    .max_args = SIZE_MAX,
};

struct result {
    struct arena *a;
    struct args v;
    char **args;
    size_t nargs;
    struct err e;
    int r;
};

static void parse_with(const struct opt_table *t, struct result *res, const char *const *words) {
    char *argv[32] = {(char[]){"cmd"}};
    int argc = 1;

    memset(res, 0, sizeof(*res));
    res->a = arena_new();
    for (; words[argc - 1]; argc++)
        argv[argc] = arena_strdup(res->a, words[argc - 1]);
    res->r = opt_parse(t, res->a, argc, argv, &res->v, &res->args, &res->nargs, &res->e);
}

#define PARSE(t, res, ...) parse_with((t), (res), (const char *const[]){__VA_ARGS__, NULL})

static void all_types(void **state) {
    struct result r;
    PARSE(&run, &r, "--tty", "-d=false", "--interactive=true", "--name", "n1", "--name=n2", "-e",
          "A=1", "-eB=2", "-e=C=3", "--env=", "--cap-add", "x,y", "--cap-add=z", "-c", "-5",
          "--pids", "7", "-m1.5g", "--memory-swap", "-1", "--timeout=1m", "--cpus", "1.5", "img");
    if (r.r)
        fail_msg("%s", r.e.msg);
    assert_true(r.v.tty && !r.v.detach && r.v.interactive);
    assert_string_equal(r.v.name, "n2");
    assert_int_equal(r.v.env.n, 4);
    assert_string_equal(r.v.env.v[0], "A=1");
    assert_string_equal(r.v.env.v[1], "B=2");
    assert_string_equal(r.v.env.v[2], "C=3");
    assert_string_equal(r.v.env.v[3], "");
    assert_int_equal(r.v.caps.n, 3);
    assert_string_equal(r.v.caps.v[1], "y");
    assert_int_equal(r.v.shares, -5);
    assert_int_equal(r.v.pids, 7);
    assert_int_equal(r.v.memory, 1610612736);
    assert_true(r.v.memory_seen);
    assert_int_equal(r.v.swap, -1);
    assert_int_equal(r.v.timeout, 60000000000);
    assert_true(r.v.cpus == 1.5);
    assert_int_equal(r.nargs, 1);
    assert_string_equal(r.args[0], "img");
    assert_null(r.args[1]);
    arena_free(r.a);
}

static void shorthands_combine(void **state) {
    struct result r;
    PARSE(&run, &r, "-itd", "-teA=1", "-ite", "B=2", "img");
    assert_int_equal(r.r, 0);
    assert_true(r.v.interactive && r.v.tty && r.v.detach);
    assert_int_equal(r.v.env.n, 2);
    assert_string_equal(r.v.env.v[0], "A=1");
    assert_string_equal(r.v.env.v[1], "B=2");
    assert_false(r.v.memory_seen);
    arena_free(r.a);
}

static void options_end(void **state) {
    struct result r;
    struct opt_table any = run;
    any.stop_at_first_arg = false;

    PARSE(&run, &r, "-i", "img", "-t", "--", "--name");
    assert_int_equal(r.r, 0);
    assert_int_equal(r.nargs, 4);
    assert_false(r.v.tty);
    assert_string_equal(r.args[1], "-t");
    assert_string_equal(r.args[2], "--");
    arena_free(r.a);

    PARSE(&any, &r, "a", "-t", "b", "-", "--", "-d", "--");
    assert_int_equal(r.r, 0);
    assert_true(r.v.tty && !r.v.detach);
    assert_int_equal(r.nargs, 5);
    assert_string_equal(r.args[2], "-");
    assert_string_equal(r.args[3], "-d");
    assert_string_equal(r.args[4], "--");
    arena_free(r.a);

    PARSE(&run, &r, "--", "-t");
    assert_int_equal(r.r, 0);
    assert_int_equal(r.nargs, 1);
    assert_false(r.v.tty);
    arena_free(r.a);

    PARSE(&any, &r, "--name", "--", "x"); /* a value is a value, whatever it looks like */
    assert_int_equal(r.r, 0);
    assert_string_equal(r.v.name, "--");
    assert_int_equal(r.nargs, 1);
    arena_free(r.a);
}

static void help_is_asked(void **state) {
    struct result r;
    PARSE(&run, &r, "--help", "--unknown");
    assert_int_equal(r.r, 1);
    arena_free(r.a);
    PARSE(&run, &r, "-th");
    assert_int_equal(r.r, 1);
    arena_free(r.a);

    struct opt host[] = {OPT(struct args, 'h', name, "hostname", OPT_STRING, NULL, "Host name")};
    struct opt_table t = run;
    t.opts = host;
    t.nopts = 1;
    PARSE(&t, &r, "-h", "box", "img");
    assert_int_equal(r.r, 0);
    assert_string_equal(r.v.name, "box");
    arena_free(r.a);
    PARSE(&run, &r, "img", "--help"); /* the box's own affair */
    assert_int_equal(r.r, 0);
    arena_free(r.a);
}

static void errors_in_dockers_words(void **state) {
    static const struct {
        const char *words[4];
        const char *msg;
    } cases[] = {
        {{"--foo"}, "unknown flag: --foo"},
        {{"--foo=bar"}, "unknown flag: --foo"},
        {{"--nam", "x"}, "unknown flag: --nam"},
        {{"--names", "x"}, "unknown flag: --names"},
        {{"-tx"}, "unknown shorthand flag: 'x' in -tx"},
        {{"-\x1b"}, "unknown shorthand flag: '?' in -?"},
        {{"--name"}, "flag needs an argument: --name"},
        {{"-te"}, "flag needs an argument: 'e' in -te"},
        {{"--=x"}, "bad flag syntax: --=x"},
        {{"---x"}, "bad flag syntax: ---x"},
        {{"--tty=maybe"}, "invalid argument \"maybe\" for \"-t, --tty\" flag: write true or false"},
        {{"--tty="}, "invalid argument \"\" for \"-t, --tty\" flag: write true or false"},
        {{"-m", "lots"},
         "invalid argument \"lots\" for \"-m, --memory\" flag: "
         "invalid size: write a number and b, k, m or g, such as 512m"},
        {{"--memory=-1"},
         "invalid argument \"-1\" for \"-m, --memory\" flag: "
         "invalid size: write a number and b, k, m or g, such as 512m"},
        {{"--memory-swap", "16384p"},
         "invalid argument \"16384p\" for \"--memory-swap\" flag: out of range"},
        {{"--pids", "-1"},
         "invalid argument \"-1\" for \"--pids\" flag: not a whole number from 0 up"},
        {{"-c", "1.5"},
         "invalid argument \"1.5\" for \"-c, --cpu-shares\" flag: not a whole number"},
        {{"--cpus", "nan"}, "invalid argument \"nan\" for \"--cpus\" flag: not a number"},
        {{"--cpus", "1e999"}, "invalid argument \"1e999\" for \"--cpus\" flag: out of range"},
        {{"--cpus", "1.5.5"}, "invalid argument \"1.5.5\" for \"--cpus\" flag: not a number"},
        {{"--cpus", "-"}, "invalid argument \"-\" for \"--cpus\" flag: not a number"},
        {{"--cpus="}, "invalid argument \"\" for \"--cpus\" flag: not a number"},
        {{"--timeout", "soon"},
         "invalid argument \"soon\" for \"--timeout\" flag: "
         "invalid duration: write a number and ms, s, m or h, such as 1m30s"},
        {{"-t"}, "\"hako run\" requires at least 1 argument"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct result r;
        parse_with(&run, &r, cases[i].words);
        assert_int_equal(r.r, -EINVAL);
        assert_int_equal(r.e.kind, ERR_USAGE);
        assert_string_equal(r.e.msg, cases[i].msg);
        arena_free(r.a);
    }
}

static void counts_of_arguments(void **state) {
    static const struct {
        size_t min, max;
        const char *msg; /* for the arguments a b c */
    } cases[] = {
        {0, SIZE_MAX, NULL},
        {3, 3, NULL},
        {1, 5, NULL},
        {0, 0, "\"hako run\" accepts no arguments"},
        {4, 4, "\"hako run\" requires exactly 4 arguments"},
        {1, 1, "\"hako run\" requires exactly 1 argument"},
        {1, 2, "\"hako run\" requires at most 2 arguments"},
        {4, SIZE_MAX, "\"hako run\" requires at least 4 arguments"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct opt_table t = run;
        struct result r;
        t.min_args = cases[i].min;
        t.max_args = cases[i].max;
        PARSE(&t, &r, "a", "b", "c");
        assert_int_equal(r.r, cases[i].msg ? -EINVAL : 0);
        if (cases[i].msg)
            assert_string_equal(r.e.msg, cases[i].msg);
        arena_free(r.a);
    }
}

static void help_text(void **state) {
    AUTO_STR struct str b = STR_INIT(0);
    assert_int_equal(opt_help(&run, &b), 0);
    assert_string_equal(
        b.s, "Usage:  hako run [OPTIONS] IMAGE [COMMAND] [ARG...]\n"
             "\n"
             "Create and run a new container from an image\n"
             "\n"
             "Options:\n"
             "      --cap-add caps        Add capabilities\n"
             "  -c, --cpu-shares int      CPU shares\n"
             "      --cpus decimal        Number of CPUs\n"
             "  -d, --detach              Run in the background and print the id of the new\n"
             "                            box, which is a long story that goes over the edge\n"
             "  -e, --env list            Set environment variables\n"
             "  -i, --interactive         Keep STDIN open\n"
             "  -m, --memory bytes        Memory limit\n"
             "      --memory-swap bytes   Swap limit\n"
             "      --name string         Assign a name, it's \\yours\n"
             "      --pids int            .limit of processes\n"
             "      --timeout duration    Time to wait\n"
             "  -t, --tty                 Allocate a pseudo-TTY\n");
    struct opt_table bare = {.command = "version"};
    str_clear(&b);
    assert_int_equal(opt_help(&bare, &b), 0);
    assert_string_equal(b.s, "Usage:  hako version\n");
}

static void man_text(void **state) {
    AUTO_STR struct str b = STR_INIT(0);
    assert_int_equal(opt_man(&run, &b), 0);
    assert_non_null(strstr(b.s, ".SS hako run [OPTIONS] IMAGE [COMMAND] [ARG...]\n"
                                "Create and run a new container from an image\n"));
    assert_non_null(strstr(b.s, ".TP\n\\fB\\-c\\fR, \\fB\\-\\-cpu\\-shares\\fR \\fIint\\fR\n"
                                "CPU shares\n"));
    assert_non_null(strstr(b.s, "it's \\eyours\n"));
    assert_non_null(strstr(b.s, "\n\\&.limit of processes\n"));
    assert_null(strstr(b.s, "old"));
}

/* --- completion ------------------------------------------------------------------------------ */

static const struct opt_table ps = {.command = "ps", .usage = "[OPTIONS]", .summary = "List"};
static const struct opt_table net_create = {
    .command = "network create", .summary = "Create a network", .opts = opts, .nopts = 1};
static const struct opt_table net_ls = {.command = "network ls", .summary = "List networks"};
static const struct opt_table *const tables[] = {&run, &ps, &net_create, &net_ls};

static bool have(const char *program) {
    char cmd[64];
    snprintf(cmd, sizeof(cmd), "command -v %s >/dev/null", program);
    pid_t pid = fork();
    int status = -1;
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

/* What a shell prints after reading the script and then `ask`. */
static void ask_shell(const char *shell, const char *ask, char *out, size_t size) {
    AUTO_STR struct str script = STR_INIT(0);
    int from[2];
    assert_int_equal(opt_completion(tables, ARRAY_SIZE(tables), shell, &script), 0);
    assert_int_equal(str_add(&script, ask), 0);
    assert_int_equal(pipe(from), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(from[1], 1);
        close(from[0]);
        close(from[1]);
        execlp(shell, shell, "-c", script.s, (char *)NULL);
        _exit(127);
    }
    close(from[1]);
    size_t n = 0;
    ssize_t k;
    while ((k = read(from[0], out + n, size - 1 - n)) > 0)
        n += (size_t)k;
    out[n] = '\0';
    close(from[0]);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void bash_completes(void **state) {
    static const struct {
        const char *words;
        int at;
        const char *want;
    } cases[] = {
        {"hako ''", 1, "run ps network "},
        {"hako r", 1, "run "},
        {"hako network ''", 2, "create ls "},
        {"hako network c", 2, "create "},
        {"hako network create -", 3, "--help --tty -t "},
        {"hako run --na", 2, "--name "},
        {"hako run --cpu", 2, "--cpu-shares --cpus "},
        {"hako run -t ''", 3, ""},
        {"hako ps --", 2, "--help "},
        {"hako run image --old", 3, ""},
    };
    if (!have("bash")) {
        print_message("skipped: no bash here\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char ask[200];
        char out[500];
        snprintf(ask, sizeof(ask),
                 "\nCOMP_WORDS=(%s); COMP_CWORD=%d; _hako; printf '%%s ' \"${COMPREPLY[@]}\"\n",
                 cases[i].words, cases[i].at);
        ask_shell("bash", ask, out, sizeof(out));
        assert_string_equal(strcmp(out, " ") == 0 ? "" : out, cases[i].want);
    }
}

static void fish_completes(void **state) {
    char out[500];
    if (!have("fish")) {
        print_message("skipped: no fish here\n");
        skip();
    }
    ask_shell("fish", "\ncomplete -C 'hako network '\n", out, sizeof(out));
    assert_string_equal(out, "create\tCreate a network\nls\tList networks\n");
}

static void completion_texts(void **state) {
    AUTO_STR struct str b = STR_INIT(0);
    assert_int_equal(opt_completion(tables, ARRAY_SIZE(tables), "zsh", &b), 0);
    assert_true(str_starts(b.s, "#compdef hako\n"));
    assert_non_null(strstr(b.s, "'--name:Assign a name, it'\\''s \\yours'\n"));
    assert_non_null(strstr(b.s, "'create:Create a network'\n"));
    str_clear(&b);
    assert_int_equal(opt_completion(tables, ARRAY_SIZE(tables), "fish", &b), 0);
    assert_non_null(strstr(b.s, "-l name -r -d 'Assign a name, it\\'s \\\\yours'\n"));
    assert_int_equal(opt_completion(tables, ARRAY_SIZE(tables), "tcsh", &b), -EINVAL);
    assert_int_equal(opt_completion(tables, 0, "bash", &b), -EINVAL);
}

/* A full buffer stops every generator at any point. */
static void generators_report_overflow(void **state) {
    static const char *const shells[] = {"bash", "zsh", "fish"};
    for (size_t max = 1; max < 700; max += 13) {
        AUTO_STR struct str b = STR_INIT(max);
        assert_int_equal(opt_help(&run, &b), -EOVERFLOW);
        str_clear(&b);
        assert_int_equal(opt_man(&run, &b), -EOVERFLOW);
        for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
            str_clear(&b);
            assert_int_equal(opt_completion(tables, 4, shells[i], &b), -EOVERFLOW);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_types),
        cmocka_unit_test(shorthands_combine),
        cmocka_unit_test(options_end),
        cmocka_unit_test(help_is_asked),
        cmocka_unit_test(errors_in_dockers_words),
        cmocka_unit_test(counts_of_arguments),
        cmocka_unit_test(help_text),
        cmocka_unit_test(man_text),
        cmocka_unit_test(bash_completes),
        cmocka_unit_test(fish_completes),
        cmocka_unit_test(completion_texts),
        cmocka_unit_test(generators_report_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
