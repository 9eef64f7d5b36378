/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An OCI bundle from creation to removal by libhako's runtime part.
 *
 *   cc -o runtime runtime.c -lhako
 *   ./runtime STATE-DIRECTORY BUNDLE ID
 */
#include <hako-runtime.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed(const char *what, const hako_error *e) {
    fprintf(stderr, "%s: %s\n", what, e->message);
    return 1;
}

static int life(hako_runtime *rt, const char *bundle, const char *id) {
    struct hako_runtime_create_options create = HAKO_INIT(struct hako_runtime_create_options);
    char *args[] = {"echo", "hello from exec", NULL}, *state = NULL;
    struct hako_runtime_exec_options exec = HAKO_INIT(struct hako_runtime_exec_options);
    hako_error e;
    int pidfd = -1;
    pid_t pid = 0;

    create.bundle = bundle;
    if (hako_runtime_create(rt, id, &create, &e) < 0)
        return failed("create", &e);
    if (hako_runtime_start(rt, id, &e) < 0)
        return failed("start", &e);
    if (hako_runtime_state(rt, id, &state, &e) < 0)
        return failed("state", &e);
    printf("%s\n", state);
    free(state);
    fflush(stdout);
    exec.args = args;
    if (hako_runtime_exec(rt, id, &exec, &pid, &pidfd, &e) < 0)
        return failed("exec", &e);
    close(pidfd); /* for those who poll; here it is enough to wait */
    waitpid(pid, NULL, 0);
    return hako_runtime_kill(rt, id, SIGKILL, false, &e) < 0 ? failed("kill", &e) : 0;
}

int main(int argc, char **argv) {
    struct hako_runtime_options options = HAKO_INIT(struct hako_runtime_options);
    hako_runtime *rt = NULL;
    hako_error e;

    if (argc != 4) {
        fprintf(stderr, "usage: %s STATE-DIRECTORY BUNDLE ID\n", argv[0]);
        return 2;
    }
    options.root = argv[1];
    if (hako_runtime_open(&options, &rt, &e) < 0)
        return failed("open", &e);
    int code = life(rt, argv[2], argv[3]);
    if (hako_runtime_delete(rt, argv[3], true, &e) < 0)
        code = failed("delete", &e);
    hako_runtime_close(rt);
    return code;
}
