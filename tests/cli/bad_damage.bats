# SPDX-License-Identifier: Apache-2.0
# Files of hako that somebody spoilt or took away: one message, never a crash, and a way out.
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
teardown() {
    find "$HAKO_ROOT/containers" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
    hako_teardown
}

dir() { echo "$HAKO_ROOT/containers/$1"; }

@test "a record that is no record: named, the others are still shown" {
    local bad good
    bad=$(hako create --name bad box true)
    good=$(hako create --name good box true)
    echo '{"id": ' >"$(dir "$bad")/record.json"
    run hako ps -aq --no-trunc
    is 0
    has "$good"
    run hako inspect "$bad"
    is 1
    has "$(cut -c1-12 <<<"$bad")"
    run hako start "$bad"
    is 1
    has "$HAKO_ROOT/containers/$bad"
    rm -rf "$HAKO_ROOT/containers/$bad"
    run hako create --name bad box true
    is 0
    run hako start good
    is 0
    hako wait good
}

@test "a record from a longer future or of huge size does no harm" {
    local id
    id=$(hako create box true)
    head -c 50000000 /dev/zero | tr '\0' ' ' >"$(dir "$id")/record.json"
    run hako ps -a
    is 0
    run hako start "$id"
    is 1
}

@test "a bundle that is damaged is refused, not run" {
    local id f
    id=$(hako create --name bb box echo RAN)
    f=$(find "$(dir "$id")" -maxdepth 1 -name '*bundle*' -o -maxdepth 1 -name 'plan*' | head -1)
    [ -n "$f" ]
    local i size
    size=$(stat -c %s "$f")
    cp "$f" "$BATS_TEST_TMPDIR/whole"
    truncate -s $((size / 2)) "$f"
    run hako start -a bb
    [ "$status" -ne 0 ]
    lacks RAN
    head -c "$size" /dev/urandom >"$f"
    run hako start -a bb
    [ "$status" -ne 0 ]
    lacks RAN
    rm "$f"
    run hako start -a bb
    [ "$status" -ne 0 ]
    cp "$BATS_TEST_TMPDIR/whole" "$f"
    run hako start -a bb
    is 0
    has RAN
}

@test "a name that leads nowhere is free again" {
    ln -s "$(printf '0%.0s' {1..64})" "$HAKO_ROOT/names/stale"
    run hako inspect stale
    is 1
    has stale
    run hako create --name stale box true
    is 0
    hako rm stale
}

@test "a layer that is gone: run says so" {
    export HAKO_ROOT=$BATS_TEST_TMPDIR/root
    hako run --rm --network none box true
    rm -rf "$(find "$HAKO_ROOT" -type d -path '*layers/*' -prune -print | head -1)"
    run hako run --rm --network none box true
    [ "$status" -ne 0 ]
    run hako pull box
    is 0
    run hako run --rm --network none box echo whole
    is 0
    has whole
}

@test "the monitor program is gone: named, with the way out" {
    mkdir "$BATS_TEST_TMPDIR/lib"
    HAKO_LIBEXEC=$BATS_TEST_TMPDIR/lib run hako run --rm box true
    is 125
    has hako-monitor
    has HAKO_LIBEXEC
    run hako ps -aq
    [ -z "$output" ]
}

@test "the monitor program is no program" {
    mkdir "$BATS_TEST_TMPDIR/lib"
    echo 'not a program' >"$BATS_TEST_TMPDIR/lib/hako-monitor"
    chmod 755 "$BATS_TEST_TMPDIR/lib/hako-monitor"
    HAKO_LIBEXEC=$BATS_TEST_TMPDIR/lib run timeout -s KILL 20 "$BUILD/hako" run --rm box true
    is 125
    run hako ps -aq
    [ -z "$output" ]
}

@test "few descriptors are enough, or it is said" {
    run sh -c 'ulimit -n 24; exec "$1" run --rm box echo fine' sh "$BUILD/hako"
    [ "$status" -eq 0 ] || [ "$status" -eq 125 ]
    [ -n "$output" ]
    run sh -c 'ulimit -n 7; exec "$1" run --rm box echo fine' sh "$BUILD/hako"
    is 125
    [ -n "$output" ]
}

@test "an environment without anything works" {
    run env -i HAKO_ROOT="$HAKO_ROOT" HAKO_RUN="$HAKO_RUN" "$BUILD/hako" run --rm box echo fine
    is 0
    [ "$output" = fine ]
}

@test "from a directory that was removed" {
    mkdir "$BATS_TEST_TMPDIR/gone"
    cd "$BATS_TEST_TMPDIR/gone"
    rmdir "$BATS_TEST_TMPDIR/gone"
    run hako run --rm box echo fine
    is 0
    [ "$output" = fine ]
}
