/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fault injection: the n-th allocation fails, for every n until the call succeeds. Each failure
 * must be -ENOMEM with a message, leave the result untouched and give every byte back.
 */
#include "base/io.h"
#include "base/str.h"
#include "spec/device.h"
#include "spec/env.h"
#include "spec/image.h"
#include "spec/mountopt.h"
#include "spec/port.h"
#include "spec/ref.h"
#include "spec/runtime.h"
#include "spec/ulimit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

#ifdef HAVE_ASAN
int main(void) {
    puts("skipped: the sanitizer owns the allocator");
    return 77;
}
#else

/* --- an allocator that fails on demand ----------------------------------------------------- */

static long countdown = -1; /* -1 = never fail */
static long live;           /* allocations minus frees */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool fails(void) {
    return countdown >= 0 && countdown-- == 0;
}

void *malloc(size_t n) {
    void *p = fails() ? NULL : __libc_malloc(n);
    live += p != NULL;
    return p;
}

void *calloc(size_t n, size_t size) {
    void *p = fails() ? NULL : __libc_calloc(n, size);
    live += p != NULL;
    return p;
}

void *realloc(void *old, size_t n) {
    void *p = fails() ? NULL : __libc_realloc(old, n);
    live += p && !old;
    return p;
}

void free(void *p) {
    live -= p != NULL;
    __libc_free(p);
}

/* --- the calls ----------------------------------------------------------------------------- */

/* Read before anything fails: what the JSON library does without memory is not tested here. */
static js *doc;
static struct rt_spec spec;
static struct str expected = {.max = 1 << 20};

static int run_decode(struct arena *a, struct err *e) {
    struct rt_spec s = {.n_mounts = 77};
    int r = rt_spec_decode(doc, a, &s, e);
    assert_true(r == 0 || s.n_mounts == 77);
    return r;
}

static int run_encode(struct arena *a, struct err *e) {
    AUTO_JS js *out = NULL;
    AUTO_STR struct str text = STR_INIT(0);
    int r = rt_spec_encode(&spec, &out, e);
    assert_true(r == 0 ? out != NULL : out == NULL);
    if (r == 0 && js_print(out, JS_COMPACT, &text) == 0)
        assert_string_equal(str_c(&text), str_c(&expected)); /* nothing left out in silence */
    return r;
}

static int run_words(struct arena *a, struct err *e) {
    struct ref ref = {0};
    struct mount_request m = {0};
    struct port_list ports = {0};
    struct rt_rlimit limit = {0};
    struct strlist env = {0};
    struct device_request dev = {0};
    struct platform p = {0};
    int r = ref_parse("ghcr.io/a/b:1", a, &ref, e);
    if (r == 0)
        r = platform_parse("linux/arm/v7", a, &p, e);
    if (r == 0)
        r = mountopt_mount("type=volume,src=vol,dst=/d,volume-label=a=b", "/", a, &m, e);
    if (r == 0)
        r = mountopt_volume("./x:/y:ro,rslave", "/", a, &m, e);
    if (r == 0)
        r = mountopt_tmpfs("/run:size=1m,noexec", a, &m, e);
    if (r == 0)
        r = port_parse("127.0.0.1:1000-1999:1000-1999", a, &ports, e);
    if (r == 0)
        r = ulimit_parse("nofile=1:2", a, &limit, e);
    if (r == 0)
        r = device_parse("/dev/sda:/dev/xvda:r", a, &dev, e);
    if (r == 0)
        r = env_parse_file("A=b\nC=d\n", 8, "f", NULL, a, &env, e);
    return r < 0 ? r : env_merge(&env, &env, a, &env, e);
}

/* --- the loop ------------------------------------------------------------------------------ */

/* Fail allocation 0, 1, … of run() until it needs no more; how many that were. `pad` bytes are
 * taken from the arena before, so that another of its users is the one who needs a new chunk. */
static long fail_each(int (*run)(struct arena *, struct err *), size_t pad, bool counted) {
    for (long n = 0;; n++) {
        struct err e = {0};
        long before = live;
        struct arena *a = arena_new();
        for (size_t used = 0; used < pad; used += 32)
            assert_non_null(arena_alloc(a, 32));
        countdown = n;
        int r = run(a, &e);
        bool reached = countdown < 0;
        countdown = -1;
        arena_free(a);
        if (counted && live != before)
            fail_msg("allocation %ld: %ld blocks lost (%d %s)", n, live - before, r, e.msg);
        if (!reached) {
            assert_int_equal(r, 0);
            return n;
        }
        if (r < 0 && (r != -ENOMEM || !e.msg[0])) /* 0: it could be done without */
            fail_msg("allocation %ld: %d %s", n, r, e.msg);
    }
}

static void decode(void **state) {
    long failures = 0;
    for (size_t pad = 0; pad < 4096; pad += 32)
        failures += fail_each(run_decode, pad, true);
    assert_true(failures > 100); /* or this test tests nothing */
}

/* json-c 0.16 loses a key when the table of an object cannot grow: blocks are not counted. */
static void encode(void **state) {
    assert_true(fail_each(run_encode, 0, false) > 500);
}

static void words(void **state) {
    long failures = 0;
    for (size_t pad = 0; pad < 4096; pad += 32)
        failures += fail_each(run_words, pad, true);
    assert_true(failures > 100);
}

static int load(void **state) {
    const char *dir = getenv("HAKO_TEST_SRCDIR");
    AUTO_STR struct str text = STR_INIT(1 << 20);
    AUTO_JS js *out = NULL;
    struct arena *a = arena_new();
    struct err e;
    char path[500];
    snprintf(path, sizeof(path), "%s/fuzz/corpus/runtime/full.json", dir ? dir : ".");
    if (io_read_file(AT_FDCWD, path, &text) < 0 ||
        js_parse(str_c(&text), text.len, path, &doc, &e) < 0 ||
        rt_spec_decode(doc, a, &spec, &e) < 0 || rt_spec_encode(&spec, &out, &e) < 0)
        return -1;
    *state = a;
    return js_print(out, JS_COMPACT, &expected);
}

static int unload(void **state) {
    js_freep(&doc);
    str_free(&expected);
    arena_free(*state);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode),
        cmocka_unit_test(encode),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
#endif
