# SPDX-License-Identifier: Apache-2.0
# Namespaces of the runtime-spec: new, absent, joined; user mappings; time; network devices.
bats_require_minimum_version 1.5.0
load helpers
load oci_spec

setup_file() {
    hako_setup_file
    oci_setup_file
}
teardown_file() { hako_teardown_file; }
setup() { oci_setup; }
teardown() { oci_teardown; }

proc_of() {
    case $1 in
    network) echo net ;;
    mount) echo mnt ;;
    *) echo "$1" ;;
    esac
}
every="pid network mount ipc uts user cgroup time"

@test "new: each namespace is another than the host's" {
    local t
    namespaces time cgroup
    user_namespace
    in_box 'for n in pid net mnt ipc uts user cgroup time; do readlink /proc/self/ns/$n; done'
    is 0
    for t in $every; do
        lacks "$(readlink "/proc/self/ns/$(proc_of $t)")"
    done
}

@test "absent: each namespace is the host's" {
    local t
    edit '.mounts |= map(select(.type | IN("proc", "tmpfs", "devpts"))) | del(.hostname)'
    for t in pid network ipc uts cgroup; do
        namespaces -$t
    done
    in_box 'for n in pid net ipc uts user cgroup time; do readlink /proc/self/ns/$n; done'
    is 0
    for t in pid network ipc uts user cgroup time; do
        has "$(readlink "/proc/self/ns/$(proc_of $t)")"
    done
}

@test "absent: the mount namespace; nothing may be asked that would change the host's" {
    namespaces -mount
    in_box true
    [ "$status" -eq 1 ]
    has "needs a new mount namespace"
    edit '.mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
    in_box 'ls /bin/busybox; ls -d /usr /lib'
    [ "${lines[0]}" = /bin/busybox ]
    has "No such file"
    edit '.process.args = ["sleep", "1000"]'
    oci run -d --bundle "$BUNDLE" "$BOX" </dev/null >/dev/null
    box_exec 'ls -d /bin/busybox; ls -d /usr 2>&1'
    [ "${lines[0]}" = /bin/busybox ]
    has "No such file"
}

@test "joined: each by its path, the rest new; exec is in the same" {
    local t opt
    for t in network ipc uts cgroup time; do
        case $t in
        network) opt=-n ;;
        ipc) opt=-i ;;
        uts) opt=-u ;;
        cgroup) opt=-C ;;
        time) opt=-T ;;
        esac
        sitter $opt
        namespaces "$t=/proc/$SITTER/ns/$(proc_of $t)"
        [ $t != uts ] || edit 'del(.hostname)'
        box_up
        box_exec "readlink /proc/self/ns/$(proc_of $t)"
        is 0
        [ "$output" = "$(readlink "/proc/$SITTER/ns/$(proc_of $t)")" ]
        [ "$(readlink "/proc/$(oci state "$BOX" | jq .pid)/ns/$(proc_of $t)")" = "$output" ]
        oci delete -f "$BOX"
        namespaces -$t
    done
}

@test "joined: a pid namespace" {
    unshare -p -f --mount-proc sleep 1000 3>&- &
    SITTERS="$SITTERS $!"
    wait_for 5 pgrep -P $!
    local pid
    pid=$(pgrep -P $!)
    SITTERS="$pid $SITTERS"
    namespaces "pid=/proc/$pid/ns/pid"
    in_box 'readlink /proc/self/ns/pid; ps | grep -c "[s]leep 1000"'
    is 0
    [ "${lines[0]}" = "$(readlink "/proc/$pid/ns/pid")" ]
    [ "${lines[1]}" = 1 ]
}

@test "joined: a mount namespace, in which the root is entered" {
    host_mount "$BATS_TEST_TMPDIR/top" -t tmpfs t
    mount --make-private "$BATS_TEST_TMPDIR/top"
    sitter -m
    cp -a "$BASE" "$BATS_TEST_TMPDIR/top/rootfs"
    edit --arg p "$BATS_TEST_TMPDIR/top/rootfs" '.root.path = $p | .mounts |= .[0:2]'
    namespaces "mount=/proc/$SITTER/ns/mnt"
    box_up
    box_exec 'readlink /proc/self/ns/mnt; ls -d /usr 2>&1; echo x >/dev/null && echo dev'
    [ "${lines[0]}" = "$(readlink "/proc/$SITTER/ns/mnt")" ]
    has "No such file"
    has dev
    # what was mounted for it is in that namespace, not in ours
    run ! findmnt -rn "$BATS_TEST_TMPDIR/top/rootfs/proc"
    grep -q "$BATS_TEST_TMPDIR/top/rootfs/proc" "/proc/$SITTER/mountinfo"
}

@test "joined: what is no such namespace is refused by its name" {
    namespaces network=/proc/self/ns/uts
    in_box true
    [ "$status" -eq 1 ]
    has "network namespace /proc/self/ns/uts"
    namespaces network=/no/such
    in_box true
    [ "$status" -eq 1 ]
    has "network namespace /no/such"
    namespaces network=relative
    in_box true
    [ "$status" -eq 1 ]
    has "must be absolute"
    run oci list -q
    [ -z "$output" ]
}

# --- users -------------------------------------------------------------------------------------------

@test "user: several ranges, as they are given" {
    namespaces user
    edit '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10}, {containerID: 1000, hostID: 200000, size: 5}]
          | .linux.gidMappings = [{containerID: 0, hostID: 300000, size: 1}, {containerID: 5, hostID: 300005, size: 7}]'
    chown -R 100000:300000 "$BUNDLE/rootfs"
    in_box 'cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u:%g /bin/busybox'
    is 0
    [ "$(tr -s ' ' <<<"$output")" = "$(printf ' 0 100000 10\n 1000 200000 5\n 0 300000 1\n 5 300005 7\n0\n0:0')" ]
}

@test "user: mappings without a namespace, a namespace without mappings" {
    edit '.linux.uidMappings = [{containerID: 0, hostID: 1, size: 1}] | .linux.gidMappings = .linux.uidMappings'
    in_box true
    [ "$status" -eq 1 ]
    has "linux.uidMappings"
    namespaces user
    edit 'del(.linux.uidMappings, .linux.gidMappings)'
    in_box true
    [ "$status" -eq 1 ]
    has "linux.uidMappings"
    edit '.linux.uidMappings = [{containerID: 5, hostID: 1, size: 1}] | .linux.gidMappings = .linux.uidMappings'
    in_box true
    [ "$status" -eq 1 ]
    has "hold id 0"
    run oci list -q
    [ -z "$output" ]
}

@test "user: joined, with new others and with what it does not own" {
    local net
    sitter -U
    local user=$SITTER
    sitter -n
    net=$SITTER
    namespaces "user=/proc/$user/ns/user" "network=/proc/$net/ns/net"
    chown -R 100000:100000 "$BUNDLE/rootfs"
    box_up
    box_exec 'readlink /proc/self/ns/user; readlink /proc/self/ns/net; id -u; touch /made && stat -c %u /made'
    is 0
    [ "${lines[0]}" = "$(readlink "/proc/$user/ns/user")" ]
    [ "${lines[1]}" = "$(readlink "/proc/$net/ns/net")" ]
    [ "${lines[2]}" = 0 ]
    [ "${lines[3]}" = 0 ]
    [ "$(stat -c %u "$BUNDLE/rootfs/made")" = 100000 ]
}

@test "user: joined together with the network it owns, which then has its sysfs" {
    sitter -U -n -i -u
    namespaces "user=/proc/$SITTER/ns/user" "network=/proc/$SITTER/ns/net" \
        "ipc=/proc/$SITTER/ns/ipc" "uts=/proc/$SITTER/ns/uts"
    edit 'del(.hostname)'
    chown -R 100000:100000 "$BUNDLE/rootfs"
    in_box 'ls /sys/class/net; ls -d /dev/mqueue; readlink /proc/self/ns/ipc'
    is 0
    [ "${lines[0]}" = lo ]
    has "$(readlink "/proc/$SITTER/ns/ipc")"
}

@test "user: a rootless caller, by newuidmap" {
    needs_user
    needs_cmd newuidmap
    local range home=$HAKO_TEST_DIR/user/home
    range=$(awk -F: -v u=$TEST_USER '$1 == u { print $2; exit }' /etc/subuid)
    mkdir -p "$home/b"
    cp -a "$BUNDLE/." "$home/b"
    chown -R $TEST_USER: "$home/b"
    export SPEC=$home/b/config.json
    namespaces user -network -cgroup
    edit --argjson r "$range" --argjson u "$(id -u $TEST_USER)" --argjson g "$(id -g $TEST_USER)" \
        'del(.linux.resources, .linux.cgroupsPath)
         | .mounts |= map(select(.type | IN("cgroup", "sysfs") | not))
         | .linux.uidMappings = [{containerID: 0, hostID: $u, size: 1}, {containerID: 1, hostID: $r, size: 1000}]
         | .linux.gidMappings = [{containerID: 0, hostID: $g, size: 1}, {containerID: 1, hostID: $r, size: 1000}]
         | .process.args = ["sh", "-c", "id -u; wc -l </proc/self/uid_map; touch /made && stat -c %u /made; touch /x && chown 5:5 /x"]
         | .process.capabilities.bounding += ["CAP_CHOWN"] | .process.capabilities.effective += ["CAP_CHOWN"]
         | .process.capabilities.permitted += ["CAP_CHOWN"]'
    run as_user hako-oci --root "$HAKO_TEST_DIR/user/run/oci" run --bundle "$home/b" "$BOX"
    is 0
    [ "$output" = "$(printf '0\n2\n0')" ]
    [ "$(stat -c %u "$home/b/rootfs/made")" = "$(id -u $TEST_USER)" ]
    [ "$(stat -c %u "$home/b/rootfs/x")" = $((range + 4)) ]
}

# --- time --------------------------------------------------------------------------------------------

@test "time: offsets hold for the command and for exec" {
    namespaces time
    edit '.linux.timeOffsets = {boottime: {secs: 500000000, nanosecs: 0}, monotonic: {secs: -1, nanosecs: 5}}'
    box_up
    box_exec 'read up rest </proc/uptime; [ "${up%.*}" -gt 500000000 ] && echo later; cat /proc/self/timens_offsets'
    is 0
    [ "${lines[0]}" = later ]
    [ "$(tr -s ' ' <<<"${lines[1]}")" = "monotonic -1 5" ]
    [ "$(readlink "/proc/$(oci state "$BOX" | jq .pid)/ns/time")" != "$(readlink /proc/self/ns/time)" ]
}

@test "time: offsets that cannot be" {
    edit '.linux.timeOffsets = {boottime: {secs: 1}}'
    in_box true
    [ "$status" -eq 1 ]
    has "linux.timeOffsets"
    namespaces time
    edit '.linux.timeOffsets = {boottime: {secs: -4000000000}}'
    in_box true
    [ "$status" -eq 1 ]
    has "linux.timeOffsets"
    edit '.linux.timeOffsets = {realtime: {secs: 1}}'
    in_box true
    [ "$status" -eq 1 ]
    has realtime
    edit '.linux.timeOffsets = {boottime: {secs: 1, nanosecs: 1000000000}}'
    in_box true
    [ "$status" -eq 1 ]
    has nanosecs
}

# --- network devices ---------------------------------------------------------------------------------

net_device() {
    needs_cmd ip
    ip link add "$1" type veth peer name "far$1" || skip "no veth devices here"
    ip link set "far$1" up
    ip addr add 198.51.100.7/24 dev "$1"
    ip -6 addr add 2001:db8::7/64 dev "$1" nodad 2>/dev/null || true
    ip link set "$1" mtu 1400 up
}
drop_net_device() { ip link del "far$1" 2>/dev/null || true; }

@test "netDevices: moved, renamed, with addresses, up" {
    net_device hakot0
    edit '.linux.netDevices = {hakot0: {name: "inside0"}}'
    in_box 'ip addr show inside0; ip link show hakot0'
    drop_net_device hakot0
    has "198.51.100.7/24"
    has "mtu 1400"
    has ",UP"
    has "can't find device 'hakot0'"
    run ! ip link show hakot0
}

@test "netDevices: in a user namespace, under its own name, and by a template" {
    user_namespace
    net_device hakot1
    edit '.linux.netDevices = {hakot1: {}}'
    in_box 'ip addr show hakot1'
    drop_net_device hakot1
    is 0
    has "198.51.100.7/24"
    net_device hakot2
    edit '.linux.netDevices = {hakot2: {name: "eth%d"}}'
    in_box 'ip addr show eth0'
    drop_net_device hakot2
    is 0
    has "198.51.100.7/24"
}

@test "netDevices: into a joined namespace, and what cannot be" {
    sitter -n
    net_device hakot3
    namespaces "network=/proc/$SITTER/ns/net"
    edit '.linux.netDevices = {hakot3: {name: "lo"}}'
    in_box true
    [ "$status" -eq 1 ]
    has "the container has that already"
    ip link show hakot3
    edit '.linux.netDevices = {hakot3: {}}'
    in_box 'ip addr show hakot3'
    is 0
    drop_net_device hakot3
    edit '.linux.netDevices = {nosuchdev: {}}'
    in_box true
    [ "$status" -eq 1 ]
    has nosuchdev
    edit '.linux.netDevices = {"a/b": {}}'
    in_box true
    [ "$status" -eq 1 ]
    has "a/b"
    namespaces -network
    edit '.linux.netDevices = {lo: {}}'
    in_box true
    [ "$status" -eq 1 ]
    has "host's network"
}
