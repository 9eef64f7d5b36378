/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/signal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

static const struct {
    const char *name;
    int number;
} names[] = {
    {"SIGHUP", SIGHUP},       {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT},
    {"SIGILL", SIGILL},       {"SIGTRAP", SIGTRAP}, {"SIGABRT", SIGABRT},
    {"SIGBUS", SIGBUS},       {"SIGFPE", SIGFPE},   {"SIGKILL", SIGKILL},
    {"SIGUSR1", SIGUSR1},     {"SIGSEGV", SIGSEGV}, {"SIGUSR2", SIGUSR2},
    {"SIGPIPE", SIGPIPE},     {"SIGALRM", SIGALRM}, {"SIGTERM", SIGTERM},
#ifdef SIGSTKFLT
    {"SIGSTKFLT", SIGSTKFLT},
#endif
    {"SIGCHLD", SIGCHLD},     {"SIGCONT", SIGCONT}, {"SIGSTOP", SIGSTOP},
    {"SIGTSTP", SIGTSTP},     {"SIGTTIN", SIGTTIN}, {"SIGTTOU", SIGTTOU},
    {"SIGURG", SIGURG},       {"SIGXCPU", SIGXCPU}, {"SIGXFSZ", SIGXFSZ},
    {"SIGVTALRM", SIGVTALRM}, {"SIGPROF", SIGPROF}, {"SIGWINCH", SIGWINCH},
    {"SIGIO", SIGIO},         {"SIGPWR", SIGPWR},   {"SIGSYS", SIGSYS},
    {"SIGIOT", SIGABRT},      {"SIGPOLL", SIGIO},   {"SIGCLD", SIGCHLD},
};

static int real_time(const char *s) {
    uint64_t n = 0;
    bool up = strncasecmp(s, "RTMIN", 5) == 0;
    if (!up && strncasecmp(s, "RTMAX", 5) != 0)
        return -1;
    int base = up ? SIGNAL_RTMIN : SIGNAL_RTMAX;
    if (!s[5])
        return base;
    if (s[5] != (up ? '+' : '-') || str_to_u64(s + 6, &n) < 0 || n > SIGNAL_RTMAX - SIGNAL_RTMIN)
        return -1;
    return up ? base + (int)n : base - (int)n;
}

int signal_parse(const char *text, int *ret, struct err *e) {
    uint64_t n = 0;
    if (str_to_u64(text, &n) == 0) {
        if (n < 1 || n > SIGNAL_RTMAX)
            return err_set(e, ERR_USAGE, -EINVAL, "invalid signal: %.60s", text);
        *ret = (int)n;
        return 0;
    }
    const char *bare = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
    int number = real_time(bare);
    for (size_t i = 0; number < 0 && i < ARRAY_SIZE(names); i++) {
        if (strcasecmp(names[i].name + 3, bare) == 0)
            number = names[i].number;
    }
    if (number < 0)
        return err_set(e, ERR_USAGE, -EINVAL, "invalid signal: %.60s", text);
    *ret = number;
    return 0;
}

const char *signal_name(int number, char buf[static 16]) {
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (names[i].number == number)
            return names[i].name;
    }
    if (number < SIGNAL_RTMIN || number > SIGNAL_RTMAX)
        return "?";
    if (number == SIGNAL_RTMIN)
        return "SIGRTMIN";
    if (number == SIGNAL_RTMAX)
        return "SIGRTMAX";
    snprintf(buf, 16, "SIGRTMIN+%d", number - SIGNAL_RTMIN);
    return buf;
}
