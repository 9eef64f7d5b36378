# SPDX-License-Identifier: Apache-2.0
# logs: whole, apart, in part, with times, following, bounded.
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
}
teardown() { hako_teardown; }

@test "logs of a box that runs and of one that ended" {
    hako run -d --name dd box sh -c 'echo one; echo two >&2; sleep 1000'
    wait_for 5 logged dd two
    run --separate-stderr hako logs dd
    is 0
    [ "$output" = one ]
    # shellcheck disable=SC2154
    [ "$stderr" = two ]
    hako kill dd
    run hako logs dd
    is 0
    has one
}

@test "an attached run is logged too" {
    hako run --name aa box sh -c 'echo shown; exit 3' || true
    run hako logs aa
    is 0
    [ "$output" = shown ]
}

@test "--tail, -n" {
    hako run --name tt box seq 100
    run hako logs --tail 3 tt
    is 0
    [ "$output" = $'98\n99\n100' ]
    run hako logs -n 0 tt
    [ -z "$output" ]
    run hako logs --tail all tt
    [ "${#lines[@]}" -eq 100 ]
}

@test "-t shows times, --since and --until choose by them" {
    hako run --name ss box sh -c 'echo early; sleep 1.2; echo late'
    run hako logs -t ss
    is 0
    [[ ${lines[0]} =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z\ early$ ]]
    local between
    between=$(date -u -d "$(cut -d' ' -f1 <<<"${lines[0]}") + 600 milliseconds" +%Y-%m-%dT%H:%M:%S.%NZ 2>/dev/null ||
        date -u -d "@$(echo "$(date -d "$(cut -d' ' -f1 <<<"${lines[0]}")" +%s.%N) + 0.6" | bc)" +%Y-%m-%dT%H:%M:%S.%NZ)
    run hako logs --since "$between" ss
    is 0
    [ "$output" = late ]
    run hako logs --until "$between" ss
    [ "$output" = early ]
    run hako logs --since 1h ss
    [ "$output" = $'early\nlate' ]
    run hako logs --since nonsense ss
    [ "$status" -ne 0 ]
    has nonsense
}

@test "-f follows to the end of the box" {
    hako run -d --name ff box sh -c 'for i in 1 2 3; do echo $i; sleep 0.3; done'
    run timeout -s KILL 20 "$BUILD/hako" logs -f ff
    is 0
    [ "$output" = $'1\n2\n3' ]
    run timeout -s KILL 20 "$BUILD/hako" logs -f ff
    [ "$output" = $'1\n2\n3' ]
}

@test "-f shows a line when it is written" {
    hako run -d -i --name ff box sh -c 'echo first; while [ ! -e /go ]; do sleep 0.05; done; echo second; sleep 1000'
    timeout -s KILL 30 "$BUILD/hako" logs -f ff >"$BATS_TEST_TMPDIR/out" 3>&- &
    local pid=$!
    wait_for 5 grep -q first "$BATS_TEST_TMPDIR/out"
    hako exec ff touch /go
    wait_for 5 grep -q second "$BATS_TEST_TMPDIR/out"
    kill $pid
    wait $pid || true
}

@test "-f of a box that goes with its end (--rm) ends too" {
    hako run -d --rm --name fr box sh -c 'for i in 1 2 3; do echo $i; sleep 0.2; done'
    run timeout -s KILL 20 "$BUILD/hako" logs -f fr
    is 0
    [ "$output" = $'1\n2\n3' ]
}

@test "binary and unfinished lines come back as they were" {
    head -c 300000 /dev/urandom >"$BATS_TEST_TMPDIR/bin"
    hako run --name bb -v "$BATS_TEST_TMPDIR/bin:/b:ro" box cat /b >/dev/null
    hako logs bb | cmp - "$BATS_TEST_TMPDIR/bin"
    hako run --name pp box printf 'no end'
    [ "$(hako logs pp | od -c | head -1 | tr -s ' ')" = "$(printf 'no end' | od -c | head -1 | tr -s ' ')" ]
}

@test "a log is bounded: max-size and max-file" {
    hako run --name big --log-opt max-size=64k --log-opt max-file=2 box seq 1 60000 >/dev/null
    run hako logs --tail 1 big
    is 0
    [ "$output" = 60000 ]
    local bytes dir
    dir=$(dirname "$(field big .LogPath)")
    bytes=$(du -cb "$dir"/log* | tail -1 | cut -f1)
    [ "$bytes" -le $((2 * 65536 + 8192)) ]
    run hako logs big
    is 0
    [ "${#lines[@]}" -gt 100 ]
    [ "${lines[-1]}" = 60000 ]
    run hako run --rm --log-opt max-size=lots box true
    is 125
    has lots
}

@test "a log is bounded without asking" {
    hako run -d --name flood box sh -c 'yes 0123456789012345678901234567890123456789012345678901234567890123456789'
    sleep 3
    local dir
    dir=$(dirname "$(field flood .LogPath)")
    hako kill flood
    hako wait flood
    [ "$(du -cb "$dir"/log* | tail -1 | cut -f1)" -lt 120000000 ]
}

@test "--log-driver none keeps nothing" {
    hako run --name none --log-driver none box echo shown
    run hako logs none
    lacks shown
    [ "$(find "$(dirname "$(field none .LogPath)")" -name 'log*' -size +0 | wc -l)" = 0 ]
}

@test "a second start goes on in the same log" {
    hako create --name twice box echo again
    hako start -a twice
    hako start -a twice
    run hako logs twice
    [ "$output" = $'again\nagain' ]
}

@test "logs of nobody" {
    run hako logs nobody-knows
    is 1
    has "No such container: nobody-knows"
}
