# SPDX-License-Identifier: Apache-2.0
# No room: the store's file system is a tmpfs of few megabytes.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    local d=$HAKO_TEST_DIR/layouts
    head -c 6000000 /dev/urandom >"$HAKO_TEST_DIR/noise"
    mkimage --out "$d" --ref v1 --layer - --add 'd bin 0755' --add "x bin/busybox 0755 $(command -v busybox)" \
        --add 's bin/sh busybox' --layer - --add "x noise 0644 $HAKO_TEST_DIR/noise"
    python3 "$FIXTURES/badregistry.py" "$HAKO_TEST_DIR" >"$HAKO_TEST_DIR/port" 3>&- &
    echo $! >"$HAKO_TEST_DIR/server"
    wait_for 10 test -s "$HAKO_TEST_DIR/port"
    export IMAGE
    IMAGE=127.0.0.1:$(cat "$HAKO_TEST_DIR/port")/layouts/good:v1
}
teardown_file() {
    [ ! -s "$HAKO_TEST_DIR/server" ] || kill "$(cat "$HAKO_TEST_DIR/server")"
    hako_teardown_file
}
setup() {
    needs_root
    hako_setup
    export HAKO_ROOT=$BATS_TEST_TMPDIR/small
    mkdir "$HAKO_ROOT"
}
teardown() {
    hako_remove_all
    ! mountpoint -q "$HAKO_ROOT" || umount "$HAKO_ROOT"
    hako_teardown
}
small() { mount -t tmpfs -o "mode=755,size=$1" small "$HAKO_ROOT"; }
used() { df -k --output=used "$HAKO_ROOT" | tail -1; }

@test "disk full while unpacking: said, and the space is free again" {
    small 6m
    local before
    hako images >/dev/null
    before=$(used)
    run hako pull "$IMAGE"
    is 1
    has "space"
    run hako run --rm --network none "$IMAGE" true
    is 125
    has "space"
    [ "$(used)" -le $((before + 64)) ] || {
        find "$HAKO_ROOT" | head -40
        return 1
    }
    [ -z "$(hako images -aq)" ]
    run find "$HAKO_ROOT/tmp" "$HAKO_ROOT/store/tmp" -mindepth 1
    [ -z "$output" ]
}

@test "with room again the same pull works" {
    small 6m
    run hako pull "$IMAGE"
    is 1
    mount -o remount,size=64m "$HAKO_ROOT"
    run hako run --rm --network none "$IMAGE" sh -c 'echo room'
    is 0
    has room
}

@test "no room for the container itself: said, nothing half made" {
    small 64m
    hako run --rm --network none "$IMAGE" sh -c 'true'
    dd if=/dev/zero of="$HAKO_ROOT/fill" bs=64k >/dev/null 2>&1 || true
    cat /dev/zero >>"$HAKO_ROOT/fill" 2>/dev/null || true
    run hako run --name full --network none "$IMAGE" sh -c 'true'
    is 125
    has "space"
    rm "$HAKO_ROOT/fill"
    run hako ps -aq
    [ -z "$output" ]
    run find "$HAKO_ROOT/containers" "$HAKO_ROOT/names" "$HAKO_ROOT/tmp" -mindepth 1
    [ -z "$output" ]
}

@test "a box that fills the disk keeps running, its log heals" {
    small 64m
    hako run -d --name ww --network none "$IMAGE" sh -c 'while :; do echo tick; /bin/busybox sleep 0.05; done'
    wait_for 5 logged ww tick
    cat /dev/zero >"$HAKO_ROOT/fill" 2>/dev/null || true
    sleep 0.5
    [ "$(field ww .State.Status)" = running ]
    rm "$HAKO_ROOT/fill"
    local n
    n=$(hako logs ww | wc -l)
    sleep 0.6
    [ "$(hako logs ww | wc -l)" -gt "$n" ]
    run hako rm -f ww
    is 0
}

@test "a state directory that cannot be used is named" {
    run env HAKO_ROOT=/proc/nothing "$BUILD/hako" run --rm box true
    is 125
    has /proc/nothing
    run env HAKO_ROOT=/etc/passwd "$BUILD/hako" ps
    [ "$status" -ne 0 ]
    has /etc/passwd
    mount -t tmpfs -o ro,mode=755,size=1m ro "$HAKO_ROOT"
    run hako run --rm --network none "$IMAGE" true
    is 125
    has "Read-only"
}
