/* SPDX-License-Identifier: Apache-2.0 */
/* A process document from words or a file → an exec plan → a task. */
#include "oci/bundle.h"
#include "oci/console.h"
#include "oci/open.h"
#include "oci/pidfile.h"

#include "base/io.h"
#include "machine/plan_format.h"
#include "sys/caps.h"
#include "sys/pidref.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

static int exec_user(const char *word, struct rt_user *u, struct err *e) {
    char text[64];
    uint64_t uid = 0, gid = 0;
    bool fits = str_copy(text, sizeof(text), word);
    char *colon = strchr(text, ':');
    if (colon)
        *colon = 0;
    if (!fits || str_to_u64(text, &uid) < 0 || uid > UINT32_MAX)
        return err_set(e, ERR_USAGE, -EINVAL, "parsing %.100s as int for uid failed: not a number",
                       word);
    if (colon && (str_to_u64(colon + 1, &gid) < 0 || gid > UINT32_MAX))
        return err_set(e, ERR_USAGE, -EINVAL, "parsing %.100s as int for gid failed: not a number",
                       colon + 1);
    u->uid = (uint32_t)uid;
    if (colon)
        u->gid = (uint32_t)gid;
    return 0;
}

static int exec_groups(const struct strlist *words, struct arena *a, struct rt_user *u,
                       struct err *e) {
    uint32_t *v = arena_array(a, u->n_additional_gids + words->n, uint32_t);
    size_t n = u->n_additional_gids;
    if (!v)
        return err_oom(e);
    if (n)
        memcpy(v, u->additional_gids, n * sizeof(*v));
    for (size_t i = 0; i < words->n; i++) {
        uint64_t gid;
        if (str_to_u64(words->v[i], &gid) < 0 || gid > UINT32_MAX)
            return err_set(e, ERR_USAGE, -EINVAL, "additional gid \"%.100s\" is not a number",
                           words->v[i]);
        v[n++] = (uint32_t)gid;
    }
    u->additional_gids = v;
    u->n_additional_gids = n;
    return 0;
}

static void exec_caps(const struct oci *o, const struct strlist *words, struct rt_caps *c) {
    for (size_t i = 0; i < words->n; i++) {
        int cap = rt_cap_from_name(words->v[i]);
        if (cap < 0) {
            oci_warn(o, "ignoring unknown or unavailable capabilities: [%.100s]", words->v[i]);
            continue;
        }
        c->bounding |= CAPS_BIT(cap);
        c->effective |= CAPS_BIT(cap);
        c->permitted |= CAPS_BIT(cap);
        c->ambient |= CAPS_BIT(cap);
        c->given = true;
    }
}

static int exec_words(const struct oci *o, const struct oci_process_options *opt, struct arena *a,
                      struct rt_process *p, struct err *e) {
    int r = 0;
    p->args = (struct strlist){0};
    p->terminal = opt->tty;
    for (char **s = opt->args; r == 0 && s && *s; s++)
        r = strlist_add(a, &p->args, *s);
    for (size_t i = 0; r == 0 && i < opt->env.n; i++)
        r = strlist_add(a, &p->env, opt->env.v[i]);
    if (r < 0)
        return err_oom(e);
    if (!str_empty(opt->cwd))
        p->cwd = arena_strdup(a, opt->cwd);
    if (!str_empty(opt->process_label))
        p->selinux_label = arena_strdup(a, opt->process_label);
    if (!str_empty(opt->apparmor))
        p->apparmor_profile = arena_strdup(a, opt->apparmor);
    /* as its container; crun's users are used to the option alone */
    bool kept = p->no_new_privileges && !str_eq(o->name, "crun");
    p->no_new_privileges = kept || opt->no_new_privs;
    p->console_width = p->console_height = 0;
    exec_caps(o, &opt->caps, &p->caps);
    if (!str_empty(opt->user))
        r = exec_user(opt->user, &p->user, e);
    return r < 0 ? r : exec_groups(&opt->additional_gids, a, &p->user, e);
}

static int exec_file(const char *path, struct arena *a, struct rt_process *p, struct err *e) {
    AUTO_STR struct str text = STR_INIT(OCI_MAX_CONFIG);
    AUTO_JS js *doc = NULL;
    int r = io_read_file(AT_FDCWD, path, &text);
    if (r < 0)
        return err_sysn(e, r, "cannot read the process document %.300s", path);
    r = js_parse(str_c(&text), text.len, path, &doc, e);
    return r < 0 ? r : rt_process_decode(doc, a, p, e);
}

static int exec_process(const struct oci *o, const struct oci_process_options *opt,
                        const struct rt_spec *spec, struct arena *a, struct rt_process *p,
                        struct err *e) {
    int r = 0;
    if (opt->process) {
        *p = (struct rt_process){0};
        r = exec_file(opt->process, a, p, e);
    } else {
        *p = spec->process;
        r = exec_words(o, opt, a, p, e);
    }
    if (r < 0)
        return r;
    oci_env_tidy(&p->env);
    if (str_empty(p->cwd))
        return err_set(e, ERR_USAGE, -EINVAL, "process.cwd: Cwd property must not be empty");
    if (p->cwd[0] != '/')
        return err_set(e, ERR_USAGE, -EINVAL,
                       "process.cwd: \"%.200s\": Cwd must be an absolute path", p->cwd);
    if (p->args.n == 0)
        return err_set(e, ERR_USAGE, -EINVAL, "process args cannot be empty");
    return 0;
}

/* The filter that create compiled. */
static void exec_seccomp(const struct plan *box, struct plan_host *ph) {
    uint32_t n, len;
    const struct plan_step *s = plan_steps(box, PLAN_INIT, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (s[i].op == PLAN_SECCOMP) {
            ph->seccomp_bpf = plan_blob(box, s[i].ref[0], &len);
            ph->seccomp_len = len;
            ph->seccomp_flags = (uint32_t)s[i].num[0];
        }
    }
}

static int exec_plan(const struct oci *o, struct oci_open *c, struct oci_bundle *b,
                     const struct oci_process_options *opt, struct plan *ret, struct rt_process *p,
                     struct err *e) {
    void *bytes;
    size_t len;
    b->a = c->a;
    int r = oci_bundle_read(b, c->dir.fd, STATE_CONFIG, e);
    if (r == 0)
        r = exec_process(o, opt, &b->spec, c->a, p, e);
    if (r == 0)
        r = oci_console_check(p->terminal, opt->detach, opt->console_socket, e);
    if (r == 0)
        r = oci_bundle_facts(b, false, e); /* the plan knows the cgroups */
    if (r < 0)
        return r;
    b->ph.exec_cgroups = &opt->cgroups;
    b->ph.box = &c->plan; /* knows the namespaces better than the document */
    b->ph.id = c->st.id;
    b->ph.bundle = c->st.bundle;
    b->spec.n_namespaces = 0;
    exec_seccomp(&c->plan, &b->ph);
    r = plan_build_exec(&b->spec, p, &b->ph, c->a, &bytes, &len, e);
    return r < 0 ? r : plan_open(bytes, len, ret, e);
}

static int exec_check(const struct oci_open *c, const struct oci_process_options *opt,
                      struct err *e) {
    if (c->status == OCI_STOPPED)
        return err_set(e, ERR_CONFLICT, -EINVAL, "cannot exec in a stopped container");
    if (c->status == OCI_PAUSED && !opt->ignore_paused)
        return err_set(e, ERR_CONFLICT, -EINVAL,
                       "cannot exec in a paused container (use --ignore-paused to override)");
    return 0;
}

static int exec_run(const struct oci_open *c, const struct plan *plan,
                    const struct oci_process_options *opt, bool terminal, struct oci_task *ret,
                    struct err *e) {
    struct machine m;
    struct machine_exec x = {.exit_fd = -1, .console = -1};
    struct machine_stdio io = {.terminal = terminal, .preserve = opt->preserve_fds};
    for (int i = 0; i < 3; i++)
        io.fd[i] = fcntl(i, F_GETFD) < 0 ? -1 : i;
    int r = machine_adopt(&m, &machine_container_ops, &c->plan, c->st.pid, c->st.pid_start, e);
    if (r < 0)
        return r;
    r = m.ops->exec(&m, plan, &io, &x, e);
    fd_close(&m.exit_fd);
    if (r == 0)
        *ret = (struct oci_task){.pid = x.pid, .exit_fd = x.exit_fd, .console = x.console};
    return r;
}

static int exec_tell(const struct oci_process_options *opt, struct oci_task *t, struct err *e) {
    int r = 0;
    if (!str_empty(opt->console_socket)) {
        r = oci_console_send(opt->console_socket, t->console, e);
        fd_close(&t->console);
    }
    return r < 0 ? r : pidfile_write(opt->pid_file, t->pid, e);
}

int oci_exec(const struct oci *o, const char *id, const struct oci_process_options *opt,
             struct oci_task *ret, struct err *e) {
    AUTO_OPEN struct oci_open c = OCI_OPEN_INIT;
    AUTO_BUNDLE struct oci_bundle b = {0};
    struct rt_process p = {0};
    struct plan plan;
    struct oci_task t = {.exit_fd = -1, .console = -1};
    int r = oci_open(o, id, &c, e);
    if (r == 0)
        r = exec_check(&c, opt, e);
    if (r == 0)
        r = exec_plan(o, &c, &b, opt, &plan, &p, e);
    if (r == 0)
        oci_trace(o, "nsexec container setup");
    if (r == 0)
        r = exec_run(&c, &plan, opt, p.terminal, &t, e);
    if (r < 0)
        return r;
    oci_trace(o, "child process in init()");
    oci_trace(o, "setns_init: about to exec");
    r = exec_tell(opt, &t, e);
    if (r < 0) {
        int code, signo;
        if (pidref_signal(t.exit_fd, SIGKILL) == 0)
            pidref_reap(t.exit_fd, &code, &signo);
        fd_close(&t.exit_fd);
        fd_close(&t.console);
        return r;
    }
    *ret = t;
    return 0;
}
