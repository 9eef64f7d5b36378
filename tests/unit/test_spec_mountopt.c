/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "spec/mountopt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum form { SHORT, LONG, TMPFS };

static int parse(enum form form, const char *text, struct arena *a, struct mount_request *m,
                 struct err *e) {
    if (form == SHORT)
        return mountopt_volume(text, "/home/me", a, m, e);
    return form == LONG ? mountopt_mount(text, "/home/me", a, m, e) : mountopt_tmpfs(text, a, m, e);
}

/* One line that names everything that is not default. */
static const char *show(const struct mount_request *m, struct arena *a) {
    const char *s = arena_printf(a, "%s %s %s%s%s%s%s%s%s%s%s", mountopt_kind_name(m->kind),
                                 m->source ? m->source : "-", m->target, m->readonly ? " ro" : "",
                                 m->propagation ? " " : "", m->propagation ? m->propagation : "",
                                 m->create_source ? " create" : "",
                                 m->nonrecursive ? " nonrec" : "", m->ro_top_only ? " rotop" : "",
                                 m->ro_forced ? " roforced" : "", m->nocopy ? " nocopy" : "");
    if (m->relabel)
        s = arena_printf(a, "%s %c", s, m->relabel);
    if (m->subpath)
        s = arena_printf(a, "%s sub=%s", s, m->subpath);
    if (m->driver)
        s = arena_printf(a, "%s driver=%s", s, m->driver);
    for (size_t i = 0; i < m->n_labels; i++)
        s = arena_printf(a, "%s label:%s=%s", s, m->labels[i].key, m->labels[i].value);
    for (size_t i = 0; i < m->n_driver_opts; i++)
        s = arena_printf(a, "%s opt:%s=%s", s, m->driver_opts[i].key, m->driver_opts[i].value);
    if (m->tmpfs_size)
        s = arena_printf(a, "%s size=%llu", s, (unsigned long long)m->tmpfs_size);
    if (m->has_tmpfs_mode)
        s = arena_printf(a, "%s mode=%o", s, m->tmpfs_mode);
    for (size_t i = 0; i < m->options.n; i++)
        s = arena_printf(a, "%s %s", s, m->options.v[i]);
    return s;
}

static void parses(void **state) {
    static const struct {
        enum form form;
        const char *in, *out;
    } cases[] = {
        {SHORT, "/srv:/data", "bind /srv /data create"},
        {SHORT, "/srv//a/../b/:/data/./x/", "bind /srv/b /data/x create"},
        {SHORT, "/:/host:ro,rslave", "bind / /host ro rslave create"},
        {SHORT, "./x:/y:rw", "bind /home/me/x /y create"},
        {SHORT, "../x:/y", "bind /home/x /y create"},
        {SHORT, ".:/y", "bind /home/me /y create"},
        {SHORT, "/a:/b:Z,ro", "bind /a /b ro create Z"},
        {SHORT, "/a:/b:cached", "bind /a /b create"},
        {SHORT, "/a:/b:", "bind /a /b create"},
        {SHORT, "data:/data", "volume data /data"},
        {SHORT, "my.vol_1-x:/data:ro,nocopy", "volume my.vol_1-x /data ro nocopy"},
        {SHORT, "/data", "volume - /data"},
        {LONG, "type=bind,source=/a,target=/b", "bind /a /b"},
        {LONG, "type=BIND,src=/a,dst=/b,ro", "bind /a /b ro"},
        {LONG, "type=bind,src=./a,destination=/b,readonly=false", "bind /home/me/a /b"},
        {LONG, "type=bind,src=/a,dst=/b,bind-propagation=rshared,bind-create-src",
         "bind /a /b rshared create"},
        {LONG, "type=bind,src=/a,dst=/b,bind-recursive=disabled", "bind /a /b nonrec"},
        {LONG, "type=bind,src=/a,dst=/b,ro,bind-recursive=writable", "bind /a /b ro rotop"},
        {LONG, "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly,bind-propagation=rprivate",
         "bind /a /b ro rprivate roforced"},
        {LONG, "target=/b", "volume - /b"},
        {LONG, "type=volume,source=vol,target=/b,volume-nocopy=1", "volume vol /b nocopy"},
        {LONG, "src=vol,dst=/b,volume-subpath=a/b,volume-driver=local",
         "volume vol /b sub=a/b "
         "driver=local"},
        {LONG, "dst=/b,\"volume-label=x,y=1\",volume-label=z,volume-opt=o=a=b,volume-opt=o=c",
         "volume - /b label:x,y=1 label:z= opt:o=c"},
        {LONG, "\"src=/a\"\"b\",type=bind,dst=/b", "bind /a\"b /b"},
        {LONG, "type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=1770",
         "tmpfs - /t size=67108864 mode=1770"},
        {LONG, "type=image,source=debian:12,target=/i,image-subpath=usr",
         "image debian:12 /i "
         "sub=usr"},
        {LONG, "type=bind,consistency=cached,source=/a,target=/b", "bind /a /b"},
        {TMPFS, "/run", "tmpfs - /run"},
        {TMPFS, "/run:", "tmpfs - /run"},
        {TMPFS, "/run/:ro,size=64k,mode=755,noexec,uid=7",
         "tmpfs - /run ro size=65536 mode=755 "
         "noexec uid=7"},
        {TMPFS, "/run:size=50%,nr_inodes=1k", "tmpfs - /run size=50% nr_inodes=1k"},
        {TMPFS, "/run:ro,rw,exec", "tmpfs - /run exec"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        AUTO_ARENA struct arena *a = arena_new();
        struct mount_request m = {0};
        struct err e;
        if (parse(cases[i].form, cases[i].in, a, &m, &e) < 0)
            fail_msg("%s: %s", cases[i].in, e.msg);
        if (!str_eq(show(&m, a), cases[i].out))
            fail_msg("%s gave: %s", cases[i].in, show(&m, a));
    }
}

static const struct {
    enum form form;
    const char *in, *message;
} refused[] = {
    {SHORT, "", "invalid volume specification: ''"},
    {SHORT, ":/x", "invalid volume specification: ':/x'"},
    {SHORT, "/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"},
    {SHORT, "/data:ro", "invalid volume specification: '/data:ro'"},
    {SHORT, "/a:/b:up", "invalid mode: up"},
    {SHORT, "/a:/b:ro,rw", "invalid mode: ro,rw"},
    {SHORT, "/a:/b:ro,", "invalid mode: ro,"},
    {SHORT, "/a:/b:slave,shared", "invalid mode: slave,shared"},
    {SHORT, "/a:b", "invalid mount path: 'b' mount path must be absolute"},
    {SHORT, "data", "invalid mount path: 'data' mount path must be absolute"},
    {SHORT, "/a:/", "invalid specification: destination can't be '/'"},
    {SHORT, "/a:/x/..", "invalid specification: destination can't be '/'"},
    {SHORT, "/", "invalid specification: destination can't be '/'"},
    {SHORT, "a/b:/c", "create a/b: \"a/b\" includes invalid characters for a local volume name"},
    {SHORT, "~/x:/c", "create ~/x: \"~/x\" includes invalid characters"},
    {SHORT, "a:/c", "create a: volume name is too short"},
    {SHORT, "/a:/b:nocopy", "invalid volume specification: '/a:/b:nocopy': \"nocopy\""},
    {SHORT, "vol:/b:rslave", "invalid volume specification: 'vol:/b:rslave': mount propagation"},
    {LONG, "", "invalid --mount: value is empty"},
    {LONG, "type=bind,target=/b",
     "invalid mount config for type \"bind\": field Source must "
     "not be empty"},
    {LONG, "type=bind,source=/a",
     "invalid mount config for type \"bind\": field Target must "
     "not be empty"},
    {LONG, "type=bind,source=a,target=/b", "invalid mount path: 'a' mount path must be absolute"},
    {LONG, "type=bind,source=/a,target=b", "invalid mount path: 'b' mount path must be absolute"},
    {LONG, "type=bind,source=/a,target=/", "invalid specification: destination can't be '/'"},
    {LONG, "type=cow,target=/b", "invalid mount config for type \"cow\": mount type unknown"},
    {LONG, "type=tmpfs,source=x,target=/b",
     "invalid mount config for type \"tmpfs\": field "
     "Source must not be specified"},
    {LONG, "type=bind,source=/a,target=/b,volume-nocopy",
     "cannot mix 'volume-*' options with "
     "mount type 'bind'"},
    {LONG, "type=volume,target=/b,tmpfs-size=1m",
     "cannot mix 'tmpfs-*' options with mount "
     "type 'volume'"},
    {LONG, "target=/b,colour=red", "unknown option 'colour' in 'colour=red'"},
    {LONG, "target", "invalid field 'target' must be a key=value pair"},
    {LONG, "target=/b,colour", "invalid field 'colour' must be a key=value pair"},
    {LONG, "target=", "invalid value for 'target': value is empty"},
    {LONG, "target= /b",
     "invalid value for 'target' in 'target= /b': value should not have "
     "whitespace"},
    {LONG, " target=/b", "invalid option ' target=/b': option should not have whitespace"},
    {LONG, "target=/b,readonly=maybe",
     "invalid value for 'readonly': invalid boolean value "
     "(\"maybe\")"},
    {LONG, "type=bind,src=/a,dst=/b,bind-propagation=up",
     "invalid mount config for type "
     "\"bind\": invalid propagation "
     "mode: up"},
    {LONG, "type=bind,src=/a,dst=/b,bind-nonrecursive", "bind-nonrecursive is deprecated"},
    {LONG, "type=bind,src=/a,dst=/b,bind-recursive=x", "invalid value for bind-recursive: x"},
    {LONG, "type=bind,src=/a,dst=/b,bind-recursive=writable",
     "option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction"},
    {LONG, "type=bind,src=/a,dst=/b,ro,bind-recursive=readonly",
     "option 'bind-recursive=readonly' requires 'bind-propagation=rprivate'"},
    {LONG, "dst=/b,volume-subpath=a",
     "invalid mount config for type \"volume\": must not set "
     "Subpath"},
    {LONG, "src=vol,dst=/b,volume-subpath=a/../../b", "invalid value for volume-subpath"},
    {LONG, "src=vol,dst=/b,volume-subpath=/a", "invalid value for volume-subpath"},
    {LONG, "src=vol,dst=/b,volume-subpath=..", "invalid value for volume-subpath"},
    {LONG, "type=tmpfs,dst=/t,tmpfs-size=lots", "invalid value for tmpfs-size: lots"},
    {LONG, "type=tmpfs,dst=/t,tmpfs-mode=888", "invalid value for tmpfs-mode: 888"},
    {LONG, "type=tmpfs,dst=/t,tmpfs-mode=77777", "invalid value for tmpfs-mode: 77777"},
    {LONG, "dst=/a\"b", "parse error on line 1, column 7: bare \" in non-quoted field"},
    {LONG, "\"dst=/a", "parse error on line 1, column 8: extraneous or missing \""},
    {LONG, "\"dst=/a\"b", "parse error on line 1, column 8: extraneous or missing \""},
    {LONG, "dst=/a\nb", "parse error on line 1, column 7: line break"},
    {TMPFS, "", "invalid mount path: '' mount path must be absolute"},
    {TMPFS, "run", "invalid mount path: 'run' mount path must be absolute"},
    {TMPFS, "/", "invalid specification: destination can't be '/'"},
    {TMPFS, "/run:bind", "invalid tmpfs option \"bind\""},
    {TMPFS, "/run:size=x", "invalid tmpfs option \"size=x\""},
    {TMPFS, "/run:mode=9", "invalid tmpfs option \"mode=9\""},
    {TMPFS, "/run:uid=-1", "invalid tmpfs option \"uid=-1\""},
    {TMPFS, "/run:huge=always", "invalid tmpfs option \"huge=always\""},
    {TMPFS, "/run:ro,,exec", "invalid tmpfs option \"\""},
};

static void refuses(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        struct mount_request m = {.tmpfs_size = 77};
        struct err e;
        if (parse(refused[i].form, refused[i].in, a, &m, &e) != -EINVAL)
            fail_msg("\"%s\" was taken", refused[i].in);
        assert_int_equal(e.kind, ERR_USAGE);
        assert_int_equal(m.tmpfs_size, 77);
        if (!str_starts(e.msg, refused[i].message))
            fail_msg("\"%s\" gave: %s", refused[i].in, e.msg);
    }
}

static void relative_needs_a_directory(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct mount_request m = {0};
    struct err e;
    assert_int_equal(mountopt_volume("./x:/y", NULL, a, &m, &e), -EINVAL);
    assert_int_equal(mountopt_mount("type=bind,src=./x,dst=/y", NULL, a, &m, &e), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(refuses),
        cmocka_unit_test(relative_needs_a_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
