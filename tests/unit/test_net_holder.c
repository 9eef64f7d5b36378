/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rootless for real: root makes a world, the process becomes an ordinary user in it, and from
 * there on has what any user has. The order of the tests matters: command first, then monitor.
 */
#include "networld.h"

#include "base/io.h"
#include "base/str.h"
#include "net/forward.h"
#include "net/holder.h"
#include "net/holder_wire.h"
#include "net/publish.h"
#include "sys/userns.h"
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOBODY 65534

struct place {
    char dir[32], lonely[256];
    int rundir, self, outside_listener, secret;
    struct holder h;
    struct network net;
};

static void default_route(void) {
    uint8_t mem[128] __attribute__((aligned(4)));
    struct netlink_buf b = NETLINK_BUF(mem);
    struct rtmsg route = {.rtm_family = AF_INET,
                          .rtm_table = RT_TABLE_MAIN,
                          .rtm_protocol = RTPROT_BOOT,
                          .rtm_type = RTN_UNICAST};
    int s = netlink_open(NETLINK_ROUTE);

    /* pasta names the interface: a gateway alone is not enough for it */
    netlink_begin(&b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, &route, sizeof(route));
    netlink_put_u32(&b, RTA_GATEWAY, htonl(WAN_OUTSIDE));
    netlink_put_u32(&b, RTA_OIF, (uint32_t)world_ifindex(s, "wan"));
    netlink_end(&b);
    world_talk(s, &b);
    b = NETLINK_BUF(mem);
    attach_link_up(&b, 1, NULL, NLM_F_ACK);
    world_talk(s, &b);
    close(s);
}

static int become_user(void) {
    if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) < 0)
        return -errno;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static size_t children(const char *name, pid_t *v, size_t max);

/* A user on a host that has no route anywhere; what the holder says of it. In a child, because the
 * way back from an ordinary user is barred. */
static void ask_without_route(const char *dir, char warning[256]) {
    int report[2];

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct holder h = {0};
        struct err e = {0};
        pid_t holder = 0;
        const struct network n = {.name = "bridge",
                                  .bridge = "hako0",
                                  .subnet = IP(10, 77, 0, 0),
                                  .gateway = IP(10, 77, 0, 1),
                                  .prefix = 16};
        if (unshare(CLONE_NEWNET) < 0 || become_user() < 0)
            _exit(1);
        int run = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
        int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        int r = holder_connect(run, self, &n, &h, &e);
        io_write_all(report[1], r < 0 ? e.msg : h.warning, 256);
        if (children("hako-holder", &holder, 1) == 1)
            kill(holder, SIGKILL);
        unlinkat(run, HOLDER_SOCK, 0);
        unlinkat(run, HOLDER_LOCK, 0);
        _exit(0);
    }
    close(report[1]);
    assert_int_equal(io_read_full(report[0], warning, 256), 256);
    close(report[0]);
    waitpid(pid, NULL, 0);
}

static int setup(void **state) {
    static struct place p;

    if (geteuid() != 0)
        return 0;
    int outside = world_make();
    default_route();
    p.outside_listener = world_listen(outside, SOCK_STREAM, 80);
    p.secret = world_listen(-1, SOCK_STREAM, 9999);
    close(outside);
    snprintf(p.dir, sizeof(p.dir), "/tmp/hako-run-XXXXXX");
    assert_non_null(mkdtemp(p.dir));
    assert_int_equal(chown(p.dir, NOBODY, NOBODY), 0);
    ask_without_route(p.dir, p.lonely);
    assert_int_equal(become_user(), 0);
    p.rundir = open(p.dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    p.self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(p.rundir >= 0 && p.self >= 0);
    p.h = (struct holder){.conn = -1, .userns = -1, .netns = -1};
    p.net = (struct network){.name = "bridge",
                             .bridge = "hako0",
                             .subnet = IP(10, 77, 0, 0),
                             .gateway = IP(10, 77, 0, 1),
                             .prefix = 16};
    *state = &p;
    return 0;
}

static struct place *root_place(void **state) {
    if (!*state) {
        print_message("needs root to make the world around\n");
        skip();
    }
    return *state;
}

/* Our child processes of this name. */
static size_t children(const char *name, pid_t *v, size_t max) {
    struct str list = STR_INIT(4096);
    char path[64], comm[32];
    size_t n = 0;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    io_read_file(AT_FDCWD, path, &list);
    for (const char *at = str_c(&list); *at;) {
        char *end = NULL;
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        at = end + strspn(end, " ");
        snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
        if (io_read_line(AT_FDCWD, path, comm, sizeof(comm)) == 0 && strcmp(comm, name) == 0 &&
            n < max)
            v[n++] = (pid_t)pid;
    }
    str_free(&list);
    return n;
}

static void without_pasta_it_says_so(void **state) {
    struct place *p = root_place(state);
    struct err e = {0};
    struct holder h;
    pid_t pid;
    AUTO_FREE char *path = strdup(getenv("PATH")); /* may be long */

    assert_non_null(path);
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(holder_connect(p->rundir, p->self, &p->net, &h, &e), -ENOENT);
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(e.msg, "install the package \"passt\""));
    /* The namespaces alone (--network none) need no pasta. */
    must(holder_connect(p->rundir, p->self, NULL, &h, &e), &e);
    setenv("PATH", path, 1);
    assert_string_equal(h.warning, "");
    holder_close(&h);
    assert_int_equal(children("hako-holder", &pid, 1), 1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void without_a_route_it_warns(void **state) {
    struct place *p = root_place(state);
    assert_non_null(strstr(p->lonely, "boxes cannot reach the world: pasta(1) gave up: "));
    assert_null(strstr(p->lonely, "no reason given"));
}

static void two_first_commands_share_one_holder(void **state) {
    struct place *p = root_place(state);
    struct err e = {0};
    struct stat mine, theirs;
    pid_t pid[3], holder[4];
    int report[2];

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            struct holder h;
            struct stat st = {0};
            if (holder_connect(p->rundir, p->self, &p->net, &h, &e) < 0)
                fprintf(stderr, "%s\n", e.msg);
            else
                fstat(h.netns, &st);
            io_write_all(report[1], &st, sizeof(st));
            _exit(0);
        }
    }
    int64_t t = now_mono_ns();
    must(holder_connect(p->rundir, p->self, &p->net, &p->h, &e), &e);
    assert_string_equal(p->h.warning, "");
    assert_int_equal(fstat(p->h.netns, &mine), 0);
    t = now_mono_ns() - t;
    for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
        assert_int_equal(io_read_full(report[0], &theirs, sizeof(theirs)), sizeof(theirs));
        assert_true(mine.st_ino == theirs.st_ino);
        waitpid(pid[i], NULL, 0);
    }
    close(report[0]);
    close(report[1]);
    assert_int_equal(children("hako-holder", holder, ARRAY_SIZE(holder)), 1);
    struct holder again;
    int64_t t2 = now_mono_ns();
    must(holder_connect(p->rundir, p->self, &p->net, &again, &e), &e);
    t2 = now_mono_ns() - t2;
    holder_close(&again);
    print_message("first command waits %ld ms for the holder, the next %ld us\n",
                  (long)(t / 1000000), (long)(t2 / 1000));
}

struct box {
    int netns;
    struct lease lease;
    void *plan;
    size_t len;
};

static struct box box_attach(struct place *p, uint8_t last, const struct port_spec *port, size_t n,
                             struct arena *a) {
    struct box b = {.lease = {.address = IP(10, 77, 0, last), .mac = {2, 0x42, 10, 77, 0, last}}};
    struct err e = {0};

    snprintf(b.lease.ifname, sizeof(b.lease.ifname), "hkbox%d", last);
    must(net_plan_build(&p->net, &b.lease, port, n, a, &b.plan, &b.len, &e), &e);
    b.netns = netns_new();
    assert_true(b.netns >= 0);
    int64_t t = now_mono_ns();
    must(net_attach(b.plan, b.len, b.netns, p->h.netns, &e), &e);
    print_message("attach %ld us\n", (long)(now_mono_ns() - t) / 1000);
    return b;
}

/* From here on this process is what a monitor is: root of the user namespace, on the host's
 * network. */
static void boxes_live_behind_the_holder(void **state) {
    struct place *p = root_place(state);
    struct arena *arena = arena_new();
    struct err e = {0};
    struct port_spec port = {.container_port = 80, .proto = "tcp", .published = true};
    int listener = -1, pidfd = -1;
    pid_t pid = 0;
    uint32_t peer = 0;

    must(publish_open(&port, PUBLISH_LISTEN, &listener, &e), &e);
    assert_int_equal(userns_join(p->h.userns), 0);
    struct box a = box_attach(p, 2, NULL, 0, arena);
    struct box b = box_attach(p, 3, &port, 1, arena);
    int lb = world_listen(b.netns, SOCK_STREAM, 80);
    must(forward_spawn(b.plan, b.len, &listener, 1, p->h.netns, &pid, &pidfd, &e), &e);
    /* each other; the published port from the host, and from a box by any address of its host */
    assert_true(world_reaches(a.netns, b.lease.address, 80, lb, &peer));
    assert_int_equal(peer, a.lease.address);
    assert_true(world_reaches(-1, LOCALHOST, port.host_port, lb, NULL));
    assert_true(world_reaches(-1, WAN_HOST, port.host_port, lb, NULL));
    assert_true(world_reaches(a.netns, WAN_HOST, port.host_port, lb, NULL));
    /* the world, as the host; but nothing of the host's own */
    assert_true(world_reaches(a.netns, WAN_OUTSIDE, 80, p->outside_listener, &peer));
    assert_int_equal(peer, WAN_HOST);
    assert_false(world_reaches(a.netns, WAN_OUTSIDE, 9999, p->secret, NULL));
    assert_false(world_reaches(a.netns, p->net.gateway, 9999, p->secret, NULL));
    forward_stop(pid, &pidfd);
    must(net_detach(b.plan, b.len, p->h.netns, &e), &e);
    close(lb);
    close(a.netns);
    close(b.netns);
    arena_free(arena);
}

static void pasta_dies_with_the_holder(void **state) {
    struct place *p = root_place(state);
    pid_t holder = 0, pasta[2];

    assert_int_equal(children("hako-holder", &holder, 1), 1);
    kill(holder, SIGKILL);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    /* We are the subreaper: what outlived it would be ours now. */
    for (int i = 0; i < 100 && children("pasta.avx2", pasta, 2) + children("pasta", pasta, 2) +
                                       children("passt.avx2", pasta, 2) >
                                   0;
         i++) {
        poll(NULL, 0, 10);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    assert_int_equal(children("pasta.avx2", pasta, 2), 0);
    assert_int_equal(children("passt.avx2", pasta, 2), 0);
    assert_int_equal(children("pasta", pasta, 2), 0);
    holder_close(&p->h);
}

static void reason_is_found(void **state) {
    char buf[64];

    (void)state;
    pasta_reason("Failed to send 12 bytes to syslog\nNo external routable interface for IPv4\n"
                 "Failed to send 3 bytes to syslog\n",
                 buf, sizeof(buf));
    assert_string_equal(buf, "No external routable interface for IPv4");
    pasta_reason("", buf, sizeof(buf));
    assert_string_equal(buf, "no reason given");
}

static int teardown(void **state) {
    struct place *p = *state;
    if (!p)
        return 0;
    unlinkat(p->rundir, HOLDER_SOCK, 0);
    unlinkat(p->rundir, HOLDER_LOCK, 0);
    return rmdir(p->dir);
}

static int holder_tests(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reason_is_found),
        cmocka_unit_test(without_pasta_it_says_so),
        cmocka_unit_test(without_a_route_it_warns),
        cmocka_unit_test(two_first_commands_share_one_holder),
        cmocka_unit_test(boxes_live_behind_the_holder),
        cmocka_unit_test(pasta_dies_with_the_holder),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "holder") == 0)
        return holder_main();
    return holder_tests();
}
