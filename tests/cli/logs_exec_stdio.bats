# SPDX-License-Identifier: Apache-2.0
# Standard streams of run: every byte, both ways, in order, and an end.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    hako run --rm box true
    head -c 10000000 /dev/urandom >"$HAKO_TEST_DIR/10M"
    sha256sum <"$HAKO_TEST_DIR/10M" >"$HAKO_TEST_DIR/sum"
}
teardown_file() { hako_teardown_file; }
setup() {
    needs_root
    hako_setup
}
teardown() { hako_teardown; }

sum_is() { [ "$(sha256sum)" = "$(cat "$HAKO_TEST_DIR/sum")" ]; }

@test "10 MB through run -i cat, from a file, a pipe and a socket" {
    hako run --rm -i box cat <"$HAKO_TEST_DIR/10M" | sum_is
    # shellcheck disable=SC2002
    cat "$HAKO_TEST_DIR/10M" | hako run --rm -i box cat | cat | sum_is
    python3 - "$BUILD/hako" "$HAKO_TEST_DIR/10M" <<'PY' | sum_is
import socket, subprocess, sys, threading
a, b = socket.socketpair()
p = subprocess.Popen([sys.argv[1], "run", "--rm", "-i", "box", "cat"], stdin=b, stdout=subprocess.PIPE)
b.close()
def feed():
    a.sendall(open(sys.argv[2], "rb").read()); a.close()
t = threading.Thread(target=feed); t.start()
sys.stdout.buffer.write(p.stdout.read()); t.join(); sys.exit(p.wait())
PY
}

@test "10 MB into a file, and out of a box that ends at once" {
    hako run --rm -v "$HAKO_TEST_DIR/10M:/in:ro" box cat /in >"$BATS_TEST_TMPDIR/out"
    sum_is <"$BATS_TEST_TMPDIR/out"
    echo kept >"$BATS_TEST_TMPDIR/append"
    hako run --rm box echo more >>"$BATS_TEST_TMPDIR/append"
    [ "$(cat "$BATS_TEST_TMPDIR/append")" = $'kept\nmore' ]
}

@test "stdout and stderr stay apart" {
    run --separate-stderr hako run --rm box sh -c 'echo out; echo err >&2; echo out2'
    is 0
    [ "$output" = $'out\nout2' ]
    # shellcheck disable=SC2154
    [ "$stderr" = err ]
    hako run --rm -i -v "$HAKO_TEST_DIR/10M:/in:ro" box sh -c 'cat /in >&2' 2>"$BATS_TEST_TMPDIR/err" >"$BATS_TEST_TMPDIR/out"
    sum_is <"$BATS_TEST_TMPDIR/err"
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
}

@test "without -i the box reads nothing of ours" {
    run sh -c 'echo secret | { "$1" run --rm box cat; cat; }' sh "$BUILD/hako"
    is 0
    [ "$output" = secret ]
}

@test "-i: what the box does not read stays, and its end is not waited for" {
    run timeout -s KILL 10 sh -c 'yes | "$1" run --rm -i box head -n 2' sh "$BUILD/hako"
    is 0
    [ "$output" = $'y\ny' ]
    run timeout -s KILL 10 sh -c 'sleep 5 | "$1" run --rm -i box echo quick' sh "$BUILD/hako"
    is 0
    [ "$output" = quick ]
}

@test "stdin's end reaches the box" {
    run timeout -s KILL 10 sh -c '"$1" run --rm -i box sh -c "cat; echo end" </dev/null' sh "$BUILD/hako"
    is 0
    [ "$output" = end ]
    run timeout -s KILL 10 sh -c 'printf "no newline" | "$1" run --rm -i box cat' sh "$BUILD/hako"
    [ "$output" = "no newline" ]
}

@test "closed descriptors of the caller do no harm" {
    run timeout -s KILL 10 sh -c '"$1" run --rm -i box sh -c "cat; echo fine" <&-' sh "$BUILD/hako"
    is 0
    has fine
    run timeout -s KILL 10 sh -c '"$1" run --rm box sh -c "echo out; exit 4" >&-' sh "$BUILD/hako"
    is 4
    run timeout -s KILL 10 sh -c '"$1" run --rm box sh -c "echo out; echo err >&2; exit 4" 2>&-' sh "$BUILD/hako"
    is 4
    has out
}

@test "a reader that goes away does not stop or hang the box" {
    run timeout -s KILL 20 bash -c '"$1" run --rm box sh -c "for i in \$(seq 1000); do echo line \$i; done; exit 6" | head -n 1; echo ${PIPESTATUS[0]}' sh "$BUILD/hako"
    is 0
    has "line 1"
    [ "${lines[1]}" = 6 ] || [ "${lines[1]}" = 141 ]
}

@test "a reader that is slow gets everything" {
    run bash -c '"$1" run --rm -v "$2:/in:ro" box cat /in | (sleep 1; sha256sum)' sh "$BUILD/hako" "$HAKO_TEST_DIR/10M"
    is 0
    [ "$output" = "$(cat "$HAKO_TEST_DIR/sum")" ]
}

@test "output that a background child writes after the command's end is not waited for" {
    run timeout -s KILL 10 "$BUILD/hako" run --rm box sh -c '(sleep 1000; echo late) & echo early'
    is 0
    [ "$output" = early ]
}

@test "a full output device is no endless loop" {
    [ -c /dev/full ] || skip "the host has no /dev/full"
    run timeout -s KILL 10 sh -c '"$1" run --rm box sh -c "echo x; exit 3" >/dev/full' sh "$BUILD/hako"
    is 3
}

@test "-a chooses streams" {
    run --separate-stderr hako run --rm -a stdout box sh -c 'echo out; echo err >&2'
    is 0
    [ "$output" = out ]
    [ -z "$stderr" ]
    run --separate-stderr hako run --rm -a stderr box sh -c 'echo out; echo err >&2'
    [ -z "$output" ]
    [ "$stderr" = err ]
}

@test "lines come as they are written, not at the end" {
    # The box waits for an answer to its first line: it only gets one when the line is seen.
    run timeout -s KILL 20 python3 - "$BUILD/hako" <<'PY'
import subprocess, sys
p = subprocess.Popen([sys.argv[1], "run", "--rm", "-i", "box", "sh", "-c", "echo ask; read x; echo got $x"],
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(p.stdout.readline().decode().strip())
p.stdin.write(b"answer\n"); p.stdin.flush()
print(p.stdout.readline().decode().strip())
sys.exit(p.wait())
PY
    is 0
    [ "$output" = $'ask\ngot answer' ]
}

@test "-it without a terminal says so" {
    run sh -c 'echo | "$1" run --rm -it box true' sh "$BUILD/hako"
    is 1
    has "not a TTY"
}

@test "signals to the command go to the box" {
    "$BUILD/hako" run --name ss box sh -c 'trap "echo got-usr1" USR1; trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' \
        >"$BATS_TEST_TMPDIR/out" 3>&- &
    local pid=$!
    wait_for 5 grep -q ready "$BATS_TEST_TMPDIR/out"
    kill -USR1 $pid
    wait_for 5 grep -q got-usr1 "$BATS_TEST_TMPDIR/out"
    kill -TERM $pid
    local code=0
    wait $pid || code=$?
    [ $code -eq 9 ]
}

@test "--sig-proxy=false keeps signals from the box" {
    "$BUILD/hako" run --name ss --sig-proxy=false box sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' \
        >"$BATS_TEST_TMPDIR/out" 3>&- &
    local pid=$!
    wait_for 5 grep -q ready "$BATS_TEST_TMPDIR/out"
    kill -TERM $pid
    wait $pid || true
    [ "$(field ss .State.Status)" = running ]
}

@test "many boxes, each with its own output" {
    local i pids=()
    for i in $(seq 8); do
        hako run --rm box sh -c "seq $i 2000" >"$BATS_TEST_TMPDIR/o.$i" 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    for i in $(seq 8); do
        cmp "$BATS_TEST_TMPDIR/o.$i" <(seq "$i" 2000)
    done
}
