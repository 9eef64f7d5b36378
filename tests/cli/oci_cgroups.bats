#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hako-oci: cgroups of this host, v1 or hybrid. cgroup v2 and systemd: oci_vm.bats.
load helpers
load oci

setup_file() { oci_setup_file; }
teardown_file() {
    find /sys/fs/cgroup -depth -type d -path '*hako-test-group*' -exec rmdir {} \; 2>/dev/null || true
    hako_teardown_file
}
setup() {
    [ -d /sys/fs/cgroup/memory ] || skip "cgroup v2 alone: tests/vm/oci2.sh"
    # kept by us, as by others of the field
    for c in /sys/fs/cgroup/*/; do mkdir -p "$c/hako-test-group"; done
    oci_setup
    GROUP=/hako-test-group/$BATS_TEST_NUMBER
    config --arg g "$GROUP" '.linux.cgroupsPath = $g | .process.args = ["sleep", "100"]'
}
teardown() {
    [ -d /sys/fs/cgroup/memory ] || return 0
    oci_teardown
}

resources() { config ".linux.resources += {$1}"; }
v() { cat "/sys/fs/cgroup/$1$GROUP/$2"; } # v CONTROLLER FILE
v_is() { [ "$(v "$1" "$2")" = "$3" ] || { echo "$1 $2: $(v "$1" "$2"), not $3"; return 1; }; }
lacks_line() { if grep "$1" <<<"$output"; then return 1; fi; }
# where the host has the controller
with() { [ -d "/sys/fs/cgroup/$1" ] || skip "this host has no cgroup controller $1"; }

@test "every hierarchy is joined, and left" {
    oci_up "$ID"
    pid=$(pid_of "$ID")
    run cat "/proc/$pid/cgroup"
    [ "$(grep -c ":$GROUP\$" <<<"$output")" = "$(wc -l <<<"$output")" ]
    oci delete -f "$ID"
    [ -z "$(find /sys/fs/cgroup -type d -path "*$GROUP")" ]
}

@test "limits of memory, cpu, processes" {
    resources '"memory": {"limit": 33554432, "reservation": 25165824, "swappiness": 10},
        "cpu": {"shares": 100, "quota": 50000, "period": 200000, "cpus": "0", "mems": "0"}, "pids": {"limit": 20}'
    oci_up "$ID"
    v_is memory memory.limit_in_bytes 33554432
    v_is memory memory.soft_limit_in_bytes 25165824
    v_is memory memory.swappiness 10
    v_is cpu cpu.shares 100
    v_is cpu cpu.cfs_quota_us 50000
    v_is cpu cpu.cfs_period_us 200000
    v_is cpuset cpuset.cpus 0
    v_is pids pids.max 20
}

@test "memory and swap" {
    [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || skip "this host does not account swap"
    resources '"memory": {"limit": 33554432, "swap": 67108864}'
    oci_up "$ID"
    v_is memory memory.memsw.limit_in_bytes 67108864
    # both down, both up, whatever the order of the kernel's own checks
    oci update --memory 16M --memory-swap 20M "$ID"
    v_is memory memory.memsw.limit_in_bytes 20971520
    oci update --memory 80M --memory-swap 90M "$ID"
    v_is memory memory.limit_in_bytes 83886080
    v_is memory memory.memsw.limit_in_bytes 94371840
    oci update --memory -1 "$ID"
    v_is memory memory.memsw.limit_in_bytes 9223372036854771712
}

@test "throttling of a disk" {
    with blkio
    local dev
    dev=$(cat /sys/block/*/dev | head -1)
    [ -n "$dev" ] || skip "this host has no disk"
    resources "\"blockIO\": {\"throttleReadBpsDevice\": [{\"major\": ${dev%:*}, \"minor\": ${dev#*:}, \"rate\": 1048576}]}"
    oci_up "$ID"
    v_is blkio blkio.throttle.read_bps_device "$dev 1048576"
}

@test "devices: none but those of the rules and the usual ones" {
    config '.linux.resources.devices = [{"allow": false, "access": "rwm"},
        {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}]'
    oci_up "$ID"
    run v devices devices.list
    has "c 10:229 rw"
    has "c 1:3 rwm"
    has "c 136:* rwm"
    lacks_line '^a '
    run oci exec "$ID" sh -c 'echo x >/dev/null && head -c 1 /dev/zero >/dev/null'
    is 0
}

@test "devices: no rules are a denial, everything is everything" {
    config '.linux.resources.devices = []'
    oci_up "$ID"
    run v devices devices.list
    lacks_line '^a '
    oci delete -f "$ID"
    config '.linux.resources.devices = [{"allow": true, "access": "rwm"}]'
    oci_up "$ID"
    run v devices devices.list
    grep '^a \*:\* rwm' <<<"$output"
}

@test "devices: an update replaces the rules, the container never sees less" {
    script 'while true; do echo x >/dev/null || echo lost; done 2>&1'
    oci_up "$ID"
    for i in 1 2 3 4 5; do
        oci update -r - "$ID" <<<'{"devices": [{"allow": false},
            {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rw"},
            {"allow": true, "type": "c", "major": 10, "minor": '"$i"', "access": "r"}]}'
    done
    run v devices devices.list
    [ "$output" = "c 1:3 rw
c 10:5 r" ]
    [ "$(status_of "$ID")" = running ]
    oci delete -f "$ID"
    [ ! -s "$BATS_TEST_TMPDIR/out" ]
}

@test "update: what is given, nothing else" {
    resources '"cpu": {"quota": 500000, "period": 1000000}, "pids": {"limit": 20}'
    oci_up "$ID"
    oci update --cpu-period 900000 "$ID"
    v_is cpu cpu.cfs_quota_us 500000
    oci update --cpu-quota -1 "$ID"
    v_is cpu cpu.cfs_quota_us -1
    v_is cpu cpu.cfs_period_us 900000
    oci update --cpu-share 200 --pids-limit 10 --memory 50M "$ID"
    v_is cpu cpu.shares 200
    v_is pids pids.max 10
    v_is memory memory.limit_in_bytes 52428800
    oci update --pids-limit -1 "$ID"
    v_is pids pids.max max
}

@test "update: all or nothing" {
    resources '"pids": {"limit": 20}, "memory": {"limit": 33554432}'
    oci_up "$ID"
    run oci update -r - "$ID" <<<'{"pids": {"limit": 10}, "memory": {"limit": 67108864}, "cpu": {"mems": "77"}}'
    is 1
    has linux.resources.cpu.mems
    v_is pids pids.max 20
    v_is memory memory.limit_in_bytes 33554432
    run oci update --memory 4096 "$ID"
    is 1
    has "unable to set memory limit to 4096 (current usage: "
    run oci update -r - "$ID" <<<'{"memory": {"limit": 4096, "checkBeforeUpdate": true}}'
    is 1
    has "below what the container uses now"
}

@test "update: a group above that allows less, then one that fits" {
    resources '"cpu": {"quota": 500000, "period": 1000000}'
    mkdir -p /sys/fs/cgroup/cpu/hako-test-group/pod
    echo 50000 >/sys/fs/cgroup/cpu/hako-test-group/pod/cpu.cfs_quota_us
    GROUP=/hako-test-group/pod/c
    config --arg g "$GROUP" '.linux.cgroupsPath = $g'
    oci_up "$ID"
    run oci update --cpu-quota 600000 "$ID"
    is 1
    # the new period fits with the new quota only: the order is found
    oci update --cpu-period 10000 --cpu-quota 3000 "$ID"
    v_is cpu cpu.cfs_period_us 10000
    oci delete -f "$ID"
    rmdir /sys/fs/cgroup/*/hako-test-group/pod
}

@test "impossible limits name their place, and nothing is left" {
    while read -r missing json place; do
        [ "$missing" = - ] || [ ! -d "/sys/fs/cgroup/$missing" ] || continue
        config ".linux.resources = $json"
        run oci_up "$ID"
        [ "$status" -ne 0 ]
        grep -qF "$place" "$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
        run oci state "$ID"
        is 1
        [ -z "$(find /sys/fs/cgroup -type d -path "*$GROUP")" ]
    done <<'LIST'
- {"cpu":{"period":100}} linux.resources.cpu.period
- {"cpu":{"shares":1}} minimum allowed cpu-shares is 2
- {"cpu":{"cpus":"4000"}} linux.resources.cpu.cpus
- {"memory":{"swap":1048576}} linux.resources.memory.swap
- {"memory":{"limit":2097152,"swap":1048576}} at least the memory limit
- {"unified":{"memory.high":"1"}} invalid configuration
hugetlb {"hugepageLimits":[{"pageSize":"2MB","limit":0}]} huge pages
rdma {"rdma":{"mlx":{"hcaHandles":1}}} RDMA
net_cls {"network":{"classID":1}} network class
LIST
}

@test "a group with others in it warns, and they outlive it" {
    oci_up "$ID"
    oci_create "$ID-b"
    grep -q "container's cgroup is not empty" "$BATS_TEST_TMPDIR/out"
    oci start "$ID-b"
    oci delete -f "$ID"
    is_status "$ID-b" running
    oci delete -f "$ID-b"
    [ -z "$(find /sys/fs/cgroup -type d -path "*$GROUP")" ]
}

@test "a frozen group is refused" {
    mkdir -p "/sys/fs/cgroup/freezer$GROUP"
    echo FROZEN >"/sys/fs/cgroup/freezer$GROUP/freezer.state"
    run oci_create "$ID"
    [ "$status" -ne 0 ]
    grep -q "container's cgroup unexpectedly frozen" "$BATS_TEST_TMPDIR/out"
    rmdir "/sys/fs/cgroup/freezer$GROUP"
}

@test "pause, resume; a paused one can be killed and deleted" {
    oci_up "$ID"
    oci pause "$ID"
    is_status "$ID" paused
    run oci exec "$ID" true
    [ "$status" -ne 0 ]
    has "cannot exec in a paused container"
    oci update --pids-limit 30 "$ID"
    is_status "$ID" paused
    oci resume "$ID"
    is_status "$ID" running
    oci pause "$ID"
    oci kill "$ID" KILL
    wait_for 5 is_status "$ID" stopped
    oci delete "$ID"
}

@test "frozen by somebody else: paused, and can be resumed or deleted" {
    oci_up "$ID"
    echo FROZEN >"/sys/fs/cgroup/freezer$GROUP/freezer.state"
    is_status "$ID" paused
    oci resume "$ID"
    is_status "$ID" running
    v_is freezer freezer.state THAWED
    echo FROZEN >"/sys/fs/cgroup/freezer$GROUP/freezer.state"
    oci delete -f "$ID"
    [ -z "$(find /sys/fs/cgroup -type d -path "*$GROUP")" ]
}

@test "groups that the container made go with it" {
    config '(.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'
    oci_up "$ID"
    oci exec "$ID" sh -ec 'mkdir -p /sys/fs/cgroup/memory/a/b; echo $$ >/sys/fs/cgroup/memory/a/b/cgroup.procs; sleep 100 >/dev/null 2>&1 &'
    [ -d "/sys/fs/cgroup/memory$GROUP/a/b" ]
    oci delete -f "$ID"
    [ -z "$(find /sys/fs/cgroup -type d -path "*$GROUP*")" ]
}

@test "exec --cgroup" {
    config '(.mounts[] | select(.type == "cgroup") | .options) -= ["ro"]'
    oci_up "$ID"
    oci exec "$ID" mkdir /sys/fs/cgroup/memory/sub
    run oci exec --cgroup memory:sub "$ID" cat /proc/self/cgroup
    is 0
    grep -q ':memory:.*/sub$' <<<"$output"
    lacks_line ':pids:.*/sub$'
    run oci exec --cgroup .. "$ID" true
    has " .. is not a sub cgroup path"
    run oci exec --cgroup nonexistent "$ID" true
    [ "$status" -ne 0 ]
    has "/nonexistent/cgroup.procs: no such file"
    run oci exec --cgroup whaaat:/ "$ID" true
    has "unknown controller whaaat"
    run oci exec --cgroup a --cgroup b "$ID" true
    has "missing <controller>: prefix"
}

@test "events: numbers, and out of memory" {
    resources '"memory": {"limit": 20971520, "swap": 20971520}'
    [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] ||
        config 'del(.linux.resources.memory.swap)'
    oci_up "$ID"
    run oci events --stats "$ID"
    is 0
    [ "$(jq -r .data.memory.usage.limit <<<"$output")" = 20971520 ]
    [ "$(jq -r '.data.memory.raw | has("cache")' <<<"$output")" = true ]
    [ "$(jq -r .data.pids.current <<<"$output")" = 1 ]
    [ "$(jq -r '.data.cpu.usage.percpu | length > 0' <<<"$output")" = true ]
    oci events --interval 100ms "$ID" >events 3>&- &
    local events=$!
    wait_for 5 grep -q stats events
    oci exec "$ID" sh -c 'head -c 50000000 /dev/zero | tail' >/dev/null 2>&1 3>&- || true
    wait_for 5 grep -q '"type":"oom"' events
    oci delete -f "$ID"
    wait "$events" # it ends with the container
}

@test "--systemd-cgroup without systemd says so" {
    [ ! -d /run/systemd/system ] || skip "systemd runs here"
    run oci --systemd-cgroup create "$ID"
    is 1
    has "systemd not running on this host"
    run oci state "$ID"
    is 1
}
