/* SPDX-License-Identifier: Apache-2.0 */
/* image bootstrap: a minimal system from the distribution's own packages, by mmdebstrap. */
#include "engine/bootstrap.h"

#include "base/io.h"
#include "base/path.h"
#include "engine/engine.h"
#include "spec/image.h"
#include "sys/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct bootstrap {
    hako_engine *g;
    const struct hako_bootstrap_options *o;
    struct arena *a;
    const char *distribution, *suite;
    int64_t date; /* Unix seconds; 0 = whatever the clock says */
    struct bootstrap_lock lock;
    bool locked;    /* the file is there: obey it */
    char dir[64];   /* ours alone, gone at the end */
    int dirfd, tar; /* owned */
    struct strlist args;
    struct err *e;
};

static void bootstrap_done(struct bootstrap *b) {
    fd_close(&b->dirfd);
    fd_close(&b->tar);
    if (b->dir[0])
        (void)path_remove_tree(AT_FDCWD, b->dir);
}

/* "debian:bookworm" */
static int bootstrap_name(struct bootstrap *b, const char *name) {
    const char *colon = strchr(name, ':');
    b->distribution = colon ? arena_strndup(b->a, name, (size_t)(colon - name)) : NULL;
    b->suite = colon ? arena_strdup(b->a, colon + 1) : NULL;
    bool known = b->distribution &&
                 (strcmp(b->distribution, "debian") == 0 || strcmp(b->distribution, "ubuntu") == 0);
    size_t n = b->suite ? strspn(b->suite, "abcdefghijklmnopqrstuvwxyz0123456789.-") : 0;
    if (known && n > 0 && b->suite[n] == '\0' && b->suite[0] != '-')
        return 0;
    return err_set(b->e, ERR_USAGE, -EINVAL,
                   "\"%.100s\": expected debian:SUITE or ubuntu:SUITE, such as debian:bookworm",
                   name);
}

/* "2025-01-31", RFC 3339, or Unix seconds. */
static int bootstrap_date(struct bootstrap *b) {
    const char *given = b->o->date, *env = getenv("SOURCE_DATE_EPOCH");
    struct tm tm = {.tm_mday = 1};
    int64_t ns = 0;
    if (!given && b->lock.date) {
        b->date = b->lock.date;
        return 0;
    }
    if (!given && !str_empty(env))
        given = env;
    if (!given) {
        b->date = b->o->lock ? now_unix_ns() / 1000000000 : 0;
        return 0;
    }
    const char *end = strptime(given, "%Y-%m-%d", &tm);
    if (str_to_i64(given, &b->date) == 0 && b->date > 0)
        return 0;
    if (end && *end == '\0')
        b->date = (int64_t)timegm(&tm);
    else if (str_from_rfc3339(given, &ns) == 0)
        b->date = ns / 1000000000;
    return b->date > 0
               ? 0
               : err_set(b->e, ERR_USAGE, -EINVAL,
                         "invalid date \"%.60s\": write 2025-01-31, 2025-01-31T12:00:00Z or "
                         "Unix seconds",
                         given);
}

static int bootstrap_read_lock(struct bootstrap *b) {
    AUTO_STR struct str text = STR_INIT(BOOTSTRAP_MAX_LOCK);
    if (!b->o->lock)
        return 0;
    int r = io_read_file(AT_FDCWD, b->o->lock, &text);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return err_sysn(b->e, r, "lock file %s", b->o->lock);
    b->locked = true;
    return bootstrap_lock_parse(str_c(&text), b->o->lock, b->a, &b->lock, b->e);
}

static int bootstrap_places(struct bootstrap *b) {
    AUTO_STR struct str prefs = STR_INIT(BOOTSTRAP_MAX_LOCK);
    (void)str_copy(b->dir, sizeof(b->dir), "/var/tmp/hako-bootstrap-XXXXXX");
    if (!mkdtemp(b->dir)) {
        b->dir[0] = '\0';
        return err_sys(b->e, "cannot make a directory in /var/tmp");
    }
    b->dirfd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    b->tar =
        b->dirfd < 0 ? -1 : openat(b->dirfd, "tar", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (b->tar < 0)
        return err_sys(b->e, "%s", b->dir);
    if (!b->locked)
        return 0;
    int r = bootstrap_preferences(&b->lock, &prefs, b->e);
    if (r == 0 &&
        (r = io_replace_file(b->dirfd, "hako-lock", str_c(&prefs), prefs.len, 0644, false)) < 0)
        r = err_sysn(b->e, r, "%s/hako-lock", b->dir);
    return r;
}

static int bootstrap_word(struct bootstrap *b, const char *option, const char *value) {
    return strlist_addf(b->a, &b->args, "%s%s", option, value);
}

static int bootstrap_hooks(struct bootstrap *b) {
    int r = 0;
    if (b->locked)
        r = strlist_addf(b->a, &b->args,
                         "--setup-hook=mkdir -p \"$1/etc/apt/preferences.d\" && cp '%s/hako-lock' "
                         "\"$1/etc/apt/preferences.d/hako-lock\"",
                         b->dir);
    if (r == 0 && b->locked)
        r = bootstrap_word(b, "--customize-hook=", "rm \"$1/etc/apt/preferences.d/hako-lock\"");
    if (r == 0 && b->o->lock)
        r = strlist_addf(b->a, &b->args,
                         "--customize-hook=cat \"$1/var/lib/dpkg/status\" > '%s/status'", b->dir);
    return r;
}

/* A mirror of the day, where the distribution keeps one. */
static const char *bootstrap_mirror(struct bootstrap *b) {
    struct tm tm;
    char day[32];
    time_t t = (time_t)b->date;
    if (!b->o->date || strcmp(b->distribution, "debian") != 0 || !gmtime_r(&t, &tm) ||
        strftime(day, sizeof(day), "%Y%m%dT%H%M%SZ", &tm) == 0)
        return strcmp(b->distribution, "ubuntu") == 0 ? "http://archive.ubuntu.com/ubuntu" : NULL;
    return arena_printf(b->a, "http://snapshot.debian.org/archive/debian/%s/", day);
}

/* Debian's name of an architecture. */
static const char *bootstrap_arch(const char *arch) {
    static const char *const arches[][2] = {
        {"386", "i386"}, {"ppc64le", "ppc64el"}, {"arm", "armhf"}, {"mips64le", "mips64el"}};
    for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
        if (strcmp(arch, arches[i][0]) == 0)
            return arches[i][1];
    return arch;
}

static int bootstrap_words(struct bootstrap *b, const char *option, const struct hako_strings *l) {
    int r = 0;
    for (size_t i = 0; i < l->n && r == 0; i++)
        r = bootstrap_word(b, option, l->v[i]);
    return r;
}

static int bootstrap_options(struct bootstrap *b, const struct platform *p, const char *mirror) {
    const struct hako_bootstrap_options *o = b->o;
    const char *const fixed[][2] = {
        {"mmdebstrap", ""},
        {"--mode=", b->g->rootless ? "unshare" : "root"},
        {"--variant=", o->variant ? o->variant : "minbase"},
        {"--architectures=", bootstrap_arch(p->arch)},
        {"--format=", "tar"},
        {"--skip=", "output/dev"}, /* hako makes /dev itself; a user could not unpack it */
    };
    int r = 0;
    for (size_t i = 0; i < ARRAY_SIZE(fixed) && r == 0; i++)
        r = bootstrap_word(b, fixed[i][0], fixed[i][1]);
    if (r == 0)
        r = bootstrap_words(b, "--include=", &o->include);
    if (r == 0 && mirror && o->date) /* an old day's signatures are out of date by now */
        r = bootstrap_word(b, "--aptopt=", "Acquire::Check-Valid-Until \"false\"");
    return r == 0 ? bootstrap_hooks(b) : r;
}

static int bootstrap_args(struct bootstrap *b) {
    struct platform p;
    int r = platform_parse(b->o->platform, b->a, &p, b->e);
    if (r < 0)
        return r;
    const char *mirror = b->o->mirror.n ? NULL : bootstrap_mirror(b);
    r = bootstrap_options(b, &p, mirror);
    if (r == 0)
        r = bootstrap_word(b, b->suite, "");
    if (r == 0)
        r = bootstrap_word(b, "-", "");
    if (r == 0 && mirror)
        r = bootstrap_word(b, mirror, "");
    if (r == 0)
        r = bootstrap_words(b, "", &b->o->mirror);
    return r < 0 ? err_oom(b->e) : 0;
}

/* Our environment with the date, in a plain language and with every system directory. */
static const char **bootstrap_env(struct bootstrap *b) {
    size_t n = 0;
    while (environ[n])
        n++;
    const char **v = arena_array(b->a, n + 4, const char *);
    size_t k = 0;
    for (size_t i = 0; v && i < n; i++)
        if (!str_starts(environ[i], "SOURCE_DATE_EPOCH=") && !str_starts(environ[i], "LC_") &&
            !str_starts(environ[i], "LANG="))
            v[k++] = environ[i];
    if (v) {
        v[k++] = "LC_ALL=C.UTF-8";
        if (b->date)
            v[k++] = arena_printf(b->a, "SOURCE_DATE_EPOCH=%lld", (long long)b->date);
    }
    return v;
}

static int bootstrap_make(struct bootstrap *b) {
    AUTO_STR struct str said = STR_INIT((size_t)4 << 20);
    const char **env = bootstrap_env(b);
    int status = 0;
    if (!env)
        return err_oom(b->e);
    const struct program p = {.argv = (const char *const *)b->args.v,
                              .env = env,
                              .out_fd = b->tar,
                              .err = b->o->verbose ? NULL : &said};
    int r = program_run(&p, &status, b->e);
    if (r == -ENOENT)
        return err_set(b->e, ERR_UNAVAILABLE, r,
                       "image bootstrap needs the program mmdebstrap: apt install mmdebstrap");
    if (r < 0 || status == 0)
        return r;
    const char *why = strstr(str_c(&said), "\nE: ");
    if (!why && str_starts(str_c(&said), "E: "))
        why = str_c(&said) - 1;
    return err_set(b->e, ERR_UNAVAILABLE, -EREMOTEIO, "mmdebstrap failed with status %d: %.*s",
                   status, why ? (int)strcspn(why + 4, "\n") : 300,
                   why ? why + 4 : "it says no more: see --verbose");
}

static int bootstrap_check_lock(struct bootstrap *b) {
    AUTO_STR struct str text = STR_INIT((size_t)64 << 20), out = STR_INIT(BOOTSTRAP_MAX_LOCK);
    struct bootstrap_lock is;
    if (!b->o->lock)
        return 0;
    int r = io_read_file(b->dirfd, "status", &text);
    if (r < 0)
        return err_sysn(b->e, r, "the new system's list of packages");
    r = bootstrap_status_parse(str_c(&text), b->a, &is, b->e);
    if (r < 0)
        return r;
    is.date = b->date;
    if (b->locked)
        return bootstrap_compare(&b->lock, &is, b->o->lock, b->e);
    r = bootstrap_lock_print(&is, &out, b->e);
    if (r == 0 && (r = io_replace_file(AT_FDCWD, b->o->lock, str_c(&out), out.len, 0644, true)) < 0)
        r = err_sysn(b->e, r, "cannot write lock file %s", b->o->lock);
    return r;
}

static int bootstrap_import(struct bootstrap *b, const char *name, char ret_id[136]) {
    static char cmd[] = "CMD [\"bash\"]",
                env[] = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *change[] = {cmd, env};
    const char *message =
        arena_printf(b->a, "hako image bootstrap %s:%s", b->distribution, b->suite);
    const struct hako_import_options io = {.size = sizeof(io),
                                           .fd = b->tar,
                                           .reference = b->o->tag ? b->o->tag : name,
                                           .change = {.v = change, .n = ARRAY_SIZE(change)},
                                           .message = message,
                                           .platform = b->o->platform,
                                           .created_ns = b->date * 1000000000};
    if (lseek(b->tar, 0, SEEK_SET) < 0)
        return err_sys(b->e, "lseek");
    return hako_image_import(b->g, &io, ret_id, (hako_error *)b->e);
}

int hako_image_bootstrap(hako_engine *g, const char *name, const struct hako_bootstrap_options *o,
                         char ret_id[136], hako_error *he) {
    struct err *e = as_err(he);
    AUTO_ARENA struct arena *a = arena_new();
    struct bootstrap b = {.g = g, .o = o, .a = a, .dirfd = -1, .tar = -1, .e = e};
    if (!a)
        return err_oom(e);
    int r = bootstrap_name(&b, name);
    if (r == 0)
        r = bootstrap_read_lock(&b);
    if (r == 0)
        r = bootstrap_date(&b);
    if (r == 0)
        r = bootstrap_args(&b);
    if (r == 0)
        r = bootstrap_places(&b);
    if (r == 0) { /* the directory's name is only known now */
        b.args = (struct strlist){NULL, 0, 0};
        r = bootstrap_args(&b);
    }
    if (r == 0)
        r = bootstrap_make(&b);
    if (r == 0)
        r = bootstrap_check_lock(&b);
    if (r == 0)
        r = bootstrap_import(&b, name, ret_id);
    bootstrap_done(&b);
    return r;
}
