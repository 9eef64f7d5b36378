# SPDX-License-Identifier: Apache-2.0
# Registries that lie, break and refuse: one message that names the thing, status 125, nothing left.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    local d=$HAKO_TEST_DIR/layouts
    mkdir "$d"
    # Two layers that do not compress: halves of them are halves.
    head -c 300000 /dev/urandom >"$HAKO_TEST_DIR/noise"
    mkimage --out "$d/ok" --ref v1 --layer - --add 'd bin 0755' --add "x bin/busybox 0755 $(command -v busybox)" \
        --add 's bin/sh busybox' --add 's bin/true busybox' --layer - --add "x noise 0644 $HAKO_TEST_DIR/noise"
    local how
    for how in diffid layertype traversal config bigsize manifest truncate; do
        mkimage --out "$d/$how" --ref v1 --layer - --add "x noise 0644 $HAKO_TEST_DIR/noise" --break $how
    done
    python3 "$FIXTURES/badregistry.py" "$d" "$HAKO_TEST_DIR/requests" >"$HAKO_TEST_DIR/port" 3>&- &
    echo $! >"$HAKO_TEST_DIR/server"
    wait_for 10 test -s "$HAKO_TEST_DIR/port"
    export BAD
    BAD=127.0.0.1:$(cat "$HAKO_TEST_DIR/port")
}
teardown_file() {
    [ ! -s "$HAKO_TEST_DIR/server" ] || kill "$(cat "$HAKO_TEST_DIR/server")"
    hako_teardown_file
}
setup() {
    needs_root
    hako_setup
}
teardown() {
    nothing_left
    hako_teardown
}

# No image, no layer, no half-written file, no process that goes on pulling.
nothing_left() {
    [ -z "$(hako images -aq)" ]
    [ -z "$(hako ps -aq)" ]
    local left
    left=$(cd "$HAKO_ROOT" && find tmp store/*/ containers names volumes -mindepth 1 -maxdepth 2 2>/dev/null | head)
    [ -z "$left" ] || {
        echo "left: $left"
        return 1
    }
}

# refused IMAGE TEXT…: by pull, and by run with docker's code.
refused() {
    local image=$1 text
    shift
    run timeout -s KILL 60 "$BUILD/hako" pull "$image"
    [ "$status" -eq 1 ] || {
        echo "pull: status $status: $output"
        return 1
    }
    for text in "$@"; do has "$text"; done
    [[ $output != *[Ss]egmentation* && $output != *Sanitizer* ]]
    nothing_left
    run timeout -s KILL 60 "$BUILD/hako" run --rm --network none "$image" true
    is 125
    run hako ps -aq
    [ -z "$output" ]
}

@test "the good one works, so the rest means something" {
    run hako run --rm --network none "$BAD/ok/good:v1" sh -c 'echo fine'
    is 0
    has fine
    [ -n "$(cd "$HAKO_ROOT" && find store/*/ -mindepth 1)" ]
    hako rmi "$BAD/ok/good:v1"
}

@test "nobody listens" { refused 127.0.0.1:1/x/y:z 127.0.0.1:1; }
@test "no such host" {
    run hako pull no-such-host.invalid/x:y
    is 1
    has no-such-host.invalid
}
@test "no such repository" { refused "$BAD/none/good:v1" none/good; }
@test "no such tag" { refused "$BAD/ok/good:none" "ok/good:none"; }
@test "no such digest" {
    refused "$BAD/ok/good@sha256:$(printf '0%.0s' {1..64})" "ok/good@sha256:0000"
}
@test "the manifest is cut off" { refused "$BAD/ok/notjson:v1" ok/notjson; }
@test "the manifest is a page" { refused "$BAD/ok/html:v1" ok/html; }
@test "the manifest is huge" { refused "$BAD/ok/hugemanifest:v1" "larger than"; }
@test "the manifest's digest header lies" { refused "$BAD/ok/header:v1" ok/header digest; }
@test "the manifest is deeply nested" { refused "$BAD/ok/deep:v1" ok/deep; }
@test "sizes are no numbers" { refused "$BAD/ok/stringsize:v1" ok/stringsize; }
@test "an index leads to itself" { refused "$BAD/ok/selfindex:v1" ok/selfindex; }
@test "the configuration is spoilt" { refused "$BAD/ok/config:v1" digest; }
@test "a layer has a flipped bit" { refused "$BAD/ok/flip:v1" layer digest; }
@test "a layer is truncated by the registry" { refused "$BAD/ok/short:v1" truncated; }
@test "a layer's connection breaks again and again" { refused "$BAD/ok/cut:v1" "127.0.0.1"; }
@test "a layer is longer than announced" { refused "$BAD/ok/long:v1" "larger than"; }
@test "a layer has no end" { refused "$BAD/ok/endless:v1" "larger than"; }
@test "a layer is gone" { refused "$BAD/ok/gone:v1" blob; }
@test "a layer is redirected to nobody" { refused "$BAD/ok/away:v1" 127.0.0.1:1; }
@test "status 500" { refused "$BAD/ok/e500:v1" 500; }
@test "status 429" { refused "$BAD/ok/e429:v1" toomanyrequests; }
@test "redirects in a circle" { refused "$BAD/ok/loop:v1" redirect; }
@test "access denied" { refused "$BAD/ok/denied:v1" denied ok/denied; }
@test "the token server is away" { refused "$BAD/ok/token:v1" 127.0.0.1:1; }

@test "the image lies: content and names disagree" {
    refused "$BAD/diffid/good:v1" "diff id"
    refused "$BAD/layertype/good:v1" "application/vnd.example.unknown"
    refused "$BAD/config/good:v1" configuration
    refused "$BAD/manifest/good:v1" manifest/good
    refused "$BAD/bigsize/good:v1" layer
    refused "$BAD/truncate/good:v1" layer
}

@test "the image wants to write outside: refused, and nothing is written" {
    rm -f /tmp/hako-escaped
    refused "$BAD/traversal/good:v1" ".."
    [ ! -e /tmp/hako-escaped ]
}

@test "a connection that breaks once, a server that is busy once: the pull goes on" {
    run hako pull "$BAD/ok/cutonce:v1"
    is 0
    run hako run --rm --network none "$BAD/ok/cutonce:v1" sh -c 'wc -c </noise'
    is 0
    has 300000
    hako rmi "$BAD/ok/cutonce:v1"
    run hako pull "$BAD/ok/e503once:v1"
    is 0
    hako rmi "$BAD/ok/e503once:v1"
}

@test "bad references are named before anybody is asked" {
    local ref
    : >"$HAKO_TEST_DIR/requests"
    for ref in 'upper/CASE' 'a//b' 'x:y:z' 'x@sha256:short' '-x/y' "$(printf 'a%.0s' {1..300})" ''; do
        run hako pull -- "$ref"
        [ "$status" -ne 0 ]
        run hako run --rm -- "$ref" true
        is 125
    done
    [ ! -s "$HAKO_TEST_DIR/requests" ]
}

@test "the configuration is wrong: the file and the place are named" {
    echo '{"registries": ' >"$BATS_TEST_TMPDIR/c.json"
    HAKO_CONFIG=$BATS_TEST_TMPDIR/c.json run hako run --rm box true
    is 125
    has "$BATS_TEST_TMPDIR/c.json"
    echo '{"pids-limit": 0}' >"$BATS_TEST_TMPDIR/c.json"
    HAKO_CONFIG=$BATS_TEST_TMPDIR/c.json run hako run --rm box true
    is 125
    has pids-limit
    echo '{"registries": {"'"$BAD"'": {"blocked": true}}}' >"$BATS_TEST_TMPDIR/c.json"
    HAKO_CONFIG=$BATS_TEST_TMPDIR/c.json run hako pull "$BAD/ok/good:v1"
    is 1
    has blocked
}

@test "interrupted by ctrl-c: gone, nothing left" {
    "$BUILD/hako" pull "$BAD/ok/endless:v1" >/dev/null 2>&1 3>&- &
    local pid=$!
    sleep 0.3
    kill -INT $pid 2>/dev/null || true
    wait $pid || true
}

@test "killed with -9: the next pull sweeps" {
    "$BUILD/hako" pull "$BAD/ok/endless:v1" >/dev/null 2>&1 3>&- &
    local pid=$!
    sleep 0.3
    kill -KILL $pid 2>/dev/null || true
    wait $pid || true
    run hako pull "$BAD/ok/good:v1"
    is 0
    hako rmi "$BAD/ok/good:v1"
}
