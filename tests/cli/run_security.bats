# SPDX-License-Identifier: Apache-2.0
# What a box may do: capabilities, seccomp, no-new-privileges, devices, --privileged.
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

# caps LINE [run options]: CapEff and so on, as seen in the box.
caps() {
    local line=$1
    shift
    hako run --rm "$@" box sed -n "s/^$line:[[:space:]]*//p" /proc/self/status
}
# What the caller has, as a mask.
caller() { sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status; }
masked() { printf '%016x' $((0x$1 & 0x$(caller))); }

@test "capabilities: docker's default set, and no more" {
    local want
    want=$(masked 00000000a80425fb)
    [ "$(caps CapEff)" = "$want" ]
    [ "$(caps CapPrm)" = "$want" ]
    [ "$(caps CapBnd)" = "$want" ]
    [ "$(caps CapInh)" = 0000000000000000 ]
    [ "$(caps CapAmb)" = 0000000000000000 ]
}

@test "capabilities: another user starts with none, but the bounding set" {
    [ "$(caps CapEff -u nobody)" = 0000000000000000 ]
    [ "$(caps CapPrm -u nobody)" = 0000000000000000 ]
    [ "$(caps CapBnd -u nobody)" = "$(masked 00000000a80425fb)" ]
}

@test "--cap-drop and --cap-add: names in every spelling, ALL" {
    [ "$(caps CapEff --cap-drop ALL)" = 0000000000000000 ]
    [ "$(caps CapEff --cap-drop all --cap-add NET_ADMIN)" = 0000000000001000 ]
    [ "$(caps CapEff --cap-drop ALL --cap-add cap_net_admin)" = 0000000000001000 ]
    [ "$(caps CapEff --cap-drop CAP_CHOWN)" = "$(masked 00000000a80425fa)" ]
    [ "$(caps CapEff --cap-add ALL)" = "$(caller)" ]
    [ "$(caps CapBnd --cap-drop ALL)" = 0000000000000000 ]
    run hako run --rm --cap-add NO_SUCH_CAP box true
    is 125
    has NO_SUCH_CAP
}

@test "a dropped capability is missed, an added one works" {
    run hako run --rm box chown 1:1 /tmp
    is 0
    run hako run --rm --cap-drop CHOWN box chown 1:1 /tmp
    [ "$status" -ne 0 ]
    run hako run --rm box ip link set lo down
    [ "$status" -ne 0 ]
    has "permitted"
    run hako run --rm --cap-add NET_ADMIN box ip link set lo down
    is 0
}

@test "a capability the caller does not have cannot be given" {
    run setpriv --bounding-set=-sys_time --inh-caps=-sys_time "$BUILD/hako" run --rm --cap-add SYS_TIME box true
    is 125
    has SYS_TIME
}

@test "seccomp: the filter is on, off with unconfined" {
    run hako run --rm box grep Seccomp: /proc/self/status
    [[ $output =~ 2$ ]]
    run hako run --rm --security-opt seccomp=unconfined box grep Seccomp: /proc/self/status
    [[ $output =~ 0$ ]]
}

@test "seccomp: the default profile refuses what docker's refuses" {
    run hako run --rm box unshare -U true
    [ "$status" -ne 0 ]
    has "not permitted"
    run hako run --rm --security-opt seccomp=unconfined box unshare -U true
    is 0
    # mount(2) is opened by the capability alone
    run hako run --rm box mount -t tmpfs t /tmp
    [ "$status" -ne 0 ]
    run hako run --rm --cap-add SYS_ADMIN box mount -t tmpfs t /tmp
    is 0
}

@test "seccomp: a profile of one's own" {
    cat >"$BATS_TEST_TMPDIR/p.json" <<'JSON'
{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
JSON
    run hako run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/p.json" box sh -c 'mkdir /x; echo still; unshare -U true && echo free'
    is 0
    has "Operation not permitted"
    has still
    has free
}

@test "seccomp: a bad profile is named" {
    echo '{"defaultAction": ' >"$BATS_TEST_TMPDIR/bad.json"
    run hako run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/bad.json" box true
    is 125
    has "$BATS_TEST_TMPDIR/bad.json"
    echo '{"defaultAction": "SCMP_ACT_NONSENSE"}' >"$BATS_TEST_TMPDIR/bad.json"
    run hako run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/bad.json" box true
    is 125
    has SCMP_ACT_NONSENSE
    run hako run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/absent.json" box true
    is 125
    has absent.json
    run hako run --rm --security-opt nonsense box true
    is 125
    has nonsense
}

@test "no-new-privileges: asked only" {
    run hako run --rm box grep NoNewPrivs /proc/self/status
    [[ $output =~ 0$ ]]
    run hako run --rm --security-opt no-new-privileges box grep NoNewPrivs /proc/self/status
    [[ $output =~ 1$ ]]
}

@test "no-new-privileges: a setuid program gains nothing" {
    needs_cmd gcc
    mkdir "$BATS_TEST_TMPDIR/s"
    echo 'int geteuid(void); int main(void) { return geteuid() != 0; }' >"$BATS_TEST_TMPDIR/s/am_root.c"
    gcc -static -o "$BATS_TEST_TMPDIR/s/am_root" "$BATS_TEST_TMPDIR/s/am_root.c"
    chmod 4755 "$BATS_TEST_TMPDIR/s/am_root"
    run hako run --rm -u nobody -v "$BATS_TEST_TMPDIR/s:/s" box /s/am_root
    is 0
    run hako run --rm -u nobody --security-opt no-new-privileges -v "$BATS_TEST_TMPDIR/s:/s" box /s/am_root
    is 1
}

@test "no device but the allowed ones can be opened, even when made" {
    run hako run --rm box sh -c 'mknod /k c 1 11 && cat /k'
    [ "$status" -ne 0 ]
    has "not permitted"
    run hako run --rm box sh -c 'mknod /z c 1 5 && head -c 3 /z | wc -c'
    is 0
    [ "$output" = 3 ]
}

@test "--device lets one in, with the access given" {
    local d=/dev/fuse
    [ -c $d ] || skip "the host has no $d"
    run hako run --rm --device $d box sh -c "[ -c $d ] && exec 3<>$d && echo open"
    is 0
    [ "$output" = open ]
    run hako run --rm --device $d:/dev/mine:r box sh -c 'exec 3</dev/mine && echo read; (exec 3>/dev/mine) && echo WRITTEN'
    has read
    lacks WRITTEN
    run hako run --rm --device $d:/dev/mine:r box ls /dev
    lacks fuse
    has mine
    run hako run --rm --device /dev/no-such box true
    is 125
    has /dev/no-such
    run hako run --rm --device /etc/passwd box true
    is 125
    has "not a device"
    run hako run --rm --device /dev/null:/dev/x:rwz box true
    is 125
}

@test "--device-cgroup-rule" {
    [ -c /dev/fuse ] || skip "the host has no /dev/fuse"
    run hako run --rm box sh -c 'mknod /f c 10 229 && exec 3</f && echo open'
    [ "$status" -ne 0 ]
    run hako run --rm --device-cgroup-rule 'c 10:229 rwm' box sh -c 'mknod /f c 10 229 && exec 3</f && echo open'
    is 0
    [ "$output" = open ]
    run hako run --rm --device-cgroup-rule 'x 1:11' box true
    is 125
    has "x 1:11"
}

@test "--privileged: the caller's capabilities, no filter, devices, /sys and /proc writable" {
    [ "$(caps CapEff --privileged)" = "$(caller)" ]
    run hako run --rm --privileged box sh -c 'grep Seccomp: /proc/self/status; echo private >/proc/sys/kernel/domainname && cat /proc/sys/kernel/domainname
        wc -c </proc/keys >/dev/null && ls /dev | wc -l; grep " /sys " /proc/mounts'
    is 0
    [[ ${lines[0]} =~ 0$ ]]
    [ "${lines[1]}" = private ]
    [ "${lines[2]}" -gt 16 ]
    [[ ${lines[3]} == *" rw,"* ]]
}

@test "--privileged --cap-drop, and privileged is not inherited by others" {
    [ "$(caps CapEff --privileged --cap-drop SYS_ADMIN)" = "$(printf '%016x' $((0x$(caller) & ~(1 << 21))))" ]
    hako run -d --name priv --privileged box sleep 1000
    [ "$(caps CapEff)" = "$(masked 00000000a80425fb)" ]
    [ "$(field priv .HostConfig.Privileged)" = true ]
}

@test "the box's process cannot be seen or traced from another box" {
    hako run -d --name one box sleep 1000
    run hako run --rm box sh -c 'ps | grep -c "[s]leep 1000"'
    [ "$output" = 0 ]
}

@test "systempaths=unconfined opens the masked paths" {
    run hako run --rm --security-opt systempaths=unconfined box sh -c 'grep -cE " /proc/(kcore|keys|sys) " /proc/mounts'
    [ "$output" = 0 ]
}

@test "no descriptor of hako leads a working directory out of the box" {
    hako run -d --name fds box sleep 1000
    local n said=0
    for n in $(seq 3 24); do
        run hako run --rm -w "/proc/self/fd/$n" box sh -c 'echo INSIDE; ls ..'
        [ "$status" -ne 0 ]
        lacks INSIDE
        [[ $output != *"outside of the box"* ]] || said=1
        run hako exec -w "/proc/self/fd/$n" fds sh -c 'echo INSIDE; ls ..'
        [ "$status" -ne 0 ]
        lacks INSIDE
    done
    # At least one of them was a directory, and was seen to be outside.
    [ $said -eq 1 ]
}

@test "hako's own program in the box is of no use and cannot be changed" {
    run hako run --rm box /proc/self/exe
    [ "$status" -ne 0 ]
    hako run -d --name own box sleep 1000
    run ls -l "/proc/$(monitor_of own)/exe"
    has memfd
    run sh -c 'echo x >>"/proc/$1/exe"' sh "$(monitor_of own)"
    [ "$status" -ne 0 ]
}
