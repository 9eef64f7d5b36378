# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the tests of hako-oci load after helpers.bash: a state root and a bundle per test.

oci() { timeout -k 5 60 "$BUILD/hako-oci" --root "$OCI_ROOT" "$@"; }

oci_setup_file() {
    needs_root
    needs_cmd jq
    hako_setup_file
    export OCI_ROOT=$HAKO_TEST_DIR/oci
    # what the first container of a host makes once and keeps: cgroup hako-leaf
    oci_bundle "$HAKO_TEST_DIR/first"
    oci run -b "$HAKO_TEST_DIR/first" hako-test-first
}

oci_setup() {
    needs_root
    hako_setup
    BUNDLE=$BATS_TEST_TMPDIR/bundle
    oci_bundle "$BUNDLE"
    export ID=hako-test-$BATS_TEST_NUMBER
    cd "$BUNDLE" || return 1
}

oci_teardown() {
    local id
    for id in $(oci list -q 2>/dev/null); do
        oci delete -f "$id" || true
    done
    [ -z "$(ls -A "$OCI_ROOT" 2>/dev/null)" ] || {
        echo "left in the state root: $(ls -A "$OCI_ROOT")"
        return 1
    }
    assert_no_leak
}

# oci_bundle DIR: busybox as root file system, config.json from `spec`, no terminal, true.
oci_bundle() {
    mkdir -p "$1/rootfs/bin" "$1/rootfs/tmp"
    cp "$(command -v busybox)" "$1/rootfs/bin/busybox"
    chroot "$1/rootfs" /bin/busybox --install -s /bin
    (cd "$1" && oci spec)
    (cd "$1" && config '.process.terminal = false | .process.args = ["true"] |
        .root.readonly = false')
}

# config JQ-PROGRAM [--arg …]: change the bundle's config.json.
config() {
    jq "$@" config.json >config.tmp && mv config.tmp config.json
}

# The container does this: args ["sh", "-c", SCRIPT].
script() { config --arg s "$1" '.process.args = ["sh", "-c", $s]'; }

# oci_create ID [OPTIONS]: in the background of bats: its descriptors must not stay open.
oci_create() { oci create "${@:2}" "$1" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&-; }
oci_up() { oci_create "$@" && oci start "$1"; }
status_of() { oci state "$1" | jq -r .status; }
pid_of() { oci state "$1" | jq -r .pid; }
is_status() { [ "$(status_of "$1")" = "$2" ]; }
