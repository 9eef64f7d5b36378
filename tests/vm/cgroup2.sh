# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC1091
# Runs inside the guest of run.sh, speaks TAP; tests/cli/cgroup2.bats reads it.

. /fixtures/tap.sh
inside() { # inside FILE [OPTIONS]: a file of the box's own cgroup
    f=$1
    shift
    hako run --rm --network none "$@" box cat "/sys/fs/cgroup/$f"
}
cgroups() { find /sys/fs/cgroup -type d | grep -v '^/sys/fs/cgroup/init' | sort; }

first() { [ "$(hako run --rm box echo hello)" = hello ]; }
t "hako runs a box" first
cgroups >/tmp/before
ip -o link | awk '{ print $2 }' | sort >/tmp/links

t "info names version 2" sh -c 'hako info | grep -i "cgroup version: 2"'
t "--memory is memory.max" same 67108864 inside memory.max --memory 64m
t "--memory-swap is what goes beyond memory" same 33554432 inside memory.swap.max --memory 32m --memory-swap 64m
t "--cpus is cpu.max" same "50000 100000" inside cpu.max --cpus 0.5
t "--cpu-shares is cpu.weight" same 100 inside cpu.weight --cpu-shares 1024
t "--cpuset-cpus is cpuset.cpus" same 0 inside cpuset.cpus --cpuset-cpus 0
t "--pids-limit is pids.max" same 17 inside pids.max --pids-limit 17
pids=$(inside pids.max)
t "processes are bounded by default" test "$pids" -gt 0
t "the box sees its cgroup as the root" same "0::/" hako run --rm --network none box cat /proc/self/cgroup

oom() {
    hako run --name oom --network none --memory 16m --memory-swap 16m box \
        sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1'
}
t "out of memory ends with 137" status 137 oom
t "inspect says so" same true hako inspect --format '{{.State.OOMKilled}}' oom
t "rm" hako rm oom

bomb() {
    hako run --rm --network none --pids-limit 20 box \
        sh -c 'i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i + 1)); done; wait' || true
    set -- /proc/[0-9]*
    [ $# -lt 200 ]
}
t "a fork bomb stays in its box" bomb

t "an unlisted device is refused" status 1 hako run --rm --network none box \
    sh -c 'mknod /tmp/m b 7 0 && dd if=/tmp/m of=/dev/null count=1'
t "the usual devices work" hako run --rm --network none box \
    sh -c 'echo x >/dev/null && head -c 4 /dev/urandom >/dev/null && head -c 4 /dev/zero >/dev/null'
t "--device lets one in" hako run --rm --network none --device /dev/kmsg box test -c /dev/kmsg
t "the cgroup is read-only for the box" status 1 hako run --rm --network none box \
    sh -c 'echo 9 >/sys/fs/cgroup/pids.max'

t "a published port answers" sh -c '
    hako run -d --name web -p 127.0.0.1:8080:80 box httpd -f -h /var/www >/dev/null &&
    i=0; until wget -q -O - http://127.0.0.1:8080/ | grep -q "inside a box"; do
        i=$((i + 1)); [ $i -lt 50 ] || exit 1; sleep 0.1; done'
t "exec runs in the same cgroup" sh -c '
    [ "$(hako exec web cat /proc/self/cgroup)" = "0::/" ]'
t "stop and rm" sh -c 'hako stop -t 1 web >/dev/null && hako rm web >/dev/null'

dies() {
    hako run -d --name orphan --network none box sleep 600 >/dev/null || return 1
    pid=$(pidof hako-monitor) || { echo "no monitor"; return 1; }
    kill -9 $pid
    # The box dies with its monitor, and the next commands sweep what is left.
    try 5 sh -c '! pidof sleep >/dev/null' || return 1
    hako ps -a >/dev/null
    hako rm -f orphan >/dev/null
}
t "kill -9 of the monitor takes the box along" dies

swept() {
    cgroups >/tmp/after
    # hako's own parent group may stay: it is made once and empty.
    comm -13 /tmp/before /tmp/after | grep . && return 1
    mount | grep -i overlay && return 1
    pidof hako-monitor && return 1
    return 0
}
comm() { awk 'NR == FNR { a[$0] = 1; next } !($0 in a)' "$2" "$3"; }
t "nothing is left: cgroups, mounts, monitors" try 5 swept
links() {
    ip -o link | awk '{ print $2 }' | sort >/tmp/links2
    ! grep -v '^hako' /tmp/links2 | comm -13 /tmp/links /dev/stdin | grep .
}
t "nothing is left: links" try 5 links

# --- a normal user, with the group that systemd would have delegated ---------------------------

cg=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service
mkdir -p $cg/app.slice/term
for d in ${cg%/*/*} ${cg%/*}; do echo "+cpu +memory +pids" >$d/cgroup.subtree_control; done
for d in $cg $cg/app.slice $cg/app.slice/term; do
    chown 1000:1000 $d $d/cgroup.procs $d/cgroup.threads $d/cgroup.subtree_control
done
echo "+cpu +memory +pids" >$cg/cgroup.subtree_control
user() { # user COMMAND…: in her terminal's group, with her environment
    sh -c 'echo 0 >"$0" && cd /home/user && exec /usr/bin/setpriv --reuid=1000 --regid=1000 \
        --clear-groups env -i HOME=/home/user USER=user XDG_RUNTIME_DIR=/run/user/1000 \
        PATH="$PATH" "$@"' $cg/app.slice/term/cgroup.procs "$@"
}
t "rootless: a box runs" user hako run --rm box true
t "rootless: root in the box is the user outside" same "0 0 1" \
    user hako run --rm box sh -c 'set -- $(head -1 /proc/self/uid_map); echo $1 $2 $3'
t "rootless: --memory is memory.max" same 67108864 \
    user hako run --rm --network none --memory 64m box cat /sys/fs/cgroup/memory.max
t "rootless: --cpus is cpu.max" same "50000 100000" \
    user hako run --rm --network none --cpus 0.5 box cat /sys/fs/cgroup/cpu.max
t "rootless: --pids-limit is pids.max" same 33 \
    user hako run --rm --network none --pids-limit 33 box cat /sys/fs/cgroup/pids.max
undelegated() {
    out=$(user hako run --rm --network none --cpuset-cpus 0 box true 2>&1) && return 1
    echo "$out"
    echo "$out" | grep -qi cpuset
}
t "rootless: a limit nobody delegated is named" undelegated
user hako run -d --name web -p 127.0.0.1:8081:80 box httpd -f -h /var/www >/dev/null
t "rootless: a published port answers" sh -c '
    i=0; until wget -q -O - http://127.0.0.1:8081/ | grep -q "inside a box"; do
        i=$((i + 1)); [ $i -lt 50 ] || exit 1; sleep 0.1; done'
t "rootless: exec" same "0::/" user hako exec web cat /proc/self/cgroup
t "rootless: rm -f" user hako rm -f web
user_swept() {
    find /sys/fs/cgroup/user.slice -type d | grep -v -e service$ -e slice$ -e term$ && return 1
    pgrep -f "hako-monitor run" && return 1
    return 0
}
t "rootless: nothing is left" try 5 user_swept
finish
