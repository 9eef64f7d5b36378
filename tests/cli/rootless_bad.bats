# SPDX-License-Identifier: Apache-2.0
# A normal user on a host that lacks something: one clear message, nothing left, or a way without it.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    needs_user
    as_user hako run --rm box true
}
teardown_file() { hako_teardown_file; }
setup() {
    needs_user
    hako_setup
    U=$HAKO_TEST_DIR/user/home
}
teardown() {
    as_user sh -c 'hako ps -aq | xargs -r hako rm -f >/dev/null'
    hako_teardown
}

# without PROGRAM… -- COMMAND…: as the user, on a host that does not have the programs.
without() {
    [ "$(id -u)" = 0 ] || skip "needs root, to take a program away"
    # shellcheck disable=SC2016
    unshare -m --propagation private bash -c '
        . "$1/tests/cli/helpers.bash"
        shift
        mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work
        mount -t overlay overlay -o lowerdir=/usr/bin,upperdir=/mnt/upper,workdir=/mnt/work /usr/bin
        while [ "$1" != -- ]; do
            rm -f "/usr/bin/$1"
            shift
        done
        shift
        as_user "$@"' bash "$TOP" "$@"
}
empty() {
    run as_user hako ps -aq
    [ -z "$output" ]
    run sh -c 'ls -A "$1/.local/share/hako/containers" "$1/.local/share/hako/tmp" | grep -cE "[0-9a-f]{64}|new-"' sh "$U"
    [ "$output" = 0 ]
}

@test "without newuidmap: what is missing and which package has it" {
    run without newuidmap newgidmap -- env HAKO_RUN="$HAKO_TEST_DIR/user/run/$BATS_TEST_NUMBER" hako run --rm box true
    is 125
    has newuidmap
    has uidmap
    empty
}

@test "without pasta: named, and --network none still works" {
    run without pasta -- env HAKO_RUN="$HAKO_TEST_DIR/user/run/$BATS_TEST_NUMBER" hako run --rm box ls /sys/class/net
    has pasta
    has passt
    run without pasta -- env HAKO_RUN="$HAKO_TEST_DIR/user/run/$BATS_TEST_NUMBER" hako run --rm --network none box echo alone
    is 0
    [ "$output" = alone ]
    empty
}

@test "a user without subordinate ids: a box of one id, and -u says why not" {
    [ "$(id -u)" = 0 ] || skip "needs root, to make a user without subordinate ids"
    local u=hakosingle d=$HAKO_TEST_DIR/single
    id -u $u >/dev/null 2>&1 || useradd --no-create-home --home-dir /nonexistent --shell /bin/sh -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 $u
    sed -i "/^$u:/d" /etc/subuid /etc/subgid
    install -d -m 700 -o $u "$d" "$d/run"
    single() {
        (cd / && setpriv --reuid=$u --regid=$u --init-groups --inh-caps=-all -- env -i HOME="$d" XDG_RUNTIME_DIR="$d/run" \
            HAKO_CONFIG="$HAKO_TEST_DIR/user/config.json" PATH="$HAKO_TEST_DIR/user/bin:/usr/bin:/bin" "$@")
    }
    run single hako run --rm box sh -c 'id -u; cat /proc/self/uid_map; touch /x && echo written'
    local one_status=$status one=$output
    run single hako run --rm -u www-data box true
    local two_status=$status two=$output
    run single hako ps -aq
    local left=$output
    userdel -f $u >/dev/null 2>&1
    rm -rf "$d"
    echo "$one"
    [ "$one_status" -eq 0 ]
    [[ $one == *$'\n0\n'* && $one == *written* ]]
    echo "$two"
    [ "$two_status" -eq 125 ]
    [[ $two == *sub[ug]id* ]]
    [ -z "$left" ]
}

@test "--memory without write access to a cgroup: refused, with the way out" {
    if as_user sh -c 'for d in /sys/fs/cgroup/memory$(sed -n "s/.*:memory://p" /proc/self/cgroup) /sys/fs/cgroup$(sed -n "s/^0:://p" /proc/self/cgroup); do [ -w "$d/cgroup.procs" ] && exit 0; done; exit 1'; then
        skip "this user may write to her cgroup"
    fi
    local o
    for o in '--memory 64m' '--cpus 0.5' '--cpu-shares 100' '--cpuset-cpus 0'; do
        # shellcheck disable=SC2086
        run as_user hako run --rm $o box true
        is 125
        has "cannot limit"
        has cgroup
        empty
    done
}

@test "the default limit of processes holds without a cgroup, too" {
    run as_user hako run --rm box sh -c 'ulimit -u'
    is 0
    [ "$output" -le 4096 ]
    # The kernel counts them for the box's own user namespace.
    run as_user hako run --rm --pids-limit 20 box sh -c 'n=0; while [ $n -lt 40 ]; do sleep 5 & n=$((n + 1)); done'
    [ "$status" -ne 0 ]
    has fork
    run as_user hako run --rm box sh -c 'n=0; while [ $n -lt 40 ]; do sleep 5 & n=$((n + 1)); done; echo many'
    is 0
    has many
}

@test "a home that cannot be written" {
    run as_user env HOME=/nonexistent XDG_DATA_HOME= hako run --rm box true
    is 125
    has /nonexistent
    run as_user env -u HOME -u XDG_DATA_HOME hako run --rm box true
    is 125
    has HOME
}

@test "no XDG_RUNTIME_DIR: another place is found" {
    run as_user env -u XDG_RUNTIME_DIR hako run --rm box echo fine
    is 0
    has fine
    rm -rf "/tmp/hako-$(id -u "$TEST_USER")"
}

@test "a run directory of somebody else is not trusted" {
    [ "$(id -u)" = 0 ] || skip "needs root, to make a directory of somebody else"
    mkdir -p "$HAKO_TEST_DIR/theirs"
    chmod 777 "$HAKO_TEST_DIR/theirs"
    run as_user env HAKO_RUN="$HAKO_TEST_DIR/theirs" hako run --rm box true
    is 125
    has "$HAKO_TEST_DIR/theirs"
}

@test "root's containers are out of reach" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    hako run -d --name roots --network none box sleep 1000
    run as_user env HAKO_ROOT="$HAKO_ROOT" HAKO_RUN="$HAKO_RUN" hako ps
    [ "$status" -ne 0 ]
    run as_user env HAKO_ROOT="$HAKO_ROOT" HAKO_RUN="$HAKO_RUN" hako kill roots
    [ "$status" -ne 0 ]
    [ "$(field roots .State.Status)" = running ]
}
