# SPDX-License-Identifier: Apache-2.0
# bats file_tags=oci
# hako-oci beneath the engines that people have: podman, buildah, dockerd and containerd of Debian,
# each with its own state directories and started here.
load helpers
bats_require_minimum_version 1.5.0

setup_file() {
    needs_root
    hako_setup_file
    export E=$HAKO_TEST_DIR/engines RUNTIME=$BUILD/hako-oci
    mkdir -p "$E"
    # Docker asks for a hook-free, plain archive; the others read the layout as it is.
    skopeo copy -q "oci:$BUILD/box" "docker-archive:$E/box.tar:box:latest"
    dockerd_start
    containerd_start
}

teardown_file() {
    daemon_stop dockerd
    daemon_stop containerd
    umount -l "$E"/*/overlay 2>/dev/null || true
    # docker mounts namespaces of networks and its own data directory
    grep -o " $E/[^ ]*" /proc/self/mountinfo | sort -ru | xargs -r umount -l
    hako_teardown_file
}

# --- the engines -------------------------------------------------------------------------------

daemon_ready() {
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    return 1
}

daemon_stop() {
    local pid
    pid=$(cat "$E/$1.pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

dockerd_start() {
    dockerd --data-root "$E/docker" --exec-root "$E/docker-run" -H "unix://$E/docker.sock" \
        --pidfile "$E/dockerd-own.pid" --bridge none --iptables=false --ip6tables=false \
        --storage-driver vfs --add-runtime "hako=$RUNTIME" --default-runtime hako \
        >"$E/dockerd.log" 2>&1 3>&- &
    echo $! >"$E/dockerd.pid"
    daemon_ready docker_ version || {
        tail -5 "$E/dockerd.log"
        return 1
    }
    docker_ load -q -i "$E/box.tar"
}

containerd_start() {
    cat >"$E/containerd.toml" <<T
version = 2
root = "$E/containerd"
state = "$E/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.aufs"]
[grpc]
address = "$E/containerd.sock"
T
    containerd -c "$E/containerd.toml" >"$E/containerd.log" 2>&1 3>&- &
    echo $! >"$E/containerd.pid"
    daemon_ready ctr_ version || {
        tail -5 "$E/containerd.log"
        return 1
    }
    ctr_ images import "$E/box.tar"
}

docker_() { timeout 60 docker -H "unix://$E/docker.sock" "$@"; }
ctr_() { timeout 60 ctr -a "$E/containerd.sock" "$@"; }
ctr_run() { ctr_ run --runc-binary "$RUNTIME" "$@"; }
podman_() {
    timeout 60 podman --root "$E/podman" --runroot "$E/podman-run" --tmpdir "$E/podman-tmp" \
        --runtime "$RUNTIME" --cgroup-manager cgroupfs --storage-driver vfs --events-backend file \
        --log-level error "$@"
}
# Debian's podman raises the limits of files and processes to what not every root may have.
podman_run() { podman_ run --net none --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 "$@"; }
buildah_() {
    timeout 60 buildah --root "$E/buildah" --runroot "$E/buildah-run" --storage-driver vfs \
        --log-level error "$@"
}

cgroup_file() { # controller file, of the container's process $1
    local dir
    dir=$(awk -F: -v c="$2" '$2 == c { print $3 }' "/proc/$1/cgroup")
    cat "/sys/fs/cgroup/$2$dir/$3"
}

# --- docker ------------------------------------------------------------------------------------

@test "docker: run gives output and exit code" {
    run docker_ run --rm box sh -c 'echo out; echo err >&2; exit 7'
    [ "$status" -eq 7 ]
    has out
    has err
}

@test "docker: exec, with a terminal and without" {
    docker_ run -d --name de box sleep 1000
    run docker_ exec de sh -c 'echo in; exit 3'
    [ "$status" -eq 3 ]
    has in
    run script -qec "docker -H unix://$E/docker.sock exec -it de tty" /dev/null
    has /dev/pts/0
    docker_ rm -f de
}

@test "docker: limits are set, seen by stats and changed by update" {
    docker_ run -d --name dl --memory 32m --pids-limit 50 --cpus 0.5 box sleep 1000
    pid=$(docker_ inspect -f '{{.State.Pid}}' dl)
    [ "$(cgroup_file "$pid" memory memory.limit_in_bytes)" = $((32 << 20)) ]
    [ "$(cgroup_file "$pid" pids pids.max)" = 50 ]
    [ "$(cgroup_file "$pid" cpu cpu.cfs_quota_us)" = 50000 ]
    run docker_ stats --no-stream dl
    has 32MiB
    docker_ update --memory 64m --memory-swap 64m --pids-limit 70 dl
    [ "$(cgroup_file "$pid" memory memory.limit_in_bytes)" = $((64 << 20)) ]
    [ "$(cgroup_file "$pid" pids pids.max)" = 70 ]
    docker_ rm -f dl
}

@test "docker: pause, stop with a trap, restart, remove" {
    docker_ run -d --name dp box sh -c 'trap "exit 9" TERM; echo up; while :; do sleep 0.1; done'
    docker_ pause dp
    run docker_ ps --format '{{.Status}}'
    has Paused
    docker_ unpause dp
    wait_for 10 sh -c "docker -H unix://$E/docker.sock logs dp | grep -q up"
    docker_ stop -t 20 dp
    [ "$(docker_ inspect -f '{{.State.ExitCode}}' dp)" = 9 ]
    docker_ start dp
    [ "$(docker_ inspect -f '{{.State.Running}}' dp)" = true ]
    docker_ rm -f dp
    run docker_ ps -aq
    [ -z "$output" ]
}

@test "docker: a missing command is said at create, with docker's exit code" {
    run -127 docker_ run --rm box nothere
    has "executable file not found in \$PATH"
    run docker_ ps -aq
    [ -z "$output" ]
}

@test "docker: --privileged, --init, users, capabilities, read-only roots, tmpfs" {
    run docker_ run --rm --privileged box sh -c 'ls /dev/ptmx && cat /proc/self/status'
    [ "$status" -eq 0 ]
    run docker_ run --rm --init box ps
    has docker-init
    run docker_ run --rm --user 1000:1001 --cap-drop ALL box sh -c 'id; grep CapEff /proc/self/status'
    has 'uid=1000 gid=1001'
    has 0000000000000000
    run docker_ run --rm --read-only --tmpfs /t box sh -c 'touch /t/x && ! touch /y && echo fine'
    has fine
}

# --- containerd --------------------------------------------------------------------------------

I=docker.io/library/box:latest

@test "containerd: run, exec with a terminal, ps" {
    run ctr_run --rm "$I" c0 sh -c 'echo out; exit 4'
    [ "$status" -eq 4 ]
    has out
    ctr_run -d "$I" c1 sleep 1000
    run ctr_ task exec --exec-id e1 c1 echo in
    has in
    run script -qec "ctr -a $E/containerd.sock task exec -t --exec-id e2 c1 tty" /dev/null
    has /dev/pts/0
    pid=$(ctr_ task ls | awk '$1 == "c1" { print $2 }')
    run ctr_ task ps c1
    has "$pid"
    ctr_ task kill -s KILL c1
    wait_for 10 sh -c "ctr -a $E/containerd.sock task ls | grep -q STOPPED"
    ctr_ task rm c1 || true # tells the exit code of the task
    ctr_ container rm c1
    run ctr_ container ls -q
    [ -z "$output" ]
}

@test "containerd: limits, metrics, pause" {
    ctr_run -d --memory-limit 67108864 "$I" c2 sleep 1000
    run ctr_ task metrics c2
    has 67108864
    ctr_ task pause c2
    run ctr_ task ls
    has PAUSED
    ctr_ task resume c2
    run ctr_ task ls
    has RUNNING
    ctr_ task kill -s KILL c2
    wait_for 10 sh -c "ctr -a $E/containerd.sock task ls | grep -q STOPPED"
    ctr_ task rm c2 || true
    ctr_ container rm c2
}

# --- podman ------------------------------------------------------------------------------------

podman_image() { podman_ image exists box || podman_ load -q -i "$E/box.tar"; }

@test "podman: run, exec with a terminal, logs" {
    podman_image
    run podman_run --rm box sh -c 'echo out; exit 7'
    [ "$status" -eq 7 ]
    has out
    podman_run -d --name pe box sh -c 'echo logged; exec sleep 1000'
    run podman_ exec -t pe tty
    has /dev/pts/0
    run podman_ exec pe sh -c 'exit 5'
    [ "$status" -eq 5 ]
    wait_for 10 sh -c "podman --root $E/podman --runroot $E/podman-run --tmpdir $E/podman-tmp --storage-driver vfs logs pe | grep -q logged"
    podman_ rm -f -t 0 pe
}

@test "podman: limits, stats, pause, stop, removal" {
    podman_image
    podman_run -d --name pl --memory 32m --pids-limit 50 box sh -c \
        'trap "exit 9" TERM; while :; do sleep 0.1; done'
    pid=$(podman_ inspect -f '{{.State.Pid}}' pl)
    [ "$(cgroup_file "$pid" memory memory.limit_in_bytes)" = $((32 << 20)) ]
    [ "$(cgroup_file "$pid" pids pids.max)" = 50 ]
    run podman_ stats --no-stream pl
    has 33.55MB
    podman_ pause pl
    [ "$(podman_ inspect -f '{{.State.Status}}' pl)" = paused ]
    podman_ unpause pl
    podman_ stop -t 20 pl
    [ "$(podman_ inspect -f '{{.State.ExitCode}}' pl)" = 9 ]
    podman_ rm pl
    run podman_ ps -aq
    [ -z "$output" ]
}

@test "podman: a missing command has podman's exit codes" {
    podman_image
    run -127 podman_run --rm box nothere
    run podman_run --rm box /etc
    [ "$status" -eq 126 ]
    podman_run -d --name pn box sleep 1000
    run -127 podman_ exec pn nothere
    podman_ rm -f -t 0 pn
}

# --- buildah -----------------------------------------------------------------------------------

@test "buildah: run in a container that is being built" {
    c=$(buildah_ from --pull-never scratch)
    root=$(buildah_ mount "$c")
    mkdir -p "$root/bin"
    cp "$(command -v busybox)" "$root/bin/sh"
    run buildah_ run --runtime "$RUNTIME" --isolation oci --network none "$c" /bin/sh -c \
        'echo building; echo made >/file'
    [ "$status" -eq 0 ]
    has building
    [ "$(cat "$root/file")" = made ]
    run buildah_ run --runtime "$RUNTIME" --isolation oci --network none -t "$c" /bin/sh -c \
        'test -t 0 && echo terminal'
    has terminal
    run buildah_ run --runtime "$RUNTIME" --isolation oci --network none "$c" /bin/sh -c 'exit 5'
    [ "$status" -eq 5 ]
    buildah_ rm "$c"
}
