# SPDX-License-Identifier: Apache-2.0
# Making containers: names, ids, --rm, --cidfile, --pull, --platform, --dry-run, create and start.
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

tree() { find "$HAKO_ROOT" -printf '%P %y %s\n' 2>/dev/null | sort; }

@test "-d prints the id, which works whole and as a prefix" {
    run hako run -d box sleep 1000
    is 0
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    local id=$output
    [ "$(field "${id:0:12}" .Id)" = "$id" ]
    run hako rm -f "${id:0:4}"
    is 0
}

@test "a name of two words is given when none is asked" {
    hako create box true
    run hako ps -a --format '{{.Names}}'
    [[ $output =~ ^[a-z]+_[a-z0-9]+$ ]]
}

@test "--name: works as a handle, may not be taken twice, comes free again" {
    hako create --name tea box true
    run hako create --name tea box true
    is 125
    has "already in use"
    has "/tea"
    hako rm tea
    run hako create --name tea box true
    is 0
}

@test "--name: what is no name is refused" {
    local name
    for name in 'a b' '../x' '.x' '-x' 'x/y' 'é'; do
        run hako create "--name=$name" box true
        is 125
        has "nvalid container name"
    done
    run hako ps -aq
    [ -z "$output" ]
}

@test "--rm takes everything away, also its anonymous volumes" {
    local before
    before=$(tree | grep -v '^net/')
    run hako run --rm --name gone -v /data box sh -c 'echo x >/data/x; exit 3'
    is 3
    run diff <(echo "$before") <(tree | grep -v '^net/')
    is 0
    run hako inspect gone
    is 1
    has "gone"
}

@test "without --rm the ended container stays, with its files" {
    hako run --name kept box sh -c 'echo kept >/file'
    run hako ps -a --format '{{.Names}} {{.Status}}'
    [[ $output =~ ^kept\ Exited\ \(0\) ]]
    run hako start -a kept
    is 0
    run hako ps -q
    [ -z "$output" ]
}

@test "create, start, start again: the same container, its files go on" {
    run hako create --name cc box sh -c 'echo run >>/count; wc -l </count'
    is 0
    [[ $output =~ ^[0-9a-f]{64}$ ]]
    [ "$(field cc .State.Status) $(field cc .State.Pid)" = "created 0" ]
    run hako start -a cc
    is 0
    [ "$output" = 1 ]
    run hako start -a cc
    [ "$output" = 2 ]
    run hako start cc
    is 0
    [ "$output" = cc ]
    run hako wait cc
    [ "$output" = 0 ]
}

@test "start of a running one changes nothing, of an unknown one fails" {
    hako run -d --name rr box sleep 1000
    local pid
    pid=$(field rr .State.Pid)
    run hako start rr
    is 0
    [ "$(field rr .State.Pid)" = "$pid" ]
    run hako start nobody-knows
    is 1
    has "No such container: nobody-knows"
}

@test "-d with a command that is not there: its code, its message, no id" {
    run -127 hako run -d --name bad box no-such-program
    has no-such-program
    [[ ! $output =~ [0-9a-f]{64} ]]
    [ "$(field bad .State.Status)" = created ]
}

@test "-d --rm goes by itself when it ends" {
    hako run -d --rm --name brief -v /anon box sleep 0.3
    wait_for 5 sh -c '[ -z "$("$1" ps -aq)" ]' sh "$BUILD/hako"
    wait_for 5 sh -c '[ -z "$(ls -A "$1/containers" "$1/names" "$1/tmp" | grep -v :)" ]' sh "$HAKO_ROOT"
}

@test "start -ai: input goes in, again and again" {
    hako create -i --name cat box cat
    run sh -c 'echo one | "$1" start -ai cat' sh "$BUILD/hako"
    is 0
    [ "$output" = one ]
    run sh -c 'echo two | "$1" start -a -i cat' sh "$BUILD/hako"
    [ "$output" = two ]
}

@test "--cidfile holds the id; an existing file is never overwritten" {
    run hako run -d --cidfile "$BATS_TEST_TMPDIR/cid" box true
    is 0
    [ "$(cat "$BATS_TEST_TMPDIR/cid")" = "$output" ]
    run hako run --rm --cidfile "$BATS_TEST_TMPDIR/cid" box true
    is 125
    has "$BATS_TEST_TMPDIR/cid"
    run hako create --cidfile "$BATS_TEST_TMPDIR/no/such/dir" box true
    is 125
    has "$BATS_TEST_TMPDIR/no/such/dir"
    run hako ps -aq
    [ "${#lines[@]}" -eq 1 ]
}

@test "--pull never and always" {
    run hako run --rm --pull never box echo here
    is 0
    has here
    run hako run --rm --pull never nobody/has-this true
    is 125
    has "nobody/has-this"
    run hako run --rm --pull always -q box echo fresh
    is 0
    has fresh
    run hako run --rm --pull sometimes box true
    is 125
    has sometimes
}

@test "--platform: ours is fine, a foreign one is refused by name" {
    local arch
    arch=$(hako run --rm --dry-run box true >/dev/null && uname -m)
    case $arch in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; esac
    run hako run --rm --platform "linux/$arch" box echo yes
    is 0
    run hako run --rm --platform linux/s390x box true
    is 125
    has s390x
    run hako run --rm --platform nonsense/x/y/z box true
    is 125
    run hako ps -aq
    [ -z "$output" ]
}

@test "--dry-run prints spec and plan and makes nothing" {
    local before
    before=$(tree)
    run --separate-stderr hako run --dry-run --rm --name dry -e A=b -p 18999:80 -v named:/v -v "$BATS_TEST_TMPDIR/none:/n" \
        --memory 64m box echo hi
    is 0
    [ "$(jq -c '.spec.process.args' <<<"$output")" = '["echo","hi"]' ]
    [ "$(jq '.spec.process.env | index("A=b") != null' <<<"$output")" = true ]
    [ "$(jq '.spec.linux.resources.memory.limit' <<<"$output")" = 67108864 ]
    [ "$(jq '.plan | length > 10' <<<"$output")" = true ]
    run diff <(echo "$before") <(tree)
    is 0
    [ ! -e "$BATS_TEST_TMPDIR/none" ]
}

@test "--dry-run refuses what run refuses" {
    run hako run --dry-run -u ghost box true
    is 125
    has ghost
    run hako run --dry-run --cap-add NONSENSE box true
    is 125
    has NONSENSE
}

@test "unknown options and missing arguments are named, status 125" {
    run hako run --no-such-option box true
    is 125
    has "no-such-option"
    run hako run
    is 125
    has "Usage"
    run hako run --memory
    is 125
    has memory
    run hako run --memory nonsense box true
    is 125
    has nonsense
    run hako no-such-command
    is 1
    has no-such-command
}

@test "--help of run names every option of the issue and ends with 0" {
    run hako run --help
    is 0
    local o
    for o in rm name env env-file volume mount workdir user group-add publish publish-all network \
        hostname entrypoint label read-only tmpfs init memory memory-swap cpus cpu-shares \
        cpuset-cpus pids-limit ulimit cap-add cap-drop security-opt privileged device shm-size \
        sysctl stop-signal stop-timeout pull platform cidfile dry-run interactive tty detach; do
        has "--$o "
    done
}

@test "version and info" {
    run hako version
    is 0
    [[ $output =~ [0-9]+\.[0-9]+\.[0-9]+ ]]
    run hako --version
    is 0
    run hako info
    is 0
    has overlay
}

@test "many at once: names, addresses and ids do not collide" {
    local i pids=()
    for i in $(seq 12); do
        hako run -d box sleep 1000 >"$BATS_TEST_TMPDIR/out.$i" 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    [ "$(cat "$BATS_TEST_TMPDIR"/out.* | sort -u | wc -l)" -eq 12 ]
    [ "$(hako ps --format '{{.Names}}' | sort -u | wc -l)" -eq 12 ]
    # shellcheck disable=SC2046
    [ "$(hako inspect $(hako ps -q) | jq -r '.[].NetworkSettings.IPAddress' | sort -u | wc -l)" -eq 12 ]
}
