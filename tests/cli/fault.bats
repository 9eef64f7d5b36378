# SPDX-License-Identifier: Apache-2.0
# Every system call of a command and of its monitor fails once, or is the last before SIGKILL
# (tests/fault/run.py says what must hold). Here: a sample, the same every time; all places:
#   tests/fault/run.py --full
bats_require_minimum_version 1.5.0
load helpers
# Hundreds of short runs: more than other tests are given.
BATS_TEST_TIMEOUT=300

setup_file() { hako_setup_file; }
teardown_file() { hako_teardown_file; }
setup() {
    needs_root
    needs_cmd strace
    needs_cmd cc
}

# fault SCENARIO…
fault() {
    local code=0
    HAKO_BUILD=$BUILD timeout 240 python3 "$TOP/tests/fault/run.py" --scenarios "$1" \
        >"$BATS_TEST_TMPDIR/tap" 2>"$BATS_TEST_TMPDIR/err" || code=$?
    [ $code -ne 77 ] || skip "$(sed -n 's/^skipped: //p' "$BATS_TEST_TMPDIR/tap")"
    grep -A12 '^not ok' "$BATS_TEST_TMPDIR/tap" || true
    tail -n 1 "$BATS_TEST_TMPDIR/tap" | tee /dev/fd/3
    [ $code -eq 0 ] || tail -n 20 "$BATS_TEST_TMPDIR/err"
    return $code
}

@test "run --rm: a call fails, or the command, the monitor or the first process dies at it" {
    fault run
}
@test "run -d and start: a call fails, or the command or the monitor dies at it" {
    fault detach,start
}
@test "the first run ever, and a pull: a call fails, or the command dies at it" {
    fault first,pull
}
@test "exec, stop and rm -f: a call fails, or the command or the monitor dies at it" {
    fault exec,stop,rm
}

@test "rootless: beside another box, the ports of one whose monitor was killed are free again" {
    needs_user
    local port other
    port=$(free_port)
    other=$(free_port)
    as_user hako run -d --name stays -p "$other:80" box sleep 1000
    as_user hako run -d --name dies -p "$port:80" box sleep 1000
    local pid
    pid=$(as_user hako inspect -f '{{.State.Pid}}' dies)
    kill -9 "$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")"
    wait_for 5 test ! -d "/proc/$pid"
    run as_user hako ps -a --format '{{.Names}} {{.Status}}'
    [[ $output == *"dies Exited (137)"* ]]
    # An address of its own and the same port: nothing of the dead one's is in the way.
    as_user hako rm dies
    as_user hako run -d --name again -p "$port:80" box sleep 1000
    as_user hako rm -f stays again
}
