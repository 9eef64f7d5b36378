/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run a command and print the largest resident set, in KiB, of any process of it. Small and static,
 * because a child starts with its parent's figure.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct rusage u;
    int status;
    if (argc < 3)
        return 2;
    FILE *out = fopen(argv[1], "w");
    pid_t pid = out ? fork() : -1;
    if (pid == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || getrusage(RUSAGE_CHILDREN, &u) < 0)
        return 1;
    fprintf(out, "%ld\n", u.ru_maxrss);
    fclose(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
