/* SPDX-License-Identifier: Apache-2.0 */
/* ps and images: rows, filters, the words for states and times. */
#include "cli/filter.h"
#include "cli/list.h"
#include "cli/status.h"
#include "cli/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000000LL

/* --- lists ----------------------------------------------------------------------------------- */

static const struct list_key keys[] = {{"ID", "BOX ID"}, {"Names", "NAMES"}, {"State", "STATE"}};
static const char *const labels[] = {"com.x.tier=front", "empty=", NULL};
static struct list_row rows[] = {
    {(const char *[]){"0123456789ab", "web", "running"}, labels},
    {(const char *[]){"ba9876543210", "db", NULL}, NULL},
};

static int print(const char *format, bool quiet, size_t n, struct str *out) {
    struct list l = {.keys = keys,
                     .nkeys = ARRAY_SIZE(keys),
                     .rows = rows,
                     .nrows = n,
                     .format = format,
                     .columns = "ID State Names",
                     .quiet = quiet ? "ID" : NULL};
    struct err e = {0};
    str_clear(out);
    int r = list_print(&l, out, &e);
    if (r < 0)
        str_add(out, e.msg);
    return r;
}

static void lists(void **state) {
    static const struct {
        const char *format;
        bool quiet;
        const char *text;
    } v[] = {
        {NULL, false,
         "BOX ID         STATE     NAMES\n0123456789ab   running   web\n"
         "ba9876543210             db\n"},
        {"table", false,
         "BOX ID         STATE     NAMES\n0123456789ab   running   web\n"
         "ba9876543210             db\n"},
        {NULL, true, "0123456789ab\nba9876543210\n"},
        {"{{.ID}}: {{.Names}}", false, "0123456789ab: web\nba9876543210: db\n"},
        {"{{.ID}}: {{.Names}}", true, "0123456789ab: web\nba9876543210: db\n"},
        {"{{.Names}}\\t{{.State}}", false, "web\trunning\ndb\t\n"},
        {"{{.Names}}{{\"\\t\"}}x", false, "web\tx\ndb\tx\n"},
        {"table {{.Names}}\\t{{upper .State}}", false, "NAMES     STATE\nweb       RUNNING\ndb\n"},
        {"table {{.Names}}\t{{.Label \"com.x.tier\"}}", false,
         "NAMES     TIER\nweb       front\ndb\n"},
        {"json", false,
         "{\"ID\":\"0123456789ab\",\"Names\":\"web\",\"State\":\"running\"}\n"
         "{\"ID\":\"ba9876543210\",\"Names\":\"db\",\"State\":\"\"}\n"},
        {"{{json .Names}}", false, "\"web\"\n\"db\"\n"},
    };
    AUTO_STR struct str out = STR_INIT(0);
    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        assert_int_equal(print(v[i].format, v[i].quiet, ARRAY_SIZE(rows), &out), 0);
        assert_string_equal(str_c(&out), v[i].text);
    }
    assert_int_equal(print(NULL, false, 0, &out), 0);
    assert_string_equal(str_c(&out), "BOX ID    STATE     NAMES\n");
    assert_int_equal(print("{{.ID}}", false, 0, &out), 0);
    assert_string_equal(str_c(&out), "");
}

static void list_errors(void **state) {
    AUTO_STR struct str out = STR_INIT(0);
    assert_int_equal(print("{{.ID", false, 2, &out), -EINVAL);
    assert_string_equal(str_c(&out), "template parsing error: template: :1: unclosed action");
    assert_int_equal(print("{{.Nope}}", false, 2, &out), -EINVAL);
    assert_non_null(strstr(str_c(&out), "failed to execute template: template: :1:2: executing"));
    assert_int_equal(print("table {{.Nope}}", false, 2, &out), -EINVAL);
}

/* --- filters --------------------------------------------------------------------------------- */

static char *web_labels[] = {(char[]){"tier=front"}, (char[]){"a=b=c"}, NULL};
static char *no_labels[] = {NULL};

/* newest first */
static const struct hako_container_info boxes[] = {
    {.id = (char[]){"abc111"},
     .name = (char[]){"web"},
     .image = (char[]){"debian:12"},
     .image_id = (char[]){"sha256:1111"},
     .ports = (char[]){"90/tcp, 0.0.0.0:8080->80/tcp, 127.0.0.1:53->53/udp"},
     .mounts = (char[]){"data,/srv/x"},
     .networks = (char[]){"bridge"},
     .labels = web_labels,
     .status = HAKO_RUNNING},
    {.id = (char[]){"abd222"},
     .name = (char[]){"web-old"},
     .image = (char[]){"debian"},
     .image_id = (char[]){"sha256:2222"},
     .ports = (char[]){""},
     .mounts = (char[]){""},
     .networks = (char[]){"none"},
     .labels = no_labels,
     .status = HAKO_EXITED,
     .exit_code = 3},
    {.id = (char[]){"fff333"},
     .name = (char[]){"db"},
     .image = (char[]){"localhost:5000/pg:1"},
     .image_id = (char[]){"sha256:3333"},
     .ports = (char[]){""},
     .mounts = (char[]){"pg"},
     .networks = (char[]){"bridge"},
     .labels = no_labels,
     .status = HAKO_CREATED},
};

static const struct hako_image_info images[] = {
    {.id = (char[]){"sha256:2222"},
     .references = (char *[]){(char[]){"debian:latest"}, (char[]){"debian:bookworm"}, NULL},
     .digests = (char *[]){NULL},
     .labels = web_labels,
     .created_ns = 300 * S},
    {.id = (char[]){"sha256:3333"},
     .references = (char *[]){(char[]){"localhost:5000/pg:1"}, NULL},
     .digests = (char *[]){NULL},
     .labels = no_labels,
     .created_ns = 200 * S},
    {.id = (char[]){"sha256:4444"},
     .references = (char *[]){NULL},
     .digests = (char *[]){NULL},
     .labels = no_labels,
     .created_ns = 100 * S},
};

struct filter_case {
    const char *filters[4];
    const char *kept; /* "web db", or what the error contains */
    bool wrong;
};

static void check_filters(const struct filter_case *v, size_t n, bool of_images) {
    for (size_t i = 0; i < n; i++) {
        AUTO_ARENA struct arena *a = arena_new();
        AUTO_STR struct str kept = STR_INIT(0);
        struct hako_strings words = {0};
        struct filter f = {0};
        struct err e = {0};
        bool keep[3] = {0};
        while (words.n < 4 && v[i].filters[words.n])
            words.n++;
        words.v = (char **)(uintptr_t)v[i].filters;
        int r =
            filter_parse(&words, of_images ? FILTER_IMAGE_KEYS : FILTER_CONTAINER_KEYS, a, &f, &e);
        if (r == 0 && of_images)
            r = filter_images(&f, images, 3, keep, &e);
        else if (r == 0)
            r = filter_containers(&f, boxes, 3, images, 3, keep, &e);
        if (v[i].wrong) {
            if (r == 0 || !strstr(e.msg, v[i].kept))
                fail_msg("%s: %d %s", v[i].filters[0], r, e.msg);
            continue;
        }
        for (int k = 0; k < 3; k++)
            if (keep[k])
                str_addf(&kept, "%s%s", kept.len ? " " : "",
                         of_images ? images[k].id + 7 : boxes[k].name);
        if (r < 0 || strcmp(str_c(&kept), v[i].kept) != 0)
            fail_msg("%s: kept %s, wanted %s (%s)", v[i].filters[0], str_c(&kept), v[i].kept,
                     e.msg);
    }
}

static void filters_of_containers(void **state) {
    static const struct filter_case v[] = {
        {{NULL}, "web web-old db", false},
        {{"id=ab"}, "web web-old", false},
        {{"id=^abc"}, "web", false},
        {{"name=web"}, "web web-old", false},
        {{"name=^web$"}, "web", false},
        {{"name=^/db$"}, "db", false},
        {{"name=web", "name=db"}, "web web-old db", false},
        {{"name=web", "status=exited"}, "web-old", false},
        {{"name=("}, "invalid filter 'name=('", true},
        {{"label=tier"}, "web", false},
        {{"label=tier=front", "label=a=b=c"}, "web", false},
        {{"label=tier=front", "label=none"}, "", false},
        {{"label=tie"}, "", false},
        {{"exited=3"}, "web-old", false},
        {{"exited=0"}, "", false},
        {{"exited=x"}, "invalid filter 'exited=x'", true},
        {{"status=running", "status=created"}, "web db", false},
        {{"status=removing"}, "", false},
        {{"status=foo"}, "invalid filter 'status=foo'", true},
        {{"ancestor=debian"}, "web-old", false},
        {{"ancestor=debian:12"}, "web", false},
        {{"ancestor=debian:bookworm"}, "web-old", false},
        {{"ancestor=sha256:3333"}, "db", false},
        {{"ancestor=333"}, "db", false},
        {{"before=web"}, "web-old db", false},
        {{"since=db"}, "web web-old", false},
        {{"since=fff", "before=web"}, "web-old", false},
        {{"before=nobody"}, "No such container: nobody", true},
        {{"volume=data"}, "web", false},
        {{"volume=/srv/x"}, "web", false},
        {{"volume=dat"}, "", false},
        {{"network=bridge"}, "web db", false},
        {{"publish=80"}, "web", false},
        {{"publish=80/tcp"}, "web", false},
        {{"publish=8080"}, "", false},
        {{"publish=90"}, "", false},
        {{"publish=53"}, "", false},
        {{"publish=53/udp"}, "web", false},
        {{"publish=70-85"}, "web", false},
        {{"publish=x"}, "", false},
        {{"expose=90"}, "web", false},
        {{"is-task=false"}, "web web-old db", false},
        {{"is-task=true"}, "", false},
        {{"health=none"}, "web web-old db", false},
        {{"Name=db"}, "db", false},
        {{"foo=bar"}, "invalid filter 'foo'", true},
        {{"is=x"}, "invalid filter 'is'", true},
        {{"=x"}, "invalid filter ''", true},
        {{"name"}, "bad format of filter (expected name=value)", true},
    };
    check_filters(v, ARRAY_SIZE(v), false);
}

static void filters_of_images(void **state) {
    static const struct filter_case v[] = {
        {{NULL}, "2222 3333 4444", false},
        {{"dangling=true"}, "4444", false},
        {{"dangling=false"}, "2222 3333", false},
        {{"dangling=x"}, "invalid filter 'dangling=x'", true},
        {{"label=tier"}, "2222", false},
        {{"reference=debian"}, "2222", false},
        {{"reference=deb*:boo*"}, "2222", false},
        {{"reference=*"}, "2222", false},
        {{"reference=*/*:1"}, "3333", false},
        {{"reference=debian", "reference=localhost:5000/pg"}, "2222 3333", false},
        {{"before=debian"}, "3333 4444", false},
        {{"since=4444"}, "2222 3333", false},
        {{"since=none"}, "No such image: none", true},
        {{"until=250"}, "3333 4444", false},
        {{"until=1h"}, "2222 3333 4444", false},
        {{"until=x"}, "invalid filter 'until=x'", true},
        {{"status=running"}, "invalid filter 'status'", true},
    };
    check_filters(v, ARRAY_SIZE(v), true);
}

/* A wrong filter is wrong on an empty host too. */
static void filters_without_containers(void **state) {
    AUTO_ARENA struct arena *a = arena_new();
    struct hako_strings words = {(char *[]){(char[]){"status=foo"}}, 1, 0};
    struct filter f;
    struct err e = {0};
    assert_int_equal(filter_parse(&words, FILTER_CONTAINER_KEYS, a, &f, &e), 0);
    assert_int_equal(filter_containers(&f, NULL, 0, NULL, 0, NULL, &e), -EINVAL);
}

/* --- words ----------------------------------------------------------------------------------- */

static void states(void **state) {
    static const struct {
        struct hako_container_info c;
        const char *text;
    } v[] = {
        {{.status = HAKO_CREATED}, "Created"},
        {{.status = HAKO_RUNNING, .started_ns = 9820 * S}, "Up 3 minutes"},
        {{.status = HAKO_RUNNING, .started_ns = 10000 * S}, "Up Less than a second"},
        {{.status = HAKO_RUNNING, .started_ns = 20000 * S}, "Up Less than a second"},
        {{.status = HAKO_PAUSED, .started_ns = 9998 * S}, "Up 2 seconds (Paused)"},
        {{.status = HAKO_EXITED, .finished_ns = 2800 * S}, "Exited (0) 2 hours ago"},
        {{.status = HAKO_EXITED, .finished_ns = 9999 * S, .exit_code = 137},
         "Exited (137) 1 second ago"},
        {{.status = HAKO_DEAD}, "Dead"},
    };
    char out[STATUS_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(v); i++)
        assert_string_equal(status_text(&v[i].c, 10000 * S, out), v[i].text);
}

static void times(void **state) {
    static const struct {
        const char *text;
        int64_t ns; /* -1: refused */
    } v[] = {
        {"1970-01-01T00:01:00Z", 60 * S},
        {"1970-01-01T01:01:00+01:00", 60 * S},
        {"1970-01-01T00:01:00.5Z", 60 * S + S / 2},
        {"1970-01-02", 86400 * S},
        {"1970-01-02T03", 97200 * S},
        {"1970-01-02T03:04", 97440 * S},
        {"1970-01-02T03:04:05", 97445 * S},
        {"0", 0},
        {"60", 60 * S},
        {"60.25", 60 * S + S / 4},
        {"60.000000001", 60 * S + 1},
        {"1m", 100000 * S - 60 * S},
        {"1h30m", 100000 * S - 5400 * S},
        {"", -1},
        {"x", -1},
        {"60.", -1},
        {"60.1234567890", -1},
        {"99999999999999999999", -1},
        {"9999999999999", -1},
        {"1970-01-02T03:04:05x", -1},
        {"1970-13-02", -1},
    };
    setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        int64_t ns = -1;
        int r = when_parse(v[i].text, 100000 * S, &ns);
        if ((r < 0) != (v[i].ns < 0) || ns != v[i].ns)
            fail_msg("\"%s\": %d, %lld", v[i].text, r, (long long)ns);
    }
    char ago[40], local[64];
    assert_string_equal(when_ago(40 * S, 100 * S, ago), "About a minute ago");
    assert_string_equal(when_local(60 * S, local), "1970-01-01 00:01:00 +0000 UTC");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(list_errors),
        cmocka_unit_test(filters_of_containers),
        cmocka_unit_test(filters_of_images),
        cmocka_unit_test(filters_without_containers),
        cmocka_unit_test(states),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
