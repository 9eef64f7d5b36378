/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs, memory nodes and cache classes; what an OCI runtime must not make do with; warnings. */
#include "machine_box.h"

#include "base/str.h"
#include "machine/container/rdt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct made {
    struct box b;
    struct rt_process p;
    char resctrl[64];
    struct str text;
};

static int setup(void **state) {
    struct made *m = calloc(1, sizeof(*m));
    struct box *b = &m->b;
    b->a = arena_new();
    b->root = (struct root_recipe){.kind = ROOT_DIR, .dir = arena_strdup(b->a, "/r")};
    b->host = (struct plan_host){.id = "c1", .bundle = "/b", .caps = CAPS_DEFAULT};
    b->spec.has_process = true;
    b->spec.version = arena_strdup(b->a, "1.2.0");
    b->spec.process.args = box_words(b->a, "x");
    b->spec.process.cwd = arena_strdup(b->a, "/");
    b->spec.process.caps.given = true;
    box_namespaces(b, false);
    str_copy(m->resctrl, sizeof(m->resctrl), "/tmp/hako-test-XXXXXX");
    m->text = STR_INIT(0);
    *state = m;
    return mkdtemp(m->resctrl) ? 0 : -1;
}

static int teardown(void **state) {
    struct made *m = *state;
    arena_free(m->b.a);
    str_free(&m->text);
    path_remove_tree(AT_FDCWD, m->resctrl);
    free(m);
    return 0;
}

static const char *print(struct made *m) {
    str_free(&m->text);
    m->text = STR_INIT(0);
    assert_int_equal(plan_print(&m->b.plan, &m->text), 0);
    return str_c(&m->text);
}

static void expect(struct made *m, const char *line) {
    if (box_plan(&m->b) < 0)
        fail_msg("%s", m->b.e.msg);
    if (!strstr(print(m), line))
        fail_msg("\"%s\" is not in\n%s", line, print(m));
}

static void refuse(struct made *m, const char *part) {
    assert_true(box_plan(&m->b) < 0);
    if (!strstr(m->b.e.msg, part))
        fail_msg("\"%s\" is not in \"%s\"", part, m->b.e.msg);
}

static int exec_plan(struct made *m) {
    void *bytes;
    size_t len;
    struct box *b = &m->b;
    int r = plan_build_exec(&b->spec, &m->p, &b->host, b->a, &bytes, &len, &b->e);
    return r < 0 ? r : plan_open(bytes, len, &b->plan, &b->e);
}

static void affinity_is_for_exec(void **state) {
    struct made *m = *state;
    m->p = m->b.spec.process;
    m->p.exec_cpu_affinity.initial = arena_strdup(m->b.a, "0-3,7");
    m->p.exec_cpu_affinity.final = arena_strdup(m->b.a, " 64 , 2-2\n");
    assert_int_equal(exec_plan(m), 0);
    assert_non_null(strstr(print(m), "birth cpu-affinity <8 bytes>\n"));
    assert_non_null(strstr(print(m), "init  cpu-affinity <16 bytes>\n"));
    uint32_t n, len;
    const struct plan_step *s = plan_steps(&m->b.plan, PLAN_BIRTH, &n);
    const unsigned long *set = plan_blob(&m->b.plan, s[0].ref[0], &len);
    assert_int_equal(set[0], 0x8f);
    static const char *const bad[] = {"x",
                                      "1-",
                                      "3-1",
                                      "1,,2",
                                      ",",
                                      "-1",
                                      "8192",
                                      "1-99999",
                                      "0x1f",
                                      "1 2",
                                      "99999999999999999999"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        m->p.exec_cpu_affinity.final = arena_strdup(m->b.a, bad[i]);
        assert_int_equal(exec_plan(m), -EINVAL);
        assert_non_null(strstr(m->b.e.msg, "process.execCPUAffinity.final: \""));
    }
    /* "not applicable to the container's init process" */
    m->b.spec.process.exec_cpu_affinity = m->p.exec_cpu_affinity;
    assert_int_equal(box_plan(&m->b), 0);
    assert_null(strstr(print(m), "cpu-affinity"));
}

static void memory_policy(void **state) {
    struct made *m = *state;
    struct rt_spec *s = &m->b.spec;
    s->memory_policy.mode = arena_strdup(m->b.a, "MPOL_INTERLEAVE");
    s->memory_policy.nodes = arena_strdup(m->b.a, "0-1");
    s->memory_policy.flags = box_words(m->b.a, "MPOL_F_STATIC_NODES");
    expect(m, "init  memory-policy <8 bytes> \"MPOL_INTERLEAVE\" 0x8003 2\n");
    s->memory_policy.flags = box_words(m->b.a, "MPOL_F_NO");
    refuse(m, "linux.memoryPolicy.flags: \"MPOL_F_NO\"");
    s->memory_policy.flags.n = 0;
    s->memory_policy.nodes = arena_strdup(m->b.a, "0-");
    refuse(m, "linux.memoryPolicy.nodes: \"0-\"");
    s->memory_policy.nodes = NULL;
    s->memory_policy.mode = arena_strdup(m->b.a, "MPOL_LOCAL");
    expect(m, "init  memory-policy <0 bytes> \"MPOL_LOCAL\" 0x4 0\n");
}

static void cache_classes_in_the_plan(void **state) {
    struct made *m = *state;
    struct rt_spec *s = &m->b.spec;
    s->intel_rdt.given = true;
    refuse(m, "Intel RDT is not supported");
    m->b.host.resctrl = "/rc";
    expect(m, "host  rdt-group \"/rc/c1\" - - 1\n");
    s->intel_rdt.enable_monitoring = true;
    s->intel_rdt.l3_cache_schema = arena_strdup(m->b.a, "L3:0=f");
    s->intel_rdt.mem_bw_schema = arena_strdup(m->b.a, "MB:0=20");
    s->intel_rdt.schemata = box_words(m->b.a, "L2:0=1");
    s->intel_rdt.clos_id = arena_strdup(m->b.a, "gold");
    expect(m, "host  rdt-group \"/rc/gold\" [\"L3:0=f\" \"MB:0=20\" \"L2:0=1\"] "
              "\"/rc/gold/mon_groups/c1\" 2\n");
    s->intel_rdt.mem_bw_schema = arena_strdup(m->b.a, "L3:0=20");
    refuse(m, "linux.intelRdt.memBwSchema");
    s->intel_rdt.mem_bw_schema = NULL;
    s->intel_rdt.l3_cache_schema = arena_strdup(m->b.a, "L3:0=f\nMB:0=1");
    refuse(m, "linux.intelRdt.l3CacheSchema");
    s->intel_rdt.l3_cache_schema = NULL;
    s->intel_rdt.schemata.n = 0;
    s->intel_rdt.clos_id = arena_strdup(m->b.a, "/");
    expect(m, "host  rdt-group \"/rc\" - \"/rc/mon_groups/c1\" 3\n");
    static const char *const bad[] = {"..", ".", "a/b", "/x"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        s->intel_rdt.clos_id = arena_strdup(m->b.a, bad[i]);
        refuse(m, "linux.intelRdt.closID");
    }
}

/* A directory with the files that the kernel would put there. */
static void fake_group(struct made *m, const char *name, const char *schemata) {
    char *dir = arena_printf(m->b.a, "%s/%s", m->resctrl, name);
    mkdir(dir, 0755);
    assert_int_equal(
        io_replace_file(AT_FDCWD, arena_printf(m->b.a, "%s/tasks", dir), "", 0, 0644, false), 0);
    assert_int_equal(io_replace_file(AT_FDCWD, arena_printf(m->b.a, "%s/schemata", dir), schemata,
                                     strlen(schemata), 0644, false),
                     0);
}

static void cache_classes_in_files(void **state) {
    struct made *m = *state;
    struct rt_spec *s = &m->b.spec;
    struct str text = STR_INIT(0);
    m->b.host.resctrl = m->resctrl;
    s->intel_rdt.given = true;
    s->intel_rdt.clos_id = arena_strdup(m->b.a, "gold");
    /* without schemata it must be there */
    assert_int_equal(box_plan(&m->b), 0);
    assert_int_equal(rdt_make(&m->b.plan, &m->b.e), -ENOENT);
    fake_group(m, "gold", "    L3:0=f;1=f\n    MB:0=100\n");
    assert_int_equal(rdt_make(&m->b.plan, &m->b.e), 0);
    assert_int_equal(rdt_join(&m->b.plan, 77, &m->b.e), 0);
    assert_int_equal(
        io_read_file(AT_FDCWD, arena_printf(m->b.a, "%s/gold/tasks", m->resctrl), &text), 0);
    assert_string_equal(str_c(&text), "77");
    str_free(&text);
    /* with schemata they must be the same */
    s->intel_rdt.schemata = box_words(m->b.a, "MB:0=100 L3:0=f;1=f");
    assert_int_equal(box_plan(&m->b), 0);
    assert_int_equal(rdt_make(&m->b.plan, &m->b.e), 0);
    s->intel_rdt.schemata = box_words(m->b.a, "L3:0=f");
    assert_int_equal(box_plan(&m->b), 0);
    assert_int_equal(rdt_make(&m->b.plan, &m->b.e), -EEXIST);
    /* it was not ours: it stays */
    assert_int_equal(rdt_remove(&m->b.plan, &m->b.e), 0);
    assert_int_equal(access(arena_printf(m->b.a, "%s/gold", m->resctrl), F_OK), 0);
    /* one of our own goes, one of that name that is there already is refused and stays */
    s->intel_rdt.clos_id = NULL;
    s->intel_rdt.schemata.n = 0;
    assert_int_equal(box_plan(&m->b), 0);
    assert_int_equal(rdt_make(&m->b.plan, &m->b.e), 0);
    assert_int_equal(rdt_make(&m->b.plan, &m->b.e), -EEXIST);
    assert_int_equal(access(arena_printf(m->b.a, "%s/c1", m->resctrl), F_OK), 0);
    assert_int_equal(rdt_remove(&m->b.plan, &m->b.e), 0);
    assert_int_equal(rdt_remove(&m->b.plan, &m->b.e), 0);
    assert_int_not_equal(access(arena_printf(m->b.a, "%s/c1", m->resctrl), F_OK), 0);
}

static void cache_classes_are_updated(void **state) {
    struct made *m = *state;
    struct str text = STR_INIT(0);
    assert_int_equal(box_plan(&m->b), 0);
    assert_int_equal(rdt_update(&m->b.plan, "L3:0=3", &m->b.e), 0); /* it has no group */
    m->b.host.resctrl = m->resctrl;
    m->b.spec.intel_rdt.given = true;
    m->b.spec.intel_rdt.clos_id = arena_strdup(m->b.a, "gold");
    assert_int_equal(box_plan(&m->b), 0);
    assert_int_equal(rdt_update(&m->b.plan, "L3:0=3", &m->b.e), -ENOENT);
    fake_group(m, "gold", "");
    assert_int_equal(rdt_update(&m->b.plan, "L3:0=3", &m->b.e), 1);
    assert_int_equal(
        io_read_file(AT_FDCWD, arena_printf(m->b.a, "%s/gold/schemata", m->resctrl), &text), 0);
    assert_string_equal(str_c(&text), "L3:0=3\n");
    str_free(&text);
}

static void strict_makes_no_do(void **state) {
    struct made *m = *state;
    struct rt_rlimit limit = {arena_strdup(m->b.a, "RLIMIT_CORE"), 1, 1};
    m->b.spec.process.rlimits = &limit;
    m->b.spec.process.n_rlimits = 1;
    m->b.spec.process.has_oom_score_adj = true;
    m->b.spec.process.oom_score_adj = -5;
    expect(m, "init  oom-score -5 (clamp)\n");
    expect(m, "init  rlimit \"RLIMIT_CORE\" 4 1 1 (clamp)\n");
    expect(m, "init  keyring \"_hako\" (clamp)\n");
    expect(m, "init  umask 022\n");
    m->b.host.strict = true;
    expect(m, "init  oom-score -5\n");
    expect(m, "init  rlimit \"RLIMIT_CORE\" 4 1 1\n");
    expect(m, "init  keyring \"_hako\"\n");
    expect(m, "init  umask 01777777777777777777777\n");
    m->b.host.no_keyring = true;
    assert_int_equal(box_plan(&m->b), 0);
    assert_null(strstr(print(m), "keyring"));
    /* exec does as its box */
    struct plan box = m->b.plan;
    m->b.host.box = &box;
    m->b.host.no_keyring = false;
    m->p = m->b.spec.process;
    assert_int_equal(exec_plan(m), 0);
    assert_null(strstr(print(m), "keyring"));
}

static void groups_that_are_kept(void **state) {
    struct made *m = *state;
    struct rt_kv kv = {arena_strdup(m->b.a, "run.oci.keep_original_groups"),
                       arena_strdup(m->b.a, "1")};
    m->b.spec.annotations = &kv;
    m->b.spec.n_annotations = 1;
    expect(m, "init  groups"); /* the engine takes no orders from annotations */
    m->b.host.strict = true;
    assert_int_equal(box_plan(&m->b), 0);
    assert_null(strstr(print(m), "init  groups"));
}

static void capabilities_that_cannot_be(void **state) {
    struct made *m = *state;
    struct strlist warnings = {0};
    struct rt_caps *c = &m->b.spec.process.caps;
    c->bounding = CAPS_BIT(0) | CAPS_BIT(25);
    c->unknown = box_words(m->b.a, "CAP_FUTURE");
    m->b.host.warnings = &warnings;
    expect(m, "init  caps-bound 0x1\n");
    assert_int_equal(warnings.n, 2);
    assert_non_null(strstr(warnings.v[0], "CAP_FUTURE"));
    assert_non_null(strstr(warnings.v[1], "CAP_SYS_TIME"));
    /* exec: a document that says nothing has the container's */
    c->effective = c->permitted = CAPS_BIT(0);
    m->p = m->b.spec.process;
    m->p.caps = (struct rt_caps){0};
    assert_int_equal(exec_plan(m), 0);
    assert_non_null(strstr(print(m), "init  caps 0x1 0x1 0x0 0x0\n"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        T(affinity_is_for_exec),        T(memory_policy),      T(cache_classes_in_the_plan),
        T(cache_classes_in_files),      T(strict_makes_no_do), T(groups_that_are_kept),
        T(cache_classes_are_updated),   T(strict_makes_no_do), T(groups_that_are_kept),
        T(capabilities_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
