/* SPDX-License-Identifier: Apache-2.0 */
/* The engine handle: directories and lazily opened parts. */
#include "engine/engine.h"

#include "base/io.h"
#include "base/path.h"
#include "base/str.h"
#include "store/adopt.h"
#include "sys/caps.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(sizeof(hako_error) == sizeof(struct err), "hako_error is struct err");
_Static_assert(offsetof(hako_error, code) == offsetof(struct err, code), "code");
_Static_assert(offsetof(hako_error, kind) == offsetof(struct err, kind), "kind");
_Static_assert(offsetof(hako_error, message) == offsetof(struct err, msg), "message");
_Static_assert((int)HAKO_ERR_CMD_NOT_FOUND == (int)ERR_CMD_NOT_FOUND, "kinds");
_Static_assert(sizeof(struct hako_strings) == sizeof(struct strlist), "hako_strings is strlist");
_Static_assert(offsetof(struct hako_strings, v) == offsetof(struct strlist, v), "v");
_Static_assert(offsetof(struct hako_strings, n) == offsetof(struct strlist, n), "n");

int hako_error_exit_code(const hako_error *e) {
    return err_exit_code((const struct err *)e);
}

const char *hako_version(void) {
    return HAKO_VERSION;
}

static int engine_dir(int *fd, int parent, const char *name, mode_t mode, struct err *e) {
    *fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd >= 0)
        return 0;
    if (errno == ENOENT) {
        int r = path_mkdir_p(parent, name, mode);
        if (r < 0)
            return err_sysn(e, r, "cannot make directory %s", name);
        *fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*fd >= 0)
            return 0;
    }
    return err_sys(e, "cannot open directory %s", name);
}

/* A directory that is ours alone: the volatile directory may lie in a world-writable place. */
static int engine_check_owner(int fd, const char *path, struct err *e) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "%s", path);
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(e, ERR_DENIED, -EPERM,
                       "%s must belong to this user and be writable by nobody else", path);
    return 0;
}

static char *engine_default_data(struct arena *a, bool rootless) {
    if (!rootless)
        return arena_strdup(a, "/var/lib/hako");
    const char *xdg = getenv("XDG_DATA_HOME");
    if (xdg && xdg[0] == '/')
        return arena_printf(a, "%s/hako", xdg);
    const char *home = getenv("HOME");
    return home && home[0] == '/' ? arena_printf(a, "%s/.local/share/hako", home) : NULL;
}

static char *engine_default_run(struct arena *a, bool rootless) {
    if (!rootless)
        return arena_strdup(a, "/run/hako");
    const char *xdg = getenv("XDG_RUNTIME_DIR");
    if (xdg && xdg[0] == '/' && access(xdg, W_OK) == 0)
        return arena_printf(a, "%s/hako", xdg);
    return arena_printf(a, "/tmp/hako-%u", (unsigned)geteuid());
}

/* Explicit choice, else environment, else the default place. */
static char *engine_choose(struct arena *a, const char *given, const char *env, char *dflt) {
    if (!given)
        given = getenv(env);
    return given ? arena_strdup(a, given) : dflt;
}

static int engine_absolute(struct arena *a, char **path, struct err *e) {
    if ((*path)[0] == '/')
        return 0;
    char cwd[4096];
    if (!getcwd(cwd, sizeof(cwd)))
        return err_sys(e, "current directory");
    *path = arena_printf(a, "%s/%s", cwd, *path);
    return *path ? 0 : err_oom(e);
}

static int engine_paths(hako_engine *g, const struct hako_engine_options *o, struct err *e) {
    g->data = engine_choose(g->a, o->root, "HAKO_ROOT", engine_default_data(g->a, g->rootless));
    g->run = engine_choose(g->a, o->run, "HAKO_RUN", engine_default_run(g->a, g->rootless));
    if (!g->data || !g->run)
        return err_set(e, ERR_USAGE, -ENOENT,
                       "no place for data: set HOME, XDG_DATA_HOME or HAKO_ROOT");
    int r = engine_absolute(g->a, &g->data, e);
    return r < 0 ? r : engine_absolute(g->a, &g->run, e);
}

static int engine_open_dirs(hako_engine *g, struct err *e) {
    /* Set-user-ID programs of a box lie in its upper directory: no other user of the host may come
     * near them (CVE-2021-41091). A rootless box's root, who mounts, is the user herself. */
    int r = engine_dir(&g->datafd, AT_FDCWD, g->data, 0700, e);
    if (r == 0)
        r = engine_check_owner(g->datafd, g->data, e);
    if (r == 0)
        r = engine_dir(&g->containersfd, g->datafd, "containers", 0700, e);
    if (r == 0)
        r = engine_dir(&g->namesfd, g->datafd, "names", 0700, e);
    if (r == 0)
        r = engine_dir(&g->tmpfd, g->datafd, "tmp", 0700, e);
    if (r == 0)
        r = engine_dir(&g->netfd, g->datafd, "net", 0700, e);
    if (r == 0)
        r = engine_dir(&g->runfd, AT_FDCWD, g->run, 0700, e);
    if (r == 0)
        r = engine_check_owner(g->runfd, g->run, e);
    return r;
}

int hako_engine_open(const struct hako_engine_options *o, hako_engine **ret, hako_error *he) {
    struct err *e = as_err(he);
    struct hako_engine_options none = HAKO_INIT(struct hako_engine_options);
    if (!o)
        o = &none;
    hako_engine *g = calloc(1, sizeof(*g));
    if (!g)
        return err_oom(e);
    g->datafd = g->containersfd = g->namesfd = g->tmpfd = g->netfd = g->runfd = -1;
    g->rootless = geteuid() != 0;
    g->a = arena_new();
    int r = g->a ? engine_paths(g, o, e) : err_oom(e);
    if (r == 0)
        r = engine_open_dirs(g, e);
    if (r == 0) {
        g->config_path = arena_strdup(g->a, o->config ? o->config : getenv("HAKO_CONFIG"));
        g->leaves_soon = o->leaves_soon;
        g->libexec = arena_strdup(g->a, o->libexec ? o->libexec : getenv("HAKO_LIBEXEC"));
        *ret = g;
        return 0;
    }
    hako_engine_close(g);
    return r;
}

void hako_engine_close(hako_engine *g) {
    if (!g)
        return;
    if (g->store_ready)
        store_close(&g->store);
    int *fds[] = {&g->datafd, &g->containersfd, &g->namesfd, &g->tmpfd, &g->netfd, &g->runfd};
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        fd_close(fds[i]);
    if (g->module)
        dlclose(g->module);
    arena_free(g->a);
    free(g);
}

int engine_host(bool full, struct host *ret, struct err *e) {
    struct host h = {0};
    int r = full ? host_read_info(&h, e) : host_read(&h, e);
    if (r < 0)
        return r;
    if (h.rootless)
        h.caps = caps_mask(h.last_cap);
    *ret = h;
    return 0;
}

int engine_store(hako_engine *g, const struct store **ret, struct err *e) {
    if (!g->store_ready) {
        int r = store_open(g->datafd, g->data, g->rootless, g->a, &g->store, e);
        if (r < 0)
            return r;
        const char *more = getenv("HAKO_ADDITIONAL_STORES");
        r = more ? adopt_stores(&g->store, more, e) : 0;
        if (r < 0) {
            store_close(&g->store);
            return r;
        }
        g->store_ready = true;
    }
    *ret = &g->store;
    return 0;
}

int engine_config(hako_engine *g, const struct config **ret, struct err *e) {
    if (!g->config_read) {
        int r = config_read(g->config_path, g->a, &g->config, e);
        if (r < 0)
            return r;
        g->config_read = true;
    }
    *ret = &g->config;
    return 0;
}

/* Directory of the running program: the build tree looks like an installation. */
static char *engine_program_dir(struct arena *a) {
    char buf[4096];
    ssize_t n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);
    if (n <= 0)
        return NULL;
    buf[n] = 0;
    char *slash = strrchr(buf, '/');
    if (!slash)
        return NULL;
    *slash = 0;
    return arena_strdup(a, buf);
}

int engine_helper(hako_engine *g, const char *name, struct arena *a, char **ret, struct err *e) {
    const char *installed = str_starts(name, "modules/") ? HAKO_MODULEDIR "/.."
                            : str_eq(name, "box")        ? HAKO_DATADIR
                                                         : HAKO_LIBEXECDIR;
    const char *places[] = {g->libexec, g->libexec ? NULL : engine_program_dir(a),
                            g->libexec ? NULL : installed};
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        if (!places[i])
            continue;
        char *path = arena_printf(a, "%s/%s", places[i], name);
        if (!path)
            return err_oom(e);
        if (access(path, F_OK) == 0) {
            *ret = path;
            return 0;
        }
    }
    return err_set(e, ERR_UNAVAILABLE, -ENOENT,
                   "%s not found beside the program nor in %s: reinstall hako, or set HAKO_LIBEXEC",
                   name, installed);
}
