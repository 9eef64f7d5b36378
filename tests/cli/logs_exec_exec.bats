# SPDX-License-Identifier: Apache-2.0
# exec: a second command in a running box, under the box's own terms.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    hako run --rm box true
}
teardown_file() { hako_teardown_file; }
setup() {
    needs_root
    hako_setup
    hako run -d --name xx --hostname inside -e FROM_RUN=1 -w /var/www --memory 64m --cpus 0.5 --ulimit nofile=77 \
        --cap-drop CHOWN box sleep 1000 >/dev/null
}
teardown() { hako_teardown; }

@test "exec runs in the box's namespaces, root and cgroup" {
    run hako exec xx sh -c 'hostname; pwd; echo $FROM_RUN; for n in pid mnt net ipc uts cgroup; do
        [ "$(readlink /proc/self/ns/$n)" = "$(readlink /proc/1/ns/$n)" ] || echo "other $n"; done; grep -vE ":/$" /proc/self/cgroup'
    [ "$output" = $'inside\n/var/www\n1' ]
}

@test "exec has the box's limits, capabilities and filter" {
    run hako exec xx sh -c 'ulimit -n; grep -E "^(CapEff|CapBnd|Seccomp|NoNewPrivs):" /proc/self/status; grep -E "^(CapEff|CapBnd|Seccomp|NoNewPrivs):" /proc/1/status'
    is 0
    [ "${lines[0]}" = 77 ]
    [ "${lines[1]}" = "${lines[5]}" ]
    [ "${lines[2]}" = "${lines[6]}" ]
    [ "${lines[3]}" = "${lines[7]}" ]
    [ "${lines[4]}" = "${lines[8]}" ]
    run hako exec xx chown 1 /tmp
    [ "$status" -ne 0 ]
    run hako exec xx tail /dev/zero
    is 137
    [ "$(field xx .State.Status)" = running ]
}

@test "exec opens no device that the box may not" {
    [ -c /dev/fuse ] || skip "the host has no /dev/fuse"
    run hako exec xx sh -c 'mknod /f c 10 229 && exec 3</f && echo OPEN'
    [ "$status" -ne 0 ]
    lacks OPEN
    run hako exec xx sh -c 'head -c 2 /dev/zero | wc -c'
    [ "$output" = 2 ]
}

@test "exec enters the box's cgroups from wherever it is called" {
    local d=/sys/fs/cgroup/pids
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || d=/sys/fs/cgroup
    mkdir "$d/elsewhere-$$" || skip "no cgroup can be made here"
    run sh -c 'echo $$ >"$2/cgroup.procs" && exec "$1" exec xx cat /proc/self/cgroup' sh "$BUILD/hako" "$d/elsewhere-$$"
    local out=$output
    wait_for 5 rmdir "$d/elsewhere-$$"
    [ "$out" = "$(hako exec xx cat /proc/1/cgroup)" ] || {
        echo "$out"
        return 1
    }
}

@test "exit codes: the command's, 126, 127, 128+n" {
    run hako exec xx sh -c 'exit 42'
    is 42
    run -127 hako exec xx no-such-program
    is 127
    has no-such-program
    run hako exec xx /etc/passwd
    is 126
    has /etc/passwd
    run hako exec xx sh -c 'kill -9 $$'
    is 137
}

@test "-e, --env-file, -u, -w" {
    printf 'FILE=f\n' >"$BATS_TEST_TMPDIR/env"
    run hako exec -e A=1 -e FROM_RUN=2 --env-file "$BATS_TEST_TMPDIR/env" -u www-data:users -w /tmp xx \
        sh -c 'echo $A $FROM_RUN $FILE; id -u; id -g; pwd; echo $HOME'
    is 0
    [ "$output" = $'1 2 f\n33\n100\n/tmp\n/var/www' ]
    run hako exec -u ghost xx true
    [ "$status" -ne 0 ]
    has ghost
    run hako exec -w /no/such xx true
    [ "$status" -ne 0 ]
    has /no/such
    run hako exec -u nobody xx grep CapEff /proc/self/status
    has 0000000000000000
}

@test "exec sees the box's own users, also such as were added since" {
    hako exec xx sh -c 'echo "late:x:777:778::/late:/bin/sh" >>/etc/passwd'
    run hako exec -u late xx id -u
    is 0
    [ "$output" = 777 ]
}

@test "-i: 5 MB of anything, both ways, unchanged" {
    head -c 5000000 /dev/urandom >"$BATS_TEST_TMPDIR/5M"
    hako exec -i xx cat <"$BATS_TEST_TMPDIR/5M" | cmp - "$BATS_TEST_TMPDIR/5M"
    hako exec -i xx sh -c 'cat >/stored' <"$BATS_TEST_TMPDIR/5M"
    hako exec xx cat /stored >"$BATS_TEST_TMPDIR/back"
    cmp "$BATS_TEST_TMPDIR/5M" "$BATS_TEST_TMPDIR/back"
}

@test "without -i nothing is read of ours; streams stay apart" {
    run sh -c 'echo mine | { "$1" exec xx cat; cat; }' sh "$BUILD/hako"
    [ "$output" = mine ]
    run --separate-stderr hako exec xx sh -c 'echo out; echo err >&2'
    [ "$output" = out ]
    # shellcheck disable=SC2154
    [ "$stderr" = err ]
}

@test "exec does not show in the log" {
    hako exec xx echo unseen
    run hako logs xx
    lacks unseen
}

@test "-d returns at once and goes on" {
    SECONDS=0
    run hako exec -d xx sh -c 'sleep 0.5; echo "done" >/done; sleep 1000'
    is 0
    [ -z "$output" ]
    wait_for 5 hako exec xx test -e /done
    run hako exec -d xx no-such-program
    [ "$status" -ne 0 ]
    has no-such-program
}

@test "no descriptor of the caller or the monitor is open in an exec" {
    exec 9</etc/passwd
    hako exec -d xx sh -c 'echo $$ >/pid; sleep 1007; true'
    exec 9<&-
    wait_for 5 hako exec xx test -s /pid
    run hako exec xx sh -c 'ls -l /proc/$(cat /pid)/fd'
    is 0
    [ "$(grep -c -- '->' <<<"$output")" = 3 ] || {
        echo "$output"
        return 1
    }
}

@test "--privileged" {
    run hako exec --privileged xx grep -E '^(CapEff|Seccomp):' /proc/self/status
    is 0
    has "$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)"
    [[ ${lines[1]} =~ 0$ ]]
}

@test "the box's end ends its execs" {
    "$BUILD/hako" exec xx sh -c 'echo up; sleep 1000' >"$BATS_TEST_TMPDIR/out" 3>&- &
    local pid=$! code=0
    wait_for 5 grep -q up "$BATS_TEST_TMPDIR/out"
    hako kill xx
    wait $pid || code=$?
    [ $code -eq 137 ]
}

@test "exec in what does not run is refused" {
    hako create --name made box true
    run hako exec made true
    is 1
    has "not running"
    run hako exec nobody-knows true
    is 1
    has "No such container: nobody-knows"
    run hako exec xx
    [ "$status" -ne 0 ]
    has Usage
}

@test "many execs at once" {
    local i pids=()
    for i in $(seq 16); do
        "$BUILD/hako" exec xx sh -c "echo $i; exit $i" >"$BATS_TEST_TMPDIR/o.$i" 3>&- &
        pids+=($!)
    done
    for i in $(seq 16); do
        local code=0
        wait "${pids[$((i - 1))]}" || code=$?
        [ $code -eq "$i" ]
        [ "$(cat "$BATS_TEST_TMPDIR/o.$i")" = "$i" ]
    done
}

@test "long commands and environments travel whole" {
    local long
    long=$(head -c 100000 /dev/zero | tr '\0' y)
    run hako exec -e "LONG=$long" xx sh -c 'echo ${#1} ${#LONG}' sh "$long"
    is 0
    [ "$output" = "100000 100000" ]
}
