/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The yardstick: the least a container can be. Overlay mount, six namespaces, the standard mounts,
 * pivot_root, exec; no network, no cgroup, no filter, no image store, no log.
 *
 *   bare LOWER UPPER WORK MERGED CMD [ARG...]     (as root; directories exist)
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int r, const char *what) {
    if (r < 0) {
        fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
        _exit(125);
    }
}

static void standard_mounts(void) {
    must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
    must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755,size=65536k"), "dev");
    must(mkdir("dev/pts", 0755), "mkdir pts");
    must(mkdir("dev/shm", 01777), "mkdir shm");
    must(mkdir("dev/mqueue", 0755), "mkdir mqueue");
    must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance"), "pts");
    must(mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "size=65536k"), "shm");
    must(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV, NULL), "mqueue");
    must(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL), "sys");
}

static void inside(char **argv) {
    char options[8192];
    snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", argv[1], argv[2],
             argv[3]);
    must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "slave");
    must(mount("overlay", argv[4], "overlay", 0, options), "overlay");
    must(chdir(argv[4]), "chdir");
    standard_mounts();
    must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "umount");
    must(chdir("/"), "chdir /");
    execvp(argv[5], argv + 5);
    must(-1, argv[5]);
}

int main(int argc, char **argv) {
    if (argc < 6)
        return 125;
    unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                          CLONE_NEWCGROUP | SIGCHLD;
    pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);
    must(pid, "clone");
    if (pid == 0)
        inside(argv);
    int status = 0;
    must(waitpid(pid, &status, 0), "wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
