# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# hako-oci with cgroup v2 alone: every resource. Inside the guest of run.sh; tests/cli/oci_vm.bats.
# shellcheck disable=SC1091,SC2034
. /fixtures/lib.sh
mount -t tmpfs tmpfs /run 2>/dev/null
cg=/sys/fs/cgroup/oci/one
v() { cat "$cg/$1"; }
groups() { find /sys/fs/cgroup -type d | grep -c oci || true; }

t "every limit at once" up one '"memory": {"limit": 33554432, "reservation": 25165824, "swap": 50331648},
    "cpu": {"shares": 2048, "quota": 50000, "period": 200000, "burst": 10000, "cpus": "0", "mems": "0"},
    "pids": {"limit": 20}, "blockIO": {"weight": 500,
      "throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 1048576}],
      "throttleWriteIOPSDevice": [{"major": 254, "minor": 0, "rate": 120}]},
    "unified": {"memory.high": "30000000", "cgroup.max.depth": "4", "pids.max": "30"},
    "devices": [{"allow": false, "access": "rwm"}]' /oci/one
t "memory" same "33554432 25165824" sh -c "echo \$(cat $cg/memory.max $cg/memory.low)"
t "swap is what goes beyond memory" same 16777216 v memory.swap.max
t "cpu quota and period" same "50000 200000" v cpu.max
t "cpu burst" same 10000 v cpu.max.burst
t "cpu shares are a weight" same 174 v cpu.weight
t "cpuset" same "0 0" sh -c "echo \$(cat $cg/cpuset.cpus $cg/cpuset.mems)"
t "unified wins over the rest" same 30 v pids.max
t "unified, whatever it names" same "4 29999104" sh -c "echo \$(cat $cg/cgroup.max.depth $cg/memory.high)"
t "throttling of a disk" has "rbps=1048576 wbps=max riops=max wiops=120" v io.max
t "every controller is handed down" same "$(cat /sys/fs/cgroup/cgroup.controllers)" v cgroup.controllers

t "update memory" oci update --memory 67108864 --memory-swap 100663296 one
t "its swap" same "67108864 33554432" sh -c "echo \$(cat $cg/memory.max $cg/memory.swap.max)"
t "update memory alone keeps the sum" sh -c ". /fixtures/lib.sh
    oci update --memory 50331648 one && same '50331648 50331648' sh -c 'echo \$(cat $cg/memory.max $cg/memory.swap.max)'"
t "more memory than the sum is refused" fails "memory plus swap" oci update --memory 200M one
t "and nothing has changed" same 50331648 v memory.max
t "update period alone" oci update --cpu-period 100000 one
t "keeps the quota" same "50000 100000" v cpu.max
t "update quota alone" oci update --cpu-quota 60000 one
t "keeps the period" same "60000 100000" v cpu.max
t "no quota" oci update --cpu-quota -1 one
t "is max" same "max 100000" v cpu.max
unified() { echo '{"unified": {"cpu.max": "20000 70000", "cpu.weight": "16"}}' | oci update -r - one; }
t "update unified" unified
t "has been written" same "20000 70000 16" sh -c "echo \$(cat $cg/cpu.max $cg/cpu.weight)"
half() { echo '{"unified": {"pids.max": "11", "cpu.weight": "no"}}' | oci update -r - one; }
t "a bad value names its place" fails 'linux.resources.unified' half
t "and the good one before it is taken back" same 30 v pids.max
t "an unknown controller is named" fails "misc" sh -c \
    'echo "{\"unified\": {\"miscellany.max\": \"1\"}}" | hako-oci --root /run/oci update -r - one'

t "the usual devices work" inside one sh -c 'echo x >/dev/null && head -c 1 /dev/zero >/dev/null'
t "others do not" fails "Operation not permitted" inside one sh -c \
    'mknod /tmp/kmsg c 1 11; echo x >/tmp/kmsg'
allow() { echo '{"devices": [{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"},
    {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rw"}]}' | oci update -r - one; }
t "new device rules" allow
t "let it in" inside one sh -c 'echo x >/tmp/kmsg'
t "and shut others out" fails "Operation not permitted" inside one sh -c 'head -c 1 /dev/zero >/dev/null'

t "stats" has '"limit":50331648' oci events --stats one
t "stats have pressure" has '"psi"' oci events --stats one
t "pause" oci pause one
t "is paused" has '"paused"' oci state one
t "the kernel agrees" same 1 v cgroup.freeze
t "exec into a paused container is refused" fails "cannot exec in a paused container" inside one true
t "update of a paused one leaves it so" sh -c ". /fixtures/lib.sh; oci update --pids-limit 40 one && same 1 cat $cg/cgroup.freeze"
t "resume" oci resume one
t "is running" has '"running"' oci state one

subgroup() {
    inside one sh -ec 'mkdir /sys/fs/cgroup/foo; echo 1 >/sys/fs/cgroup/foo/cgroup.procs'
}
t "init may move itself" subgroup
t "exec still joins the container's group" same "0::/" inside one cat /proc/self/cgroup
t "exec --cgroup" same "0::/foo" inside --cgroup foo one cat /proc/self/cgroup
t "exec --cgroup cannot leave" fails "is not a sub cgroup path" inside --cgroup ../.. one true
t "exec --cgroup of nothing" fails "nonexistent/cgroup.procs: no such file" inside --cgroup nonexistent one true
controllers() { inside one sh -ec 'echo $$ >/sys/fs/cgroup/foo/cgroup.procs; echo +memory >/sys/fs/cgroup/cgroup.subtree_control'; }
t "and hand controllers down" controllers
t "then exec follows it" same "0::/foo" inside one cat /proc/self/cgroup
t "unless told not to" fails "device or resource busy" inside --cgroup / one true
t "delete --force takes the subgroups along" oci delete -f one
t "nothing is left of it" sh -c "! test -e $cg"

t "without a path, by its id" up two '"memory": {"limit": 20971520, "swap": 20971520}'
hog() { inside two sh -c 'head -c 60000000 /dev/zero | tail'; }
oom() {
    oci events two >/tmp/events &
    pid=$!
    try 10 grep -q stats /tmp/events
    hog
    try 10 grep -q '"oom"' /tmp/events || { cat /tmp/events; kill $pid; return 1; }
    oci kill two KILL
    wait $pid
}
t "out of memory is told, and events end with the container" oom
t "delete" oci delete two

mkdir -p /sys/fs/cgroup/oci/ice && echo 1 >/sys/fs/cgroup/oci/ice/cgroup.freeze
t "a frozen group is refused" fails "unexpectedly frozen" up three '' /oci/ice
rmdir /sys/fs/cgroup/oci/ice
t "a paused container" sh -c '. /fixtures/lib.sh; up four "" /oci/four && oci pause four'
t "can be killed and deleted" oci delete -f four
t "swappiness is refused by name" fails "linux.resources.memory.swappiness" up five '"memory": {"swappiness": 10}'
t "a limit the kernel refuses names file and place" fails "linux.resources.cpu.quota" up six '"cpu": {"period": 5}'
shared() {
    up a '' /oci/both || return 1
    config '' /oci/both
    oci run -d -b "$B" b </dev/null >/tmp/up.log 2>&1 && has "not empty" cat /tmp/up.log
}
t "a shared group warns" shared
t "and its end is not theirs" sh -c '. /fixtures/lib.sh; oci delete -f a && has running oci state b && oci delete -f b'
ids='"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
    "gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],'
t "a user namespace" up own '"pids": {"limit": 50}' /oci/own '' "$ids"
t "owns its group, not its limits" same "100000 100000 0" sh -c \
    'cd /sys/fs/cgroup/oci/own && echo $(stat -c %u . cgroup.procs pids.max)'
t "and may make groups" inside own mkdir /sys/fs/cgroup/sub
t "which go with it" oci delete -f own
rmdir /sys/fs/cgroup/oci 2>/dev/null
t "nothing is left" same 0 groups
finish
