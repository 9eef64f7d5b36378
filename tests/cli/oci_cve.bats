# SPDX-License-Identifier: Apache-2.0
# Ways by which boxes of runc, crun and docker broke out once, tried on hako-oci. Each test says
# what an unsafe runtime would let happen.
bats_require_minimum_version 1.5.0
load helpers
load oci_spec

setup_file() { oci_setup_file; }
setup() { oci_setup; }
teardown() { oci_teardown; }

bind() { mounts "{\"destination\": \"$1\", \"type\": \"bind\", \"source\": \"$2\", \"options\": [${3:-\"bind\"}]}"; }
# A harmless setting of the host's that a test may find changed.
canary() { cat /proc/sys/kernel/core_pattern; }
# A program that exchanges the directory $1 and the link $2 as fast as it can, until killed.
exchanger() {
    needs_cmd gcc
    cat >"$BATS_TEST_TMPDIR/x.c" <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
int main(int c, char **v) {
    for (;;)
        renameat2(AT_FDCWD, v[1], AT_FDCWD, v[2], RENAME_EXCHANGE);
}
END
    gcc -o "$BATS_TEST_TMPDIR/x" "$BATS_TEST_TMPDIR/x.c"
    "$BATS_TEST_TMPDIR/x" "$1" "$2" 3>&- &
    SITTERS="$SITTERS $!"
}

# The profile and labels of the process are written to /proc/self/attr: were a directory of the
# image's mounted on /proc, they would go into plain files and the box would run unconfined.
@test "CVE-2019-16884: nothing but a procfs is mounted on /proc" {
    mkdir -p "$BATS_TEST_TMPDIR/fake/self/attr"
    touch "$BATS_TEST_TMPDIR/fake/self/attr/exec"
    edit '.mounts |= map(select(.destination != "/proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
    bind /proc "$BATS_TEST_TMPDIR/fake" '"rbind"'
    in_box 'echo RAN'
    [ "$status" -eq 1 ]
    lacks RAN
    has /proc
    edit '.mounts[-1] = {destination: "/proc", type: "tmpfs", source: "tmpfs"}'
    in_box 'echo RAN'
    [ "$status" -eq 1 ]
    lacks RAN
}

@test "CVE-2019-16884: nor in it, but for the files that are imitated there" {
    local p
    for p in /proc/self/attr /proc/sys /proc/1 /proc/./sys/kernel/ "/proc/../proc/self"; do
        edit '.mounts |= map(select(.destination != "/x"))'
        bind "$p" /tmp
        in_box 'echo RAN'
        [ "$status" -eq 1 ]
        lacks RAN
        edit 'del(.mounts[-1])'
    done
    echo "MemTotal: 7 kB" >"$BATS_TEST_TMPDIR/meminfo"
    bind /proc/meminfo "$BATS_TEST_TMPDIR/meminfo"
    in_box 'cat /proc/meminfo'
    is 0
    [ "$output" = "MemTotal: 7 kB" ]
}

# The image has /proc as a link into a volume: procfs would be mounted in the volume, and what the
# runtime writes to /proc/self would be read from files of the box's making.
@test "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642: /proc and /sys that are links are refused" {
    local dir
    mkdir -p "$BATS_TEST_TMPDIR/volume/proc" "$BATS_TEST_TMPDIR/volume/sys"
    bind /volume "$BATS_TEST_TMPDIR/volume" '"rbind"'
    edit '.mounts |= [.[-1]] + .[:-1]'
    for dir in proc sys; do
        rmdir "$BUNDLE/rootfs/$dir"
        ln -s "/volume/$dir" "$BUNDLE/rootfs/$dir"
        in_box 'echo RAN'
        [ "$status" -eq 1 ]
        lacks RAN
        has "/$dir"
        has "symbolic link"
        rm "$BUNDLE/rootfs/$dir"
        mkdir "$BUNDLE/rootfs/$dir"
    done
}

@test "CVE-2023-28642: nor does a parent lead elsewhere" {
    mkdir -p "$BUNDLE/rootfs/other/proc"
    edit '.mounts |= map(if .destination == "/proc" then .destination = "/link/proc" else . end)
          | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
    ln -s other "$BUNDLE/rootfs/link"
    in_box 'echo RAN'
    [ "$status" -eq 1 ]
    lacks RAN
}

# Two boxes share a volume; one swaps a directory that is the other's mount point for a link to /,
# between the check of the path and the mount: the mount would land on the host.
@test "CVE-2021-30465: a mount point that is swapped for a link while the box is made" {
    mkdir -p "$BATS_TEST_TMPDIR/vol/dir" "$BATS_TEST_TMPDIR/payload" "$BATS_TEST_TMPDIR/target"
    ln -s "/../../../../../../../../../../..$BATS_TEST_TMPDIR/target" "$BATS_TEST_TMPDIR/vol/link"
    touch "$BATS_TEST_TMPDIR/payload/landed"
    exchanger "$BATS_TEST_TMPDIR/vol/dir" "$BATS_TEST_TMPDIR/vol/link"
    bind /vol "$BATS_TEST_TMPDIR/vol" '"rbind"'
    bind /vol/dir "$BATS_TEST_TMPDIR/payload" '"rbind"'
    bind /vol/dir/sub /etc '"rbind"'
    for _ in $(seq 30); do
        in_box 'find / -xdev -name never 2>/dev/null; true'
        [ ! -e "$BATS_TEST_TMPDIR/target/landed" ]
        [ ! -e "$BATS_TEST_TMPDIR/target/sub" ]
        run ! findmnt -rn "$BATS_TEST_TMPDIR/target"
    done
}

# Making the missing parents of a mount point followed a link that was put there in between: empty
# files and directories appeared on the host.
@test "CVE-2024-45310: no files are made on the host by way of a swapped link" {
    mkdir -p "$BATS_TEST_TMPDIR/vol/dir" "$BATS_TEST_TMPDIR/target"
    ln -s "/../../../../../../../../../../..$BATS_TEST_TMPDIR/target" "$BATS_TEST_TMPDIR/vol/link"
    exchanger "$BATS_TEST_TMPDIR/vol/dir" "$BATS_TEST_TMPDIR/vol/link"
    bind /vol "$BATS_TEST_TMPDIR/vol" '"rbind"'
    bind /vol/dir/a/b/file "$SPEC"
    bind /vol/dir/c/d "$BUNDLE" '"rbind"'
    edit '.linux.devices = [{path: "/vol/dir/e/null", type: "c", major: 1, minor: 3}]'
    for _ in $(seq 30); do
        in_box true
        [ -z "$(ls -A "$BATS_TEST_TMPDIR/target")" ]
    done
}

@test "CVE-2024-45310: nor by a link that stays" {
    mkdir -p "$BATS_TEST_TMPDIR/target"
    ln -s "$BATS_TEST_TMPDIR/target" "$BUNDLE/rootfs/mnt/out"
    ln -s ../../../../../../../../../../.."$BATS_TEST_TMPDIR/target" "$BUNDLE/rootfs/mnt/up"
    bind /mnt/out/dir "$BUNDLE"
    bind /mnt/up/file "$SPEC"
    mounts '{"destination": "/mnt/out/tmp", "type": "tmpfs", "source": "tmpfs"}'
    edit '.linux.devices = [{path: "/mnt/up/null", type: "c", major: 1, minor: 3}]'
    in_box true
    [ -z "$(ls -A "$BATS_TEST_TMPDIR/target")" ]
}

# Masking used the box's own /dev/null as its source: were that a link to core_pattern, the mask of
# a path would have been a writable way to the host's settings; were it missing, no mask at all.
@test "CVE-2025-31133: the mask is the host's null device, whatever the box's /dev/null is" {
    local before
    before=$(canary)
    mkdir -p "$BATS_TEST_TMPDIR/dev/pts" "$BATS_TEST_TMPDIR/dev/shm" "$BATS_TEST_TMPDIR/dev/mqueue"
    ln -s /proc/sys/kernel/core_pattern "$BATS_TEST_TMPDIR/dev/null"
    edit '.mounts |= map(if .destination == "/dev" then {destination: "/dev", type: "bind", source: "'"$BATS_TEST_TMPDIR"'/dev", options: ["rbind"]} else . end)
          | .linux.maskedPaths = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/etc/passwd"]'
    in_box 'cat /proc/timer_list | wc -c; cat /etc/passwd | wc -c; echo pwned >/proc/timer_list; echo pwned >/etc/passwd'
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = 0 ]
    [ "$(canary)" = "$before" ]
}

@test "CVE-2025-31133: the paths to mask cannot be exchanged while they are masked" {
    mkdir -p "$BATS_TEST_TMPDIR/vol/secret" "$BATS_TEST_TMPDIR/target"
    echo hidden >"$BATS_TEST_TMPDIR/vol/secret/file"
    ln -s "/../../../../../../../../../../..$BATS_TEST_TMPDIR/target" "$BATS_TEST_TMPDIR/vol/link"
    touch "$BATS_TEST_TMPDIR/target/host"
    exchanger "$BATS_TEST_TMPDIR/vol/secret" "$BATS_TEST_TMPDIR/vol/link"
    bind /vol "$BATS_TEST_TMPDIR/vol" '"rbind"'
    edit '.linux.maskedPaths = ["/vol/secret"] | .linux.readonlyPaths = ["/vol/link"]'
    for _ in $(seq 20); do
        in_box true
        [ -e "$BATS_TEST_TMPDIR/target/host" ]
        run ! findmnt -rn "$BATS_TEST_TMPDIR/target"
    done
}

# The terminal was bound on /dev/console by its path: a link there to a file of /proc would have
# put the pty over it, or before masks and read-only paths were in place, opened it for writing.
@test "CVE-2025-52565: /dev/console that is a link is refused; /dev/pts must be a devpts" {
    needs_cmd script
    mkdir -p "$BATS_TEST_TMPDIR/dev/"{pts,shm,mqueue}
    ln -s /proc/sys/kernel/core_pattern "$BATS_TEST_TMPDIR/dev/console"
    edit '.process.terminal = true | .process.args = ["echo", "RAN"]
          | .mounts |= map(if .destination == "/dev" then {destination: "/dev", type: "bind", source: "'"$BATS_TEST_TMPDIR"'/dev", options: ["rbind"]} else . end)'
    run script -qec "'$BUILD/hako-oci' --root '$OCI_ROOT' run --bundle '$BUNDLE' $BOX" /dev/null
    lacks RAN
    has "/dev/console"
    rm "$BATS_TEST_TMPDIR/dev/console"
    edit '.mounts |= map(select(.type != "devpts"))'
    run script -qec "'$BUILD/hako-oci' --root '$OCI_ROOT' run --bundle '$BUNDLE' $BOX" /dev/null
    lacks RAN
    has devpts
}

# Writes of the runtime to procfs (sysctl, oom_score_adj, labels) were redirected to other files of
# it, /proc/sysrq-trigger among them, by a tmpfs or a link shared with another box.
@test "CVE-2025-52881: what the runtime writes to /proc goes to the host's procfs" {
    local before
    before=$(canary)
    mkdir -p "$BATS_TEST_TMPDIR/vol/dir" "$BUNDLE/rootfs/proc2"
    bind /vol "$BATS_TEST_TMPDIR/vol" '"rbind"'
    ln -s /vol/self "$BUNDLE/rootfs/proc/self" 2>/dev/null || true
    edit '.linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "99"} | .process.oomScoreAdj = 77'
    in_box 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/self/oom_score_adj'
    is 0
    [ "$output" = "$(printf '99\n77')" ]
    [ "$(canary)" = "$before" ]
    # keys that climb
    edit '.linux.sysctl = {"net.ipv4/../../kernel/core_pattern": "pwned"}'
    in_box 'echo RAN'
    [ "$status" -eq 1 ]
    lacks RAN
    [ "$(canary)" = "$before" ]
}

# A descriptor of the runtime for a directory of the host was still open when the working directory
# was entered: /proc/self/fd/7 as cwd put the box on the host's file system.
@test "CVE-2024-21626: the working directory cannot be a descriptor of the runtime" {
    local fd p
    exec 9</
    for fd in $(seq 3 20); do
        for p in "/proc/self/fd/$fd" "/proc/self/fd/$fd/.." "/proc/self/cwd/../../..$BUNDLE"; do
            edit --arg c "$p" '.process.cwd = $c'
            in_box "ls -d usr etc/shadow ../../..$BUNDLE/config.json 2>/dev/null; echo RAN"
            lacks config.json
            lacks etc/shadow
        done
    done
    exec 9<&-
}

@test "CVE-2024-21626: nor that of exec, nor the program" {
    local fd
    box_up
    for fd in $(seq 3 20); do
        run oci exec --cwd "/proc/self/fd/$fd" "$BOX" ls -d usr etc/shadow
        [ "$status" -ne 0 ]
        run oci exec "$BOX" "/proc/self/fd/$fd/../../../../../../../../../../../../bin/cat" "$SPEC"
        lacks ociVersion
    done
}

# The runtime's own program was opened for writing by /proc/self/exe.
@test "CVE-2019-5736: the runtime's program cannot be written by way of /proc/PID/exe" {
    local before
    before=$(sha256sum <"$BUILD/hako-oci")
    edit '.process.args = ["sh", "-c", "while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || (echo broken >$p/exe) 2>/dev/null; done; done"]'
    oci run -d --bundle "$BUNDLE" "$BOX" </dev/null >/dev/null 2>&1
    oci exec "$BOX" sh -c 'printf "#!/proc/self/exe\n" >/tmp/x && chmod 755 /tmp/x && ln -s /proc/self/exe /tmp/y'
    for _ in 1 2 3 4 5; do
        run oci exec "$BOX" /tmp/x
        run oci exec "$BOX" /tmp/y
        run oci exec "$BOX" sh -c 'true >/proc/self/exe'
    done
    [ "$(sha256sum <"$BUILD/hako-oci")" = "$before" ]
    oci features >/dev/null
}

@test "no descriptor of the host's comes into a box, by create, by exec" {
    exec 9</etc/passwd
    in_box 'cd /proc/self/fd && for f in *; do [ -e $f ] && echo $f; done; true'
    is 0
    [ "$output" = "$(printf '0\n1\n2')" ]
    box_up
    box_exec 'cd /proc/self/fd && for f in *; do [ -e $f ] && echo $f; done; true'
    [ "$output" = "$(printf '0\n1\n2')" ]
    exec 9<&-
}
