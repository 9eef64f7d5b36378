/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarder between two real namespaces: the test's own is where users connect, "inner" is
 * where the bridge and the box are. Needs root. */
#include "networld.h"

#include "base/io.h"
#include "base/str.h"
#include "net/forward.h"
#include "net/publish.h"
#include <signal.h>
#include <sys/wait.h>

#define BOX IP(10, 77, 0, 2)

struct place {
    int inner, box;
    struct arena *arena;
    void *plan;
    size_t len;
    struct port_spec port[2];
    int listener[2];
    pid_t pid;
    int pidfd;
};

static int setup(void **state) {
    static struct place p;
    struct err e = {0};
    const struct network n = {.name = "bridge",
                              .bridge = "hako0",
                              .subnet = IP(10, 77, 0, 0),
                              .gateway = IP(10, 77, 0, 1),
                              .prefix = 16};
    const struct lease l = {.address = BOX, .mac = {2, 0x42, 10, 77, 0, 2}, .ifname = "hkbox"};

    if (geteuid() != 0)
        return 0;
    world_make();
    p.arena = arena_new();
    p.inner = netns_new();
    p.box = netns_new();
    must(network_ensure(&n, p.inner, &e), &e);
    p.port[0] = (struct port_spec){.container_port = 80, .proto = "tcp", .published = true};
    p.port[1] = (struct port_spec){.container_port = 53, .proto = "udp", .published = true};
    for (int i = 0; i < 2; i++)
        must(publish_open(&p.port[i], PUBLISH_LISTEN, &p.listener[i], &e), &e);
    must(net_plan_build(&n, &l, p.port, 2, p.arena, &p.plan, &p.len, &e), &e);
    must(net_attach(p.plan, p.len, p.box, p.inner, &e), &e);
    must(forward_spawn(p.plan, p.len, p.listener, 2, p.inner, &p.pid, &p.pidfd, &e), &e);
    *state = &p;
    return 0;
}

static int teardown(void **state) {
    struct place *p = *state;
    if (!p)
        return 0;
    forward_stop(p->pid, &p->pidfd);
    forward_stop(p->pid, &p->pidfd);
    arena_free(p->arena);
    return kill(p->pid, 0) == 0; /* gone */
}

static struct place *root_place(void **state) {
    if (!*state) {
        print_message("needs root for network namespaces\n");
        skip();
    }
    return *state;
}

static void bytes_go_both_ways(void **state) {
    struct place *p = root_place(state);
    uint32_t peer = 0;
    int l = world_listen(p->box, SOCK_STREAM, 80);

    assert_true(world_reaches(-1, LOCALHOST, p->port[0].host_port, l, &peer));
    assert_int_equal(peer, IP(10, 77, 0, 1));
    assert_true(world_reaches(-1, WAN_HOST, p->port[0].host_port, l, NULL));
    close(l);
}

/* The client ends its side first and still gets everything. */
static void a_half_closed_connection_lives_on(void **state) {
    struct place *p = root_place(state);
    enum { SIZE = 8 << 20, STEP = 1 << 16 };
    static uint8_t buf[STEP];
    char request[8] = "";
    size_t got = 0;
    bool same = true;
    int l = world_listen(p->box, SOCK_STREAM, 80);
    int c = world_connect(-1, LOCALHOST, p->port[0].host_port, 1000);

    assert_true(c >= 0);
    assert_int_equal(write(c, "all", 4), 4);
    assert_int_equal(shutdown(c, SHUT_WR), 0);
    int s = accept4(l, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(io_read_full(s, request, sizeof(request)), 4);
    pid_t pid = fork();
    if (pid == 0) {
        uint32_t *w = (uint32_t *)(void *)buf;
        for (uint32_t i = 0; i < SIZE / 4; i++) {
            w[i % (STEP / 4)] = i;
            if (i % (STEP / 4) == STEP / 4 - 1)
                io_write_all(s, buf, STEP);
        }
        _exit(0);
    }
    close(s);
    for (ssize_t n; (n = io_read_full(c, buf, STEP)) > 0; got += (size_t)n)
        for (size_t i = 0; i < (size_t)n / 4; i++)
            same = same && ((uint32_t *)(void *)buf)[i] == (uint32_t)(got / 4 + i);
    assert_int_equal(got, SIZE);
    assert_true(same);
    waitpid(pid, NULL, 0);
    close(c);
    close(l);
}

static void a_refusal_is_passed_on(void **state) {
    struct place *p = root_place(state);
    char c;
    int s = world_connect(-1, LOCALHOST, p->port[0].host_port, 1000);

    if (s < 0) { /* already heard of it */
        assert_int_equal(s, -ECONNRESET);
        return;
    }
    assert_true(world_ready(s, POLLIN, 2000));
    assert_int_equal(read(s, &c, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    close(s);
}

static void many_at_once(void **state) {
    struct place *p = root_place(state);
    int c[200], s[200];
    char x;
    int l = world_listen(p->box, SOCK_STREAM, 80);

    for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
        c[i] = world_connect(-1, LOCALHOST, p->port[0].host_port, 1000);
        assert_true(c[i] >= 0);
        s[i] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
        assert_true(s[i] >= 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
        assert_int_equal(write(c[i], &(char){(char)i}, 1), 1);
        assert_true(world_ready(s[i], POLLIN, 2000));
        assert_int_equal(read(s[i], &x, 1), 1);
        assert_int_equal(x, (char)i);
        close(c[i]);
        assert_int_equal(read(s[i], &x, 1), 0); /* the end is passed on */
        close(s[i]);
    }
    close(l);
}

static void datagrams_find_their_way_back(void **state) {
    struct place *p = root_place(state);
    struct sockaddr_in to = world_addr(WAN_HOST, p->port[1].host_port), from;
    socklen_t n = sizeof(from);
    char text[8] = "";
    int l = world_listen(p->box, SOCK_DGRAM, 53);

    for (int i = 0; i < 3; i++) {
        int c = world_socket(-1, SOCK_DGRAM);
        /* Connected: only an answer from the very address that was asked gets through. */
        assert_int_equal(connect(c, (struct sockaddr *)&to, sizeof(to)), 0);
        assert_int_equal(write(c, "ask", 4), 4);
        assert_true(world_ready(l, POLLIN, 1000));
        assert_int_equal(recvfrom(l, text, sizeof(text), 0, (struct sockaddr *)&from, &n), 4);
        assert_int_equal(sendto(l, "told", 5, 0, (struct sockaddr *)&from, n), 5);
        assert_true(world_ready(c, POLLIN, 1000));
        assert_int_equal(read(c, text, sizeof(text)), 5);
        assert_string_equal(text, "told");
        close(c);
    }
    close(l);
}

static void it_dies_with_its_parent(void **state) {
    struct place *p = root_place(state);
    int report[2];
    pid_t forwarder = 0;

    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    pid_t monitor = fork();
    if (monitor == 0) {
        struct err e = {0};
        struct port_spec port = {.container_port = 80, .proto = "tcp", .published = true};
        int fd = -1, pidfd = -1;
        publish_open(&port, PUBLISH_LISTEN, &fd, &e);
        if (forward_spawn(p->plan, p->len, &fd, 1, p->inner, &forwarder, &pidfd, &e) < 0)
            fprintf(stderr, "%s\n", e.msg);
        /* The forwarder holds no copy of the pipe: its end is the monitor's end. */
        io_write_all(report[1], &forwarder, sizeof(forwarder));
        raise(SIGKILL);
    }
    close(report[1]);
    assert_int_equal(io_read_full(report[0], &forwarder, sizeof(forwarder)), sizeof(forwarder));
    assert_true(forwarder > 0);
    waitpid(monitor, NULL, 0);
    for (int i = 0; i < 200 && kill(forwarder, 0) == 0; i++)
        poll(NULL, 0, 10);
    assert_int_equal(kill(forwarder, 0), -1);
    close(report[0]);
}

static void memory_is_small(void **state) {
    struct place *p = root_place(state);
    char path[64], line[128] = "";
    long kb = 0;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", p->pid);
    FILE *f = fopen(path, "re");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (str_starts(line, "Private_Dirty:"))
            kb += strtol(line + 14, NULL, 10);
    fclose(f);
    print_message("forwarder: %ld kB private\n", kb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_both_ways),
        cmocka_unit_test(a_half_closed_connection_lives_on),
        cmocka_unit_test(a_refusal_is_passed_on),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(datagrams_find_their_way_back),
        cmocka_unit_test(it_dies_with_its_parent),
        cmocka_unit_test(memory_is_small),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
