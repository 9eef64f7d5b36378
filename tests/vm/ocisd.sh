# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# hako-oci --systemd-cgroup where systemd is PID 1: v2, hybrid and v1, as root and as a user.
# A service of that systemd, inside the guest of run.sh; tests/cli/oci_vm.bats.
# shellcheck disable=SC1091,SC2034
. /fixtures/lib.sh
SYSTEMD=1
export SYSTEMD
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    kind=v2
elif [ -e /sys/fs/cgroup/unified/cgroup.procs ]; then
    kind=hybrid
else
    kind=v1
fi
echo "# $kind, $(systemctl --version | head -1), Linux $(uname -r)"
unit=runc-one.scope
show() { systemctl show -p "$1" --value "${2:-$unit}"; }
group() { # group CONTROLLER: the container's directory
    if [ $kind = v2 ]; then echo "/sys/fs/cgroup$(show ControlGroup)"; else echo "/sys/fs/cgroup/$1$(show ControlGroup)"; fi
}
file() { cat "$(group "$1")/$2"; } # file CONTROLLER FILE
# either V2 V1
either() { if [ $kind = v2 ]; then echo "$1"; else echo "$2"; fi; }

start() {
    up one '"memory": {"limit": 67108864, "reservation": 33554432},
        "cpu": {"shares": 2048, "quota": 25000, "period": 50000, "cpus": "0"},
        "pids": {"limit": 20}, "devices": [{"allow": false, "access": "rwm"},
            {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "rw"}]' \
        test-a.slice:runc:one '"org.systemd.property.TimeoutStopSec": "7",
        "org.systemd.property.Documentation": "['"'man:one'"', '"'man:two'"']"'
}
t "$kind: a scope of systemd's" start
t "$kind: in its slice" same /test.slice/test-a.slice/runc-one.scope show ControlGroup
t "$kind: delegated" same yes show Delegate
t "$kind: active, with one process" same "active 1" sh -c "echo \$(systemctl show -p ActiveState --value $unit) \$(wc -l <$(group systemd)/cgroup.procs)"
t "$kind: memory" same 67108864 show "$(either MemoryMax MemoryLimit)"
t "$kind: memory, in the kernel" same 67108864 file memory "$(either memory.max memory.limit_in_bytes)"
t "$kind: tasks" same 20 show TasksMax
t "$kind: tasks, in the kernel" same 20 file pids pids.max
t "$kind: cpu quota" same "500ms 50ms" sh -c "echo \$(systemctl show -p CPUQuotaPerSecUSec --value $unit) \$(systemctl show -p CPUQuotaPeriodUSec --value $unit)"
t "$kind: cpu quota, in the kernel" same "$(either '25000 50000' 25000)" file cpu "$(either cpu.max cpu.cfs_quota_us)"
t "$kind: weight" same "$(either 174 2048)" show "$(either CPUWeight CPUShares)"
t "$kind: cpus" same 0 show AllowedCPUs
t "$kind: cpus, in the kernel" same 0 file cpuset cpuset.cpus
t "$kind: devices" has "/dev/char/1:11 rw" show DeviceAllow
t "$kind: terminals too, for a systemd that reloads" has "char-pts rwm" show DeviceAllow
t "$kind: only those" same strict show DevicePolicy
t "$kind: annotations are properties" same 7s sh -c "systemctl show -p TimeoutStopUSec --value $unit"
t "$kind: lists too" same "man:one man:two" show Documentation
t "$kind: a device that was let in" inside one sh -c 'mknod /tmp/k c 1 11; echo x >/tmp/k'
t "$kind: and one that was not" fails "not permitted" inside one sh -c 'mknod /tmp/m b 254 0; head -c 1 /tmp/m'
t "$kind: exec joins" has "runc-one.scope" sh -c "hako-oci --root /run/oci exec -d one sleep 300 </dev/null >/dev/null 2>&1; cat /proc/\$(pidof sleep | cut -d' ' -f1)/cgroup"
reload() { systemctl daemon-reload && inside one sh -c 'echo x >/dev/null && head -c 1 /dev/zero >/dev/null'; }
t "$kind: daemon-reload takes nothing away" reload

t "$kind: update" oci update --memory 33554432 --pids-limit 30 --cpu-quota 10000 one
t "$kind: systemd knows" same "33554432 30 200ms" sh -c "echo \$(systemctl show -p $(either MemoryMax MemoryLimit) --value $unit) \$(systemctl show -p TasksMax --value $unit) \$(systemctl show -p CPUQuotaPerSecUSec --value $unit)"
t "$kind: the kernel knows" same "33554432 30" sh -c "echo \$(cat $(group memory)/$(either memory.max memory.limit_in_bytes)) \$(cat $(group pids)/pids.max)"
t "$kind: pause" oci pause one
t "$kind: paused" has '"paused"' oci state one
t "$kind: stats" has '"pids":{"current":' oci events --stats one
t "$kind: kill a paused one, delete" oci delete -f one
gone() { ! systemctl --all --plain --no-legend list-units "$unit" | grep -q runc && ! find /sys/fs/cgroup -name "$unit" | grep .; }
t "$kind: no unit, no group is left" try 5 gone

t "$kind: no path: system.slice and the id" sh -c '. /fixtures/lib.sh; up two ""'
t "$kind: is there" same /system.slice/hako-two.scope show ControlGroup hako-two.scope
ended() { oci kill two KILL && try 5 has '"stopped"' oci state two && oci delete two; }
t "$kind: ends by itself, is deleted" ended
t "$kind: the same name again" sh -c '. /fixtures/lib.sh; up two "" && oci delete -f two'
t "$kind: a path that is none of systemd's" fails "slice:prefix:name" up three '' /some/path
t "$kind: a slice that is none" fails "invalid slice name" up three '' a--b.slice:x:three
t "$kind: an annotation that is no value" fails "value parse error" up three '' '' '"org.systemd.property.CPUWeight": "many"'
t "$kind: a property systemd refuses" fails "systemd: start" up three '' '' '"org.systemd.property.NoSuchThing": "true"'
t "$kind: nothing was made" sh -c '! systemctl --plain --no-legend list-units "*three*" | grep .; ! hako-oci --root /run/oci state three 2>/dev/null'
t "$kind: without systemd's driver as well" sh -c '. /fixtures/lib.sh; SYSTEMD=; up four "\"pids\": {\"limit\": 9}" /oci/four && oci delete -f four'

# --- hako itself on this host --------------------------------------------------------------------

box() { hako run --rm --network none "$@"; }
t "$kind: hako runs a box" box box true
t "$kind: hako's limits" same "$(either 67108864 67108864)" box --memory 64m --cpus 0.5 --pids-limit 33 box \
    cat "/sys/fs/cgroup/$(either memory.max memory/memory.limit_in_bytes)"
ends() { hako run -d --name pausing --network none box sleep 300 >/dev/null && hako pause pausing && hako unpause pausing && hako rm -f pausing; }
t "$kind: hako pause and rm" ends
t "$kind: hako leaves nothing" try 5 sh -c '! find /sys/fs/cgroup -type d -name "hako-[0-9a-f]*" | grep .'

# --- a user, in the part of the tree that systemd has given her ---------------------------------

if [ $kind = v2 ]; then
    systemctl start user-manager.service
    cat >/tmp/user.sh <<'USER'
. /fixtures/lib.sh
export XDG_RUNTIME_DIR=/run/user/1000
STATE=/run/user/1000/oci
show() { systemctl --user show -p "$1" --value "$2"; }
ids='"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}], "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],'
t "user: a scope of her own systemd" up mine '"memory": {"limit": 33554432}, "pids": {"limit": 25}' user.slice:runc:mine '' "$ids"
t "user: in her part of the tree" has user-1000.slice show ControlGroup runc-mine.scope
t "user: memory" same 33554432 show MemoryMax runc-mine.scope
cg=/sys/fs/cgroup$(show ControlGroup runc-mine.scope)
t "user: in the kernel" same "33554432 25" sh -c "echo \$(cat $cg/memory.max $cg/pids.max)"
t "user: exec" same "0::/" oci exec mine cat /proc/self/cgroup
t "user: update" oci update --pids-limit 35 mine
t "user: in the kernel and in systemd" same "35 35" sh -c "echo \$(cat $cg/pids.max) \$(systemctl --user show -p TasksMax --value runc-mine.scope)"
t "user: pause and delete" sh -c '. /fixtures/lib.sh; STATE=/run/user/1000/oci; oci pause mine && oci delete -f mine'
t "user: nothing is left" sh -c "! test -e $cg"
echo "$n $failed" >/tmp/user.count
USER
    chmod 755 /tmp/user.sh && cp -R "$B" /tmp/userbundle && chown -R 1000:1000 /tmp/userbundle
    rm -f /tmp/up.log
    sed -i "1i n=$n; B=/tmp/userbundle; SYSTEMD=1; export SYSTEMD B PATH=$PATH HAKO_LIBEXEC=/hako" /tmp/user.sh
    sed -i 's/^\. \/fixtures\/lib.sh$/keep=$n; . \/fixtures\/lib.sh; n=$keep/' /tmp/user.sh
    /usr/bin/setpriv --reuid=1000 --regid=1000 --clear-groups env XDG_RUNTIME_DIR=/run/user/1000 \
        systemctl --user start hako-user.service </dev/null || systemctl status user-manager.service
    cat /tmp/user.out
    read -r n bad </tmp/user.count || failed=1
    [ "${bad:-1}" = 0 ] || failed=1
fi
finish
