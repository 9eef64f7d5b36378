/* SPDX-License-Identifier: Apache-2.0 */
/* run and create: one option table, docker's words. */
#include "cli/commands.h"
#include "cli/keys.h"
#include "cli/progress.h"
#include "cli/session.h"

#include "sys/tty.h"

#include <stdio.h>
#include <string.h>

struct run_args {
    struct hako_run_options o;
    struct hako_strings attach;
    struct progress progress;
    bool dry_run, quiet;
    bool sig_proxy;
    const char *detach_keys;
    const char *entrypoint;
};

#define R(short_, field, name, type, metavar, help)                                                \
    OPT(struct run_args, short_, o.field, name, type, metavar, help)
#define R_SEEN(short_, field, seen, name, type, metavar, help)                                     \
    OPT_SEEN(struct run_args, short_, o.field, o.seen, name, type, metavar, help)

/* create's options come first, then what only run has. */
static const struct opt run_opts[] = {
    OPT(struct run_args, 'a', attach, "attach", OPT_LIST, "list",
        "Attach to STDIN, STDOUT or STDERR"),
    R(0, add_host, "add-host", OPT_LIST, "list", "Add a custom host-to-IP mapping (host:ip)"),
    R(0, annotation, "annotation", OPT_LIST, "map", "Add an annotation to the runtime spec"),
    R(0, blkio_weight, "blkio-weight", OPT_I64, "uint16", "Block IO weight, 10 to 1000"),
    R(0, cap_add, "cap-add", OPT_LIST, "list", "Add Linux capabilities"),
    R(0, cap_drop, "cap-drop", OPT_LIST, "list", "Drop Linux capabilities"),
    R(0, cgroup_parent, "cgroup-parent", OPT_STRING, "string", "Parent cgroup of the box"),
    R(0, cgroupns, "cgroupns", OPT_STRING, "string", "Cgroup namespace: private or host"),
    R(0, cidfile, "cidfile", OPT_STRING, "string", "Write the container ID to the file"),
    R(0, cpu_period, "cpu-period", OPT_I64, "int", "CPU CFS period, in microseconds"),
    R(0, cpu_quota, "cpu-quota", OPT_I64, "int", "CPU CFS quota, in microseconds"),
    R('c', cpu_shares, "cpu-shares", OPT_I64, "int", "CPU shares (relative weight)"),
    R(0, cpus, "cpus", OPT_DOUBLE, "decimal", "Number of CPUs"),
    R(0, cpuset_cpus, "cpuset-cpus", OPT_STRING, "string", "CPUs to run on (0-3, 0,1)"),
    R(0, cpuset_mems, "cpuset-mems", OPT_STRING, "string", "Memory nodes to use (0-3, 0,1)"),
    R(0, device, "device", OPT_LIST, "list", "Add a host device to the box"),
    R(0, device_cgroup_rule, "device-cgroup-rule", OPT_LIST, "list",
      "Add a rule to the allowed devices (c 1:3 rwm)"),
    R(0, dns, "dns", OPT_LIST, "list", "Set custom DNS servers"),
    R(0, dns_option, "dns-option", OPT_LIST, "list", "Set DNS options"),
    R(0, dns_option, "dns-opt", OPT_LIST, "list", NULL),
    R(0, dns_search, "dns-search", OPT_LIST, "list", "Set custom DNS search domains"),
    R(0, domainname, "domainname", OPT_STRING, "string", "NIS domain name of the box"),
    R_SEEN(0, entrypoint, entrypoint_set, "entrypoint", OPT_STRING, "string",
           "Overwrite the image's ENTRYPOINT"),
    R('e', env, "env", OPT_LIST, "list", "Set environment variables"),
    R(0, env_file, "env-file", OPT_LIST, "list", "Read environment variables from a file"),
    R(0, expose, "expose", OPT_LIST, "list", "Expose a port or a range of ports"),
    R(0, group_add, "group-add", OPT_LIST, "list", "Add additional groups to join"),
    R('h', hostname, "hostname", OPT_STRING, "string", "Host name of the box"),
    R(0, init, "init", OPT_BOOL, NULL, "Run an init that forwards signals and reaps processes"),
    R('i', interactive, "interactive", OPT_BOOL, NULL, "Keep STDIN open"),
    R(0, ipc, "ipc", OPT_STRING, "string", "IPC namespace: private, host or container:NAME"),
    R(0, isolation, "isolation", OPT_STRING, "string", "Isolation: container"),
    R('l', label, "label", OPT_LIST, "list", "Set metadata on the container"),
    R(0, label_file, "label-file", OPT_LIST, "list", "Read labels from a file"),
    OPT_BARE(struct run_args, o.lock, "lock", "hako.lock", "file",
             "Lock file that says which image the name means"),
    R(0, log_driver, "log-driver", OPT_STRING, "string", "Log driver: cri-file or none"),
    R(0, log_opt, "log-opt", OPT_LIST, "list", "Log options: max-size=10m, max-file=3"),
    R('m', memory, "memory", OPT_BYTES, "bytes", "Memory limit"),
    R(0, memory_reservation, "memory-reservation", OPT_BYTES, "bytes", "Memory soft limit"),
    R(0, memory_swap, "memory-swap", OPT_SIGNED_BYTES, "bytes",
      "Memory plus swap: -1 for unlimited swap"),
    R_SEEN(0, memory_swappiness, memory_swappiness_set, "memory-swappiness", OPT_I64, "int",
           "Memory swappiness, 0 to 100"),
    R(0, mount, "mount", OPT_LIST, "mount", "Attach a file system mount to the box"),
    R(0, name, "name", OPT_STRING, "string", "Name of the container"),
    R(0, network, "network", OPT_STRING, "network",
      "Network: bridge, none, host or container:NAME"),
    R(0, network, "net", OPT_STRING, "network", NULL),
    R(0, oom_kill_disable, "oom-kill-disable", OPT_BOOL, NULL, "Disable the OOM killer"),
    R(0, oom_score_adj, "oom-score-adj", OPT_I64, "int", "The host's OOM preference"),
    R(0, pid, "pid", OPT_STRING, "string", "PID namespace: host or container:NAME"),
    R(0, pids_limit, "pids-limit", OPT_I64, "int", "Limit of processes: -1 for unlimited"),
    R(0, platform, "platform", OPT_STRING, "string", "Platform of the image (linux/arm64)"),
    R(0, privileged, "privileged", OPT_BOOL, NULL, "Give extended privileges to the box"),
    R('p', publish, "publish", OPT_LIST, "list", "Publish a port to the host"),
    R('P', publish_all, "publish-all", OPT_BOOL, NULL, "Publish all exposed ports"),
    R(0, pull, "pull", OPT_STRING, "string", "Pull the image: always, missing or never"),
    OPT(struct run_args, 'q', quiet, "quiet", OPT_BOOL, NULL, "Suppress the pull output"),
    R(0, read_only, "read-only", OPT_BOOL, NULL, "Mount the root file system read only"),
    R(0, rm, "rm", OPT_BOOL, NULL, "Remove the container when it ends"),
    R(0, security_opt, "security-opt", OPT_LIST, "list", "Security options"),
    R(0, shm_size, "shm-size", OPT_BYTES, "bytes", "Size of /dev/shm"),
    R(0, stop_signal, "stop-signal", OPT_STRING, "string", "Signal that stops the box"),
    R_SEEN(0, stop_timeout, stop_timeout_set, "stop-timeout", OPT_I64, "int",
           "Seconds to wait for the box to stop before killing it"),
    R(0, sysctl, "sysctl", OPT_LIST, "map", "Sysctl options"),
    R(0, tmpfs, "tmpfs", OPT_LIST, "list", "Mount a tmpfs directory"),
    R('t', tty, "tty", OPT_BOOL, NULL, "Allocate a pseudo-TTY"),
    R(0, ulimit, "ulimit", OPT_LIST, "ulimit", "Ulimit options"),
    R('u', user, "user", OPT_STRING, "string", "Username or UID (name|uid[:group|gid])"),
    R(0, uts, "uts", OPT_STRING, "string", "UTS namespace: host"),
    R('v', volume, "volume", OPT_LIST, "list", "Bind mount a volume"),
    R('w', workdir, "workdir", OPT_STRING, "string", "Working directory inside the box"),
    OPT(struct run_args, 0, dry_run, "dry-run", OPT_BOOL, NULL,
        "Print the runtime spec and the plan; make nothing"),
    R('d', detach, "detach", OPT_BOOL, NULL, "Run in the background and print the container ID"),
    OPT(struct run_args, 0, detach_keys, "detach-keys", OPT_STRING, "string",
        "Key sequence that detaches from the box"),
    OPT(struct run_args, 0, sig_proxy, "sig-proxy", OPT_BOOL, NULL,
        "Pass signals on to the box (default true)"),
};
#define RUN_ONLY 3 /* the last ones */

const struct opt_table run_table = {
    .command = "run",
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Create and run a new container from an image",
    .opts = run_opts,
    .nopts = ARRAY_SIZE(run_opts),
    .stop_at_first_arg = true,
    .min_args = 1,
    .max_args = SIZE_MAX,
};

const struct opt_table create_table = {
    .command = "create",
    .usage = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    .summary = "Create a new container",
    .opts = run_opts,
    .nopts = ARRAY_SIZE(run_opts) - RUN_ONLY,
    .stop_at_first_arg = true,
    .min_args = 1,
    .max_args = SIZE_MAX,
};

static int run_dry(hako_engine *g, struct run_args *r) {
    hako_error e = {0};
    char *json = NULL;
    if (hako_container_dry_run(g, &r->o, &json, &e) < 0)
        return cli_fail(&e, hako_error_exit_code(&e));
    puts(json);
    free(json);
    return 0;
}

/* The first word of an implied pull. */
static void run_absent(void *data) {
    const char *image = data;
    fprintf(stderr, "Unable to find image '%s' locally\n", image);
}

/* The container exists, its image was pulled if need be. 0 or the exit code. */
static int run_make(hako_engine *g, struct run_args *r, hako_container **ret) {
    hako_error e = {0};
    int rc = hako_container_create(g, &r->o, ret, &e);
    progress_end(&r->progress);
    if (rc < 0)
        return cli_fail(&e, hako_error_exit_code(&e));
    if (r->progress.begun)
        fprintf(stderr, "Status: Downloaded newer image for %s\n", r->o.image);
    return 0;
}

/* Returns -1 to go on. */
static int run_begin(struct cli *c, const struct opt_table *t, int argc, char **argv,
                     struct run_args *r, hako_engine **g) {
    char **args;
    size_t n;
    *r = (struct run_args){.o.size = sizeof(r->o), .sig_proxy = true};
    int code = cli_parse(c, t, argc, argv, r, &args, &n, 125);
    if (code >= 0)
        return code;
    r->o.image = args[0];
    r->o.command = (struct hako_strings){args + 1, n - 1, 0};
    r->progress.begin = run_absent;
    r->progress.data = args[0];
    r->o.progress = r->quiet ? NULL : progress_show;
    r->o.data = &r->progress;
    code = cli_engine(c, g);
    if (code)
        return code;
    return r->dry_run ? run_dry(*g, r) : -1;
}

int cmd_create(struct cli *c, int argc, char **argv) {
    struct run_args r;
    hako_engine *g;
    hako_container *box = NULL;
    int code = run_begin(c, &create_table, argc, argv, &r, &g);
    if (code >= 0)
        return code;
    if ((code = run_make(g, &r, &box)))
        return code;
    puts(hako_container_id(box));
    hako_container_close(box);
    return 0;
}

static bool run_attached(const struct run_args *r, const char *stream) {
    if (r->attach.n == 0)
        return true;
    for (size_t i = 0; i < r->attach.n; i++)
        if (strcasecmp(r->attach.v[i], stream) == 0)
            return true;
    return false;
}

static int run_detached(hako_container *box) {
    hako_error e = {0};
    if (hako_container_start(box, NULL, &e) < 0)
        return cli_fail(&e, hako_error_exit_code(&e));
    puts(hako_container_id(box));
    return 0;
}

static int run_session(struct session *s, hako_container *box, struct hako_stdio *io) {
    hako_error e = {0};
    int code = 0;
    bool detached = false;
    if (hako_container_start(box, io, &e) < 0 || session_run(s, box, &code, &detached, &e) < 0) {
        session_close(s);
        return cli_fail(&e, hako_error_exit_code(&e));
    }
    session_close(s);
    if (detached)
        fputs("read escape sequence\n", stderr);
    return code;
}

static void run_forget(hako_container *box) {
    hako_error ignored = {0};
    hako_container_remove(box, true, true, &ignored);
}

/* What would fail when it is too late. 0 or the exit code. */
static int run_check(const struct session_options *so, bool detach) {
    struct keys keys;
    hako_error e = {0};
    if (keys_parse(so->detach_keys, &keys, cli_err(&e)) < 0)
        return cli_fail(&e, 125);
    if (so->tty && so->input && !detach && !tty_is(STDIN_FILENO)) {
        fputs("hako: the input device is not a TTY\n", stderr);
        return 1;
    }
    return 0;
}

int cmd_run(struct cli *c, int argc, char **argv) {
    struct run_args r;
    hako_engine *g;
    hako_container *box = NULL;
    struct session *s = NULL;
    struct hako_stdio io = {-1, -1, -1};
    hako_error e = {0};
    int code = run_begin(c, &run_table, argc, argv, &r, &g);
    if (code >= 0)
        return code;
    struct session_options so = {.tty = r.o.tty,
                                 .input = r.o.interactive && run_attached(&r, "stdin"),
                                 .sig_proxy = r.sig_proxy,
                                 .detach_keys = r.detach_keys};
    if ((code = run_check(&so, r.o.detach)) || (code = run_make(g, &r, &box)))
        return code;
    if (r.o.detach) {
        code = run_detached(box);
    } else if (session_open(&so, &s, &io, &e) < 0) {
        code = cli_fail(&e, 125);
    } else {
        io.out = run_attached(&r, "stdout") ? io.out : -1;
        io.err = run_attached(&r, "stderr") ? io.err : -1;
        code = run_session(s, box, &io);
    }
    if (code >= 125 && code <= 127 && r.o.rm)
        run_forget(box);
    hako_container_close(box);
    return code;
}
