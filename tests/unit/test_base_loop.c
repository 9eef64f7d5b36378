/* SPDX-License-Identifier: Apache-2.0 */
#include "base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cmocka.h>

struct fixture {
    struct loop loop;
    struct loop_source *src[8];
    int calls[8];
    int total;
    int stop_at; /* quit after so many calls */
};

static int ready_fd(void) {
    return eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
}

static size_t index_of(struct fixture *f, struct loop_source *src) {
    size_t i = 0;
    while (f->src[i] != src)
        i++;
    return i;
}

static void count(struct loop_source *src, uint32_t events) {
    struct fixture *f = src->data;
    assert_true(events & EPOLLIN);
    f->calls[index_of(f, src)]++;
    if (++f->total >= f->stop_at)
        f->loop.quit = true;
}

/* Removes and frees every other source: none of them may be called any more. */
static void remove_others(struct loop_source *src, uint32_t events) {
    struct fixture *f = src->data;
    for (size_t i = 0; i < ARRAY_SIZE(f->src); i++) {
        if (!f->src[i] || f->src[i] == src)
            continue;
        int fd = f->src[i]->fd;
        loop_del(&f->loop, f->src[i]);
        loop_del(&f->loop, f->src[i]); /* twice is fine */
        fd_close(&fd);
        free(f->src[i]);
        f->src[i] = NULL;
    }
    count(src, events);
}

static void remove_self(struct loop_source *src, uint32_t events) {
    struct fixture *f = src->data;
    int fd = src->fd;
    size_t i = index_of(f, src);
    count(src, events);
    loop_del(&f->loop, src);
    fd_close(&fd);
    f->src[i] = NULL;
    free(src);
}

static void add(struct fixture *f, size_t i, void (*fn)(struct loop_source *, uint32_t)) {
    f->src[i] = calloc(1, sizeof(*f->src[i]));
    assert_int_equal(loop_add(&f->loop, f->src[i], ready_fd(), EPOLLIN, fn, f), 0);
}

static void done(struct fixture *f) {
    for (size_t i = 0; i < ARRAY_SIZE(f->src); i++) {
        if (!f->src[i])
            continue;
        int fd = f->src[i]->fd;
        loop_del(&f->loop, f->src[i]);
        fd_close(&fd);
        free(f->src[i]);
    }
    loop_done(&f->loop);
    loop_done(&f->loop);
    assert_int_equal(f->loop.epfd, -1);
}

static void every_ready_source_has_its_turn(void **state) {
    struct fixture f = {.stop_at = 80};
    assert_int_equal(loop_init(&f.loop), 0);
    assert_true(fcntl(f.loop.epfd, F_GETFD) & FD_CLOEXEC);
    for (size_t i = 0; i < ARRAY_SIZE(f.src); i++)
        add(&f, i, count);
    assert_int_equal(loop_run(&f.loop), 0);
    for (size_t i = 0; i < ARRAY_SIZE(f.src); i++)
        assert_int_equal(f.calls[i], 10);
    done(&f);
}

static void callbacks_may_remove_any_source(void **state) {
    struct fixture f = {.stop_at = 3};
    assert_int_equal(loop_init(&f.loop), 0);
    for (size_t i = 0; i < ARRAY_SIZE(f.src); i++)
        add(&f, i, remove_others);
    assert_int_equal(loop_run(&f.loop), 0);
    size_t callers = 0;
    for (size_t i = 0; i < ARRAY_SIZE(f.src); i++)
        callers += f.calls[i] > 0 ? 1 : 0;
    assert_int_equal(callers, 1);
    done(&f);
}

static void callbacks_may_remove_themselves(void **state) {
    struct fixture f = {.stop_at = (int)ARRAY_SIZE(f.src)};
    assert_int_equal(loop_init(&f.loop), 0);
    for (size_t i = 0; i < ARRAY_SIZE(f.src); i++)
        add(&f, i, remove_self);
    assert_int_equal(loop_run(&f.loop), 0);
    for (size_t i = 0; i < ARRAY_SIZE(f.src); i++)
        assert_int_equal(f.calls[i], 1);
    done(&f);
}

static void interest_can_change(void **state) {
    struct fixture f = {.stop_at = 5};
    assert_int_equal(loop_init(&f.loop), 0);
    add(&f, 0, count);
    add(&f, 1, count);
    assert_int_equal(loop_mod(&f.loop, f.src[0], 0), 0);
    assert_int_equal(loop_run(&f.loop), 0);
    assert_int_equal(f.calls[0], 0);
    assert_int_equal(f.calls[1], 5);
    assert_int_equal(loop_mod(&f.loop, f.src[0], EPOLLIN), 0);
    assert_int_equal(loop_mod(&f.loop, f.src[1], 0), 0);
    f.loop.quit = false;
    f.stop_at = 7;
    assert_int_equal(loop_run(&f.loop), 0);
    assert_int_equal(f.calls[0], 2);
    done(&f);
}

static void failures_leave_the_source_alone(void **state) {
    struct loop loop;
    struct loop_source src = {.fd = -1};
    assert_int_equal(loop_init(&loop), 0);
    assert_int_equal(loop_add(&loop, &src, -1, EPOLLIN, count, NULL), -EBADF);
    AUTO_FD int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_int_equal(loop_add(&loop, &src, file, EPOLLIN, count, NULL), -EPERM);
    assert_int_equal(src.fd, -1);
    assert_int_equal(loop_mod(&loop, &src, EPOLLIN), -ENOENT);
    loop_del(&loop, &src);
    loop_done(&loop);
    assert_int_equal(loop_run(&loop), -EBADF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ready_source_has_its_turn),
        cmocka_unit_test(callbacks_may_remove_any_source),
        cmocka_unit_test(callbacks_may_remove_themselves),
        cmocka_unit_test(interest_can_change),
        cmocka_unit_test(failures_leave_the_source_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
