#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hako-oci by an ordinary user.
load helpers
load oci

setup_file() {
    oci_setup_file
    needs_user
}
teardown_file() { hako_teardown_file; }
setup() {
    needs_root
    hako_setup
    ID=hako-test-$BATS_TEST_NUMBER
    UB=$HAKO_TEST_DIR/user/home/bundle
    rm -rf "$UB"
    mkdir -p "$UB/rootfs/bin" "$UB/rootfs/tmp"
    cp "$(command -v busybox)" "$UB/rootfs/bin/busybox"
    chroot "$UB/rootfs" /bin/busybox --install -s /bin
    chown -R $TEST_USER: "$UB"
    ur sh -c "cd $UB && hako-oci spec --rootless"
}
teardown() {
    local id
    for id in $(ur hako-oci list -q); do ur hako-oci delete -f "$id"; done
    assert_no_leak
}

ur() { as_user timeout -k 5 60 "$@"; }
user_stopped() { [ "$(ur hako-oci state "$1" | jq -r .status)" = stopped ]; }
user_config() {
    (cd "$UB" && config "$@" && chown $TEST_USER: config.json)
}

@test "run, with one's own id alone" {
    user_config '.process.terminal = false | .process.args = ["sh", "-c", "id -u; cat /proc/self/uid_map"]'
    run ur hako-oci run -b "$UB" "$ID"
    is 0
    [ "${lines[0]}" = 0 ]
    has "$(id -u $TEST_USER)"
}

@test "create, start, exec, kill, delete" {
    user_config '.process.terminal = false | .process.args = ["sleep", "100"]'
    ur hako-oci create -b "$UB" "$ID" </dev/null >/dev/null 2>&1 3>&-
    ur hako-oci start "$ID"
    run ur hako-oci exec "$ID" id -u
    is 0
    [ "$output" = 0 ]
    ur hako-oci kill "$ID" KILL
    wait_for 5 user_stopped "$ID"
    ur hako-oci delete "$ID"
}

@test "subordinate ids by newuidmap" {
    needs_cmd newuidmap
    local sub
    sub=$(grep "^$TEST_USER:" /etc/subuid | cut -d: -f2)
    user_config --argjson u "$(id -u $TEST_USER)" --argjson g "$(id -g $TEST_USER)" --argjson s "$sub" '
        .process.terminal = false | .process.args = ["sh", "-c", "cat /proc/self/uid_map; id -u"] |
        .process.user = {"uid": 7, "gid": 7} |
        .process.noNewPrivileges = true |
        .linux.uidMappings = [{"containerID": 0, "hostID": $u, "size": 1}, {"containerID": 1, "hostID": $s, "size": 1000}] |
        .linux.gidMappings = [{"containerID": 0, "hostID": $g, "size": 1}, {"containerID": 1, "hostID": $s, "size": 1000}]'
    chmod 755 "$HAKO_TEST_DIR/user/home" "$UB"
    run ur hako-oci run -b "$UB" "$ID"
    is 0
    has "$sub"
    [ "${lines[-1]}" = 7 ]
}

@test "ids that are not one's own are refused, and nothing is left" {
    user_config '.process.terminal = false | .linux.uidMappings = [{"containerID": 0, "hostID": 0, "size": 1}]'
    run ur hako-oci run -b "$UB" "$ID"
    is 1
    run ur hako-oci list -q
    [ -z "$output" ]
}
