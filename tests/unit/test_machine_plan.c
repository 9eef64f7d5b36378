/* SPDX-License-Identifier: Apache-2.0 */
/* The plan as data: what it says for a spec, what it refuses, and bytes that are not a plan. */
#include "base/str.h"
#include "machine/plan.h"
#include "machine/plan_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct made {
    struct arena *a;
    struct rt_spec spec;
    struct root_recipe root;
    struct plan_host host;
    struct err e;
    void *bytes;
    size_t len;
};

static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static struct strlist words(struct arena *a, const char *s) {
    struct strlist l = {0};
    while (*s) {
        size_t n = strcspn(s, " ");
        strlist_add(a, &l, arena_strndup(a, s, n));
        s += n + strspn(s + n, " ");
    }
    return l;
}

static void add_mount(struct made *m, const char *dst, const char *type, const char *src,
                      const char *options) {
    struct rt_mount *v = arena_array(m->a, m->spec.n_mounts + 1, struct rt_mount);
    if (m->spec.n_mounts)
        memcpy(v, m->spec.mounts, m->spec.n_mounts * sizeof(*v));
    v[m->spec.n_mounts++] = (struct rt_mount){.destination = text(dst),
                                              .type = text(type),
                                              .source = text(src),
                                              .options = words(m->a, options)};
    m->spec.mounts = v;
}

static void set_namespaces(struct made *m, const char *list) {
    struct strlist l = words(m->a, list);
    m->spec.namespaces = arena_array(m->a, l.n, struct rt_namespace);
    m->spec.n_namespaces = l.n;
    for (size_t i = 0; i < l.n; i++) {
        for (int ns = 0; ns < RT_NS_COUNT; ns++) {
            if (strcmp(rt_ns_name((enum rt_ns)ns), l.v[i]) == 0)
                m->spec.namespaces[i].type = (enum rt_ns)ns;
        }
    }
}

static int setup(void **state) {
    struct made *m = calloc(1, sizeof(*m));
    m->a = arena_new();
    m->root.lower = words(m->a, "/l/2 /l/1");
    m->root.upper = text("/c/upper");
    m->root.work = text("/c/work");
    m->host = (struct plan_host){.caps = 0xa80425fb | 1 << 21,
                                 .last_cap = 40,
                                 .can_raise_oom = true,
                                 .can_raise_rlimits = true};
    m->spec.has_process = true;
    m->spec.process.args = words(m->a, "sh -c true");
    m->spec.process.env = words(m->a, "PATH=/bin A=b\"c");
    m->spec.process.cwd = text("/w");
    m->spec.process.caps = (struct rt_caps){
        .given = true, .bounding = UINT64_MAX, .effective = 0xff, .permitted = 0xfff};
    m->spec.hostname = text("h");
    set_namespaces(m, "pid network mount ipc uts cgroup");
    add_mount(m, "/proc", "proc", "proc", "nosuid noexec nodev");
    add_mount(m, "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755");
    *state = m;
    return 0;
}

static int teardown(void **state) {
    struct made *m = *state;
    arena_free(m->a);
    free(m);
    return 0;
}

static int build(struct made *m) {
    return plan_build(&m->spec, &m->root, &m->host, m->a, &m->bytes, &m->len, &m->e);
}

static char *print(struct made *m) {
    struct plan p;
    struct str s = STR_INIT(0);
    assert_int_equal(plan_open(m->bytes, m->len, &p, &m->e), 0);
    assert_int_equal(plan_print(&p, &s), 0);
    char *out = arena_strdup(m->a, str_c(&s));
    str_free(&s);
    return out;
}

static void expect_plan(struct made *m, const char *want) {
    if (build(m) < 0)
        fail_msg("%s", m->e.msg);
    assert_string_equal(print(m), want);
}

static void expect_step(struct made *m, const char *line) {
    if (build(m) < 0)
        fail_msg("%s", m->e.msg);
    const char *all = print(m);
    if (!strstr(all, line))
        print_error("%s", all);
    assert_non_null(strstr(all, line));
}

static void expect_refused(struct made *m, const char *part) {
    assert_true(build(m) < 0);
    if (!strstr(m->e.msg, part))
        print_error("%s\n", m->e.msg);
    assert_non_null(strstr(m->e.msg, part));
}

/* --- golden ------------------------------------------------------------------------------------
 */

static void a_whole_plan(void **state) {
    expect_plan(*state,
                "plan  namespaces 0x6c020000 of 0x6e020000\n"
                "init  unshare 0x2000000\n"
                "init  propagation 0x84000\n"
                "init  root-overlay [\"/l/2\" \"/l/1\"] \"/c/upper\" \"/c/work\" 0x0\n"
                "init  mount \"proc\" \"proc\" \"/proc\" - 0xe 0x0 (nofollow) (in-proc)\n"
                "init  mount \"tmpfs\" \"tmpfs\" \"/dev\" [\"mode=755\"] 0x22 0x0\n"
                "init  node \"/dev\" \"null\" 020666 259 0 0\n"
                "init  node \"/dev\" \"zero\" 020666 261 0 0\n"
                "init  node \"/dev\" \"full\" 020666 263 0 0\n"
                "init  node \"/dev\" \"random\" 020666 264 0 0\n"
                "init  node \"/dev\" \"urandom\" 020666 265 0 0\n"
                "init  node \"/dev\" \"tty\" 020666 1280 0 0\n"
                "init  symlink \"/dev\" \"fd\" \"/proc/self/fd\"\n"
                "init  symlink \"/dev\" \"stdin\" \"/proc/self/fd/0\"\n"
                "init  symlink \"/dev\" \"stdout\" \"/proc/self/fd/1\"\n"
                "init  symlink \"/dev\" \"stderr\" \"/proc/self/fd/2\"\n"
                "init  symlink \"/dev\" \"core\" \"/proc/kcore\"\n"
                "init  symlink \"/dev\" \"ptmx\" \"pts/ptmx\"\n"
                "init  pivot\n"
                "init  hostname \"h\"\n"
                "init  keyring \"_hako\" (clamp)\n"
                "init  cwd \"/w\"\n"
                "init  caps-bound 0xa82425fb\n"
                "init  groups <0 bytes>\n"
                "init  user 0 0\n"
                "init  cwd \"/w\" (second-try)\n"
                "init  umask 022\n"
                "init  park\n"
                "init  caps 0xfb 0x5fb 0x0 0x0\n"
                "init  exec [\"sh\" \"-c\" \"true\"] [\"PATH=/bin\" \"A=b\\\"c\"] \"/bin\"\n");
}

static void an_exec_plan(void **state) {
    struct made *m = *state;
    struct rt_process p = m->spec.process;
    p.terminal = true;
    p.console_width = 80;
    p.console_height = 24;
    p.no_new_privileges = true;
    p.user = (struct rt_user){.uid = 5, .gid = 6, .umask = 077, .has_umask = true};
    m->host.seccomp_bpf = "12345678";
    m->host.seccomp_len = 8;
    assert_int_equal(plan_build_exec(&m->spec, &p, &m->host, m->a, &m->bytes, &m->len, &m->e), 0);
    assert_string_equal(print(m),
                        "plan  namespaces 0x0 of 0x6e020000 exec terminal\n"
                        "init  join-box 0x4e020000\n"
                        "init  console 5 80 24\n"
                        "init  keyring \"_hako\" (clamp)\n"
                        "init  cwd \"/w\"\n"
                        "init  caps-bound 0xa82425fb\n"
                        "init  groups <0 bytes>\n"
                        "init  user 5 6\n"
                        "init  cwd \"/w\" (second-try)\n"
                        "init  umask 077\n"
                        "init  caps 0xfb 0x5fb 0x0 0x0\n"
                        "init  no-new-privs\n"
                        "init  seccomp <8 bytes> - - 0x0\n"
                        "init  exec [\"sh\" \"-c\" \"true\"] [\"PATH=/bin\" \"A=b\\\"c\"] "
                        "\"/bin\"\n");
}

static void cgroups_of_a_v2_host(void **state) {
    struct made *m = *state;
    struct cgroup_layout l = {
        .kind = CGROUP_V2,
        .has_v2 = true,
        .v2 = {.mount = "/cg",
               .base = "/cg",
               .ctls = CG_BIT(CG_PIDS) | CG_BIT(CG_MEMORY),
               .enabled = CG_BIT(CG_PIDS) | CG_BIT(CG_MEMORY),
               .writable = true},
    };
    m->host.cgroups = &l;
    m->spec.cgroups_path = text("hako/x");
    m->spec.resources.pids_limit = (struct rt_opt_i64){true, 99};
    add_mount(m, "/sys/fs/cgroup", "cgroup", "cgroup", "ro nosuid");
    expect_step(m, "host  cgroup-write \"/cg/hako/x\" \"pids.max\" \"99\" "
                   "\"linux.resources.pids.limit\"\n");
    expect_step(m, "init  mount \"cgroup2\" \"cgroup2\" \"/sys/fs/cgroup\" - 0x3 0x0 (optional)\n");
    assert_null(strstr(print(m), "join-cgroup"));
}

static void cgroups_of_a_v1_host(void **state) {
    struct made *m = *state;
    struct cgroup_layout l = {
        .kind = CGROUP_V1,
        .n_v1 = 1,
        .v1 = {{.mount = "/cg/cpu,cpuacct",
                .base = "/cg/cpu,cpuacct",
                .writable = true,
                .ctls = CG_BIT(CG_CPU) | CG_BIT(CG_CPUACCT)}},
    };
    m->host.cgroups = &l;
    m->spec.cgroups_path = text("hako/x");
    add_mount(m, "/sys/fs/cgroup", "cgroup", "cgroup", "ro");
    expect_step(m, "host  cgroup-mkdir \"/cg/cpu,cpuacct/hako/x\"\n");
    expect_step(m, "init  join-cgroup \"/cg/cpu,cpuacct/hako/x\"\ninit  unshare 0x2000000\n");
    expect_step(m, "\"/sys/fs/cgroup/cpu,cpuacct\" [\"cpu\" \"cpuacct\"] 0x1 0x0 (optional)\n"
                   "init  symlink \"/sys/fs/cgroup\" \"cpu\" \"cpu,cpuacct\"\n"
                   "init  symlink \"/sys/fs/cgroup\" \"cpuacct\" \"cpu,cpuacct\"\n"
                   "init  mount-attr \"/sys/fs/cgroup\" - 0x1 0x0 0x0 0x0 0x0\n");
}

static void mount_words_become_attributes(void **state) {
    struct made *m = *state;
    add_mount(m, "/a", "bind", "/s", "rbind ro nosuid noexec rslave");
    add_mount(m, "/b", "none", "/s", "bind rro rnoatime rw");
    add_mount(m, "/c", "tmpfs", "tmpfs", "noatime,x size=1k tmpcopyup");
    expect_step(m, "init  bind \"/s\" \"/a\" 0xb 0x0 0x0 0x0 0x84000");
    expect_step(m, "init  bind \"/s\" \"/b\" 0x0 0x1 0x11 0x70 0x0\n");
    expect_step(m, "(copy-up)");
}

static void rootless_differs(void **state) {
    struct made *m = *state;
    struct rt_idmap map[] = {{0, 0, 1}, {1, 1, 999}};
    m->host.rootless = true;
    m->spec.uid_mappings = m->spec.gid_mappings = (struct rt_idmaps){map, 2};
    set_namespaces(m, "user pid mount ipc uts");
    add_mount(m, "/sys", "sysfs", "sysfs", "ro nosuid");
    add_mount(m, "/dev/pts", "devpts", "devpts", "gid=5000 mode=620");
    m->root.userxattr = true;
    expect_step(m, "plan  namespaces 0x3c020000 of 0x3c020000\n");
    expect_step(m, "init  root-ids\n");
    expect_step(m, "\"/c/work\" 0x1\n");
    /* the host's sysfs without a network namespace of our own, devices by bind, unmapped gid */
    expect_step(m, "init  bind \"/sys\" \"/sys\" 0x3 0x0 0x1 0x0 0x0 (recursive)\n");
    expect_step(m, "init  node-bind \"/dev\" \"null\" \"/dev/null\" 020000 259 0 0\n");
    expect_step(m, "\"/dev/pts\" [\"mode=620\"]");
    /* no cgroup: the process limit is the user namespace's */
    m->spec.resources.pids_limit = (struct rt_opt_i64){true, 77};
    expect_step(m, "init  rlimit \"RLIMIT_NPROC\" 6 77 77 (clamp)\n");
}

static void filter_before_capabilities_without_nnp(void **state) {
    struct made *m = *state;
    m->host.seccomp_bpf = "12345678";
    m->host.seccomp_len = 8;
    expect_step(m, "init  park\ninit  seccomp <8 bytes> - - 0x0\ninit  caps 0xfb");
    m->spec.process.no_new_privileges = true;
    expect_step(m, "0x0\ninit  no-new-privs\ninit  seccomp <8 bytes> - - 0x0\ninit  exec");
}

static void hooks_are_steps(void **state) {
    struct made *m = *state;
    struct rt_hook hook = {
        .path = text("/h"), .args = words(m->a, "h x"), .env = words(m->a, "E=1"), .timeout = 3};
    struct rt_hook bare = {.path = text("/b")};
    struct rt_kv kv = {text("k"), text("v\"w")};
    m->host.id = "c1";
    m->host.bundle = "/bun";
    m->spec.version = text("1.2.0");
    m->spec.annotations = &kv;
    m->spec.n_annotations = 1;
    m->spec.prestart = m->spec.create_container = (struct rt_hooks){&hook, 1};
    m->spec.start_container = m->spec.poststop = (struct rt_hooks){&bare, 1};
    expect_step(m, "init  state \"{\\\"ociVersion\\\":\\\"1.2.0\\\",\\\"id\\\":\\\"c1\\\","
                   "\\\"status\\\":\\\"\" \",\\\"bundle\\\":\\\"/bun\\\",\\\"annotations\\\":"
                   "{\\\"k\\\":\\\"v\\\\\\\"w\\\"}}\" - -\n");
    expect_step(m, "\"pts/ptmx\"\ninit  ask-hooks\n"
                   "init  hook \"/h\" [\"h\" \"x\"] [\"E=1\"] 2 3\ninit  pivot\n");
    expect_step(m, "init  hook \"/b\" [\"/b\"] [\"PATH=/bin\" \"A=b\\\"c\"] 3 0\ninit  exec");
    expect_step(m, "hooks hook \"/h\" [\"h\" \"x\"] [\"E=1\"] 0 3\n"
                   "hooks hook \"/b\" [\"/b\"] - 5 0\n");
}

static void a_listener_comes_before_park(void **state) {
    struct made *m = *state;
    struct rt_seccomp_rule rule = {.names = words(m->a, "mkdir"),
                                   .action = text("SCMP_ACT_NOTIFY")};
    struct rt_seccomp s = {.default_action = text("SCMP_ACT_ALLOW"),
                           .listener_path = text("/l"),
                           .listener_metadata = text("M"),
                           .rules = &rule,
                           .n_rules = 1};
    m->spec.seccomp = &s;
    m->host.seccomp_bpf = "12345678";
    m->host.seccomp_len = 8;
    m->host.seccomp_flags = 1; /* TSYNC: not together with a listener */
    expect_refused(m, "need the container's id");
    m->host.id = "c1";
    m->spec.version = text("1.2.0");
    expect_step(m, "init  seccomp <8 bytes> \"/l\" \"{\\\"ociVersion\\\":\\\"1.2.0\\\",\\\"fds\\\":"
                   "[\\\"seccompFd\\\"],\\\"metadata\\\":\\\"M\\\",\\\"pid\\\":\" 0x8\n"
                   "init  caps 0xfb 0x5fb 0x0 0x0\ninit  park\n");
    rule.action = text("SCMP_ACT_ERRNO"); /* nobody to be asked: a wish */
    expect_step(m, "0x8 (optional)\n");
}

/* A neighbour in the same pid namespace finds no task with all rights that waits for its start. */
static void rights_are_gone_before_a_shared_wait(void **state) {
    struct made *m = *state;
    m->host.outlive = true;
    expect_step(m, "init  park\ninit  caps 0xfb 0x5fb 0x0 0x0\n");
    m->spec.namespaces[0].path = text("/proc/7/ns/pid");
    expect_step(m, "init  caps 0xfb 0x5fb 0x0 0x0\ninit  park\n");
}

static void joined_namespaces_are_entered_at_birth(void **state) {
    struct made *m = *state;
    m->spec.namespaces[1].path = text("/proc/7/ns/net");
    expect_step(m, "birth join-ns \"/proc/7/ns/net\" \"network\" 0x40000000\n");
    assert_null(strstr(print(m), "namespaces 0x6c020000"));
}

/* What is there is entered before the user namespace, in which the caller has no other rights; the
 * mount namespace after those that are found by paths. */
static void order_of_joining(void **state) {
    struct made *m = *state;
    struct rt_timens off[] = {{text("monotonic"), -5, 0}, {text("boottime"), 86400, 7}};
    m->spec.hostname = NULL;
    set_namespaces(m, "user mount time network ipc cgroup");
    for (size_t i = 0; i < 6; i++)
        m->spec.namespaces[i].path =
            arena_printf(m->a, "/n/%s", rt_ns_proc(m->spec.namespaces[i].type));
    m->root = (struct root_recipe){.kind = ROOT_DIR, .dir = text("/r")};
    expect_step(m, "plan  namespaces 0x0 of 0x5a020080\n"
                   "birth join-ns \"/n/net\" \"network\" 0x40000000\n"
                   "birth join-ns \"/n/ipc\" \"ipc\" 0x8000000\n"
                   "birth join-ns \"/n/mnt\" \"mount\" 0x20000\n"
                   "birth join-ns \"/n/user\" \"user\" 0x10000000\n"
                   "birth join-ns \"/n/cgroup\" \"cgroup\" 0x2000000\n"
                   "init  join-ns \"/n/time\" \"time\" 0x80\n"
                   "init  root-ids\n"
                   "init  root-dir \"/r\" (in-place)\n");
    expect_step(m, "init  chroot\n");
    set_namespaces(m, "mount time");
    m->spec.time_offsets = off;
    m->spec.n_time_offsets = 2;
    m->host.no_pivot = true;
    expect_step(m, "plan  namespaces 0x20000 of 0x20080\n"
                   "init  time-ns \"monotonic -5 0\\x0aboottime 86400 7\\x0a\"\n");
    expect_step(m, "init  pivot (move)\n");
}

static void ids_are_mapped_at_birth(void **state) {
    struct made *m = *state;
    struct rt_idmap map[] = {{0, 100, 10}, {10, 500, 5}};
    m->host.bundle = "/bun";
    m->spec.hostname = NULL;
    m->spec.uid_mappings = m->spec.gid_mappings = (struct rt_idmaps){map, 2};
    set_namespaces(m, "user mount");
    add_mount(m, "/a", "bind", "src", "rbind ridmap");
    add_mount(m, "/b", "bind", "/s", "idmap=uids=@0-3-2#5-0-1;gids=1-@0-1 ro");
    expect_refused(m, "is not uids=FROM-TO-SIZE");
    m->spec.mounts[3].options = words(m->a, "idmap=uids=@0-3-2#5-0-1;gids=@11-+11-5 ro");
    expect_step(m, "birth idmap-source \"/bun/src\" \"0 100 10\\x0a10 500 5\\x0a\" "
                   "\"0 100 10\\x0a10 500 5\\x0a\" - (recursive) (map-all)\n"
                   "birth idmap-source \"/s\" \"0 103 2\\x0a5 0 1\\x0a\" \"11 501 5\\x0a\" -\n");
    expect_step(m, "init  bind \"/bun/src\" \"/a\" 0x0 0x0 0x0 0x0 0x84000 (recursive) (mapped)\n"
                   "init  bind \"/s\" \"/b\" 0x1 0x0 0x0 0x0 0x84000 (mapped)\n");
}

/* The engine's binds add to what the host has set, and its users do not know where roots are. */
static void only_a_runtime_binds_as_mount_does(void **state) {
    struct made *m = *state;
    m->root = (struct root_recipe){.kind = ROOT_DIR, .dir = text("/bun/rootfs")};
    add_mount(m, "/bun/rootfs/a", "bind", "/bun/rootfs/b/../c", "rbind rw");
    add_mount(m, "/d", "bind", "/bun/rootfs2", "rbind rro");
    add_mount(m, "/e", "bind", "/bun/rootfs/f", "rbind rshared");
    expect_step(m, "init  bind \"/bun/rootfs/b/../c\" \"/bun/rootfs/a\" 0x0 0x1 0x0 0x0 0x0 "
                   "(recursive)\n");
    m->host.strict = true;
    expect_step(m, "init  bind \"/c\" \"/a\" 0x0 0x1 0x0 0x0 0x0 (recursive) (in-root) (whole)\n"
                   "init  bind \"/bun/rootfs2\" \"/d\" 0x0 0x0 0x1 0x0 0x0 (recursive)\n"
                   "init  bind \"/bun/rootfs/f\" \"/e\" 0x0 0x0 0x0 0x0 0x104000 (recursive) "
                   "(early)\n");
}

static void more_mount_words(void **state) {
    struct made *m = *state;
    struct strlist warnings = {0};
    m->host.warnings = &warnings;
    add_mount(m, "/a", "bind", "/s", "bind sync lazytime silent iversion x-mine copy-symlink");
    add_mount(m, "/b", "tmpfs", "t", "rro rnosuid sync iversion mode=755,size=1m loud");
    add_mount(m, "/", "none", "none", "bind remount ro nosuid");
    add_mount(m, "/proc/sys", "proc", "proc", "remount rw hidepid=2");
    add_mount(m, "/c", "bind", "/s", "rbind src-nofollow dest-nofollow unbindable mode=755");
    expect_step(m,
                "init  bind \"/s\" \"/a\" 0x0 0x0 0x0 0x0 0x0 (copy-link)\n"
                "init  mount \"tmpfs\" \"t\" \"/b\" [\"sync\" \"mode=755\" \"size=1m\"] 0x2 0x0\n"
                "init  mount-attr \"/\" - 0x3 0x0 0x0 0x0 0x0\n"
                "init  mount-attr \"/proc/sys\" [\"hidepid=2\"] 0x0 0x1 0x0 0x0 0x0\n"
                "init  bind \"/s\" \"/c\" 0x0 0x0 0x0 0x0 0x20000 (recursive) (nofollow) "
                "(source-link)\n");
}

/* --- refused -----------------------------------------------------------------------------------
 */

static void refuses(void **state) {
    struct made *m = *state;
    struct rt_hook hook = {.path = text("/h")};
    struct rt_kv kv = {text("kernel.panic"), text("1")};
    struct rt_rlimit limit = {text("RLIMIT_X"), 1, 1};
    struct rt_spec clean = m->spec;

    m->spec.start_container = (struct rt_hooks){&hook, 1};
    expect_refused(m, "need the container's id");
    m->spec = clean;
    m->spec.n_time_offsets = 1;
    expect_refused(m, "linux.timeOffsets is given");
    m->spec = clean;
    m->spec.sysctl = &kv;
    m->spec.n_sysctl = 1;
    expect_refused(m, "would change the host");
    m->spec = clean;
    m->spec.process.rlimits = &limit;
    m->spec.process.n_rlimits = 1;
    expect_refused(m, "\"RLIMIT_X\" is unknown");
    m->spec = clean;
    m->spec.process.cwd = text("relative");
    expect_refused(m, "needs to be an absolute path");
    m->spec = clean;
    m->spec.process.args = (struct strlist){0};
    expect_refused(m, "no command specified");
    m->spec = clean;
    m->spec.process.apparmor_profile = text("p");
    expect_refused(m, "AppArmor is not enabled");
}

static void refuses_mounts(void **state) {
    struct made *m = *state;
    struct rt_idmap map = {0, 0, 1};
    struct rt_spec clean = m->spec;

    add_mount(m, "/x", "bind", "relative", "");
    expect_refused(m, "must be an absolute path");
    m->spec = clean;
    add_mount(m, "/x", "bind", "/s", "idmap");
    expect_refused(m, "idmap needs uidMappings");
    m->spec = clean;
    add_mount(m, "/x", "bind", "/s", "idmap=uids=0-1-x");
    expect_refused(m, "is not uids=FROM-TO-SIZE");
    m->spec = clean;
    add_mount(m, "/x", "tmpfs", "/s", "");
    m->spec.mounts[2].uid_mappings = (struct rt_idmaps){&map, 1};
    expect_refused(m, "on bind mounts only");
    m->spec = clean;
    m->spec.uid_mappings = (struct rt_idmaps){&map, 1};
    expect_refused(m, "has no user namespace");
    m->spec = clean;
    add_mount(m, "/x", "tmpfs", "/s", "copy-symlink");
    expect_refused(m, "for bind mounts only");
    m->spec = clean;
    m->spec.n_namespaces--; /* the mount namespace is not among them */
    m->spec.namespaces[2].type = RT_NS_CGROUP;
    expect_refused(m, "an image as root needs a new mount namespace");
    m->root = (struct root_recipe){.kind = ROOT_DIR, .dir = text("/r")};
    m->spec.masked_paths = words(m->a, "/proc/kcore");
    expect_refused(m, "linux.maskedPaths needs a new mount namespace");
    m->spec.namespaces[2].type = RT_NS_MOUNT;
    m->spec = clean;
    add_mount(m, "/proc/sys/../x", "bind", "/s", "");
    expect_refused(m, "inside /proc");
    m->spec = clean;
    add_mount(m, "/x/..", "tmpfs", "tmpfs", "");
    expect_refused(m, "not a place to mount on");
}

static void a_missing_layer_list_is_refused(void **state) {
    struct made *m = *state;
    m->root.lower = (struct strlist){0};
    expect_refused(m, "no layers");
}

/* --- bytes -------------------------------------------------------------------------------------
 */

static void every_truncation_is_refused(void **state) {
    struct made *m = *state;
    struct plan p;
    assert_int_equal(build(m), 0);
    for (size_t n = 0; n < m->len; n++)
        assert_int_equal(plan_open(m->bytes, n, &p, &m->e), -EBADMSG);
    assert_int_equal(plan_open((char *)m->bytes + 1, m->len - 1, &p, &m->e), -EINVAL);
}

/* A changed byte is refused or leaves a plan that can be walked to its end. */
static void every_changed_byte_is_harmless(void **state) {
    struct made *m = *state;
    struct plan p;
    struct str s = STR_INIT(0);
    size_t refused = 0;
    assert_int_equal(build(m), 0);
    for (size_t at = 0; at < m->len; at++) {
        unsigned char *b = (unsigned char *)m->bytes + at, was = *b;
        for (unsigned v = 0; v < 256; v += 51) {
            *b = (unsigned char)(was ^ (v | 1));
            if (plan_open(m->bytes, m->len, &p, &m->e) < 0) {
                refused++;
                continue;
            }
            str_clear(&s);
            assert_int_equal(plan_print(&p, &s), 0);
        }
        *b = was;
    }
    str_free(&s);
    assert_true(refused > 100);
}

static void big_plans(void **state) {
    struct made *m = *state;
    for (int i = 0; i < 3000; i++)
        strlist_addf(m->a, &m->spec.process.env, "V%d=%s", i, i % 2 ? "same" : "other");
    assert_int_equal(build(m), 0);
    m->spec.process.env = (struct strlist){0};
    char *big = arena_alloc(m->a, PLAN_MAX_BYTES + 1);
    memset(big, 'x', PLAN_MAX_BYTES);
    strlist_add(m->a, &m->spec.process.env, big);
    expect_refused(m, "does not fit");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(a_whole_plan),
        T(an_exec_plan),
        T(cgroups_of_a_v2_host),
        T(cgroups_of_a_v1_host),
        T(mount_words_become_attributes),
        T(rootless_differs),
        T(filter_before_capabilities_without_nnp),
        T(hooks_are_steps),
        T(a_listener_comes_before_park),
        T(rights_are_gone_before_a_shared_wait),
        T(joined_namespaces_are_entered_at_birth),
        T(order_of_joining),
        T(ids_are_mapped_at_birth),
        T(only_a_runtime_binds_as_mount_does),
        T(more_mount_words),
        T(refuses),
        T(refuses_mounts),
        T(a_missing_layer_list_is_refused),
        T(every_truncation_is_refused),
        T(every_changed_byte_is_harmless),
        T(big_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
