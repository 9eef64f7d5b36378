# SPDX-License-Identifier: Apache-2.0
# hako-oci in QEMU guests: cgroup v2 alone, and under a real systemd with each kind of cgroups; with
# the usual kernel and with the newest one that apt has. A boot each; the scripts in tests/vm speak
# TAP, of which every line must be good.
load helpers

# guest SCRIPT LEAST [VARIABLE=VALUE…]: at least so many lines
guest() {
    local script=$1 least=$2
    shift 2
    needs_cmd qemu-system-x86_64
    run env "$@" "$TOP/tests/vm/run.sh" "$TOP/tests/vm/$script"
    echo "$output"
    [ "$status" = 0 ]
    [ "$(grep -c '^ok ' <<<"$output")" -ge "$least" ]
    [ "$(grep -c '^not ok ' <<<"$output")" = 0 ]
    grep -qx "1\.\.$(grep -c '^ok ' <<<"$output")" <<<"$output"
}

@test "oci: every resource, update, events, sub-groups on cgroup v2" { guest oci2.sh 62; }
@test "oci: the same on the newest kernel" { guest oci2.sh 62 HAKO_VM_KERNEL=new; }
@test "oci: systemd's scopes on cgroup v2, root and user" {
    needs_cmd mmdebstrap
    guest ocisd.sh 53 HAKO_VM_SYSTEMD=v2
}
@test "oci: systemd's scopes on a hybrid host" {
    needs_cmd mmdebstrap
    guest ocisd.sh 44 HAKO_VM_SYSTEMD=hybrid
}
@test "oci: systemd's scopes on cgroup v1" {
    needs_cmd mmdebstrap
    guest ocisd.sh 44 HAKO_VM_SYSTEMD=v1
}
@test "v2: hako on the newest kernel" { guest cgroup2.sh 34 HAKO_VM_KERNEL=new; }
