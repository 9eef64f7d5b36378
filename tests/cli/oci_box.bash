# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A bundle of busybox for tests of hako-oci:   load helpers; load oci_box
#
#   setup_file() { oci_box_setup_file; }
#   setup()    { oci_box_setup; }       # $BUNDLE, $STATE and a config.json that prints nothing
#   teardown() { oci_box_teardown; }    # deletes what is left, fails the test on a leak
#   config '.process.args = ["id"]'     # edit config.json by jq
#   sh_args 'id; pwd'                   # the command is a shell script
#   oci run box1                        # hako-oci with this test's state root, in the bundle

# What the first container of a host makes once and keeps: cgroup hako-leaf.
oci_box_setup_file() {
    [ "$(id -u)" = 0 ] && [ -x "$BUILD/hako-oci" ] || return 0
    BUNDLE=$BATS_FILE_TMPDIR/bundle STATE=$BATS_FILE_TMPDIR/state
    oci_box_bundle
    oci run "hako-t$$-first"
}

oci_box_setup() {
    needs_root
    [ -x "$BUILD/hako-oci" ] || skip "hako-oci is not built"
    hako_setup
    BUNDLE=$BATS_TEST_TMPDIR/bundle STATE=$BATS_TEST_TMPDIR/state
    export NAME=hako-t$$-$BATS_TEST_NUMBER
    oci_box_bundle
}

oci_box_bundle() {
    local name
    mkdir -p "$BUNDLE"/rootfs/{bin,dev,etc,proc,sys,tmp,root}
    cp /bin/busybox "$BUNDLE/rootfs/bin/"
    for name in sh cat ls echo id true false sleep mkdir mount grep wc touch stat env chmod \
        hostname readlink uname pwd test kill ps nproc head sort tr tty stty; do
        ln -s busybox "$BUNDLE/rootfs/bin/$name"
    done
    echo 'root:x:0:0::/root:/bin/sh' >"$BUNDLE/rootfs/etc/passwd"
    cd "$BUNDLE" || return 1
    oci_box_config >config.json
}

oci_box_teardown() {
    local id
    [ -n "${BUNDLE:-}" ] || return 0
    cd / || return 1
    for id in "$STATE"/*/; do
        [ ! -d "$id" ] || oci delete --force "$(basename "$id")" >/dev/null 2>&1 || true
    done
    assert_no_leak
}

oci() { "$BUILD/hako-oci" --root "$STATE" "$@" 3>&-; }

config() {
    jq "$@" <"$BUNDLE/config.json" >"$BUNDLE/config.new" && mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

sh_args() { config --arg s "$1" '.process.args = ["/bin/sh", "-c", $s]'; }

oci_box_config() {
    cat <<'END'
{
 "ociVersion": "1.2.0",
 "process": {
  "terminal": false,
  "user": {"uid": 0, "gid": 0},
  "args": ["/bin/true"],
  "env": ["PATH=/bin", "TERM=xterm"],
  "cwd": "/",
  "capabilities": {
   "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
   "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
   "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
  },
  "noNewPrivileges": true
 },
 "root": {"path": "rootfs", "readonly": false},
 "hostname": "box",
 "mounts": [
  {"destination": "/proc", "type": "proc", "source": "proc"},
  {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
   "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
  {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
   "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
  {"destination": "/sys", "type": "sysfs", "source": "sysfs",
   "options": ["nosuid", "noexec", "nodev", "ro"]}
 ],
 "linux": {
  "namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
                 {"type": "mount"}, {"type": "cgroup"}]
 }
}
END
}
