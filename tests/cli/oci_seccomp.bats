#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# System call filters of OCI containers: actions, flags, arguments, architectures, and an agent
# that is asked.
load helpers
load oci_box

setup_file() { oci_box_setup_file; }
setup() { oci_box_setup; }
teardown() {
    [ -z "${AGENT:-}" ] || kill "$AGENT"
    oci_box_teardown
}

# filter JQ: linux.seccomp as this says, beside a default of ALLOW.
filter() { config '.linux.seccomp = ({defaultAction: "SCMP_ACT_ALLOW"} + '"$1"')'; }

# agent [ERRNO]: start one; $LOG is what it is told.
agent() {
    local line
    SOCKET=$BATS_TEST_TMPDIR/agent.sock LOG=$BATS_TEST_TMPDIR/agent.log
    mkfifo "$BATS_TEST_TMPDIR/ready"
    python3 "$FIXTURES/agent.py" "$SOCKET" "$LOG" "$@" >"$BATS_TEST_TMPDIR/ready" 3>&- &
    AGENT=$!
    read -r line <"$BATS_TEST_TMPDIR/ready"
    [ "$line" = ready ]
}

told() { wait_for 5 test -s "$LOG" && jq -r "$1" "$LOG"; }

@test "ERRNO, with and without an errno of its own" {
    sh_args 'mkdir /tmp/x'
    filter '{syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}'
    run oci run "$NAME"
    is 1
    has "Operation not permitted"
    filter '{syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 100}]}'
    run oci run "$NAME"
    is 1
    has "Network is down"
}

@test "a default errno" {
    config --slurpfile all <(echo '["execve","brk","arch_prctl","exit_group","write","read","mmap",
        "munmap","mprotect","set_tid_address","rt_sigaction","rt_sigprocmask","getuid","ioctl",
        "prctl","capset","close","close_range","recvfrom","recvmsg","sendmsg","sendto","accept4",
        "getsockopt","futex","openat","fstat","newfstatat","faccessat","stat","set_robust_list",
        "rseq","prlimit64","readlink","getrandom","fcntl","dup2","seccomp","getpid"]') \
        '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 6,
            syscalls: [{names: $all[0], action: "SCMP_ACT_ALLOW"}]}'
    config '.process.args = ["/bin/mkdir", "/tmp/x"]'
    run oci run "$NAME"
    is 1
    has "No such device or address"
}

@test "KILL, KILL_THREAD, KILL_PROCESS and TRAP end the caller by SIGSYS" {
    for action in KILL KILL_THREAD KILL_PROCESS TRAP; do
        filter '{syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_'$action'"}]}'
        sh_args 'mkdir /tmp/x; echo $?'
        run oci run "$NAME"
        is 0
        has 159
    done
}

@test "LOG lets the call pass; TRACE without a tracer is ENOSYS" {
    filter '{flags: ["SECCOMP_FILTER_FLAG_LOG"], syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_LOG"}]}'
    sh_args 'mkdir /tmp/x'
    run oci run "$NAME"
    is 0
    filter '{syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_TRACE", errnoRet: 7}]}'
    sh_args 'mkdir /tmp/y'
    run oci run "$NAME"
    is 1
    has "not implemented"
}

@test "arguments: every comparison" {
    # the mode of chmod: 0711 = 457
    for case in 'EQ 457 0 711 700' 'NE 457 0 700 711' 'LT 457 0 700 711' 'LE 457 0 711 712' \
        'GT 457 0 712 711' 'GE 457 0 711 700' 'MASKED_EQ 7 1 771 772'; do
        read -r op value two refused allowed <<<"$case"
        filter '{syscalls: [
            {names: ["chmod"], action: "SCMP_ACT_ERRNO", errnoRet: 100,
             args: [{index: 1, value: '"$value"', valueTwo: '"$two"', op: "SCMP_CMP_'"$op"'"}]},
            {names: ["fchmodat"], action: "SCMP_ACT_ERRNO", errnoRet: 100,
             args: [{index: 2, value: '"$value"', valueTwo: '"$two"', op: "SCMP_CMP_'"$op"'"}]}]}'
        sh_args "chmod $allowed /tmp && echo allowed; chmod $refused /tmp"
        run oci run "$NAME"
        is 1
        has allowed
        has "Network is down"
    done
}

@test "flags and architectures are loaded; no_new_privs on and off" {
    for nnp in true false; do
        for flags in '[]' '["SECCOMP_FILTER_FLAG_TSYNC"]' '["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]' \
            '["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]' \
            '["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'; do
            filter '{flags: '"$flags"', architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64",
                "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
                syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}'
            config '.process.noNewPrivileges = '"$nnp"
            sh_args 'grep -E "Seccomp:|NoNewPrivs" /proc/self/status; mkdir /tmp/x'
            run oci run "$NAME"
            is 1
            has "Seccomp:	2"
            has "NoNewPrivs:	$([ $nnp = true ] && echo 1 || echo 0)"
        done
    done
}

@test "exec gets the same filter" {
    filter '{syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 100}]}'
    sh_args 'sleep 1000'
    oci run -d "$NAME"
    run oci exec "$NAME" mkdir /tmp/x
    is 1
    has "Network is down"
}

@test "calls newer than the profile do not exist; unknown names are left out, or fail when asked" {
    filter '{syscalls: [{names: ["no_such_call", "mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}'
    run oci run "$NAME"
    is 0
    config '.annotations = {"run.oci.seccomp_fail_unknown_syscall": "1"}'
    run oci run "$NAME"
    is 1
    has "unknown system call no_such_call"
}

@test "what cannot be is refused by its name" {
    filter '{syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NO"}]}'
    run oci run "$NAME"
    is 1
    has 'linux.seccomp.syscalls[0].action'
    has 'SCMP_ACT_NO'
    filter '{flags: ["SECCOMP_FILTER_FLAG_NO"]}'
    run oci run "$NAME"
    is 1
    has 'linux.seccomp.flags'
    filter '{architectures: ["SCMP_ARCH_PDP11"]}'
    run oci run "$NAME"
    is 1
    has 'linux.seccomp.architectures'
    filter '{syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO", args: [{index: 6, value: 1, op: "SCMP_CMP_EQ"}]}]}'
    run oci run "$NAME"
    is 1
    has 'index'
    filter '{syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 1, op: "SCMP_CMP_NO"}]}]}'
    run oci run "$NAME"
    is 1
    has 'SCMP_CMP_NO'
    filter '{syscalls: [{names: [], action: "SCMP_ACT_ERRNO"}]}'
    run oci run "$NAME"
    is 1
    has 'names'
    filter '{syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ALLOW", errnoRet: 1}]}'
    run oci run "$NAME"
    is 1
    has 'takes no errnoRet'
    filter '{syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}'
    run oci run "$NAME"
    is 1
    has 'listenerPath is not set'
    filter '{listenerPath: "/x", syscalls: [{names: ["write"], action: "SCMP_ACT_NOTIFY"}]}'
    run oci run "$NAME"
    is 1
    has 'SCMP_ACT_NOTIFY cannot be used for the write syscall'
    filter '{defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/x"}'
    run oci run "$NAME"
    is 1
    has 'cannot be used as default action'
    filter '{listenerMetadata: "x"}'
    run oci run "$NAME"
    is 1
    has 'listenerMetadata'
    [ -z "$(oci list -q)" ]
}

@test "NOTIFY: the agent gets descriptor and state, and its answer is the call's" {
    agent 123
    for nnp in true false; do
        rm -f "$LOG"
        config '.process.noNewPrivileges = '"$nnp"' | .annotations = {"a": "b"}'
        filter '{listenerPath: "'"$SOCKET"'", listenerMetadata: "meta data",
            syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}'
        sh_args 'mkdir /tmp/x; ls /proc/self/fd | wc -l; sleep 1000'
        oci create "$NAME" >"$BATS_TEST_TMPDIR/out" 2>&1
        pid=$(oci state "$NAME" | jq .pid)
        [ "$(told 'del(._open) | tojson' | jq -S .)" = "$(jq -Sn --arg id "$NAME" --arg b "$BUNDLE" \
            --argjson p "$pid" '{ociVersion: "1.2.0", fds: ["seccompFd"], pid: $p,
            metadata: "meta data", state: {ociVersion: "1.2.0", id: $id, status: "creating",
            pid: $p, bundle: $b, annotations: {a: "b"}}, _fds: ["anon_inode:seccomp notify"]}')" ]
        oci start "$NAME"
        wait_for 5 grep -q 4 "$BATS_TEST_TMPDIR/out"
        grep -q "No medium found" "$BATS_TEST_TMPDIR/out"
        oci delete --force "$NAME"
    done
}

@test "NOTIFY for exec: a connection of its own, and no descriptor of the host's in sight" {
    agent 123
    filter '{listenerPath: "'"$SOCKET"'", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}'
    sh_args 'sleep 1000'
    oci run -d "$NAME" >/dev/null 2>&1
    pid=$(oci state "$NAME" | jq .pid)
    [ "$(told '.state.pid')" = "$pid" ]
    rm "$LOG"
    exec 20</etc/passwd 21</ 22</sys/fs/cgroup
    run oci exec "$NAME" sh -c 'mkdir /tmp/x; ls /proc/self/fd | wc -l'
    exec 20<&- 21<&- 22<&-
    is 0
    has "No medium found"
    has 4
    [ "$(told '.state.status + " " + (.state.pid | tostring)')" = "running $pid" ]
    [ "$(told '.pid')" != "$pid" ]
    run told '._open[]'
    lacks /etc/passwd
    lacks cgroup
    [ "$(printf '%s\n' "${lines[@]}" | grep -c '^/$')" -le 1 ]
}

@test "NOTIFY for calls that the runtime itself needs afterwards" {
    agent
    filter '{listenerPath: "'"$SOCKET"'", syscalls: [{names: ["execve", "openat", "open", "read",
        "close", "recvfrom", "recvmsg", "sendmsg", "accept4"], action: "SCMP_ACT_NOTIFY"}]}'
    for nnp in true false; do
        config '.process.noNewPrivileges = '"$nnp"
        run timeout 20 "$BUILD/hako-oci" --root "$STATE" run "$NAME"
        is 0
    done
}

@test "no agent: an error that says so, and nothing is left" {
    filter '{listenerPath: "'"$BATS_TEST_TMPDIR"'/none", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}'
    run oci run "$NAME"
    is 1
    has "failed to connect with seccomp agent"
    [ -z "$(oci list -q)" ]
    # nobody is to be asked: the path is ignored
    filter '{listenerPath: "'"$BATS_TEST_TMPDIR"'/none", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO"}]}'
    run oci run "$NAME"
    is 0
}

@test "startContainer hooks run under the filter" {
    config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "mkdir /tmp/x"]}]'
    filter '{syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL"}]}'
    run oci run "$NAME"
    is 1
    has "error running hook"
    has "bad system call"
}

@test "a compiled filter is kept and found again" {
    filter '{syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO"}]}'
    run oci run "$NAME"
    is 0
    [ "$(ls "$STATE"/seccomp-* | wc -l)" = 1 ]
    sh_args 'mkdir /tmp/x'
    run oci run "$NAME"
    is 1
    [ "$(ls "$STATE"/seccomp-* | wc -l)" = 1 ]
    [ -z "$(oci list -q)" ]
}
