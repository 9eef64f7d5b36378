#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the process of an OCI container is: rights, limits, scheduling, user, descriptors, terminal.
load helpers
load oci_box

setup_file() { oci_box_setup_file; }
setup() { oci_box_setup; }
teardown() { oci_box_teardown; }

caps() { # Inh Prm Eff Bnd Amb, of the last `run`
    printf '%s\n' "${lines[@]}" | awk '/^Cap/ { printf "%s ", $2 } END { print "" }'
}
show_caps='grep Cap /proc/self/status'

# --- capabilities ----------------------------------------------------------------------------

@test "capabilities: none, and all five sets exactly" {
    sh_args "$show_caps"
    config '.process.capabilities = {}'
    run oci run "$NAME"
    is 0
    [ "$(caps)" = "0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 " ]
    # chown 1, kill 0x20, setgid 0x40, setuid 0x80, net_raw 0x2000
    config '.process.user.uid = 5 | .process.user.gid = 5 | .process.capabilities = {
        bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_NET_RAW"],
        permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID"],
        inheritable: ["CAP_CHOWN", "CAP_SETUID"], effective: ["CAP_CHOWN"],
        ambient: ["CAP_CHOWN"]}'
    run oci run "$NAME"
    is 0
    # after execve only the ambient ones are permitted to a user
    [ "$(caps)" = "0000000000000081 0000000000000001 0000000000000001 00000000000020e1 0000000000000001 " ]
    config '.process.user.uid = 0 | .process.user.gid = 0 | .process.capabilities.ambient = []
        | .process.noNewPrivileges = false'
    run oci run "$NAME"
    is 0
    # root gets inheritable and bounding ones by execve
    [ "$(caps)" = "0000000000000081 00000000000020e1 00000000000020e1 00000000000020e1 0000000000000000 " ]
}

@test "capabilities: inheritable ones are empty unless asked for, by run, exec and exec --cap (CVE-2022-29162)" {
    sh_args "$show_caps; sleep 1000"
    oci create "$NAME" >"$BATS_TEST_TMPDIR/out"
    oci start "$NAME"
    wait_for 5 grep -q CapAmb "$BATS_TEST_TMPDIR/out"
    grep -q 'CapInh:	0000000000000000' "$BATS_TEST_TMPDIR/out"
    run oci exec "$NAME" sh -c "$show_caps"
    is 0
    [ "$(caps)" = "0000000000000000 0000000020000420 0000000020000420 0000000020000420 0000000000000000 " ]
    run oci exec --cap CAP_NET_RAW "$NAME" sh -c "$show_caps"
    is 0
    has "CapInh:	0000000000000000"
    has "CapEff:	0000000020002420"
    run oci exec --user 5:5 "$NAME" sh -c "$show_caps"
    is 0
    has "CapInh:	0000000000000000"
    has "CapEff:	0000000000000000"
}

@test "capabilities: unknown ones, and those the caller has not got, are warned about and left out" {
    sh_args "$show_caps"
    config '.process.capabilities = {bounding: ["CAP_KILL", "CAP_FROM_THE_FUTURE", "UNKNOWN"],
        effective: ["CAP_KILL"], permitted: ["CAP_KILL"]}'
    run oci run "$NAME"
    is 0
    has "CAP_FROM_THE_FUTURE"
    has UNKNOWN
    has warning
    has "CapBnd:	0000000000000020"
    needs_cmd setpriv
    config '.process.capabilities = {bounding: ["CAP_KILL", "CAP_SYS_TIME"],
        effective: ["CAP_KILL", "CAP_SYS_TIME"], permitted: ["CAP_KILL", "CAP_SYS_TIME"]}'
    run setpriv --bounding-set -sys_time --inh-caps -all "$BUILD/hako-oci" --root "$STATE" run "$NAME"
    is 0
    has "CAP_SYS_TIME cannot be granted"
    has "CapEff:	0000000000000020"
}

# --- user ------------------------------------------------------------------------------------

@test "user, groups, umask" {
    sh_args 'id -u; id -g; grep Groups /proc/self/status; umask'
    config '.process.user = {uid: 7, gid: 8, additionalGids: [9, 10], umask: 63}'
    run oci run "$NAME"
    is 0
    [ "${lines[0]}" = 7 ]
    [ "${lines[1]}" = 8 ]
    [[ "${lines[2]}" == Groups:*"9 10"* ]]
    [ "${lines[3]}" = 0077 ]
    config '.process.user = {uid: 7, gid: 8}'
    umask 027
    run oci run "$NAME"
    umask 022
    is 0
    [ "$(tr -d '[:space:]' <<<"${lines[2]}")" = Groups: ]
    [ "${lines[3]}" = 0027 ] # the caller's
}

@test "run.oci.keep_original_groups" {
    needs_cmd setpriv
    sh_args 'grep Groups /proc/self/status'
    config '.annotations = {"run.oci.keep_original_groups": "1"}'
    run setpriv --groups 3,4 "$BUILD/hako-oci" --root "$STATE" run "$NAME"
    is 0
    has "3 4"
    config 'del(.annotations)'
    run setpriv --groups 3,4 "$BUILD/hako-oci" --root "$STATE" run "$NAME"
    is 0
    lacks "3 4"
}

@test "exec: user, groups, umask, environment and directory of its own" {
    sh_args 'sleep 1000'
    oci run -d "$NAME"
    jq -n '{user: {uid: 3, gid: 4, umask: 7, additionalGids: [6]}, cwd: "/tmp", env: ["PATH=/bin", "A=b"],
        args: ["sh", "-c", "id -u; id -g; grep Groups /proc/self/status; umask; pwd; env"]}' >process.json
    run oci exec --process process.json "$NAME"
    is 0
    [ "${lines[0]}" = 3 ]
    [ "${lines[1]}" = 4 ]
    [[ "${lines[2]}" == *6* ]]
    [ "${lines[3]}" = 0007 ]
    [ "${lines[4]}" = /tmp ]
    has A=b
    lacks TERM
}

# --- limits ----------------------------------------------------------------------------------

@test "rlimits: set; unknown, double and impossible ones are refused" {
    sh_args 'grep -E "open files|core file" /proc/self/limits'
    config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]'
    run oci run "$NAME"
    is 0
    [[ $(tr -s ' ' <<<"$output") == *"open files 100 200"* ]]
    config '.process.rlimits = [{type: "RLIMIT_NO", soft: 1, hard: 1}]'
    run oci run "$NAME"
    is 1
    has 'process.rlimits[0].type'
    has RLIMIT_NO
    config '.process.rlimits = [{type: "RLIMIT_CORE", soft: 1, hard: 1}, {type: "RLIMIT_CORE", soft: 1, hard: 1}]'
    run oci run "$NAME"
    is 1
    has "given twice"
    config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 2, hard: 1}]'
    run oci run "$NAME"
    is 1
    has "above the hard limit"
}

@test "limits the caller may not raise are an error: the specification says that they must match" {
    needs_cmd setpriv
    config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 500, hard: 500}]'
    run setpriv --bounding-set -sys_resource "$BUILD/hako-oci" --root "$STATE" run "$NAME"
    is 0
    ulimit -n 300
    run setpriv --bounding-set -sys_resource "$BUILD/hako-oci" --root "$STATE" run "$NAME"
    is 1
    has "RLIMIT_NOFILE"
    config 'del(.process.rlimits) | .process.oomScoreAdj = -900'
    run setpriv --bounding-set -sys_resource "$BUILD/hako-oci" --root "$STATE" run "$NAME"
    is 1
    has "oom_score_adj"
    [ -z "$(oci list -q)" ]
}

@test "oom_score_adj: set when given, else left as it is" {
    sh_args 'cat /proc/self/oom_score_adj'
    run oci run "$NAME"
    is 0
    [ "$output" = "$(cat /proc/self/oom_score_adj)" ]
    config '.process.oomScoreAdj = 900'
    run oci run "$NAME"
    is 0
    [ "$output" = 900 ]
    chown -R 100000:100000 rootfs
    config '.linux.namespaces += [{type: "user"}]
        | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
        | .linux.gidMappings = .linux.uidMappings'
    run oci run "$NAME"
    is 0
    [ "$output" = 900 ]
    config '.process.oomScoreAdj = 1001'
    run oci run "$NAME"
    is 1
    has process.oomScoreAdj
}

# --- scheduling ------------------------------------------------------------------------------

@test "scheduler: policies, nice, flags; exec its own" {
    needs_cmd chrt
    config '.process.scheduler = {policy: "SCHED_BATCH", nice: 5} | .process.args = ["/bin/sleep", "1000"]'
    oci run -d "$NAME"
    pid=$(oci state "$NAME" | jq .pid)
    chrt -p "$pid" | grep -q SCHED_BATCH
    [ "$(awk '{ print $19 }' "/proc/$pid/stat")" = 5 ]
    jq -n '{user: {uid: 0, gid: 0}, cwd: "/", args: ["/bin/sh", "-c", "exec cat /proc/self/stat"],
        scheduler: {policy: "SCHED_IDLE"}}' >process.json
    run oci exec --process process.json "$NAME"
    is 0
    [ "$(awk '{ print $41 }' <<<"$output")" = 5 ]
    oci delete --force "$NAME"
    config '.process.scheduler = {policy: "SCHED_FIFO", priority: 7, flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
    # a cgroup of version 1 may have no real-time budget
    if oci run -d "$NAME" 2>"$BATS_TEST_TMPDIR/err"; then
        pid=$(oci state "$NAME" | jq .pid)
        chrt -p "$pid" | grep -q 'SCHED_FIFO|SCHED_RESET_ON_FORK'
        chrt -p "$pid" | grep -q 'priority: 7'
    else
        grep -q "cannot set the scheduling policy: Operation not permitted" "$BATS_TEST_TMPDIR/err"
    fi
    oci delete --force "$NAME"
    config '.process.scheduler = {policy: "SCHED_NO"}'
    run oci run "$NAME"
    is 1
    has 'process.scheduler.policy'
    config '.process.scheduler = {policy: "SCHED_OTHER", flags: ["NO"]}'
    run oci run "$NAME"
    is 1
    has 'process.scheduler.flags'
}

@test "I/O priority" {
    needs_cmd ionice
    config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6} | .process.args = ["/bin/sleep", "1000"]'
    oci run -d "$NAME"
    [ "$(ionice -p "$(oci state "$NAME" | jq .pid)")" = "best-effort: prio 6" ]
    oci delete --force "$NAME"
    config '.process.ioPriority = {class: "IOPRIO_CLASS_NO", priority: 6}'
    run oci run "$NAME"
    is 1
    has process.ioPriority.class
    config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 8}'
    run oci run "$NAME"
    is 1
    has process.ioPriority.priority
}

@test "CPU affinity of exec" {
    allowed=$(awk '/Cpus_allowed_list/ { print $2 }' /proc/self/status)
    first=${allowed%%[-,]*}
    sh_args 'sleep 1000'
    oci run -d "$NAME"
    doc() { jq -n "$1"' + {user: {uid: 0, gid: 0}, cwd: "/", args: ["/bin/grep", "Cpus_allowed_list", "/proc/self/status"]}' >process.json; }
    doc '{execCPUAffinity: {initial: "'"$first"'"}}'
    run oci exec --process process.json "$NAME"
    is 0
    doc '{execCPUAffinity: {final: "'"$first"'"}}'
    run oci exec --process process.json "$NAME"
    is 0
    [ "$(awk '{ print $2 }' <<<"$output")" = "$first" ]
    doc '{execCPUAffinity: {initial: "'"$first"'", final: "'"$allowed"'"}}'
    run oci exec --process process.json "$NAME"
    is 0
    [ "$(awk '{ print $2 }' <<<"$output")" = "$allowed" ]
    for bad in x 1- 3-1 1,,2 99999; do
        doc '{execCPUAffinity: {final: "'$bad'"}}'
        run oci exec --process process.json "$NAME"
        [ "$status" -ne 0 ]
        has "process.execCPUAffinity.final: "
    done
    doc '{execCPUAffinity: {initial: "8000"}}'
    run oci exec --process process.json "$NAME"
    [ "$status" -ne 0 ]
    has execCPUAffinity
}

@test "memory policy" {
    [ -e /proc/self/numa_maps ] || skip "this kernel has no NUMA"
    sh_args 'head -n 1 /proc/self/numa_maps'
    config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}'
    run oci run "$NAME"
    is 0
    has bind:0
    config '.linux.memoryPolicy = {mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
    run oci run "$NAME"
    is 0
    has interleave=static:0
    config '.linux.memoryPolicy = {mode: "MPOL_DEFAULT", nodes: "0"}'
    run oci run "$NAME"
    is 1
    has linux.memoryPolicy
    config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0-"}'
    run oci run "$NAME"
    is 1
    has linux.memoryPolicy.nodes
    config '.linux.memoryPolicy = {mode: "MPOL_NO"}'
    run oci run "$NAME"
    is 1
    has linux.memoryPolicy.mode
}

@test "Intel RDT without resctrl is an error" {
    ! grep -q ' - resctrl ' /proc/self/mountinfo || skip "resctrl is mounted"
    config '.linux.intelRdt = {closID: "x"}'
    run oci run "$NAME"
    is 1
    has "Intel RDT is not supported"
    [ -z "$(oci list -q)" ]
}

# --- kernel settings -------------------------------------------------------------------------

@test "personality" {
    [ "$(uname -m)" = x86_64 ] || skip "for x86_64"
    config '.process.args = ["/bin/uname", "-m"] | .linux.personality = {domain: "LINUX32"}'
    run oci run "$NAME"
    is 0
    [ "$output" = i686 ]
    config '.linux.personality = {domain: "LINUX"}'
    run oci run "$NAME"
    is 0
    [ "$output" = x86_64 ]
    config '.linux.personality = {domain: "LINUX32", flags: ["NO"]}'
    run oci run "$NAME"
    is 1
    has 'linux.personality.flags: '
    config '.linux.personality = {domain: "NO"}'
    run oci run "$NAME"
    is 1
    has linux.personality.domain
}

@test "sysctl: dots and slashes, only of the container's own namespaces" {
    sh_args 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni /proc/sys/net/ipv4/conf/lo/forwarding'
    config '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel/shmmni": "77", "net/ipv4/conf/lo/forwarding": "0"}'
    run oci run "$NAME"
    is 0
    [ "$output" = $'1\n77\n0' ]
    config '.linux.sysctl = {"vm.swappiness": "1"}'
    run oci run "$NAME"
    is 1
    has 'is not in a separate kernel namespace'
    config '.linux.sysctl = {"net.core.no_such_thing": "1"}'
    run oci run "$NAME"
    is 1
    has 'net/core/no_such_thing'
    config '.linux.sysctl = {"kernel.shmmni": "x"}'
    run oci run "$NAME"
    is 1
    has shmmni
    config '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))
        | .mounts |= map(select(.type != "sysfs"))'
    run oci run "$NAME"
    is 1
    has "host's network namespace"
}

@test "no_new_privs: as the document says, by exec as well" {
    sh_args 'grep NoNewPrivs /proc/self/status; sleep 1000'
    config '.process.noNewPrivileges = false'
    oci create "$NAME" >"$BATS_TEST_TMPDIR/out"
    oci start "$NAME"
    wait_for 5 grep -q 'NoNewPrivs:	0' "$BATS_TEST_TMPDIR/out"
    run oci exec --no-new-privs "$NAME" grep NoNewPrivs /proc/self/status
    is 0
    has "NoNewPrivs:	1"
    run oci exec "$NAME" grep NoNewPrivs /proc/self/status
    is 0
    has "NoNewPrivs:	0"
    oci delete --force "$NAME"
    config '.process.noNewPrivileges = true'
    oci run -d "$NAME" >/dev/null
    run oci exec "$NAME" grep NoNewPrivs /proc/self/status
    is 0
    has "NoNewPrivs:	1"
}

@test "a command whose interpreter is not there: one line about it alone, and the log has it too" {
    printf '#!/no/such/interpreter\n' >rootfs/lost
    chmod 755 rootfs/lost
    config '.process.args = ["/lost"]'
    run oci run "$NAME"
    is 1
    [ "$output" = "exec /lost: no such file or directory" ]
    run oci --log "$BATS_TEST_TMPDIR/log" run "$NAME"
    is 1
    grep -q 'level=error.*exec /lost: no such file or directory' "$BATS_TEST_TMPDIR/log"
    sh_args 'sleep 1000'
    oci run -d "$NAME" >/dev/null
    run oci exec "$NAME" /lost
    is 255
    [ "$output" = "exec /lost: no such file or directory" ]
}

@test "labels of a security module that is not there are an error" {
    if [ ! -e /sys/module/apparmor/parameters/enabled ]; then
        config '.process.apparmorProfile = "x"'
        run oci run "$NAME"
        is 1
        has process.apparmorProfile
        config '.process.apparmorProfile = "unconfined"'
        run oci run "$NAME"
        is 0
        config 'del(.process.apparmorProfile)'
    fi
    if [ ! -e /sys/fs/selinux/enforce ]; then
        config '.process.selinuxLabel = "a:b:c:d"'
        run oci run "$NAME"
        is 1
        has "selinux label is specified in config, but selinux is disabled or not supported"
    fi
}

# --- descriptors -----------------------------------------------------------------------------

@test "no descriptor of ours or the caller's gets into the container" {
    sh_args 'ls /proc/self/fd | tr "\n" " "; sleep 1000'
    exec 20</etc/passwd 21</ 22</sys/fs/cgroup 150</dev/null 900<"$BUNDLE"
    oci create "$NAME" >"$BATS_TEST_TMPDIR/out"
    oci start "$NAME"
    wait_for 5 grep -q '0 1 2 3 ' "$BATS_TEST_TMPDIR/out" # 3 is the directory that ls reads
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "0 1 2 3 " ]
    run oci exec "$NAME" sh -c 'ls /proc/self/fd | tr "\n" " "'
    is 0
    [ "$output" = "0 1 2 3 " ]
    pid=$(oci state "$NAME" | jq .pid)
    [ "$(ls "/proc/$pid/fd" | tr '\n' ' ')" = "0 1 2 " ]
    oci delete --force "$NAME"
    sh_args 'ls /proc/self/fd | tr "\n" " "'
    run oci run "$NAME"
    exec 20<&- 21<&- 22<&- 150<&- 900<&-
    is 0
    [ "$output" = "0 1 2 3 " ]
}

@test "a parked init holds nothing of the host but its standard streams" {
    sh_args 'sleep 1000'
    exec 20</etc/passwd 21</sys/fs/cgroup
    oci create "$NAME"
    exec 20<&- 21<&-
    pid=$(oci state "$NAME" | jq .pid)
    run sh -c 'for f in /proc/'"$pid"'/fd/*; do [ "${f##*/}" -le 2 ] || readlink "$f"; done'
    lacks /etc/passwd
    lacks /sys/fs/cgroup
    lacks "$BUNDLE"
}

@test "closed standard streams become /dev/null" {
    sh_args 'for i in 0 1 2; do readlink /proc/self/fd/$i; done >/result'
    "$BUILD/hako-oci" --root "$STATE" run "$NAME" 0<&- 1>&- 2>&- 3>&-
    [ "$(tail -n 1 rootfs/result)" = /dev/null ]
    [ "$(head -n 1 rootfs/result)" = /dev/null ]
}

# --- terminal --------------------------------------------------------------------------------

@test "terminal and its size, for run and exec" {
    needs_cmd script
    config '.process.terminal = true | .process.consoleSize = {height: 33, width: 99}'
    sh_args 'tty; stty size'
    run script -qec "$BUILD/hako-oci --root $STATE run $NAME" /dev/null </dev/null
    is 0
    has /dev/pts/0
    has "33 99"
}
