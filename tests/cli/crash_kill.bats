# SPDX-License-Identifier: Apache-2.0
# kill -9 of the command, of the monitor, of both, at any moment: the next command sweeps.
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
    PORT=$(free_port)
}
teardown() { hako_teardown; }

# Every process below `pid`, itself included.
family() {
    local c
    echo "$1"
    for c in $(cat "/proc/$1/task/"*/children 2>/dev/null); do family "$c"; done
}
# Monitors of our own state directory: their lock files tell. Others on this host are none of ours.
monitors() {
    local m
    sed -n 's/^monitor=0*\([0-9]*\) .*/\1/p' "$HAKO_ROOT"/containers/*/lock "$HAKO_ROOT"/tmp/*/lock 2>/dev/null |
        while read -r m; do
            [ "$(cat "/proc/$m/comm" 2>/dev/null)" != hako-monitor ] || echo "$m"
        done
}
no_monitors() { [ -z "$(monitors)" ]; }
# No half directory; what `ps -a` shows is all there is. A monitor may still be at its last clean-up.
settled() {
    local n
    n=$(hako ps -aq | wc -l)
    [ -z "$(ls -A "$HAKO_ROOT/tmp" "$HAKO_ROOT/store/tmp" 2>/dev/null | grep -E '^(new|rm)-')" ] &&
        [ "$(find "$HAKO_ROOT/containers" -mindepth 1 -maxdepth 1 | wc -l)" = "$n" ] &&
        [ "$(find "$HAKO_ROOT/names" -mindepth 1 | wc -l)" = "$n" ]
}
swept() {
    wait_for 3 settled || {
        hako ps -a --no-trunc
        ls -l "$HAKO_ROOT/names" "$HAKO_ROOT/tmp" "$HAKO_ROOT/containers"
        return 1
    }
}

@test "the monitor is killed: the box goes with it, its end is recorded, all is swept" {
    hako run -d --name mm -p "$PORT:80" --memory 64m box sh -c 'sleep 1001 & sleep 1001'
    local pid ip
    pid=$(field mm .State.Pid)
    ip=$(field mm .NetworkSettings.IPAddress)
    kill -9 "$(monitor_of mm)"
    wait_for 5 test ! -d "/proc/$pid"
    run hako ps -a --format '{{.Names}} {{.Status}}'
    is 0
    [[ $output =~ ^mm\ (Exited\ \(137\)|Dead) ]]
    wait_for 5 sh -c '! pgrep -fx "sleep 1001"'
    run nft list ruleset
    lacks "$ip"
    lacks "$PORT"
    run find /sys/fs/cgroup -type d -name "$(field mm .Id)"
    [ -z "$output" ]
    run hako start mm
    is 0
    [ "$(field mm .State.Status)" = running ]
    run hako rm -f mm
    is 0
    swept
}

@test "the monitor of a --rm box is killed: everything goes" {
    hako run -d --rm --name mm -v /anon box sleep 1000
    kill -9 "$(monitor_of mm)"
    wait_for 5 sh -c '[ -z "$("$1" ps -aq)" ]' sh "$BUILD/hako"
    swept
    run ls -A "$HAKO_ROOT/containers"
    [ -z "$output" ]
}

@test "the box's first process is killed: the monitor notices" {
    hako run -d --name mm box sleep 1000
    kill -9 "$(field mm .State.Pid)"
    run timeout -s KILL 10 "$BUILD/hako" wait mm
    [ "$output" = 137 ]
}

@test "the command is killed: a detached box never notices, an attached one goes on" {
    "$BUILD/hako" run --name aa box sh -c 'echo up; sleep 1000' >"$BATS_TEST_TMPDIR/out" 3>&- &
    local pid=$!
    wait_for 5 grep -q up "$BATS_TEST_TMPDIR/out"
    kill -9 $pid
    wait $pid || true
    [ "$(field aa .State.Status)" = running ]
    run hako exec aa echo fine
    [ "$output" = fine ]
    hako stop -t 0 aa
    swept
}

@test "clients are killed: exec, attach, logs -f, wait; the box goes on" {
    hako run -d -i --name cc box sh -c 'while :; do echo tick; sleep 0.05; done'
    local pids=() words
    for words in 'exec cc sleep 1000' 'attach cc' 'logs -f cc' 'wait cc'; do
        # shellcheck disable=SC2086
        "$BUILD/hako" $words >/dev/null 2>&1 </dev/null 3>&- &
        pids+=($!)
    done
    sleep 0.3
    kill -9 "${pids[@]}"
    wait "${pids[@]}" || true
    [ "$(field cc .State.Status)" = running ]
    local n
    n=$(hako logs cc | wc -l)
    sleep 0.3
    [ "$(hako logs cc | wc -l)" -gt "$n" ]
    run hako exec cc echo fine
    [ "$output" = fine ]
}

@test "the monitor is killed under an attached command: it ends, with 137 and a word" {
    "$BUILD/hako" run --name aa box sh -c 'echo up; sleep 1000' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
    local pid=$! code=0
    wait_for 5 grep -q up "$BATS_TEST_TMPDIR/out"
    kill -9 "$(monitor_of aa)"
    wait $pid || code=$?
    [ $code -eq 137 ] || [ $code -eq 125 ]
    swept
}

@test "the monitor is killed while paused" {
    hako run -d --name pp box sleep 1002
    hako pause pp
    kill -9 "$(monitor_of pp)"
    wait_for 10 sh -c '"$1" ps -a >/dev/null; ! pgrep -fx "sleep 1002"' sh "$BUILD/hako"
    hako rm pp
    swept
}

@test "rm -f killed in the middle: the next command finishes it" {
    local i
    for i in 0.001 0.003 0.005 0.01 0.02 0.04; do
        hako run -d --name rr box sh -c 'for d in $(seq 300); do mkdir /d$d; done; sleep 1000' >/dev/null
        "$BUILD/hako" rm -f rr >/dev/null 2>&1 3>&- &
        local pid=$!
        sleep $i
        kill -9 $pid 2>/dev/null || true
        wait $pid || true
        hako rm -f rr >/dev/null 2>&1 || true
        swept
        [ -z "$(hako ps -aq)" ]
    done
}

@test "forty rounds: kill -9 of command, monitor or both at a random moment" {
    local i pid who mon delay killed=0
    RANDOM=${HAKO_TEST_SEED:-4711}
    for ((i = 0; i < 40; i++)); do
        who=$((RANDOM % 3))
        delay=0.0$(printf '%03d' $((RANDOM % 60)))
        local rm=() words='sleep 1003'
        ((RANDOM % 3)) || words=true # ends by itself: the moments of the end are met, too
        ((RANDOM % 2)) && rm=(--rm)
        "$BUILD/hako" run "${rm[@]}" --name "k$i" -p "$PORT:80" --memory 64m -v /anon box $words >/dev/null 2>&1 </dev/null 3>&- &
        pid=$!
        sleep "$delay"
        mon=$(family $pid 2>/dev/null | tail -n +2; monitors)
        [ "$who" = 0 ] || [ -z "$mon" ] || killed=$((killed + 1))
        # shellcheck disable=SC2086
        case $who in
        0) kill -9 $pid 2>/dev/null || true ;;
        1) [ -z "$mon" ] || kill -9 $mon 2>/dev/null || true ;;
        2) kill -9 $pid $mon 2>/dev/null || true ;;
        esac
        # A monitor that the command had begun keeps the box: that one is ended like any other.
        if [ "$who" = 0 ] || [ -z "$mon" ]; then
            sleep 0.1
            kill -9 $pid 2>/dev/null || true
        fi
        # Nobody is left who could end it: it must see that for itself.
        wait_for 5 test ! -d /proc/$pid || {
            # … unless its monitor was too young to be found: then the box is up.
            [ "$(hako ps -q | wc -l)" = 1 ] || {
                echo "round $i: the command hangs: who=$who delay=$delay killed: $mon"
                return 1
            }
            kill -9 $pid
        }
        wait $pid 2>/dev/null || true
        hako ps -a >/dev/null
        # shellcheck disable=SC2046
        [ -z "$(hako ps -aq)" ] || hako rm -fv $(hako ps -aq) >/dev/null
        swept || {
            echo "round $i: who=$who delay=$delay"
            return 1
        }
        run nft list map ip hako any
        lacks "$PORT" || {
            echo "round $i: the port is still there: who=$who delay=$delay ${rm[*]}"
            return 1
        }
        wait_for 5 no_monitors || {
            echo "round $i: a monitor lives: who=$who delay=$delay"
            return 1
        }
    done
    echo "monitors killed: $killed"
    [ $killed -ge 8 ]
    wait_for 5 sh -c '! pgrep -fx "sleep 1003"'
    run nft list ruleset
    lacks "$PORT"
    [ -z "$(ls -A "$HAKO_ROOT/containers")" ]
    [ -z "$(ls -A "$HAKO_ROOT/volumes" 2>/dev/null)" ]
    # Leases of boxes that never were do not pile up.
    [ "$(find "$HAKO_ROOT/net" -type f | wc -l)" -lt 15 ]
}

@test "create killed at random moments leaves no half container" {
    local i pid
    RANDOM=${HAKO_TEST_SEED:-42}
    for ((i = 0; i < 25; i++)); do
        "$BUILD/hako" create --name "c$i" -v /anon box true >/dev/null 2>&1 3>&- &
        pid=$!
        sleep 0.00$(printf '%02d' $((RANDOM % 30)))
        kill -9 $pid 2>/dev/null || true
        wait $pid 2>/dev/null || true
    done
    swept
    # Whatever name was half taken is free.
    for ((i = 0; i < 25; i++)); do
        hako rm -f "c$i" >/dev/null 2>&1 || true
        hako create --name "c$i" box true >/dev/null
    done
}

@test "starts and removals side by side with listings" {
    local i pids=()
    for i in $(seq 6); do
        (for _ in 1 2 3 4 5; do
            hako run --rm -d --name "s$i" box sleep 1000 >/dev/null && hako rm -f "s$i" >/dev/null
        done) 3>&- &
        pids+=($!)
        (for _ in $(seq 20); do hako ps -a >/dev/null || exit 1; done) 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    swept
    [ -z "$(hako ps -aq)" ]
}
