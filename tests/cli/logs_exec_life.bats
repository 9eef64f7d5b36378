# SPDX-License-Identifier: Apache-2.0
# Life of a box: stop kill wait pause rm rename, ps and inspect.
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

sleeper() { hako run -d --name "$1" "${@:2}" box sleep 1000 >/dev/null; }

@test "stop: TERM, the code of the handler, at once" {
    hako run -d --name ss box sh -c 'trap "exit 21" TERM; echo ready; while :; do sleep 0.05; done'
    wait_for 5 logged ss ready
    SECONDS=0
    run hako stop ss
    is 0
    [ "$output" = ss ]
    [ $SECONDS -lt 5 ]
    [ "$(field ss .State.ExitCode)" = 21 ]
    [ "$(field ss .State.Status)" = exited ]
}

@test "stop: KILL after the timeout, -t chooses it" {
    sleeper ss
    local began=${EPOCHREALTIME/./}
    hako stop -t 1 ss
    local took=$(((${EPOCHREALTIME/./} - began) / 1000))
    [ $took -ge 900 ]
    [ $took -lt 4000 ]
    [ "$(field ss .State.ExitCode)" = 137 ]
    sleeper now
    began=${EPOCHREALTIME/./}
    hako stop -t 0 now
    [ $(((${EPOCHREALTIME/./} - began) / 1000)) -lt 900 ]
}

@test "stop of several, of what has ended, of nobody" {
    sleeper aa
    sleeper bb
    run hako stop -t 0 aa bb
    is 0
    [ "$output" = $'aa\nbb' ]
    run hako stop aa
    is 0
    run hako stop aa nobody-knows
    is 1
    has "No such container: nobody-knows"
}

@test "kill: KILL by default, -s by name, number, with SIG" {
    hako run -d --name kk box sh -c 'trap "echo usr1" USR1; trap "echo hup" HUP; trap "echo int" INT; echo ready; while :; do sleep 0.05; done'
    wait_for 5 logged kk ready
    hako kill -s USR1 kk
    wait_for 5 logged kk usr1
    hako kill --signal SIGHUP kk
    wait_for 5 logged kk hup
    hako kill -s 2 kk
    wait_for 5 logged kk int
    run hako kill -s NONSENSE kk
    is 1
    has NONSENSE
    run hako kill kk
    is 0
    run hako wait kk
    [ "$output" = 137 ]
    run hako kill kk
    is 1
    has "not running"
}

@test "wait: prints codes, of running and ended ones, of several" {
    hako run -d --name w1 box sh -c 'sleep 0.3; exit 4'
    hako run --name w2 box sh -c 'exit 5' || true
    run hako wait w1 w2
    is 0
    [ "$output" = $'4\n5' ]
    run hako wait nobody-knows
    is 1
}

@test "rm: refuses what runs, -f kills it, several, unknown ones" {
    sleeper rr
    run hako rm rr
    is 1
    has "running"
    local pid
    pid=$(field rr .State.Pid)
    run hako rm -f rr
    is 0
    [ "$output" = rr ]
    [ ! -d "/proc/$pid" ]
    hako create --name aa box true
    hako create --name bb box true
    run hako rm aa nobody-knows bb
    is 1
    has "nobody-knows"
    run hako ps -aq
    [ -z "$output" ]
    run hako rm -f nobody-knows
    lacks "anic"
}

@test "rm -v takes the anonymous volumes, never the named" {
    hako create --name vv -v /anon -v named:/n box true
    [ "$(find "$HAKO_ROOT/volumes" -mindepth 1 -maxdepth 1 -type d | wc -l)" -ge 2 ]
    hako rm -v vv
    run ls "$HAKO_ROOT/volumes"
    has named
    [ "$(find "$HAKO_ROOT/volumes" -mindepth 1 -maxdepth 1 -type d | wc -l)" = 1 ]
    rm -rf "$HAKO_ROOT/volumes/named"
}

@test "pause freezes, unpause thaws, ps and inspect know" {
    hako run -d --name pp box sh -c 'while :; do echo x; sleep 0.05; done'
    wait_for 5 logged pp x
    run hako pause pp
    is 0
    [ "$output" = pp ]
    [ "$(field pp .State.Paused)" = true ]
    [ "$(field pp .State.Status)" = paused ]
    run hako ps --format '{{.Status}}'
    has Paused
    local n
    n=$(hako logs pp | wc -l)
    sleep 0.4
    [ "$(hako logs pp | wc -l)" = "$n" ]
    run hako pause pp
    is 1
    has "already paused"
    hako unpause pp
    sleep 0.4
    [ "$(hako logs pp | wc -l)" -gt "$n" ]
    run hako unpause pp
    is 1
    has "not paused"
}

@test "a paused box can be stopped, killed and removed" {
    sleeper ss
    hako pause ss
    SECONDS=0
    hako stop -t 1 ss
    sleeper kk
    hako pause kk
    hako kill kk
    run timeout -s KILL 10 "$BUILD/hako" wait kk
    [ "$output" = 137 ]
    sleeper rr
    hako pause rr
    run timeout -s KILL 10 "$BUILD/hako" rm -f rr
    is 0
    [ $SECONDS -lt 15 ]
}

@test "restart: another process, the same container" {
    sleeper again
    local pid
    pid=$(field again .State.Pid)
    run hako restart -t 0 again
    is 0
    [ "$(field again .State.Running)" = true ]
    [ "$(field again .State.Pid)" != "$pid" ]
    [ ! -d "/proc/$pid" ]
}

@test "rename: the new name works, the old is free" {
    sleeper old
    hako rename old new
    [ "$(field new .Name)" = /new ]
    run hako inspect old
    is 1
    hako create --name old box true
    run hako rename old new
    [ "$status" -ne 0 ]
    has "already in use"
    run hako rename new 'bad name'
    [ "$status" -ne 0 ]
    hako kill new
    run hako wait new
    [ "$output" = 137 ]
}

@test "ps: only running by default, -a all, newest first, columns" {
    hako create --name made box echo 'two words'
    sleeper up
    hako run --name over box sh -c 'exit 3' || true
    run hako ps
    is 0
    [[ ${lines[0]} =~ ^CONTAINER\ ID\ +IMAGE\ +COMMAND\ +CREATED\ +STATUS\ +PORTS\ +NAMES ]]
    [ "${#lines[@]}" -eq 2 ]
    has up
    run hako ps -a --format '{{.Names}}'
    [ "$output" = $'over\nup\nmade' ]
    run hako ps -a --format '{{.Names}}: {{.Status}}'
    has "made: Created"
    has "over: Exited (3)"
    [[ $output =~ up:\ Up\  ]]
    run hako ps -a
    has "echo two words"
}

@test "ps: -q, --no-trunc, -n, -l, --format json" {
    sleeper one
    sleeper two
    run hako ps -q
    [ "${#lines[@]}" -eq 2 ]
    [[ ${lines[0]} =~ ^[0-9a-f]{12}$ ]]
    run hako ps -q --no-trunc
    [[ ${lines[0]} =~ ^[0-9a-f]{64}$ ]]
    run hako ps -l --format '{{.Names}}'
    [ "$output" = two ]
    run hako ps -n 1 --format '{{.Names}}'
    [ "$output" = two ]
    run sh -c '"$1" ps --format json | jq -r .Names' sh "$BUILD/hako"
    [ "$output" = $'two\none' ]
    run hako ps --format 'table {{.Names}}\t{{.Image}}'
    [[ ${lines[0]} =~ ^NAMES\ +IMAGE ]]
    run hako ps --format '{{.NoSuchField}}'
    [ "$status" -ne 0 ]
    has NoSuchField
}

@test "ps --filter: name, id, status, label, ancestor, exited, unknown" {
    sleeper apple --label fruit=yes
    sleeper brick --label fruit=no
    hako run --name ended box sh -c 'exit 9' || true
    run hako ps --filter name=appl --format '{{.Names}}'
    [ "$output" = apple ]
    run hako ps --filter label=fruit=no --format '{{.Names}}'
    [ "$output" = brick ]
    run hako ps --filter label=fruit -q
    [ "${#lines[@]}" -eq 2 ]
    run hako ps -a --filter status=exited --format '{{.Names}}'
    [ "$output" = ended ]
    run hako ps -a --filter exited=9 --format '{{.Names}}'
    [ "$output" = ended ]
    run hako ps -a --filter exited=8 -q
    [ -z "$output" ]
    run hako ps --filter "id=$(field apple .Id | cut -c1-10)" --format '{{.Names}}'
    [ "$output" = apple ]
    run hako ps -a --filter ancestor=box -q
    [ "${#lines[@]}" -eq 3 ]
    run hako ps --filter nonsense=1
    [ "$status" -ne 0 ]
    has nonsense
}

@test "inspect: docker's fields" {
    hako run -d --name ii -e A=b -w /tmp -v "$BATS_TEST_TMPDIR:/m:ro" --label l=1 -u nobody --hostname hh box sleep 1000
    run hako inspect ii
    is 0
    local doc=$output
    jq -e 'type == "array" and length == 1' <<<"$doc"
    jq -e '.[0] | (.Id | test("^[0-9a-f]{64}$")) and .Name == "/ii" and .Path == "sleep" and .Args == ["1000"]
        and .State.Running and (.State.Pid > 1) and .State.ExitCode == 0 and (.State.StartedAt | test("^20"))
        and (.Image | test("^sha256:")) and .Config.Image == "box" and .Config.User == "nobody" and .Config.Hostname == "hh"
        and (.Config.Env | index("A=b") != null) and .Config.Cmd == ["sleep", "1000"] and .Config.WorkingDir == "/tmp"
        and .Config.Labels.l == "1" and .Mounts[0].Destination == "/m" and .Mounts[0].RW == false
        and .HostConfig.NetworkMode == "bridge" and .NetworkSettings.Networks.bridge.IPAddress != ""
        and .Config.Tty == false and .HostConfig.AutoRemove == false' <<<"$doc"
    [ -d "/proc/$(jq '.[0].State.Pid' <<<"$doc")" ]
    hako kill ii
    hako wait ii
    jq -e '.[0].State | .Status == "exited" and (.Running | not) and .Pid == 0 and .ExitCode == 137
        and (.FinishedAt | test("^20"))' <<<"$(hako inspect ii)"
}

@test "inspect: of several, -f, of images, of nobody" {
    sleeper aa
    sleeper bb
    [ "$(hako inspect aa bb | jq length)" = 2 ]
    run hako inspect -f '{{.Name}} {{.State.Running}} {{.NetworkSettings.IPAddress}}' aa
    is 0
    [[ $output =~ ^/aa\ true\ [0-9.]+$ ]]
    run hako inspect --format '{{json .Config.Cmd}}' aa
    [ "$output" = '["sleep","1000"]' ]
    run hako inspect box
    is 0
    has RepoTags
    run hako inspect nobody-knows
    is 1
    has "nobody-knows"
}

@test "an ambiguous prefix is refused" {
    local i id twice=
    for i in $(seq 17); do
        hako create box true >>"$BATS_TEST_TMPDIR/ids"
    done
    twice=$(cut -c1 "$BATS_TEST_TMPDIR/ids" | sort | uniq -d | head -1)
    run hako inspect "$twice"
    is 1
    run hako rm "$twice"
    is 1
    [ "$(hako ps -aq | wc -l)" = 17 ]
    id=$(head -1 "$BATS_TEST_TMPDIR/ids")
    run hako rm "${id:0:12}"
    is 0
}

@test "the monitor is one small process of its own session, and nothing else stays" {
    sleeper mm
    local pid
    pid=$(monitor_of mm)
    [[ $(cat "/proc/$pid/comm") == hako* ]]
    [ "$(awk '{ print $6 }' "/proc/$pid/stat")" = "$pid" ]
    run ls -l "/proc/$pid/fd"
    lacks "$BATS_TEST_TMPDIR"
    [ "$(readlink "/proc/$pid/cwd")" = / ]
    # Its text is shared with the other monitors.
    sleeper m2
    sleeper m3
    [ "$(awk '/^Private/ { s += $2 } END { print s }' "/proc/$pid/smaps_rollup")" -le 200 ]
    [ "$(grep -c . "/proc/$pid/task/$pid/children")" -le 1 ]
}
