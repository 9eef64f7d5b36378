/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics once, or again and again, with word of out-of-memory kills, one JSON line each. */
#include "oci/events.h"
#include "oci/cmd/cmd.h"

#include <poll.h>
#include <sys/timerfd.h>

struct events_args {
    int64_t interval;
    bool stats;
};

static const struct opt events_opts[] = {
    OPT(struct events_args, 0, interval, "interval", OPT_DURATION, "duration",
        "Time between two statistics (default: 5s)"),
    OPT(struct events_args, 0, stats, "stats", OPT_BOOL, NULL, "Statistics once, then leave"),
};
static const struct opt_table events_table = {.command = "events",
                                              .usage = "[OPTIONS] CONTAINER",
                                              .summary = "Show statistics and memory events.",
                                              .opts = events_opts,
                                              .nopts = ARRAY_SIZE(events_opts),
                                              .min_args = 1,
                                              .max_args = 1};

static int say(const char *type, const char *id, js *data, struct err *e) {
    AUTO_JS js *doc = js_new_object();
    if (!doc || js_set_str(doc, "type", type) < 0 || js_set_str(doc, "id", id) < 0) {
        js_free(data);
        return err_oom(e);
    }
    if (data && js_set(doc, "data", data) < 0)
        return err_oom(e);
    return print_json(doc, JS_COMPACT, e);
}

static int say_stats(const struct cmd_global *g, const char *id, struct err *e) {
    js *data = NULL;
    int r = oci_stats(&g->o, id, &data, e);
    return r < 0 ? r : say("stats", id, data, e);
}

static int ticks(int64_t ns, struct err *e) {
    struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    struct itimerspec every = {.it_interval = t, .it_value = t};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) < 0)
        return err_sys(e, "cannot make a timer");
    return fd;
}

static int watch(const struct cmd_global *g, const char *id, struct oci_watch *w, int timer,
                 struct err *e) {
    for (;;) {
        struct pollfd p[] = {{.fd = w->exit_fd, .events = POLLIN},
                             {.fd = w->oom.fd, .events = POLLIN},
                             {.fd = timer, .events = POLLIN}};
        uint64_t n;
        int r = 0;
        if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        if (p[1].revents && (r = cgroup_oom_next(&w->oom)) > 0)
            r = say("oom", id, NULL, e);
        if (r == -ENOENT || p[0].revents)
            return 0;
        if (r == 0 && p[2].revents && read(timer, &n, sizeof(n)) > 0)
            r = say_stats(g, id, e);
        if (r < 0)
            return r;
    }
}

static int events_run(struct cmd_global *g, void *target, char **args, size_t nargs,
                      struct err *e) {
    const struct events_args *a = target;
    struct oci_watch w;
    if (a->interval < 0)
        return err_set(e, ERR_USAGE, -EINVAL, "duration interval must be greater than 0");
    if (a->stats)
        return say_stats(g, args[0], e);
    int r = oci_watch_open(&w, &g->o, args[0], e);
    if (r < 0)
        return r;
    AUTO_FD int timer = ticks(a->interval ? a->interval : INT64_C(5000000000), e);
    r = timer < 0 ? timer : watch(g, args[0], &w, timer, e);
    oci_watch_close(&w);
    return r;
}

const struct cmd cmd_events = {
    .table = &events_table, .run = events_run, .size = sizeof(struct events_args)};
