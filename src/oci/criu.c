/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/criu.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define CRIU_MAX_LOG ((size_t)64 << 20)

void criu_arg(struct criu *c, const char *word) {
    c->failed = c->failed || strlist_add(c->a, &c->argv, word) < 0;
}

void criu_argf(struct criu *c, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    char *word = arena_vprintf(c->a, fmt, ap);
    va_end(ap);
    if (word)
        criu_arg(c, word);
    c->failed = c->failed || !word;
}

static const char *criu_dir(struct criu *c, const char *path, const char *dflt, struct err *e) {
    char real[PATH_MAX];
    const char *want = str_empty(path) ? dflt : path;
    int r = path_mkdir_p(AT_FDCWD, want, 0700);
    if (r < 0 || !realpath(want, real)) {
        err_sysn(e, r < 0 ? r : -errno, "cannot make the directory %s", want);
        return NULL;
    }
    return arena_strdup(c->a, real);
}

static int criu_server(struct criu *c, struct err *e) {
    const char *s = c->opt->page_server, *colon = s ? strrchr(s, ':') : NULL;
    uint64_t port;
    if (str_empty(s))
        return 0;
    if (!colon || colon == s || str_to_u64(colon + 1, &port) < 0 || port > 65535)
        return err_set(e, ERR_USAGE, -EINVAL,
                       "Use --page-server ADDRESS:PORT to specify page server");
    criu_arg(c, "--page-server");
    criu_arg(c, "--address");
    criu_argf(c, "%.*s", (int)(colon - s), s);
    criu_arg(c, "--port");
    criu_arg(c, colon + 1);
    return 0;
}

static int criu_modes(struct criu *c, struct err *e) {
    const struct oci_criu_options *opt = c->opt;
    const char *mode = str_empty(opt->manage_cgroups_mode) ? "soft" : opt->manage_cgroups_mode;
    static const char *const modes[] = {"soft", "full", "strict", "ignore"};
    bool known = false;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        known = known || strcmp(modes[i], mode) == 0;
    if (!known)
        return err_set(e, ERR_USAGE, -EINVAL, "Invalid manage cgroups mode");
    criu_argf(c, "--manage-cgroups=%s", mode);
    for (size_t i = 0; i < opt->empty_ns.n; i++) {
        if (strcmp(opt->empty_ns.v[i], "network") != 0)
            return err_set(e, ERR_USAGE, -EINVAL, "namespace \"%s\" is not supported",
                           opt->empty_ns.v[i]);
    }
    criu_arg(c, "--empty-ns");
    criu_arg(c, "net");
    return criu_server(c, e);
}

static void criu_flags(struct criu *c) {
    const struct oci_criu_options *o = c->opt;
    const struct {
        bool on;
        const char *word;
    } flags[] = {
        {o->leave_running, "--leave-running"}, {o->tcp_established, "--tcp-established"},
        {o->ext_unix_sk, "--ext-unix-sk"},     {o->shell_job, "--shell-job"},
        {o->lazy_pages, "--lazy-pages"},       {o->file_locks, "--file-locks"},
        {o->auto_dedup, "--auto-dedup"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (flags[i].on)
            criu_arg(c, flags[i].word);
    }
    if (o->status_fd >= 0)
        criu_argf(c, "--status-fd=%d", (int)o->status_fd);
}

int criu_begin(struct criu *c, const struct oci *o, const char *verb,
               const struct oci_criu_options *opt, struct arena *a, struct err *e) {
    *c = (struct criu){.o = o, .opt = opt, .a = a};
    const char *work = NULL;
    if (!(c->images = criu_dir(c, opt->image_path, "checkpoint", e)) ||
        !(work = criu_dir(c, opt->work_path, c->images, e)))
        return e->code;
    criu_arg(c, str_empty(o->criu) ? "criu" : o->criu);
    criu_arg(c, verb);
    criu_arg(c, "--images-dir");
    criu_arg(c, c->images);
    criu_arg(c, "--work-dir");
    criu_arg(c, work);
    const char *log = strcmp(verb, "restore") == 0 ? "restore.log" : "dump.log";
    criu_arg(c, "--log-file");
    criu_arg(c, log);
    criu_arg(c, "-v4");
    c->log = arena_printf(a, "%s/%s", work, log);
    criu_flags(c);
    int r = criu_modes(c, e);
    return r < 0 ? r : c->log && !c->failed ? 0 : err_oom(e);
}

/* The last line of the log that tells of an error. */
static void criu_why(const struct criu *c, char *out, size_t size) {
    AUTO_STR struct str text = STR_INIT(CRIU_MAX_LOG);
    out[0] = 0;
    if (io_read_file(AT_FDCWD, c->log, &text) < 0)
        return;
    for (const char *line = str_c(&text); *line;) {
        size_t n = strcspn(line, "\n");
        const char *at = memmem(line, n, "Error ", 6);
        if (at) {
            size_t len = MIN_OF(n - (size_t)(at - line), size - 1);
            memcpy(out, at, len);
            out[len] = 0;
        }
        line += n + (line[n] == '\n');
    }
}

int criu_run(struct criu *c, struct err *e) {
    char why[200];
    pid_t pid;
    int status;
    if (c->failed)
        return err_oom(e);
    int r = posix_spawnp(&pid, c->argv.v[0], NULL, NULL, c->argv.v, environ);
    if (r == ENOENT)
        return err_set(e, ERR_UNAVAILABLE, -r,
                       "exec: \"%s\": executable file not found in $PATH: checkpoint and restore "
                       "need criu: install it, or name it by --criu",
                       c->argv.v[0]);
    if (r)
        return err_sysn(e, r, "cannot run %s", c->argv.v[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    criu_why(c, why, sizeof(why));
    return err_set(e, ERR_UNAVAILABLE, -EIO, "criu failed: type %s: %s%slog file: %s", c->argv.v[1],
                   why, why[0] ? "; " : "", c->log);
}

static bool criu_is_bind(const struct rt_mount *m) {
    return str_eq(m->type, "bind") || str_eq(m->type, "cgroup") ||
           strlist_has(&m->options, "bind") || strlist_has(&m->options, "rbind");
}

void criu_mounts(struct criu *c, const struct rt_spec *spec, pid_t pid, bool sources) {
    for (size_t i = 0; i < spec->n_mounts; i++) {
        const struct rt_mount *m = &spec->mounts[i];
        if (!criu_is_bind(m))
            continue;
        criu_arg(c, "--external");
        criu_argf(c, "mnt[%s]:%s", m->destination,
                  sources && m->source ? m->source : m->destination);
    }
    if (sources && spec->masked_paths.n) {
        criu_arg(c, "--external");
        criu_arg(c, "mnt[/dev/null]:/dev/null");
    }
    for (size_t i = 0; !sources && i < spec->masked_paths.n; i++) {
        struct stat st;
        char *path = arena_printf(c->a, "/proc/%d/root%s", (int)pid, spec->masked_paths.v[i]);
        if (!path || lstat(path, &st) < 0 || S_ISDIR(st.st_mode))
            continue;
        criu_arg(c, "--external");
        criu_argf(c, "mnt[%s]:/dev/null", spec->masked_paths.v[i]);
    }
}
