# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# What systemd runs: the script, and the end.
export PATH=/hako:/tmp/bin:/usr/sbin:/usr/bin:/sbin:/bin HAKO_LIBEXEC=/hako
mkdir -p /tmp/bin
mount -o remount,rw / 2>/dev/null
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /tmp/bin /dev/pts
/bin/busybox --install -s /tmp/bin
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts 2>/dev/null
hostname guest
echo "=== begin"
/bin/busybox sh /script </dev/null 2>&1
echo "=== end $?"
sync
/bin/busybox poweroff -f
