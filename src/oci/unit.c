/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/unit.h"

#include "base/io.h"
#include "machine/container/cgroup_update.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Beside us in a build tree, else where it was installed. */
static int helper_path(char *out, size_t size) {
    static const char name[] = "hako-systemd";
    const char *dir = getenv("HAKO_LIBEXEC");
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (str_empty(dir) && n > 0 && self[0] == '/') {
        self[n] = '\0';
        *strrchr(self, '/') = '\0';
        if ((size_t)snprintf(out, size, "%s/%s", self, name) < size && access(out, X_OK) == 0)
            return 0;
    }
    dir = str_empty(dir) ? HAKO_LIBEXECDIR : dir;
    return (size_t)snprintf(out, size, "%s/%s", dir, name) < size && access(out, X_OK) == 0
               ? 0
               : -ENOENT;
}

static int spawn(const char *path, char *const *argv, int fd, pid_t *pid) {
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t at;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&fa) != 0)
        return -ENOMEM;
    if (posix_spawnattr_init(&at) != 0) {
        posix_spawn_file_actions_destroy(&fa);
        return -ENOMEM;
    }
    posix_spawnattr_setsigmask(&at, &none);
    posix_spawnattr_setsigdefault(&at, &all);
    posix_spawnattr_setpgroup(&at, 0); /* a key pressed for the container is none for it */
    posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                      POSIX_SPAWN_SETPGROUP);
    int r = posix_spawn_file_actions_adddup2(&fa, fd, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&fa, fd, 1);
    if (r == 0) /* what is preserved is the container's */
        r = posix_spawn_file_actions_addclosefrom_np(&fa, 3);
    if (r == 0)
        r = posix_spawn(pid, path, &fa, &at, argv, environ);
    posix_spawnattr_destroy(&at);
    posix_spawn_file_actions_destroy(&fa);
    return -r;
}

/* One line, without its end. */
static int read_answer(int fd, struct str *out) {
    char c;
    for (;;) {
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EPIPE;
        if (c == '\n')
            return 0;
        if (str_addc(out, c) < 0)
            return -EOVERFLOW;
    }
}

static int converse(int fd, const char *verb, const char *unit, const struct str *props,
                    struct str *answer, struct err *e) {
    int r = io_write_all(fd, str_c(props), props->len);
    if (r == 0)
        r = io_write_all(fd, "\n", 1);
    if (r == 0)
        r = read_answer(fd, answer);
    if (r < 0)
        return err_sysn(e, r, "hako-systemd %s %s does not answer", verb, unit);
    if (str_starts(str_c(answer), "ok "))
        return 0;
    return err_set(e, ERR_UNAVAILABLE, -EIO, "unable to apply cgroup configuration: %s",
                   str_c(answer) + (str_starts(str_c(answer), "error ") ? 6 : 0));
}

/* Ask; the helper that answered is left in *ret. */
static int ask(const char *verb, const char *unit, bool user, const struct str *props,
               struct unit *ret, struct str *answer, struct err *e) {
    char path[PATH_MAX];
    int ends[2];
    char *argv[] = {(char *)"hako-systemd", (char *)(uintptr_t)verb, (char *)(uintptr_t)unit,
                    user ? (char *)"--user" : NULL, NULL};
    if (helper_path(path, sizeof(path)) < 0)
        return err_set(
            e, ERR_UNAVAILABLE, -ENOENT,
            "systemd cgroups: there is no %s/hako-systemd: install hako with libsystemd, "
            "or leave out --systemd-cgroup",
            HAKO_LIBEXECDIR);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return err_sys(e, "socketpair");
    struct unit u = {.fd = ends[0]};
    int r = spawn(path, argv, ends[1], &u.pid);
    close(ends[1]);
    if (r < 0) {
        close(ends[0]);
        return err_sysn(e, r, "cannot run %s", path);
    }
    r = converse(u.fd, verb, unit, props, answer, e);
    if (r < 0)
        unit_release(&u);
    else
        *ret = u;
    return r;
}

void unit_release(struct unit *u) {
    if (u->pid <= 0)
        return;
    shutdown(u->fd, SHUT_RDWR); /* init holds a copy until its execve */
    fd_close(&u->fd);
    while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    *u = UNIT_INIT;
}

int unit_start(const struct oci *o, const struct rt_spec *spec, const struct unit_name *name,
               bool v2, struct arena *a, struct unit *ret, char **group, struct err *e) {
    AUTO_STR struct str props = STR_INIT(1 << 20), answer = STR_INIT(8192);
    struct unit u;
    int r = unit_props_new(spec, name, v2, &props, e);
    if (r == 0 && !name->user)
        r = unit_props_devices(&spec->resources, a, &props, e);
    if (r == 0)
        r = unit_props_resources(&spec->resources, NULL, v2, a, &props, e);
    if (r == 0)
        r = ask("start", name->unit, name->user, &props, &u, &answer, e);
    if (r < 0)
        return r;
    *group = arena_strdup(a, str_c(&answer) + 3);
    if (!*group || (*group)[0] != '/' || (*group)[1] == '\0') {
        unit_release(&u);
        return err_set(e, ERR_UNAVAILABLE, -EIO, "systemd: %s has no cgroup", name->unit);
    }
    *ret = u;
    return 0;
}

static int ask_and_go(const char *verb, const char *unit, bool user, const struct str *props,
                      struct err *e) {
    AUTO_STR struct str answer = STR_INIT(8192);
    struct unit u;
    int r = ask(verb, unit, user, props, &u, &answer, e);
    if (r == 0)
        unit_release(&u);
    return r;
}

int unit_update(const struct oci *o, const struct cgroup_set *set, bool user,
                const struct rt_resources *r, struct err *e) {
    AUTO_STR struct str props = STR_INIT(1 << 20);
    AUTO_ARENA struct arena *a = arena_new();
    const char *unit = unit_name_of(set);
    struct cgroup_now now;
    if (!a)
        return err_oom(e);
    if (!unit)
        return 0;
    int rc = cgroup_update_read(set, &now, e);
    if (rc == 0)
        rc = unit_props_resources(r, &now, set->v2_ctls != 0, a, &props, e);
    if (rc == 0 && r->n_devices && !user)
        rc = unit_props_devices(r, a, &props, e);
    return rc < 0 || props.len == 0 ? rc : ask_and_go("set", unit, user, &props, e);
}

int unit_stop(const struct oci *o, const char *unit, bool user, struct err *e) {
    struct str none = STR_INIT(16);
    return ask_and_go("stop", unit, user, &none, e);
}
