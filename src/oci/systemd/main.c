/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hako-systemd: asks systemd for a container's unit, on behalf of hako-oci --systemd-cgroup.
 *
 * A program of its own, so that only those who ask for systemd's cgroups pay for libsystemd.
 *
 *   hako-systemd start UNIT [--user]   make a transient scope (or slice) and hold it
 *   hako-systemd set UNIT [--user]     change properties of the running unit
 *   hako-systemd stop UNIT [--user]    end it, and forget that it failed
 *
 * Properties come in on stdin, one a line, "NAME SIGNATURE VALUE"; an empty line ends them.
 * The answer on stdout is one line: "ok GROUP" (start: the unit's control group; else empty) or
 * "error TEXT". A scope needs a process from its first moment and the container's is not born yet:
 * the first one is this program itself, which leaves when stdin ends.
 */
#include "oci/systemd/property.h"

#include "base/io.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define MANAGER_NAME "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_IFACE "org.freedesktop.systemd1.Manager"
#define JOB_TIMEOUT_US (30ULL * 1000000)

struct helper {
    sd_bus *bus;
    const char *unit;
    bool user;
    struct str request;
    struct property *props;
    size_t n_props;
    struct arena *a;
    char job[256]; /* object path of the job we wait for */
    char result[32];
};

static bool is_slice(const char *unit) {
    return str_ends(unit, ".slice");
}

static int bus_failed(struct err *e, int r, const sd_bus_error *be, const char *what,
                      const char *unit) {
    int errnum = r < 0 ? r : -EIO;
    return err_set(e, errnum == -EACCES || errnum == -EPERM ? ERR_DENIED : ERR_UNAVAILABLE, errnum,
                   "systemd: %s %s: %s", what, unit,
                   be && be->message ? be->message : strerror(-errnum));
}

/* --- the connection --------------------------------------------------------------------------- */

/* systemd's own socket: no message bus needed in between. */
static int connect_private(const char *address, sd_bus **ret) {
    sd_bus *bus = NULL;
    int r = sd_bus_new(&bus);
    if (r >= 0)
        r = sd_bus_set_address(bus, address);
    if (r >= 0)
        r = sd_bus_start(bus);
    if (r < 0) {
        sd_bus_unref(bus);
        return r;
    }
    *ret = bus;
    return 0;
}

static int helper_connect(struct helper *h, struct err *e) {
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char *address = h->user ? arena_printf(h->a, "unix:path=%s/systemd/private",
                                           runtime ? runtime : "/run/user/unknown")
                            : arena_strdup(h->a, "unix:path=/run/systemd/private");
    if (!address)
        return err_oom(e);
    if (access(address + strlen("unix:path="), F_OK) == 0 && connect_private(address, &h->bus) == 0)
        return 0;
    int r = h->user ? sd_bus_open_user(&h->bus) : sd_bus_open_system(&h->bus);
    if (r < 0)
        return err_set(e, ERR_UNAVAILABLE, r,
                       "systemd cgroups: cannot reach systemd%s: %s; without systemd leave out "
                       "--systemd-cgroup",
                       h->user ? "'s user manager (is XDG_RUNTIME_DIR set?)" : "", strerror(-r));
    /* signals go only to those who say that they listen */
    r = sd_bus_call_method(h->bus, MANAGER_NAME, MANAGER_PATH, MANAGER_IFACE, "Subscribe", NULL,
                           NULL, "");
    return r < 0 ? bus_failed(e, r, NULL, "subscribe for", h->unit) : 0;
}

/* --- jobs ------------------------------------------------------------------------------------- */

static int job_removed(sd_bus_message *m, void *data, sd_bus_error *be) {
    struct helper *h = data;
    const char *path, *unit, *result;
    uint32_t id;
    if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 &&
        strcmp(path, h->job) == 0)
        str_copy(h->result, sizeof(h->result), result);
    return 0;
}

static int wait_job(struct helper *h, const char *what, struct err *e) {
    int64_t deadline = now_mono_ns() / 1000 + (int64_t)JOB_TIMEOUT_US;
    while (h->result[0] == '\0') {
        int r = sd_bus_process(h->bus, NULL);
        if (r < 0)
            return bus_failed(e, r, NULL, what, h->unit);
        if (r > 0)
            continue;
        int64_t left = deadline - now_mono_ns() / 1000;
        if (left <= 0)
            return err_set(e, ERR_UNAVAILABLE, -ETIMEDOUT,
                           "systemd: %s %s: no answer within 30 seconds", what, h->unit);
        r = sd_bus_wait(h->bus, (uint64_t)left);
        if (r < 0 && r != -EINTR)
            return bus_failed(e, r, NULL, what, h->unit);
    }
    return 0;
}

/* Send the call; its reply is a job, which is waited for. */
static int run_job(struct helper *h, sd_bus_message *call, const char *what, sd_bus_error *be,
                   struct err *e) {
    sd_bus_message *reply = NULL;
    const char *job = NULL;
    int r = sd_bus_call(h->bus, call, JOB_TIMEOUT_US, be, &reply);
    if (r >= 0)
        r = sd_bus_message_read(reply, "o", &job);
    if (r >= 0 && !str_copy(h->job, sizeof(h->job), job))
        r = -ENAMETOOLONG;
    sd_bus_message_unref(reply);
    return r < 0 ? bus_failed(e, r, be, what, h->unit) : wait_job(h, what, e);
}

static void forget_failure(struct helper *h) {
    sd_bus_call_method(h->bus, MANAGER_NAME, MANAGER_PATH, MANAGER_IFACE, "ResetFailedUnit", NULL,
                       NULL, "s", h->unit);
}

/* --- messages --------------------------------------------------------------------------------- */

static int new_call(struct helper *h, const char *method, sd_bus_message **ret) {
    return sd_bus_message_new_method_call(h->bus, ret, MANAGER_NAME, MANAGER_PATH, MANAGER_IFACE,
                                          method);
}

static int put_props(struct helper *h, sd_bus_message *m, bool own_pid) {
    int r = sd_bus_message_open_container(m, 'a', "(sv)");
    for (size_t i = 0; r >= 0 && i < h->n_props; i++)
        r = property_append(m, &h->props[i]);
    if (r >= 0 && own_pid)
        r = sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, (uint32_t)getpid());
    return r < 0 ? r : sd_bus_message_close_container(m);
}

static int start_once(struct helper *h, sd_bus_error *be, struct err *e) {
    sd_bus_message *m = NULL;
    int r = new_call(h, "StartTransientUnit", &m);
    if (r >= 0)
        r = sd_bus_message_append(m, "ss", h->unit, "replace");
    if (r >= 0)
        r = put_props(h, m, !is_slice(h->unit));
    if (r >= 0)
        r = sd_bus_message_append(m, "a(sa(sv))", 0);
    r = r < 0 ? bus_failed(e, r, NULL, "start", h->unit) : run_job(h, m, "start", be, e);
    sd_bus_message_unref(m);
    return r;
}

static int start(struct helper *h, char **group, struct err *e) {
    sd_bus_error be = SD_BUS_ERROR_NULL;
    char *path = NULL;
    int r = start_once(h, &be, e);
    if (r < 0 && sd_bus_error_has_name(&be, "org.freedesktop.systemd1.UnitExists")) {
        /* what failed once stays known until somebody forgets it */
        forget_failure(h);
        sd_bus_error_free(&be);
        r = start_once(h, &be, e);
    }
    sd_bus_error_free(&be);
    if (r < 0)
        return r;
    if (strcmp(h->result, "done") != 0) {
        forget_failure(h);
        return err_set(e, ERR_UNAVAILABLE, -EIO, "error creating systemd unit `%s`: got `%s`",
                       h->unit, h->result);
    }
    r = sd_bus_path_encode(MANAGER_PATH "/unit", h->unit, &path);
    if (r >= 0)
        r = sd_bus_get_property_string(h->bus, MANAGER_NAME, path,
                                       is_slice(h->unit) ? "org.freedesktop.systemd1.Slice"
                                                         : "org.freedesktop.systemd1.Scope",
                                       "ControlGroup", &be, group);
    free(path);
    r = r < 0 ? bus_failed(e, r, &be, "find the cgroup of", h->unit) : 0;
    sd_bus_error_free(&be);
    return r;
}

static int set(struct helper *h, char **group, struct err *e) {
    sd_bus_error be = SD_BUS_ERROR_NULL;
    sd_bus_message *m = NULL;
    int r = new_call(h, "SetUnitProperties", &m);
    if (r >= 0)
        r = sd_bus_message_append(m, "sb", h->unit, 1); /* not beyond the next boot */
    if (r >= 0)
        r = put_props(h, m, false);
    if (r >= 0)
        r = sd_bus_call(h->bus, m, JOB_TIMEOUT_US, &be, NULL);
    r = r < 0 ? bus_failed(e, r, &be, "set properties of", h->unit) : 0;
    sd_bus_message_unref(m);
    sd_bus_error_free(&be);
    return r;
}

static int stop(struct helper *h, char **group, struct err *e) {
    sd_bus_error be = SD_BUS_ERROR_NULL;
    sd_bus_message *m = NULL;
    int r = new_call(h, "StopUnit", &m);
    if (r >= 0)
        r = sd_bus_message_append(m, "ss", h->unit, "replace");
    r = r < 0 ? bus_failed(e, r, NULL, "stop", h->unit) : run_job(h, m, "stop", &be, e);
    /* a scope goes by itself with its last process */
    if (r < 0 && sd_bus_error_has_name(&be, "org.freedesktop.systemd1.NoSuchUnit"))
        r = 0;
    if (r == 0)
        forget_failure(h);
    sd_bus_message_unref(m);
    sd_bus_error_free(&be);
    return r;
}

/* --- the request ------------------------------------------------------------------------------ */

/* Read until the empty line; the rest of stdin is the order to leave. */
static int read_request(struct helper *h, struct err *e) {
    h->request = STR_INIT(1 << 20);
    while (!(h->request.len == 1 && h->request.s[0] == '\n') &&
           !str_ends(str_c(&h->request), "\n\n")) {
        char buf[4096];
        ssize_t n = read(0, buf, sizeof(buf));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, ERR_USAGE, -EINVAL, "hako-systemd: the request ends too early");
        if (str_addn(&h->request, buf, (size_t)n) < 0)
            return err_oom(e);
    }
    return property_parse(str_c(&h->request), h->a, &h->props, &h->n_props, e);
}

static void hold(void) {
    char byte;
    while (read(0, &byte, 1) != 0) {
        if (errno != EINTR)
            break;
    }
}

static int work(struct helper *h, const char *verb, struct err *e) {
    static const struct {
        const char *verb;
        int (*run)(struct helper *h, char **group, struct err *e);
    } verbs[] = {{"start", start}, {"set", set}, {"stop", stop}};
    char *group = NULL;
    int r = read_request(h, e);
    if (r == 0)
        r = helper_connect(h, e);
    if (r == 0)
        r = sd_bus_match_signal(h->bus, NULL, NULL, MANAGER_PATH, MANAGER_IFACE, "JobRemoved",
                                job_removed, h);
    if (r < 0)
        return e->code ? r : bus_failed(e, r, NULL, "listen for", h->unit);
    r = err_set(e, ERR_USAGE, -EINVAL, "hako-systemd: unknown request %s", verb);
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        if (strcmp(verbs[i].verb, verb) == 0) {
            err_clear(e);
            r = verbs[i].run(h, &group, e);
        }
    }
    if (r == 0) {
        printf("ok %s\n", group ? group : "");
        fflush(stdout);
    }
    free(group);
    return r;
}

int main(int argc, char **argv) {
    struct err e = {0};
    if (argc < 3) {
        fprintf(stderr, "hako-systemd: a part of hako-oci, not meant to be called\n");
        return 2;
    }
    struct helper h = {
        .unit = argv[2], .user = argc > 3 && strcmp(argv[3], "--user") == 0, .a = arena_new()};
    int r = h.a ? work(&h, argv[1], &e) : err_oom(&e);
    if (r < 0) {
        printf("error %s\n", e.msg);
        fflush(stdout);
    } else if (strcmp(argv[1], "start") == 0) {
        hold();
    }
    sd_bus_flush_close_unref(h.bus);
    str_free(&h.request);
    arena_free(h.a);
    return r < 0;
}
