/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static int dir = -1; /* a fresh directory of this run */
static char dir_name[] = "/tmp/hako-test-io-XXXXXX";

static int make_dir(void **state) {
    if (!mkdtemp(dir_name))
        return -1;
    dir = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -1 : 0;
}

static int remove_dir(void **state) {
    fd_close(&dir);
    return rmdir(dir_name); /* fails if a test left anything behind */
}

static size_t count_entries(void) {
    DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    size_t n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void put(const char *name, const char *text) {
    assert_int_equal(io_replace_file(dir, name, text, strlen(text), 0644, false), 0);
}

static bool is_cloexec(int fd) {
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

static void whole_writes_and_reads(void **state) {
    int p[2];
    static char out[300000];
    static char in[sizeof(out)];

    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 7);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) { /* more than a pipe holds: the writer meets short writes */
        close(p[0]);
        _exit(io_write_all(p[1], out, sizeof(out)) == 0 ? 0 : 1);
    }
    close(p[1]);
    assert_int_equal(io_read_full(p[0], in, sizeof(in)), sizeof(in));
    assert_memory_equal(in, out, sizeof(in));
    assert_int_equal(io_read_full(p[0], in, 1), 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(p[0]);
    assert_int_equal(io_write_all(-1, "x", 1), -EBADF);
    assert_int_equal(io_read_full(-1, in, 1), -EBADF);
}

static void reads_are_bounded(void **state) {
    AUTO_STR struct str b = STR_INIT(5);
    put("f", "12345");
    assert_int_equal(str_add(&b, "old"), 0);
    assert_int_equal(io_read_file(dir, "f", &b), 0);
    assert_string_equal(b.s, "12345");
    put("f", "123456");
    assert_int_equal(io_read_file(dir, "f", &b), -EOVERFLOW);
    assert_int_equal(io_read_file(dir, "none", &b), -ENOENT);
    assert_int_equal(b.len, 0);
    unlinkat(dir, "f", 0);
}

static void lines(void **state) {
    char buf[6];
    put("f", "12345\n");
    assert_int_equal(io_read_line(dir, "f", buf, sizeof(buf)), 0);
    assert_string_equal(buf, "12345");
    put("f", "abc");
    assert_int_equal(io_read_line(dir, "f", buf, sizeof(buf)), 0);
    assert_string_equal(buf, "abc");
    put("f", "ab\nmore than fits");
    assert_int_equal(io_read_line(dir, "f", buf, sizeof(buf)), 0);
    assert_string_equal(buf, "ab");
    put("f", "");
    assert_int_equal(io_read_line(dir, "f", buf, sizeof(buf)), 0);
    assert_string_equal(buf, "");
    put("f", "123456");
    assert_int_equal(io_read_line(dir, "f", buf, sizeof(buf)), -EOVERFLOW);
    assert_int_equal(io_read_line(dir, "none", buf, sizeof(buf)), -ENOENT);
    assert_int_equal(io_read_line(dir, "f", buf, 0), -EINVAL);
    unlinkat(dir, "f", 0);
}

static void kernel_files_are_not_created(void **state) {
    char buf[8];
    assert_int_equal(io_write_kernel(dir, "f", "1"), -ENOENT);
    put("f", "0");
    assert_int_equal(io_write_kernel(dir, "f", "1"), 0);
    assert_int_equal(io_read_line(dir, "f", buf, sizeof(buf)), 0);
    assert_string_equal(buf, "1");
    unlinkat(dir, "f", 0);
}

static void replace_is_all_or_nothing(void **state) {
    AUTO_STR struct str b = STR_INIT(0);
    struct stat st;

    mode_t old = umask(077);
    assert_int_equal(io_replace_file(dir, "f", "one", 3, 0644, true), 0);
    umask(old);
    assert_int_equal(fstatat(dir, "f", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(io_replace_file(dir, "f", "two", 3, 0600, false), 0);
    assert_int_equal(io_read_file(dir, "f", &b), 0);
    assert_string_equal(b.s, "two");
    assert_int_equal(count_entries(), 1);

    /* no room for the new content: the old one and nothing else is there */
    struct rlimit was;
    getrlimit(RLIMIT_FSIZE, &was);
    sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 2, .rlim_max = was.rlim_max});
    assert_int_equal(io_replace_file(dir, "f", "three", 5, 0600, false), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &was);
    assert_int_equal(io_read_file(dir, "f", &b), 0);
    assert_string_equal(b.s, "two");
    assert_int_equal(count_entries(), 1);
    unlinkat(dir, "f", 0);
}

static void replace_in_subdirectories(void **state) {
    AUTO_STR struct str b = STR_INIT(0);
    assert_int_equal(mkdirat(dir, "d", 0700), 0);
    assert_int_equal(io_replace_file(dir, "d/f", "x", 1, 0600, true), 0);
    assert_int_equal(io_read_file(dir, "d/f", &b), 0);
    assert_int_equal(io_replace_file(dir, "d", "x", 1, 0600, false), -EISDIR);
    assert_int_equal(io_replace_file(dir, "none/f", "x", 1, 0600, false), -ENOENT);
    assert_int_equal(count_entries(), 1);
    unlinkat(dir, "d/f", 0);
    unlinkat(dir, "d", AT_REMOVEDIR);
}

/* A symlink at the place is replaced, not followed. */
static void replace_follows_no_link(void **state) {
    struct stat st;
    put("target", "old");
    assert_int_equal(symlinkat("target", dir, "link"), 0);
    assert_int_equal(io_replace_file(dir, "link", "new", 3, 0600, false), 0);
    assert_int_equal(fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
    assert_true(S_ISREG(st.st_mode));
    unlinkat(dir, "link", 0);
    unlinkat(dir, "target", 0);
}

static void descriptors_travel(void **state) {
    int s[2];
    int p[2];
    int got[IO_MAX_FDS];
    size_t n = 99;
    char buf[16];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(io_send_fds(s[0], "hello", 5, p, 2), 0);
    assert_int_equal(io_recv_fds(s[1], buf, sizeof(buf), got, &n), 5);
    assert_int_equal(n, 2);
    assert_memory_equal(buf, "hello", 5);
    assert_true(is_cloexec(got[0]) && is_cloexec(got[1]));
    assert_int_equal(io_write_all(got[1], "x", 1), 0);
    assert_int_equal(io_read_full(p[0], buf, 1), 1);
    close(got[0]);
    close(got[1]);

    assert_int_equal(io_send_fds(s[0], "x", 1, NULL, 0), 0);
    assert_int_equal(io_recv_fds(s[1], buf, sizeof(buf), got, &n), 1);
    assert_int_equal(n, 0);

    int many[IO_MAX_FDS + 1];
    for (size_t i = 0; i < ARRAY_SIZE(many); i++)
        many[i] = p[0];
    assert_int_equal(io_send_fds(s[0], "x", 1, many, IO_MAX_FDS + 1), -EINVAL);
    assert_int_equal(io_send_fds(s[0], "", 0, many, 1), -EINVAL);
    close(p[0]);
    close(p[1]);
    close(s[0]);
    assert_int_equal(io_recv_fds(s[1], buf, sizeof(buf), got, &n), 0);
    assert_int_equal(io_send_fds(s[1], "x", 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
    close(s[1]);
}

static bool writer_gone(int read_end) {
    struct pollfd pfd = {.fd = read_end, .events = POLLIN};
    return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLHUP);
}

/* Descriptors that were not asked for, or came with a message that is cut, do not stay open. */
static void unwanted_descriptors_are_closed(void **state) {
    int s[2];
    int p[2];
    int got[IO_MAX_FDS];
    size_t n = 99;
    char buf[4];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(io_send_fds(s[0], "too long", 8, &p[1], 1), 0);
    assert_int_equal(io_send_fds(s[0], "x", 1, &p[1], 1), 0);
    close(p[1]);
    assert_int_equal(io_recv_fds(s[1], buf, sizeof(buf), got, &n), -EMSGSIZE);
    assert_int_equal(n, 0);
    assert_false(writer_gone(p[0]));
    assert_int_equal(io_recv_fds(s[1], buf, sizeof(buf), NULL, NULL), 1);
    assert_true(writer_gone(p[0]));

    /* more than fit: the first eight arrive, the kernel closes the rest */
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(12 * sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = buf, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof(control.room)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(12 * sizeof(int));
    for (size_t i = 0; i < 12; i++)
        memcpy(CMSG_DATA(c) + i * sizeof(int), &p[0], sizeof(int));
    assert_int_equal(sendmsg(s[0], &msg, 0), 1);
    assert_int_equal(io_recv_fds(s[1], buf, sizeof(buf), got, &n), 1);
    assert_int_equal(n, IO_MAX_FDS);
    for (size_t i = 0; i < n; i++)
        close(got[i]);
    close(p[0]);
    close(s[0]);
    close(s[1]);
}

static void sealed_copies_cannot_change(void **state) {
    char buf[8] = "";
    put("f", "content");
    AUTO_FD int fd = openat(dir, "f", O_RDONLY | O_CLOEXEC);
    assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
    AUTO_FD int copy = io_sealed_copy(fd, "test");
    assert_true(copy >= 0 && is_cloexec(copy));
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
    assert_int_equal(io_read_full(copy, buf, sizeof(buf)), 7);
    assert_memory_equal(buf, "content", 7);
    assert_int_equal(pwrite(copy, "x", 1, 0), -1);
    assert_int_equal(ftruncate(copy, 1), -1);
    assert_int_equal(ftruncate(copy, 100), -1);
    assert_int_equal(fcntl(copy, F_ADD_SEALS, 0), -1);
    assert_int_equal(fcntl(copy, F_GET_SEALS) & 0xf,
                     F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    unlinkat(dir, "f", 0);
}

static void sealed_copies_run(void **state) {
    AUTO_FD int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
    AUTO_FD int copy = io_sealed_copy(fd, "true");
    char *const argv[] = {(char[]){"true"}, NULL};
    int status = -1;

    assert_true(copy >= 0);
    pid_t pid = fork();
    if (pid == 0) {
        fexecve(copy, argv, argv + 1);
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void only_files_are_copied(void **state) {
    AUTO_FD int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_int_equal(io_sealed_copy(zero, "zero"), -EINVAL);
    assert_int_equal(io_sealed_copy(-1, "none"), -EBADF);
    /* proc files have no size and no splice: read to the end all the same */
    AUTO_FD int proc = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    AUTO_FD int copy = io_sealed_copy(proc, "status");
    char buf[6] = "";
    assert_true(copy >= 0);
    assert_int_equal(io_read_full(copy, buf, 5), 5);
    assert_string_equal(buf, "Name:");
}

static void random_differs(void **state) {
    unsigned char a[600] = {0};
    unsigned char b[600] = {0};
    assert_int_equal(io_random(a, sizeof(a)), 0);
    assert_int_equal(io_random(b, sizeof(b)), 0);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 500, b + 500, 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_writes_and_reads),
        cmocka_unit_test(reads_are_bounded),
        cmocka_unit_test(lines),
        cmocka_unit_test(kernel_files_are_not_created),
        cmocka_unit_test(replace_is_all_or_nothing),
        cmocka_unit_test(replace_in_subdirectories),
        cmocka_unit_test(replace_follows_no_link),
        cmocka_unit_test(descriptors_travel),
        cmocka_unit_test(unwanted_descriptors_are_closed),
        cmocka_unit_test(sealed_copies_cannot_change),
        cmocka_unit_test(sealed_copies_run),
        cmocka_unit_test(only_files_are_copied),
        cmocka_unit_test(random_differs),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
