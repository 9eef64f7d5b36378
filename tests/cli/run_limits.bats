# SPDX-License-Identifier: Apache-2.0
# Limits: each as the box's own cgroup, or as the process itself, tells it.
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

@test "--memory is the limit the box sees" {
    run hako run --rm --memory 32m box sh -c "$(cg memory memory.limit_in_bytes memory.max)"
    is 0
    [ "$output" = 33554432 ]
}

@test "--memory-swap bounds memory and swap together" {
    [ -e /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes ] || [ -e /sys/fs/cgroup/cgroup.controllers ] ||
        skip "this kernel does not count swap"
    run hako run --rm --memory 32m --memory-swap 48m box sh -c "$(cg memory memory.memsw.limit_in_bytes memory.swap.max)"
    is 0
    [ "$output" = 50331648 ] || [ "$output" = 16777216 ]
}

@test "--memory-reservation" {
    run hako run --rm --memory 32m --memory-reservation 16m box sh -c "$(cg memory memory.soft_limit_in_bytes memory.low)"
    is 0
    [ "$output" = 16777216 ]
}

@test "out of memory: 137, and inspect says why" {
    run hako run --name hungry --memory 16m box tail /dev/zero
    is 137
    [ "$(field hungry .State.OOMKilled)" = true ]
    [ "$(field hungry .State.ExitCode)" = 137 ]
    hako run --name sated --memory 16m box true
    [ "$(field sated .State.OOMKilled)" = false ]
}

@test "too small a memory, swap below memory, swap without memory: refused" {
    run hako run --rm --memory 1m box true
    is 125
    has 6MB
    run hako run --rm --memory 64m --memory-swap 32m box true
    is 125
    has emoryswap
    run hako run --rm --memory-swap 32m box true
    is 125
    has Memory
}

@test "--cpus is quota over period" {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        run hako run --rm --cpus 0.5 box cat /sys/fs/cgroup/cpu.max
        [ "$output" = "50000 100000" ]
    else
        run hako run --rm --cpus 0.5 box cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us
        [ "$output" = $'50000\n100000' ]
    fi
    [ "$(hako create --name cc --cpus 0.5 box true >/dev/null && field cc .HostConfig.NanoCpus)" = 500000000 ]
}

@test "--cpus really slows a busy box down" {
    hako run -d --name busy --cpus 0.2 box sh -c 'while :; do :; done'
    local pid ticks
    pid=$(field busy .State.Pid)
    sleep 1.5
    ticks=$(awk '{ print $14 + $15 }' "/proc/$pid/stat")
    [ "$ticks" -lt 90 ]
}

@test "--cpus beyond the host's, and together with --cpu-quota: refused" {
    run hako run --rm --cpus 4000 box true
    is 125
    has "CPUs"
    run hako run --rm --cpus 1 --cpu-quota 1000 box true
    is 125
    has "conflicting"
}

@test "--cpu-shares" {
    run hako run --rm --cpu-shares 512 box sh -c "$(cg cpu cpu.shares cpu.weight)"
    is 0
    [ "$output" = 512 ] || [[ $output =~ ^(20|59|60)$ ]]
}

@test "--cpuset-cpus" {
    run hako run --rm --cpuset-cpus 0 box sh -c 'nproc; grep Cpus_allowed_list /proc/self/status | cut -f2'
    is 0
    [ "$output" = $'1\n0' ]
    run hako run --rm --cpuset-cpus 4000 box true
    is 125
    has 4000
}

@test "--pids-limit: exact, default, unlimited" {
    run hako run --rm --pids-limit 20 box sh -c "$(cg pids pids.max pids.max)"
    is 0
    [ "$output" = 20 ]
    run hako run --rm box sh -c "$(cg pids pids.max pids.max)"
    [ "$output" = 4096 ]
    run hako run --rm --pids-limit -1 box sh -c "$(cg pids pids.max pids.max)"
    [ "$output" = max ]
}

@test "a fork bomb stays in its box" {
    hako run -d --name bomb --pids-limit 64 box sh -c 'b() { b | b & }; b; while :; do sleep 1; done'
    sleep 1
    run sh -c "ls /proc | grep -c '^[0-9]'"
    [ "$output" -lt 2000 ]
    run hako run --rm box echo alive
    is 0
    [ "$output" = alive ]
    SECONDS=0
    hako rm -f bomb
    [ $SECONDS -lt 10 ]
}

@test "--ulimit: soft and hard, several, unknown ones refused" {
    run hako run --rm --ulimit nofile=100:200 --ulimit core=0 box sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
    is 0
    [ "$output" = $'100\n200\n0' ]
    run hako run --rm --ulimit nofile=64 box sh -c 'ulimit -Sn; ulimit -Hn'
    [ "$output" = $'64\n64' ]
    run hako run --rm --ulimit nonsense=1 box true
    is 125
    has nonsense
    run hako run --rm --ulimit nofile=200:100 box true
    is 125
    has nofile
}

@test "--ulimit beyond the caller's own: told, not ignored" {
    local hard
    hard=$(ulimit -Hn)
    [ "$hard" != unlimited ] || skip "this shell has no bound of open files"
    if setpriv --dump | grep -A1 'Capability bounding set' | grep -qw sys_resource; then
        skip "this caller may raise any limit (it has CAP_SYS_RESOURCE)"
    fi
    run hako run --rm --ulimit "nofile=$((hard + 1)):$((hard + 1))" box true
    is 125
    has nofile
}

@test "--sysctl: of the box's namespaces only" {
    run hako run --rm --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=9000 box \
        sh -c 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax'
    is 0
    [ "$output" = $'1\n9000' ]
    [ "$(cat /proc/sys/kernel/msgmax)" != 9000 ]
    run hako run --rm --sysctl vm.swappiness=1 box true
    is 125
    has vm.swappiness
    run hako run --rm --network host --sysctl net.ipv4.ip_forward=1 box true
    is 125
    has net.ipv4.ip_forward
    run hako run --rm --sysctl nonsense box true
    is 125
    has nonsense
}

@test "an unprivileged port may be bound by any user of the box" {
    run hako run --rm -u nobody box sh -c 'httpd -p 80 -h /var/www && wget -q -O - http://127.0.0.1:80/ | head -1'
    is 0
    has doctype
}

@test "--oom-score-adj" {
    run hako run --rm --oom-score-adj 500 box cat /proc/self/oom_score_adj
    is 0
    [ "$output" = 500 ]
    run hako run --rm --oom-score-adj 5000 box true
    is 125
    has 5000
}

@test "limits stand in inspect as docker has them" {
    hako create --name ll --memory 64m --cpu-shares 300 --cpuset-cpus 0 --pids-limit 77 --shm-size 1m \
        --ulimit nofile=10:20 box true
    [ "$(field ll '.HostConfig | [.Memory, .MemorySwap, .CpuShares, .CpusetCpus, .PidsLimit, .ShmSize] | join(" ")')" \
        = "67108864 134217728 300 0 77 1048576" ]
    [ "$(field ll '.HostConfig.Ulimits[0] | [.Name, .Soft, .Hard] | join(" ")')" = "nofile 10 20" ]
}

@test "the box sees its cgroup as the root" {
    run hako run --rm box sh -c "grep -vE ':/\$' /proc/self/cgroup | wc -l"
    is 0
    [ "$output" = 0 ]
}
