# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC1091,SC2034,SC2317
# For scripts inside the guest: containers of hako-oci. Read by `. /fixtures/lib.sh`.
. /fixtures/tap.sh

B=${B:-/tmp/bundle}
mkdir -p "$B/rootfs/bin" "$B/rootfs/proc" "$B/rootfs/sys" "$B/rootfs/dev" "$B/rootfs/tmp"
cp /bin/busybox "$B/rootfs/bin/busybox"
/bin/busybox --install -s "$B/rootfs/bin" 2>/dev/null
ln -sf busybox "$B/rootfs/bin/sh"
oci() { hako-oci ${SYSTEMD:+--systemd-cgroup} --root "${STATE:-/run/oci}" "$@"; }

# config RESOURCES [CGROUPSPATH [ANNOTATIONS [USERNS]]]: the JSON of each
config() {
    cat >"$B/config.json" <<JSON
{"ociVersion": "1.2.0",
 "process": {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["sleep", "600"],
   "env": ["PATH=/bin"], "noNewPrivileges": true,
   "capabilities": {"bounding": ["CAP_MKNOD", "CAP_KILL"], "effective": ["CAP_MKNOD", "CAP_KILL"],
     "permitted": ["CAP_MKNOD", "CAP_KILL"]}},
 "root": {"path": "rootfs"}, "hostname": "c",
 "annotations": {${3:-}},
 "mounts": [
   {"destination": "/proc", "type": "proc", "source": "proc"},
   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
   {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]},
   {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid"]}],
 "linux": {${4:-} ${2:+"\"cgroupsPath\": \"$2\","}
   "resources": {$1},
   "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"},
     {"type": "cgroup"}, {"type": "network"}${4:+, {\"type\": \"user\"\}}]}}
JSON
}
up() { # up ID RESOURCES [CGROUPSPATH …]: run it in the background
    id=$1
    shift
    config "$@"
    oci run -d -b "$B" "$id" </dev/null >/tmp/up.log 2>&1 || { cat /tmp/up.log; return 1; }
}
inside() { oci exec "$@"; }
