/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/console.h"

#include "base/io.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

int oci_console_check(bool terminal, bool detach, const char *path, struct err *e) {
    if (detach && terminal && str_empty(path))
        return err_set(
            e, ERR_USAGE, -EINVAL,
            "cannot allocate tty if runc will detach without setting console socket: use "
            "--console-socket");
    if ((!detach || !terminal) && !str_empty(path))
        return err_set(e, ERR_USAGE, -EINVAL,
                       "cannot use console socket if runc will not detach or allocate tty");
    return 0;
}

void oci_console_lines(int master) {
    struct termios mode;
    if (master < 0 || tcgetattr(master, &mode) < 0)
        return;
    mode.c_oflag &= ~(tcflag_t)ONLCR;
    tcsetattr(master, TCSANOW, &mode);
}

/* An address holds 108 bytes: a longer path is reached by its directory's descriptor. */
static int console_address(const char *path, struct sockaddr_un *addr, int *dirfd) {
    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (str_copy(addr->sun_path, sizeof(addr->sun_path), path))
        return 0;
    const char *slash = strrchr(path, '/');
    char dir[4096];
    if (!slash || (size_t)(slash - path) >= sizeof(dir))
        return -ENAMETOOLONG;
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = 0;
    *dirfd = open(dir[0] ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*dirfd < 0)
        return -errno;
    int n =
        snprintf(addr->sun_path, sizeof(addr->sun_path), "/proc/self/fd/%d/%s", *dirfd, slash + 1);
    return n > 0 && (size_t)n < sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}

int oci_console_send(const char *path, int master, struct err *e) {
    static const char name[] = "/dev/ptmx";
    struct sockaddr_un addr;
    AUTO_FD int dirfd = -1;
    int r = console_address(path, &addr, &dirfd);
    if (r < 0)
        return err_sysn(e, r, "console socket %s", path);
    AUTO_FD int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        return err_sys(e, "cannot connect to the console socket %s", path);
    r = io_send_fds(sock, name, sizeof(name) - 1, &master, 1);
    return r < 0 ? err_sysn(e, r, "cannot send the terminal to the console socket %s", path) : 0;
}
