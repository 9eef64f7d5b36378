#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hako-oci: what other runtimes once let out.
load helpers
load oci

setup_file() { oci_setup_file; }
teardown_file() { hako_teardown_file; }
setup() { oci_setup; }
teardown() { oci_teardown; }

@test "CVE-2019-5736: the runtime's program cannot be written to through /proc/PID/exe" {
    cp "$BUILD/hako-oci" victim
    sha256sum victim >sum
    script 'sleep 100'
    ./victim --root "$OCI_ROOT" create "$ID" </dev/null >/dev/null 2>&1 3>&-
    local pid
    pid=$(pid_of "$ID")
    # hold the program open for reading while it runs, write through that afterwards
    exec 8<"/proc/$pid/exe"
    cmp "/proc/$pid/exe" victim
    oci delete -f "$ID"
    run bash -c 'echo evil >/proc/self/fd/8'
    [ "$status" -ne 0 ]
    exec 8<&-
    sha256sum -c sum
}

@test "CVE-2019-5736: nor by a script whose interpreter is /proc/self/exe" {
    cp "$BUILD/hako-oci" victim
    sha256sum victim >sum
    script 'sleep 100'
    ./victim --root "$OCI_ROOT" create "$ID" </dev/null >/dev/null 2>&1 3>&-
    ./victim --root "$OCI_ROOT" start "$ID"
    printf '#!/proc/self/exe\n' >rootfs/evil
    chmod +x rootfs/evil
    run ./victim --root "$OCI_ROOT" exec "$ID" /evil
    [ "$status" -ne 0 ]
    sha256sum -c sum
    oci delete -f "$ID"
}

@test "CVE-2024-21626: no working directory by a descriptor of the host" {
    for fd in 3 4 5 6 7 8 9 10; do
        config --arg d "/proc/self/fd/$fd" '.process.cwd = $d | .process.args = ["pwd"]'
        run oci run "$ID"
        is 1
    done
    config '.process.cwd = "/"'
    script 'sleep 100'
    oci_up "$ID"
    for fd in 3 4 5 6 7 8 9 10; do
        run oci exec --cwd "/proc/self/fd/$fd" "$ID" pwd
        [ "$status" -ne 0 ]
    done
    oci delete -f "$ID"
}

# Fails when one of the runtime's own descriptors is among these.
none_of_ours() {
    [ "$(grep -cE "socket:|pidfd|cgroup|^/proc\$|$OCI_ROOT" <<<"$1")" = 0 ]
}

# The runtime has opened its own by then: directories of the host, sockets, the host's /proc.
@test "--preserve-fds passes on nothing of the runtime's where less was open than it says" {
    ln -s "$BUILD/hako-oci" crun
    script 'for f in /proc/self/fd/*; do readlink "$f"; done; echo seen'
    run ./crun --root "$OCI_ROOT" run --preserve-fds 20 "$ID" 3>&- 4>&- 5>&-
    is 0
    [[ $output == *seen* ]]
    none_of_ours "$output"
    script 'sleep 100'
    oci_up "$ID"
    run oci exec --preserve-fds 20 "$ID" sh -c \
        'for f in /proc/self/fd/*; do readlink "$f"; done; echo seen' 3>&- 4>&- 5>&-
    is 0
    [[ $output == *seen* ]]
    none_of_ours "$output"
    run oci --log log.json run --preserve-fds 1 "$ID-log" 3>&- 4>&- 5>&-
    is 1
    oci delete -f "$ID"
}

# A task of exec is in sight of the box from its birth; that of a CAP_SYS_PTRACE may follow
# /proc/PID/root, and any root may stop it there.
@test "a task on its way into a container never shows the host's root to it" {
    needs_cmd gcc
    cat >spy.c <<'END'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int c, char **v) {
    int next = fork();
    if (next == 0)
        _exit(0);
    waitpid(next++, NULL, 0);
    for (int n = next;; n = n < next + 50 ? n + 1 : next) {
        if (kill(n, SIGSTOP) < 0)
            continue;
        next = n;
        char path[64];
        struct stat own, other;
        snprintf(path, sizeof(path), "/proc/%d/root", next);
        int seen = stat("/", &own) == 0 && stat(path, &other) == 0;
        int same = seen && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
        for (int fd = 3; fd < 64; fd++) { /* a procfs of the host's leads to its root, too */
            snprintf(path, sizeof(path), "/proc/%d/fd/%d/1/root", next, fd);
            if (stat(path, &other) == 0)
                same = same && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
        }
        FILE *f = fopen("/tmp/seen", "a");
        if (seen)
            fputs(same ? "own\n" : "host\n", f);
        fclose(f);
        kill(next, SIGCONT);
        n = next++;
    }
}
END
    gcc -static -o rootfs/bin/spy spy.c
    config '.process.args = ["spy"] | .process.capabilities[] |= (. + ["CAP_SYS_PTRACE"])'
    oci_up "$ID"
    for _ in $(seq 100); do
        oci exec "$ID" true
        [ ! -s rootfs/tmp/seen ] || break
    done
    [ -s rootfs/tmp/seen ] || skip "no task was caught on its way"
    [ "$(sort -u rootfs/tmp/seen)" = own ]
    oci delete -f "$ID"
}

# setresuid(2) takes -1 for "as it is".
@test "the user 4294967295 is not root" {
    config '.process.user = {"uid": 4294967295, "gid": 0} | .process.args = ["id"]'
    run oci run "$ID"
    is 1
    config '.process.user = {"uid": 0, "gid": 4294967295}'
    run oci run "$ID"
    is 1
    config '.process.user = {"uid": 0, "gid": 0}'
    script 'sleep 100'
    oci_up "$ID"
    run oci exec --user 4294967295 "$ID" id
    [ "$status" -ne 0 ]
    oci delete -f "$ID"
}
