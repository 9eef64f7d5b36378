/* SPDX-License-Identifier: Apache-2.0 */
/* hako-runtime.h: the exported names over oci.h. */
#include <hako-runtime.h>

#include "base/str.h"
#include "oci/create.h"

#include <string.h>

struct hako_runtime {
    struct oci o;
    struct arena *a;
};

_Static_assert(sizeof(struct hako_error) == sizeof(struct err) &&
                   offsetof(struct hako_error, message) == offsetof(struct err, msg),
               "hako_error is struct err");

static struct err *as_error(hako_error *e) {
    e->code = 0;
    e->message[0] = 0;
    return (struct err *)(void *)e;
}

/* A struct of an older or newer program: what it has, zero for the rest. */
#define API_OPTIONS(T, given, name)                                                                \
    T name = {0};                                                                                  \
    if (given)                                                                                     \
    memcpy(&name, given, MIN_OF((given)->size, sizeof(name)))

static const char *api_root(struct arena *a) {
    const char *xdg = geteuid() != 0 ? getenv("XDG_RUNTIME_DIR") : NULL;
    return arena_printf(a, "%s/hako-oci", str_empty(xdg) ? "/run" : xdg);
}

int hako_runtime_open(const struct hako_runtime_options *options, hako_runtime **ret,
                      hako_error *e) {
    API_OPTIONS(struct hako_runtime_options, options, opt);
    struct arena *a = arena_new();
    hako_runtime *rt = a ? arena_new_of(a, hako_runtime) : NULL;
    if (!rt) {
        arena_free(a);
        return err_oom(as_error(e));
    }
    rt->a = a;
    rt->o = (struct oci){.root = str_empty(opt.root) ? api_root(a) : arena_strdup(a, opt.root),
                         .name = "hako-oci",
                         .systemd_cgroup = opt.systemd_cgroup,
                         .criu = arena_strdup(a, opt.criu),
                         .say = opt.warn,
                         .data = opt.data};
    if (!rt->o.root || rt->o.root[0] != '/') {
        int r = err_set(as_error(e), ERR_USAGE, -EINVAL, "root: \"%.300s\" is not an absolute path",
                        rt->o.root ? rt->o.root : "");
        arena_free(a);
        return r;
    }
    *ret = rt;
    return 0;
}

void hako_runtime_close(hako_runtime *rt) {
    if (rt)
        arena_free(rt->a);
}

static struct oci_create_options create_options(const struct hako_runtime_create_options *o) {
    return (struct oci_create_options){.bundle = o->bundle,
                                       .config = o->config,
                                       .console_socket = o->console_socket,
                                       .pid_file = o->pid_file,
                                       .no_pivot = o->no_pivot,
                                       .no_new_keyring = o->no_new_keyring,
                                       .detach = true,
                                       .preserve_fds = o->preserve_fds};
}

int hako_runtime_create(hako_runtime *rt, const char *id,
                        const struct hako_runtime_create_options *options, hako_error *he) {
    API_OPTIONS(struct hako_runtime_create_options, options, given);
    struct oci_create_options opt = create_options(&given);
    struct err *e = as_error(he);
    struct oci_creation c;
    int r = oci_create_begin(&c, &rt->o, id, &opt, e);
    if (r < 0)
        return r;
    r = oci_create_detach(&c, e);
    if (r < 0)
        oci_create_undo(&c);
    oci_create_end(&c);
    return r;
}

int hako_runtime_start(hako_runtime *rt, const char *id, hako_error *e) {
    return oci_start(&rt->o, id, as_error(e));
}

int hako_runtime_kill(hako_runtime *rt, const char *id, int signo, bool all, hako_error *e) {
    return oci_kill(&rt->o, id, signo, all, as_error(e));
}

int hako_runtime_delete(hako_runtime *rt, const char *id, bool force, hako_error *e) {
    return oci_delete(&rt->o, id, force, as_error(e));
}

int hako_runtime_pause(hako_runtime *rt, const char *id, bool pause, hako_error *e) {
    return oci_pause(&rt->o, id, pause, as_error(e));
}

/* --- documents ---------------------------------------------------------------------------------
 */

static int api_text(int r, js *doc, char **ret, struct err *e) {
    AUTO_JS js *owned = doc;
    AUTO_STR struct str text = STR_INIT(64u << 20);
    if (r < 0)
        return r;
    if (js_print(owned, JS_COMPACT, &text) < 0)
        return err_oom(e);
    *ret = str_take(&text);
    return *ret ? 0 : err_oom(e);
}

int hako_runtime_state(hako_runtime *rt, const char *id, char **ret, hako_error *he) {
    struct err *e = as_error(he);
    js *doc = NULL;
    int r = oci_show(&rt->o, id, &doc, e);
    return api_text(r, doc, ret, e);
}

int hako_runtime_list(hako_runtime *rt, char **ret, hako_error *he) {
    struct err *e = as_error(he);
    js *doc = NULL;
    int r = oci_list(&rt->o, &doc, e);
    return api_text(r, doc, ret, e);
}

int hako_runtime_stats(hako_runtime *rt, const char *id, char **ret, hako_error *he) {
    struct err *e = as_error(he);
    js *doc = NULL;
    int r = oci_stats(&rt->o, id, &doc, e);
    return api_text(r, doc, ret, e);
}

int hako_runtime_features(hako_runtime *rt, char **ret, hako_error *he) {
    struct err *e = as_error(he);
    js *doc = NULL;
    int r = oci_features(&doc, e);
    return api_text(r, doc, ret, e);
}

int hako_runtime_processes(hako_runtime *rt, const char *id, pid_t **ret, size_t *n,
                           hako_error *he) {
    struct err *e = as_error(he);
    AUTO_ARENA struct arena *a = arena_new();
    pid_t *pids = NULL;
    size_t count = 0;
    int r = a ? oci_ps(&rt->o, id, a, &pids, &count, e) : err_oom(e);
    if (r < 0)
        return r;
    pid_t *out = calloc(count + 1, sizeof(*out));
    if (!out)
        return err_oom(e);
    if (count)
        memcpy(out, pids, count * sizeof(*out));
    *ret = out;
    *n = count;
    return 0;
}

int hako_runtime_update(hako_runtime *rt, const char *id, const char *resources, hako_error *he) {
    struct err *e = as_error(he);
    AUTO_ARENA struct arena *a = arena_new();
    AUTO_JS js *doc = NULL;
    struct rt_resources res = {0};
    int r = a ? js_parse(resources, strlen(resources), "resources", &doc, e) : err_oom(e);
    if (r == 0)
        r = rt_resources_decode(doc, a, &res, e);
    return r < 0 ? r : oci_update(&rt->o, id, &res, e);
}

/* --- exec --------------------------------------------------------------------------------------
 */

static struct strlist api_list(const struct hako_strings *s) {
    return (struct strlist){.v = s->v, .n = s->n};
}

int hako_runtime_exec(hako_runtime *rt, const char *id,
                      const struct hako_runtime_exec_options *options, pid_t *pid, int *pidfd,
                      hako_error *e) {
    API_OPTIONS(struct hako_runtime_exec_options, options, o);
    struct oci_process_options opt = {.process = o.process,
                                      .cwd = o.cwd,
                                      .user = o.user,
                                      .env = api_list(&o.env),
                                      .caps = api_list(&o.caps),
                                      .args = o.args,
                                      .tty = o.terminal,
                                      .detach = o.terminal,
                                      .ignore_paused = o.ignore_paused,
                                      .pid_file = o.pid_file,
                                      .console_socket = o.console_socket,
                                      .preserve_fds = o.preserve_fds};
    struct oci_task t = {.exit_fd = -1, .console = -1};
    int r = oci_exec(&rt->o, id, &opt, &t, as_error(e));
    if (r < 0)
        return r;
    fd_close(&t.console);
    if (pid)
        *pid = t.pid;
    if (pidfd)
        *pidfd = TAKE_FD(t.exit_fd);
    fd_close(&t.exit_fd);
    return 0;
}

/* --- checkpoint --------------------------------------------------------------------------------
 */

static struct oci_criu_options criu_options(const struct hako_runtime_checkpoint_options *o) {
    return (struct oci_criu_options){.image_path = o->image_path,
                                     .work_path = o->work_path,
                                     .leave_running = o->leave_running,
                                     .tcp_established = o->tcp_established,
                                     .ext_unix_sk = o->external_unix,
                                     .shell_job = o->shell_job,
                                     .file_locks = o->file_locks,
                                     .status_fd = -1};
}

int hako_runtime_checkpoint(hako_runtime *rt, const char *id,
                            const struct hako_runtime_checkpoint_options *options, hako_error *e) {
    API_OPTIONS(struct hako_runtime_checkpoint_options, options, given);
    struct oci_criu_options opt = criu_options(&given);
    return oci_checkpoint(&rt->o, id, &opt, as_error(e));
}

int hako_runtime_restore(hako_runtime *rt, const char *id,
                         const struct hako_runtime_create_options *create,
                         const struct hako_runtime_checkpoint_options *options, pid_t *pid,
                         hako_error *e) {
    API_OPTIONS(struct hako_runtime_create_options, create, how);
    API_OPTIONS(struct hako_runtime_checkpoint_options, options, given);
    struct oci_create_options c = create_options(&how);
    struct oci_criu_options opt = criu_options(&given);
    struct oci_task t = {.exit_fd = -1, .console = -1};
    int r = oci_restore(&rt->o, id, &c, &opt, &t, as_error(e));
    if (r == 0 && pid)
        *pid = t.pid;
    fd_close(&t.exit_fd);
    return r;
}
