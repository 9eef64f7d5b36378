#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hako-oci checkpoint and restore: what criu is asked for, and what is said when it says no. A
# stand-in for criu writes its arguments down; the real one is tried where it can run.
load helpers
load oci

setup_file() { oci_setup_file; }
teardown_file() { hako_teardown_file; }
setup() {
    oci_setup
    CRIU=$BATS_TEST_TMPDIR/criu
    cat >"$CRIU" <<'S'
#!/bin/sh
# criu VERB …: arguments into $0.VERB; restore starts a process and writes --pidfile
printf '%s\n' "$@" >"$0.$1"
[ ! -e "$0.fail" ] || {
    while [ $# -gt 0 ]; do
        case $1 in --work-dir) w=$2 ;; --log-file) l=$2 ;; esac
        shift
    done
    echo "(00.1) Error (criu/x.c:1): no such luck" >"$w/$l"
    exit 1
}
verb=$1
while [ $# -gt 0 ]; do
    [ "$1" = --pidfile ] && pidfile=$2
    shift
done
[ "$verb" != restore ] || {
    sleep 100 >/dev/null 2>&1 &
    echo $! >"$pidfile"
}
S
    chmod +x "$CRIU"
}
teardown() { oci_teardown; }

@test "without criu: the error says what to do, the container runs on" {
    script 'sleep 100'
    oci_up "$ID"
    run oci --criu no-such-criu checkpoint "$ID"
    is 1
    has no-such-criu
    has "install it"
    is_status "$ID" running
    run oci --criu no-such-criu restore other
    is 1
    [ ! -e "$OCI_ROOT/other" ]
    oci delete -f "$ID"
}

@test "checkpoint: options reach criu, the container is gone" {
    mkdir shared
    config --arg s "$PWD/shared" '.mounts += [{"destination": "/shared", "source": $s, "type": "bind", "options": ["rbind"]}]'
    script 'sleep 100'
    oci_up "$ID"
    local pid
    pid=$(pid_of "$ID")
    oci --criu "$CRIU" checkpoint --image-path img --work-path work --tcp-established --shell-job \
        --file-locks --ext-unix-sk --manage-cgroups-mode full "$ID"
    run cat "$CRIU.dump"
    for word in --tcp-established --shell-job --file-locks --ext-unix-sk --manage-cgroups=full \
        "mnt[/shared]:/shared" "mnt[/proc/keys]:/dev/null" "$PWD/img" "$PWD/work" --empty-ns; do
        has "$word"
    done
    lacks --leave-running
    grep -A1 -x -- --tree "$CRIU.dump" | grep -qx "$pid"
    [ "$(jq length img/descriptors.json)" = 3 ]
    run oci state "$ID"
    is 1
}

@test "pre-dump and leave-running: it runs on" {
    script 'sleep 100'
    oci_up "$ID"
    oci --criu "$CRIU" checkpoint --pre-dump --image-path one "$ID"
    grep -qx -- --track-mem "$CRIU.pre-dump"
    is_status "$ID" running
    oci --criu "$CRIU" checkpoint --leave-running --parent-path ../one --image-path two "$ID"
    grep -qx -- ../one "$CRIU.dump"
    is_status "$ID" running
    run oci --criu "$CRIU" checkpoint --parent-path /one "$ID"
    is 1
    has "--parent-path must be relative"
    oci delete -f "$ID"
}

@test "what cannot be checkpointed" {
    script 'sleep 100'
    oci_create "$ID"
    run oci --criu "$CRIU" checkpoint "$ID"
    is 1
    has "Container cannot be checkpointed in created state"
    oci start "$ID"
    run oci --criu "$CRIU" checkpoint --manage-cgroups-mode no "$ID"
    is 1
    has "Invalid manage cgroups mode"
    run oci --criu "$CRIU" checkpoint --page-server nowhere "$ID"
    is 1
    has "Use --page-server ADDRESS:PORT"
    touch "$CRIU.fail"
    run oci --criu "$CRIU" checkpoint --work-path work-dir "$ID"
    is 1
    has "criu failed: type dump"
    has "no such luck"
    has "$PWD/work-dir/dump.log"
    is_status "$ID" running
    oci delete -f "$ID"
}

@test "restore: a running container again, and nothing left when it fails" {
    script 'sleep 100'
    mkdir img
    echo '["pipe:[77]", "/dev/null", "/dev/null"]' >img/descriptors.json
    oci --criu "$CRIU" restore -d --image-path img --pid-file pid "$ID" </dev/null >/dev/null 2>&1 3>&-
    is_status "$ID" running
    [ "$(cat pid)" = "$(pid_of "$ID")" ]
    grep -qxF 'fd[0]:pipe:[77]' "$CRIU.restore"
    grep -qx -- --restore-detached "$CRIU.restore"
    oci delete -f "$ID"
    touch "$CRIU.fail"
    run oci --criu "$CRIU" restore --image-path img --work-path work "$ID"
    is 1
    has "no such luck"
    [ ! -e "$OCI_ROOT/$ID" ]
}

@test "the real criu: a counter goes on where it was" {
    needs_cmd criu
    criu check >/dev/null 2>&1 || skip "criu cannot run on this kernel: $(criu check 2>&1 | tail -n1)"
    script 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/n; sleep 0.1; done'
    oci_up "$ID"
    wait_for 5 grep -q 5 rootfs/tmp/n
    oci checkpoint --image-path img "$ID"
    local n
    n=$(cat rootfs/tmp/n)
    oci restore -d --image-path img "$ID" </dev/null >/dev/null 2>&1 3>&-
    wait_for 5 sh -c "[ \$(cat rootfs/tmp/n) -gt $n ]"
    oci delete -f "$ID"
}
