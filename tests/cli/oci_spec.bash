# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Bundles for hako-oci by hand.   load helpers; load oci_spec
#
#   setup_file() { oci_setup_file; }    a root file system, made once
#   setup()      { oci_setup; }         a bundle of its own; $BUNDLE, $SPEC
#   teardown()   { oci_teardown; }      removes containers, fails the test on a leak
#
# edit JQ [ARGS…] changes the spec; mounts JSON appends to .mounts; in_box SCRIPT runs it by sh;
# box_up starts one that sleeps, box_exec runs in it.

oci() { "$BUILD/hako-oci" --root "$OCI_ROOT" "$@"; }

oci_setup_file() {
    needs_root
    needs_cmd jq
    needs_cmd busybox
    export BASE=$BATS_FILE_TMPDIR/base
    mkdir -p "$BASE"/{bin,etc,proc,sys,dev,tmp,mnt,root}
    chmod 1777 "$BASE/tmp"
    cp "$(command -v busybox)" "$BASE/bin/busybox"
    local name
    for name in $(busybox --list | grep -vx busybox); do
        ln -s busybox "$BASE/bin/$name"
    done
    echo 'root:x:0:0::/root:/bin/sh' >"$BASE/etc/passwd"
    # what hako makes once on a host (the leaf of a v2 root) is no leak of a test's
    oci_first
}

oci_first() {
    local bundle=$BATS_FILE_TMPDIR/first
    mkdir "$bundle"
    (cd "$bundle" && OCI_ROOT=$bundle/state oci spec)
    jq '.process.terminal = false | .process.args = ["true"] | .root.path = "../base"' \
        "$bundle/config.json" >"$bundle/c" && mv "$bundle/c" "$bundle/config.json"
    OCI_ROOT=$bundle/state oci run --bundle "$bundle" first >/dev/null 2>&1 || true
}

oci_setup() {
    needs_root
    hako_setup
    OCI_ROOT=$BATS_TEST_TMPDIR/state
    BUNDLE=$BATS_TEST_TMPDIR/bundle
    SPEC=$BUNDLE/config.json
    BOX=box$RANDOM$RANDOM
    export OCI_ROOT BUNDLE SPEC BOX
    mkdir -p "$BUNDLE"
    cp -a "$BASE" "$BUNDLE/rootfs"
    (cd "$BUNDLE" && oci spec)
    edit '.process.terminal = false | .root.readonly = false | .process.noNewPrivileges = false
          | .linux.cgroupsPath = "/hako-oci-test/'$BOX'"'
}

oci_teardown() {
    local id dir
    for id in $(oci list -q 2>/dev/null); do
        oci delete -f "$id" || true
    done
    for id in $SITTERS; do
        kill -9 "$id" || true
    done
    for dir in "${OCI_MOUNTED[@]}"; do
        umount -l "$dir" || true
    done
    find /sys/fs/cgroup -depth -type d -path '*/hako-oci-test*' -exec rmdir {} + 2>/dev/null || true
    assert_no_leak
}
OCI_MOUNTED=()
SITTERS=

# A mount of the host's that goes with the test:   host_mount DIR mount-arguments…
host_mount() {
    local dir=$1
    shift
    mkdir -p "$dir"
    mount "$@" "$dir"
    OCI_MOUNTED=("$dir" "${OCI_MOUNTED[@]}")
}

edit() {
    local out
    out=$(jq "$@" "$SPEC")
    printf '%s\n' "$out" >"$SPEC"
}
mounts() { edit --argjson m "$1" '.mounts += [$m]'; }
# namespaces user time=PATH -network
namespaces() {
    local word
    for word; do
        case $word in
        -*) edit --arg t "${word#-}" '.linux.namespaces |= map(select(.type != $t))' ;;
        *=*) edit --arg t "${word%%=*}" --arg p "${word#*=}" \
            '.linux.namespaces |= map(select(.type != $t)) + [{type: $t, path: $p}]' ;;
        *) edit --arg t "$word" '.linux.namespaces |= map(select(.type != $t)) + [{type: $t}]' ;;
        esac
    done
}
# A user namespace of its own: 0… is 100000… outside; the root file system belongs to it.
user_namespace() {
    namespaces user
    chown -R 100000:100000 "$BUNDLE/rootfs"
    edit '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
          | .linux.gidMappings = .linux.uidMappings'
}
all_caps() {
    edit '["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_ADMIN",
           "CAP_SYS_CHROOT", "CAP_SYS_PTRACE"] as $c
          | .process.capabilities |= {bounding: $c, effective: $c, permitted: $c}'
}

in_box() {
    edit --arg s "$1" '.process.args = ["sh", "-c", $s]'
    run oci run --bundle "$BUNDLE" "$BOX"
}
box_up() {
    edit '.process.args = ["sleep", "1000"]'
    oci run -d --bundle "$BUNDLE" "$BOX" </dev/null >/dev/null 2>&3
}
box_exec() { run oci exec "$BOX" sh -c "$1"; }
# The pid of a process in new namespaces:   sitter UNSHARE-ARGUMENTS…
# Of a new user namespace 0… is 100000… outside.
sitter() {
    unshare "$@" sleep 1000 3>&- &
    SITTER=$!
    SITTERS="$SITTERS $SITTER"
    wait_for 5 sh -c "grep -qx sleep /proc/$SITTER/comm"
    [[ " $* " != *" -U "* ]] || echo "0 100000 65536" | tee "/proc/$SITTER/uid_map" >"/proc/$SITTER/gid_map"
}
