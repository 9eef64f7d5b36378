# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every bats file loads:   load helpers
#
# Usual skeleton:
#   load helpers
#   setup_file()    { hako_setup_file; }            # own state directories, image box
#   teardown_file() { hako_teardown_file; }         # removes everything, kills the registry
#   setup()         { hako_setup; }                 # what the host looks like before the test
#   teardown()      { hako_teardown; }              # removes containers, fails the test on a leak
#   @test "..."     { run hako run --rm box true; [ "$status" -eq 0 ]; }
#
# needs_root / needs_user NAME / needs_cmd NAME skip with a reason. `as_user hako run …` runs as
# the unprivileged user hakotest. `registry_start` gives $REGISTRY (127.0.0.1:PORT).

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${HAKO_BUILD:-build}
[[ $BUILD = /* ]] || BUILD=$TOP/$BUILD
FIXTURES=$TOP/tests/fixtures
TEST_USER=hakotest
export TOP BUILD FIXTURES TEST_USER

hako() { "$BUILD/hako" "$@"; }

hako_setup_file() {
    HAKO_TEST_DIR=$(mktemp -d "${TMPDIR:-/tmp}/hako-test.XXXXXX")
    # Readable for hakotest, who has state of her own beneath the same directory.
    chmod 755 "$HAKO_TEST_DIR"
    export HAKO_TEST_DIR HAKO_ROOT=$HAKO_TEST_DIR/root HAKO_RUN=$HAKO_TEST_DIR/run
    export HAKO_CONFIG=$HAKO_TEST_DIR/config.json
    export HAKO_UNDER_TEST=1
    echo '{}' >"$HAKO_CONFIG"
}

hako_teardown_file() {
    [ -n "${HAKO_TEST_DIR:-}" ] || return 0
    registry_stop
    hako_remove_all
    hako_remove_network
    [ ! -d "$HAKO_TEST_DIR/user" ] || as_user sh -c 'hako ps -aq | xargs -r hako rm -f' || true
    # Files of a user namespace belong to subordinate ids; root may remove them, a user may not.
    rm -rf "$HAKO_TEST_DIR" 2>/dev/null || unshare -Ur --map-auto rm -rf "$HAKO_TEST_DIR"
}

# The bridge of this file's own state directory: hako keeps it until the next boot.
hako_remove_network() {
    local bridge net
    [ -r "$HAKO_ROOT/net/bridge" ] || return 0
    read -r bridge net _ <"$HAKO_ROOT/net/bridge"
    [ "$(id -u)" = 0 ] && ip link show "$bridge" >/dev/null 2>&1 || return 0
    net=$(ip -4 route show dev "$bridge" proto kernel | cut -d' ' -f1)
    ip link del "$bridge"
    nft delete element ip hako bridges "{ $bridge }" 2>/dev/null || true
    [ -z "$net" ] || nft delete element ip hako subnets "{ $net }" 2>/dev/null || true
}

hako_remove_all() {
    local ids
    ids=$(hako ps -aq 2>/dev/null || true)
    # shellcheck disable=SC2086
    [ -z "$ids" ] || hako rm -f $ids >/dev/null
}

hako_setup() { host_state >"$BATS_TEST_TMPDIR/before"; }

hako_teardown() {
    hako_remove_all
    assert_no_leak
}

# --- what the host looks like ---------------------------------------------------------------

# One fact per line: everything of a box that could outlive it. Ids that change are left out.
host_state() {
    awk '{ for (i = 7; i <= NF; i++) if ($i == "-") break
           print "mount", $5, $(i + 1) }' /proc/self/mountinfo | grep -i hako || true
    find /sys/fs/cgroup -type d -path '*hako*' -printf 'cgroup %p\n' 2>/dev/null || true
    ip -o link 2>/dev/null | awk -F': ' '{ sub(/@.*/, "", $2); print "link", $2 }'
    ls /run/netns 2>/dev/null | sed 's/^/netns /' || true
    if [ "$(id -u)" = 0 ]; then
        nft -a list ruleset 2>/dev/null | sed -n '/table .*hako/,/^}/p' |
            grep -E 'elements|dnat|accept|drop|:' | sed 's/ # handle.*//; s/^[ \t]*/nft /' || true
    fi
    # Processes are only compared when they belong to a box or a monitor; a dead one that init has
    # not collected yet holds nothing. The keeper of a user's
    # network goes ten seconds after the last box.
    ps -eo pid=,args= | awk '/<defunct>/ { next } /hako-monitor|hako-init|\[hako/ && !/awk|monitor holder/ { print "process", $0 }'
    [ ! -d "${HAKO_ROOT:-/nonexistent}/tmp" ] ||
        find "$HAKO_ROOT/tmp" -mindepth 1 -maxdepth 1 -printf 'half-made %f\n'
    [ ! -d "${HAKO_ROOT:-/nonexistent}/store/tmp" ] ||
        find "$HAKO_ROOT/store/tmp" -mindepth 1 -maxdepth 1 -printf 'half-written %f\n'
}

# The kernel dismantles a network namespace after the last descriptor has gone: allow it 5 s.
assert_no_leak() {
    local i left
    for ((i = 0; i < 50; i++)); do
        left=$(comm -13 <(sort -u "$BATS_TEST_TMPDIR/before") <(host_state | sort -u) |
            grep -v '^link hako0$' | grep -vE '^(cgroup .*/hako|nft .*chain)$' || true)
        [ -n "$left" ] || return 0
        sleep 0.1
    done
    echo "left behind:"
    echo "$left"
    return 1
}

# --- conditions --------------------------------------------------------------------------------

needs_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }
needs_cmd() { command -v "$1" >/dev/null || skip "needs the program $1"; }

# --- the unprivileged user ----------------------------------------------------------------------

# Make the user once; subordinate ids start above every range that is taken.
needs_user() {
    [ "$(id -u)" = 0 ] || return 0 # we are an unprivileged user already
    id -u $TEST_USER >/dev/null 2>&1 ||
        useradd --create-home --home-dir /var/lib/$TEST_USER --shell /bin/sh $TEST_USER ||
        skip "cannot make the user $TEST_USER"
    if ! grep -q "^$TEST_USER:" /etc/subuid || ! grep -q "^$TEST_USER:" /etc/subgid; then
        local start
        start=$(cat /etc/subuid /etc/subgid 2>/dev/null |
            awk -F: 'BEGIN { m = 100000 } $2 + $3 > m { m = $2 + $3 } END { print m }')
        usermod --add-subuids "$start-$((start + 65535))" \
            --add-subgids "$start-$((start + 65535))" $TEST_USER
    fi
    user_tree
}

# A checkout under /root is closed to her: give her the programs.
user_tree() {
    local d=$HAKO_TEST_DIR/user
    [ ! -d "$d" ] || return 0
    mkdir -p "$d/bin/modules" "$d/run" "$d/home"
    local f
    for f in hako hako-monitor hako-oci; do
        [ ! -e "$BUILD/$f" ] || install -m 755 "$BUILD/$f" "$d/bin/"
    done
    [ ! -e "$BUILD/registry.so" ] || install -m 755 "$BUILD/registry.so" "$d/bin/modules/"
    [ ! -d "$BUILD/box" ] || cp -R "$BUILD/box" "$d/bin/"
    echo '{}' >"$d/config.json"
    chmod 700 "$d/run"
    chown -R $TEST_USER: "$d/run" "$d/home" "$d/config.json"
}

# Run a command as hakotest (or as ourselves, when we are nobody special) with her own state.
as_user() {
    local d=$HAKO_TEST_DIR/user
    local vars=(HOME="$d/home" XDG_RUNTIME_DIR="$d/run" XDG_DATA_HOME="$d/home/.local/share"
        HAKO_CONFIG="$d/config.json" TERM="${TERM:-dumb}" LANG=C.UTF-8
        PATH="$d/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if [ "$(id -u)" = 0 ]; then
        (cd / && setpriv --reuid=$TEST_USER --regid=$TEST_USER --init-groups --inh-caps=-all -- \
            env -i "${vars[@]}" "$@")
    else
        user_tree_self
        (cd / && env -i "${vars[@]}" "$@")
    fi
}
user_tree_self() {
    local TEST_USER
    TEST_USER=$(id -un)
    user_tree
}

# --- registry ------------------------------------------------------------------------------------

# registry_start [--empty] [--auth U:P] [--tls]: sets REGISTRY, REGISTRY_PORT, REGISTRY_DIR.
registry_start() {
    local out
    needs_cmd docker-registry
    out=$("$FIXTURES/registry.sh" start "$@" 3>&-) || {
        echo "no registry: $out"
        return 1
    }
    read -r REGISTRY_PORT REGISTRY_PID REGISTRY_DIR <<<"$out"
    REGISTRY=127.0.0.1:$REGISTRY_PORT
    export REGISTRY REGISTRY_PORT REGISTRY_PID REGISTRY_DIR
}

registry_stop() {
    [ -n "${REGISTRY_PID:-}" ] || return 0
    "$FIXTURES/registry.sh" stop "$REGISTRY_PID" "$REGISTRY_DIR"
    unset REGISTRY_PID
}

# registry_layers REPOSITORY TAG: digests of the layers, one a line.
registry_layers() {
    curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
        -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
        "http://$REGISTRY/v2/$1/manifests/$2" | jq -r '.layers[].digest'
}
# registry_tamper DIGEST flip|truncate|grow|gone
registry_tamper() { "$FIXTURES/registry.sh" tamper "$REGISTRY_DIR" "$@"; }

mkimage() { python3 "$FIXTURES/mkimage.py" "$@"; }

# --- small words -----------------------------------------------------------------------------------

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || {
            echo "timed out waiting for: $*"
            return 1
        }
        sleep 0.05
    done
}

# `run` sets these.
output=${output:-}
status=${status:-0}

# has TEXT: $output holds it; shows what it holds when not.
has() {
    [[ $output == *"$1"* ]] || {
        printf 'expected to find: %s\nin: %s\n' "$1" "$output"
        return 1
    }
}
lacks() {
    [[ $output != *"$1"* ]] || {
        printf 'expected not to find: %s\nin: %s\n' "$1" "$output"
        return 1
    }
}
# is STATUS: of the last `run`; shows its output when not.
is() {
    [ "$status" -eq "$1" ] || {
        printf 'expected status %s, got %s, output: %s\n' "$1" "$status" "$output"
        return 1
    }
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# field CONTAINER JQ-PATH: one value of `hako inspect`.
field() { hako inspect "$1" | jq -r ".[0]$2"; }

# logged CONTAINER TEXT: its log holds it.
logged() { hako logs "$1" 2>&1 | grep -qF -- "$2"; }

# cg CONTROLLER V1-FILE V2-FILE: a command for the box that prints a limit of its own cgroup.
cg() {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo "cat /sys/fs/cgroup/$3"
    else
        echo "cat /sys/fs/cgroup/$1/$2"
    fi
}

# monitor_of CONTAINER: the pid of its monitor, the parent of its first process.
monitor_of() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$(field "$1" .State.Pid)/status"; }
