/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/notify.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define NOTIFY_DIR "notify"
#define NOTIFY_NAME "notify.sock"
#define NOTIFY_INSIDE "/run/notify"

/* crun: the host's path is a directory in the container, and the socket is in it. */
static bool notify_as_crun(const struct oci *o) {
    return str_eq(o->name, "crun") && o->notify_socket && o->notify_socket[0] == '/';
}

static const char *notify_name(const struct oci *o) {
    return notify_as_crun(o) ? "notify" : NOTIFY_NAME;
}

static const char *notify_inside(const struct oci *o) {
    return notify_as_crun(o) ? o->notify_socket : NOTIFY_INSIDE;
}

bool oci_notify_wanted(const struct oci *o, bool detach) {
    return !str_empty(o->notify_socket) && (detach || notify_as_crun(o));
}

static int notify_mount(const struct oci *o, struct oci_bundle *b, const char *source) {
    static const char *const options[] = {"bind", "nosuid", "noexec", "nodev", "ro"};
    struct rt_spec *s = &b->spec;
    struct rt_mount *v = arena_array(b->a, s->n_mounts + 1, struct rt_mount);
    if (!v)
        return -ENOMEM;
    if (s->n_mounts)
        memcpy(v, s->mounts, s->n_mounts * sizeof(*v));
    struct rt_mount *m = &v[s->n_mounts];
    m->destination = arena_strdup(b->a, notify_inside(o));
    m->type = arena_strdup(b->a, "bind");
    m->source = arena_strdup(b->a, source);
    int r = m->destination && m->type && m->source ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(options); i++)
        r = strlist_add(b->a, &m->options, options[i]);
    s->mounts = v;
    s->n_mounts++;
    return r;
}

int oci_notify_prepare(const struct oci *o, const struct oci_dir *d, struct oci_bundle *b,
                       struct err *e) {
    if (mkdirat(d->fd, NOTIFY_DIR, 0755) < 0 && errno != EEXIST)
        return err_sys(e, "cannot make the directory of the notify socket");
    if (fchmodat(d->fd, NOTIFY_DIR, 0755, 0) < 0)
        return err_sys(e, "cannot open the notify directory to the container");
    char *source = arena_printf(b->a, "%s/%s/" NOTIFY_DIR, o->root, d->id);
    if (!source || notify_mount(o, b, source) < 0 ||
        strlist_addf(b->a, &b->spec.process.env, "NOTIFY_SOCKET=%s/%s", notify_inside(o),
                     notify_name(o)) < 0)
        return err_oom(e);
    oci_env_tidy(&b->spec.process.env);
    return 0;
}

int oci_notify_bind(const struct oci *o, const struct oci_dir *d, int *ret, struct err *e) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    AUTO_FD int dir = openat(d->fd, NOTIFY_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (str_empty(o->notify_socket) || dir < 0)
        return 0; /* create was not asked for one */
    snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", dir, notify_name(o));
    AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unlinkat(dir, notify_name(o), 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        fchmodat(dir, notify_name(o), 0777, 0) < 0)
        return err_sys(e, "cannot make the notify socket");
    *ret = TAKE_FD(fd);
    return 0;
}

/* "@name" is an abstract one. */
static int notify_send(const char *host, const char *text, struct err *e) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t n = strlen(host);
    if (n >= sizeof(addr.sun_path))
        return err_set(e, ERR_USAGE, -ENAMETOOLONG, "NOTIFY_SOCKET: the path is too long");
    memcpy(addr.sun_path, host, n);
    if (host[0] == '@')
        addr.sun_path[0] = 0;
    AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&addr, len) < 0)
        return err_sys(e, "cannot write to NOTIFY_SOCKET %.100s", host);
    return 0;
}

/* The line of a datagram that says READY=, NULL = none. */
static char *notify_ready(char *text) {
    for (char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        bool last = !line[n];
        line[n] = 0;
        if (str_starts(line, "READY="))
            return line;
        line += n + !last;
    }
    return NULL;
}

int oci_notify_wait(int sock, const char *host, pid_t pid, int pidfd, struct err *e) {
    char text[4096], out[4200];
    for (;;) {
        struct pollfd p[] = {{.fd = sock, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
        if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        ssize_t n = p[0].revents ? recv(sock, text, sizeof(text) - 1, MSG_DONTWAIT) : -1;
        if (n >= 0) {
            text[n] = 0;
            const char *line = notify_ready(text);
            if (line) {
                snprintf(out, sizeof(out), "%s\nMAINPID=%d\n", line, (int)pid);
                return notify_send(host, out, e);
            }
        } else if (p[1].revents) {
            return 0;
        }
    }
}
