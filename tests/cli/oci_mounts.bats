# SPDX-License-Identifier: Apache-2.0
# Mounts of the runtime-spec, looked at from inside: /proc/self/mountinfo, stat, what can be done.
bats_require_minimum_version 1.5.0
load helpers
load oci_spec

setup_file() { oci_setup_file; }
setup() { oci_setup; }
teardown() { oci_teardown; }

# Options of the mount on $1 in $output: "rw,nosuid,relatime", then optional fields, then those of
# the file system.
options_of() { awk -v p="$1" '$5 == p { print $6 }' <<<"$output" | tail -1; }
tags_of() { awk -v p="$1" '$5 == p { for (i = 7; $i != "-"; i++) printf "%s ", $i; print "" }' <<<"$output" | tail -1; }
super_of() { awk -v p="$1" '$5 == p { print $NF }' <<<"$output" | tail -1; }
# option WORD WANT: a tmpfs and a bind with this option have that attribute.
has_option() { [[ ,$(options_of "$1"), == *",$2,"* ]] || { echo "$1: $2 is not among $(options_of "$1")"; return 1; }; }
lacks_option() { [[ ,$(options_of "$1"), != *",$2,"* ]] || { echo "$1: $2 is among $(options_of "$1")"; return 1; }; }

bind() { mounts "{\"destination\": \"$1\", \"type\": \"bind\", \"source\": \"$2\", \"options\": [${3:-\"bind\"}]}"; }
tmpfs() { mounts "{\"destination\": \"$1\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [$2]}"; }

@test "attributes of one mount: every word, on a tmpfs and on a bind" {
    local src=$BATS_TEST_TMPDIR/src w
    mkdir "$src"
    for w in ro nosuid nodev noexec noatime nodiratime nosymfollow; do
        tmpfs "/mnt/t-$w" "\"$w\""
        bind "/mnt/b-$w" "$src" "\"rbind\", \"$w\""
    done
    tmpfs /mnt/t-strict '"strictatime"'
    tmpfs /mnt/t-rel '"relatime"'
    tmpfs /mnt/t-last '"ro", "noexec", "rw", "exec"'
    tmpfs /mnt/t-none '"defaults"'
    in_box 'cat /proc/self/mountinfo'
    is 0
    for w in ro nosuid nodev noexec noatime nodiratime nosymfollow; do
        has_option "/mnt/t-$w" $w
        has_option "/mnt/b-$w" $w
    done
    lacks_option /mnt/t-strict relatime
    lacks_option /mnt/t-strict noatime
    has_option /mnt/t-rel relatime
    [ "$(options_of /mnt/t-last)" = rw,relatime ]
    [ "$(options_of /mnt/t-none)" = rw,relatime ]
}

@test "the words that take away: what the host has set, the bind may clear" {
    host_mount "$BATS_TEST_TMPDIR/src" -t tmpfs -o ro,nosuid,nodev,noexec,noatime,nodiratime t
    bind /mnt/kept "$BATS_TEST_TMPDIR/src"
    bind /mnt/gone "$BATS_TEST_TMPDIR/src" '"bind", "rw", "suid", "dev", "exec", "atime", "diratime"'
    in_box 'cat /proc/self/mountinfo'
    is 0
    [ "$(options_of /mnt/kept)" = ro,nosuid,nodev,noexec,noatime,nodiratime ]
    [ "$(options_of /mnt/gone)" = rw,relatime ]
}

@test "one attribute named, by whatever word: the others of the host's mount are off, atime stays" {
    host_mount "$BATS_TEST_TMPDIR/src" -t tmpfs t
    mount -o remount,bind,ro,nosuid,noexec,noatime,nosymfollow "$BATS_TEST_TMPDIR/src"
    bind /mnt/set "$BATS_TEST_TMPDIR/src" '"bind", "nodev", "rprivate"'
    bind /mnt/cleared "$BATS_TEST_TMPDIR/src" '"bind", "dev"'
    bind /mnt/kept "$BATS_TEST_TMPDIR/src" '"bind", "rprivate"'
    bind /mnt/below "$BATS_TEST_TMPDIR/src" '"rbind", "rro", "nodev"'
    in_box 'cat /proc/self/mountinfo'
    is 0
    [ "$(options_of /mnt/set)" = rw,nodev,noatime ]
    [ "$(options_of /mnt/cleared)" = rw,noatime ]
    [ "$(options_of /mnt/kept)" = ro,nosuid,noexec,noatime,nosymfollow ]
    [ "$(options_of /mnt/below)" = ro,nodev,noatime ]
    user_namespace
    in_box 'cat /proc/self/mountinfo'
    is 0
    [ "$(options_of /mnt/set)" = ro,nosuid,nodev,noexec,noatime ]
    [ "$(options_of /mnt/cleared)" = ro,nosuid,noexec,noatime ]
}

@test "recursive attributes reach the mounts beneath, the others do not" {
    local src=$BATS_TEST_TMPDIR/src w
    host_mount "$src" -t tmpfs t
    host_mount "$src/sub" -t tmpfs t
    for w in ro nosuid nodev noexec noatime nodiratime nosymfollow; do
        bind "/mnt/one-$w" "$src" "\"rbind\", \"$w\""
        bind "/mnt/all-$w" "$src" "\"rbind\", \"r$w\""
    done
    bind /mnt/mixed "$src" '"rbind", "rro", "rw", "rnoexec"'
    bind /mnt/strict "$src" '"rbind", "rstrictatime"'
    in_box 'cat /proc/self/mountinfo'
    is 0
    for w in ro nosuid nodev noexec noatime nodiratime nosymfollow; do
        has_option "/mnt/one-$w" $w
        lacks_option "/mnt/one-$w/sub" $w
        has_option "/mnt/all-$w" $w
        has_option "/mnt/all-$w/sub" $w
    done
    has_option /mnt/mixed rw
    has_option /mnt/mixed/sub ro
    has_option /mnt/mixed noexec
    lacks_option /mnt/strict/sub relatime
}

@test "recursive words that take away" {
    local src=$BATS_TEST_TMPDIR/src
    host_mount "$src" -t tmpfs t
    host_mount "$src/sub" -t tmpfs -o ro,nosuid,nodev,noexec,noatime,nodiratime t
    bind /mnt/a "$src" '"rbind", "rrw", "rsuid", "rdev", "rexec", "rrelatime", "rdiratime", "rsymfollow"'
    in_box 'cat /proc/self/mountinfo'
    is 0
    [ "$(options_of /mnt/a/sub)" = rw,relatime ]
}

@test "bind takes one mount, rbind all beneath" {
    local src=$BATS_TEST_TMPDIR/src
    host_mount "$src" -t tmpfs t
    host_mount "$src/sub" -t tmpfs t
    touch "$src/sub/deep"
    bind /mnt/one "$src"
    bind /mnt/all "$src" '"rbind"'
    in_box 'ls /mnt/one/sub /mnt/all/sub'
    is 0
    [ "$output" = "$(printf '/mnt/all/sub:\ndeep\n\n/mnt/one/sub:')" ] || [ "$(grep -c deep <<<"$output")" = 1 ]
}

@test "propagation: private, slave, shared, unbindable, and recursively" {
    local src=$BATS_TEST_TMPDIR/src w
    host_mount "$src" -t tmpfs t
    mount --make-shared "$src"
    host_mount "$src/sub" -t tmpfs t
    mount --make-shared "$src/sub"
    for w in private slave shared unbindable; do
        bind "/mnt/$w" "$src" "\"rbind\", \"$w\""
        bind "/mnt/r$w" "$src" "\"rbind\", \"r$w\""
    done
    in_box 'cat /proc/self/mountinfo'
    is 0
    [[ $(tags_of /mnt/rprivate) != *:* && $(tags_of /mnt/rprivate/sub) != *:* ]]
    [[ $(tags_of /mnt/rslave) == *master:* && $(tags_of /mnt/rslave/sub) == *master:* ]]
    [[ $(tags_of /mnt/rshared) == *shared:* && $(tags_of /mnt/rshared/sub) == *shared:* ]]
    [[ $(tags_of /mnt/runbindable) == *unbindable* && $(tags_of /mnt/runbindable/sub) == *unbindable* ]]
    [[ $(tags_of /mnt/private) != *:* ]]
    [[ $(tags_of /mnt/shared) == *shared:* ]]
    [[ $(tags_of /mnt/unbindable) == *unbindable* && $(tags_of /mnt/unbindable/sub) != *unbindable* ]]
}

@test "what the box mounts beneath a shared bind, the host sees; beneath others not" {
    local src=$BATS_TEST_TMPDIR/src
    host_mount "$src" -t tmpfs t
    mount --make-shared "$src"
    mkdir "$src/a" "$src/b"
    bind /mnt/shared "$src" '"rbind", "rshared"'
    bind /mnt/plain "$src" '"rbind"'
    all_caps
    in_box 'mount -t tmpfs t /mnt/shared/a && touch /mnt/shared/a/seen && mount -t tmpfs t /mnt/plain/b && touch /mnt/plain/b/unseen'
    is 0
    [ -e "$src/a/seen" ]
    [ ! -e "$src/b/unseen" ]
    umount "$src/a"
}

@test "root: its propagation" {
    local w
    host_mount "$BATS_TEST_TMPDIR/top" -t tmpfs t
    mount --make-shared "$BATS_TEST_TMPDIR/top"
    cp -a "$BASE" "$BATS_TEST_TMPDIR/top/rootfs"
    edit --arg p "$BATS_TEST_TMPDIR/top/rootfs" '.root.path = $p'
    in_box 'cat /proc/self/mountinfo'
    is 0
    [[ $(tags_of /) == *master:* && $(tags_of /) != *shared:* ]]
    for w in shared rshared; do
        edit --arg w $w '.linux.rootfsPropagation = $w'
        in_box 'cat /proc/self/mountinfo'
        is 0
        [[ $(tags_of /) == *shared:* ]]
    done
    [[ $(tags_of /proc) == *shared:* ]]
    for w in slave rslave; do
        edit --arg w $w '.linux.rootfsPropagation = $w'
        in_box 'cat /proc/self/mountinfo'
        [[ $(tags_of /) == *master:* && $(tags_of /) != *shared:* ]]
    done
    for w in private rprivate; do
        edit --arg w $w '.linux.rootfsPropagation = $w'
        in_box 'cat /proc/self/mountinfo'
        [[ $(tags_of /) != *:* ]]
    done
    edit '.linux.rootfsPropagation = "unbindable"'
    in_box 'cat /proc/self/mountinfo'
    [[ $(tags_of /) == *unbindable* ]]
    [ -z "$(findmnt -rn -o TARGET | grep "^$BATS_TEST_TMPDIR/top/" || true)" ]
}

@test "root: no mount point, read-only" {
    edit '.root.readonly = true'
    tmpfs /tmp '"mode=1777"'
    in_box 'touch /made 2>&1; touch /tmp/made && echo tmp; touch /dev/made && echo dev; cat /proc/self/mountinfo'
    has "Read-only file system"
    has tmp
    has dev
    has_option / ro
}

@test "tmpfs: size, mode, several words in one, tmpcopyup" {
    echo there >"$BUNDLE/rootfs/etc/there"
    mkdir -m 2750 "$BUNDLE/rootfs/etc/dir"
    tmpfs /mnt/a '"mode=755,size=1m,nr_inodes=50"'
    tmpfs /etc '"tmpcopyup", "size=2m"'
    in_box 'cat /etc/there; stat -c "%a %F" /etc/dir; stat -c %a /mnt/a; cat /proc/self/mountinfo'
    is 0
    [ "${lines[0]}" = there ]
    [ "${lines[1]}" = "2750 directory" ]
    [ "${lines[2]}" = 755 ]
    [[ $(super_of /mnt/a) == *size=1024k,nr_inodes=50* ]]
    [[ $(super_of /etc) == *size=2048k* ]]
}

@test "words of a file system: sync, lazytime, silent, iversion, a read-only one" {
    tmpfs /mnt/a '"sync", "dirsync", "lazytime", "silent", "iversion", "nomand", "x-mine"'
    bind /mnt/b "$BUNDLE" '"bind", "sync", "lazytime", "loud", "noiversion", "mand"'
    in_box 'cat /proc/self/mountinfo'
    is 0
    [[ $(super_of /mnt/a) == *sync*dirsync*lazytime* ]]
}

@test "a remount changes what is there and leaves the rest" {
    tmpfs /mnt/a '"nosuid", "size=1m"'
    tmpfs /mnt/a '"remount", "ro", "size=2m"'
    mounts '{"destination": "/", "type": "none", "source": "none", "options": ["bind", "remount", "nodev"]}'
    in_box 'cat /proc/self/mountinfo'
    is 0
    [ "$(options_of /mnt/a)" = ro,nosuid,relatime ]
    [[ $(super_of /mnt/a) == *size=2048k* ]]
    has_option / nodev
    mounts '{"destination": "/etc", "options": ["bind", "remount", "ro"]}'
    in_box true
    [ "$status" -ne 0 ]
    has "/etc"
    has "nothing is mounted there"
}

@test "sources and destinations that are relative" {
    echo mine >"$BUNDLE/file"
    bind mnt/file file
    in_box 'cat /mnt/file'
    is 0
    [ "$output" = mine ]
}

# first on /mnt, with a link to it in the root, and what lies there on the host covered
nested() {
    mkdir -p "$BATS_TEST_TMPDIR/first/sub" "$BATS_TEST_TMPDIR/second" "$BUNDLE/rootfs/mnt/sub"
    echo covered >"$BUNDLE/rootfs/mnt/sub/file"
    echo mine >"$BATS_TEST_TMPDIR/second/file"
    bind /mnt "$BATS_TEST_TMPDIR/first"
    bind /mnt/sub "$BATS_TEST_TMPDIR/second"
}

@test "a source in the root: as earlier mounts left it, and its links end there" {
    nested
    ln -s /mnt/sub "$BUNDLE/rootfs/link"
    bind "$BUNDLE/rootfs/tmp/a" "$BUNDLE/rootfs/mnt" '"rbind"'
    bind /tmp/b rootfs/link
    edit '.mounts |= map(select(.destination != "/tmp"))'
    in_box 'cat /tmp/a/sub/file /tmp/b/file'
    is 0
    [ "$output" = "$(printf 'mine\nmine')" ]
    bind /tmp/c "$BUNDLE/rootfs/none"
    in_box true
    [ "$status" -ne 0 ]
    has "cannot bind /none of the root file system"
}

@test "a source in the root: with its ids mapped" {
    nested
    bind /root "$BUNDLE/rootfs/mnt/sub" '"rbind", "idmap"'
    edit '.mounts[-1] += {uidMappings: [{containerID: 0, hostID: 5000, size: 1}],
                          gidMappings: [{containerID: 0, hostID: 6000, size: 1}]}'
    in_box 'cat /root/file; stat -c "%u %g" /root/file /mnt/sub/file'
    is 0
    [ "$output" = "$(printf 'mine\n5000 6000\n0 0')" ]
}

@test "copy-symlink, src-nofollow, dest-nofollow" {
    ln -s /bin/busybox "$BUNDLE/link"
    ln -s /mnt/elsewhere "$BUNDLE/rootfs/mnt/there"
    mkdir "$BUNDLE/rootfs/mnt/elsewhere"
    bind /mnt/deep/copy "$BUNDLE/link" '"bind", "copy-symlink"'
    bind /mnt/there "$BUNDLE" '"bind"'
    in_box 'readlink /mnt/deep/copy; ls /mnt/elsewhere'
    is 0
    [ "${lines[0]}" = /bin/busybox ]
    has config.json
    edit '.mounts[-1].options = ["bind", "dest-nofollow"]'
    in_box true
    [ "$status" -ne 0 ]
    has "/mnt/there"
}

@test "proc: hidepid and subset" {
    edit '(.mounts[] | select(.type == "proc")).options = ["hidepid=2", "subset=pid"]
          | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
    in_box 'ls -d /proc/sys /proc/cpuinfo; cat /proc/self/mountinfo'
    has "No such file"
    [[ $(super_of /proc) == *hidepid=*subset=pid* ]]
}

@test "cgroup: with and without a namespace of its own" {
    namespaces cgroup
    in_box 'ls /sys/fs/cgroup; cat /proc/self/cgroup; cat /proc/self/mountinfo'
    is 0
    has_option /sys/fs/cgroup ro
    lacks hako-oci-test
    if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
        namespaces -cgroup
        in_box 'cat /sys/fs/cgroup/pids/cgroup.procs | wc -l; ls -d /sys/fs/cgroup/pids/hako-oci-test 2>/dev/null; cat /proc/self/cgroup'
        has hako-oci-test
        [[ ${lines[0]} -gt 0 ]]
        lacks /sys/fs/cgroup/pids/hako-oci-test
    fi
}

@test "a user namespace: devices are the host's, sysfs as far as the network is its own" {
    user_namespace
    in_box 'echo x >/dev/null && head -c 1 /dev/zero | wc -c; stat -c "%t:%T" /dev/full; id -u; cat /proc/self/mountinfo'
    is 0
    [ "${lines[0]}" = 1 ]
    [ "${lines[1]}" = 1:7 ]
    [[ $(awk '$5 == "/sys"' <<<"$output") == *"- sysfs"* ]]
    namespaces -network -ipc
    in_box 'ls /sys/class >/dev/null && ls -d /dev/mqueue; cat /proc/self/mountinfo'
    is 0
    has_option /sys ro
}

@test "a user namespace: options that the host has set stay set" {
    user_namespace
    all_caps
    host_mount "$BATS_TEST_TMPDIR/src" -t tmpfs -o nosuid,nodev,noexec,mode=755 t
    bind /mnt/a "$BATS_TEST_TMPDIR/src" '"rbind", "ro"'
    bind /mnt/b "$BATS_TEST_TMPDIR/src" '"rbind", "rw"'
    in_box 'cat /proc/self/mountinfo; mount -o remount,bind,suid,dev,exec /mnt/b || echo locked'
    is 0
    [ "$(options_of /mnt/a)" = ro,nosuid,nodev,noexec,relatime ]
    [ "$(options_of /mnt/b)" = rw,nosuid,nodev,noexec,relatime ]
    has locked
    bind /mnt/c "$BATS_TEST_TMPDIR/src" '"rbind", "suid"'
    in_box true
    [ "$status" -ne 0 ]
    has "/mnt/c"
    has "forbids it"
}

@test "a user namespace: sources and a root that its root may not reach" {
    user_namespace
    mkdir -m 700 "$BATS_TEST_TMPDIR/closed"
    mkdir -m 755 "$BATS_TEST_TMPDIR/closed/open"
    echo seen >"$BATS_TEST_TMPDIR/closed/open/file"
    mv "$BUNDLE/rootfs" "$BATS_TEST_TMPDIR/closed/rootfs"
    edit --arg p "$BATS_TEST_TMPDIR/closed/rootfs" '.root.path = $p'
    bind /mnt "$BATS_TEST_TMPDIR/closed/open"
    bind /tmp/file "$BATS_TEST_TMPDIR/closed/open/file" '"bind", "ro"'
    edit '.mounts |= map(select(.destination != "/tmp"))'
    in_box 'cat /mnt/file /tmp/file'
    is 0
    [ "$output" = "$(printf 'seen\nseen')" ]
}

# --- ids mapped ------------------------------------------------------------------------------------

mapped_source() {
    mkdir -p "$BATS_TEST_TMPDIR/ids"
    chmod 777 "$BATS_TEST_TMPDIR/ids"
    touch "$BATS_TEST_TMPDIR/ids"/{zero,thousand}
    chown 1000:1001 "$BATS_TEST_TMPDIR/ids/thousand"
}

@test "idmap: with mappings of the mount, without a user namespace" {
    mapped_source
    bind /mnt/a "$BATS_TEST_TMPDIR/ids" '"bind", "idmap"'
    edit '.mounts[-1] += {uidMappings: [{containerID: 0, hostID: 5000, size: 1}, {containerID: 1000, hostID: 7, size: 1}],
                          gidMappings: [{containerID: 0, hostID: 6000, size: 2000}]}'
    bind /mnt/b "$BATS_TEST_TMPDIR/ids" '"bind", "idmap=uids=0-100-2000;gids=0-200-1#1001-9-1"'
    in_box 'stat -c "%u %g" /mnt/a/zero /mnt/a/thousand /mnt/b/zero /mnt/b/thousand'
    is 0
    [ "$output" = "$(printf '5000 6000\n7 7001\n100 200\n1100 9')" ]
    [ "$(stat -c %u:%g "$BATS_TEST_TMPDIR/ids/thousand")" = 1000:1001 ]
}

@test "idmap: the container's own mapping; what is made there belongs to the same on the disk" {
    mapped_source
    user_namespace
    bind /mnt "$BATS_TEST_TMPDIR/ids" '"rbind", "idmap"'
    in_box 'stat -c "%u %g" /mnt/zero /mnt/thousand; touch /mnt/new; stat -c %u /mnt/new'
    is 0
    [ "$output" = "$(printf '0 0\n1000 1001\n0')" ]
    [ "$(stat -c %u "$BATS_TEST_TMPDIR/ids/new")" = 0 ]
}

@test "idmap and ridmap: the mounts beneath" {
    mapped_source
    host_mount "$BATS_TEST_TMPDIR/ids/sub" -t tmpfs -o mode=777 t
    touch "$BATS_TEST_TMPDIR/ids/sub/file"
    user_namespace
    bind /mnt "$BATS_TEST_TMPDIR/ids" '"rbind", "ridmap", "nosuid"'
    in_box 'stat -c %u /mnt/zero /mnt/sub/file'
    is 0
    [ "$output" = "$(printf '0\n0')" ]
    edit '.mounts[-1].options = ["rbind", "idmap"]'
    in_box 'stat -c %u /mnt/zero /mnt/sub/file'
    is 0
    [ "$output" = "$(printf '0\n65534')" ]
}

@test "idmap: what cannot be is said" {
    mapped_source
    bind /mnt "$BATS_TEST_TMPDIR/ids" '"bind", "idmap"'
    in_box true
    [ "$status" -eq 1 ]
    has "mount /mnt: idmap needs uidMappings"
    edit '.mounts[-1].options = ["bind", "idmap=uids=0-1"]'
    in_box true
    [ "$status" -eq 1 ]
    has "uids=FROM-TO-SIZE"
    edit '.mounts[-1] += {source: "/sys/kernel", options: ["bind", "idmap"],
          uidMappings: [{containerID: 0, hostID: 1, size: 1}], gidMappings: [{containerID: 0, hostID: 1, size: 1}]}'
    in_box true
    [ "$status" -eq 1 ]
    has "/sys/kernel"
    has "does not support id-mapped mounts"
    edit '.mounts[-1] |= (del(.gidMappings))'
    in_box true
    [ "$status" -eq 1 ]
    has "mounts["
    has "given together"
}

# --- masks, read-only paths, devices ---------------------------------------------------------------

@test "masked paths: files, directories, missing ones; read-only paths" {
    mkdir "$BUNDLE/rootfs/secret"
    echo hidden >"$BUNDLE/rootfs/secret/file"
    echo hidden >"$BUNDLE/rootfs/etc/shadow"
    mkdir -p "$BUNDLE/rootfs/ro/sub"
    edit '.linux.maskedPaths += ["/secret", "/etc/shadow", "/no/such", "/etc/passwd/x"]
          | .linux.readonlyPaths += ["/ro", "/none"]'
    in_box 'cat /etc/shadow; ls -A /secret; touch /secret/x; echo x >/etc/shadow; touch /ro/sub/x; cat /proc/self/mountinfo'
    lacks hidden
    [ "$(grep -c 'Read-only file system' <<<"$output")" -ge 2 ]
    has_option /ro ro
    has_option /secret ro
}

@test "devices: made as asked; what stands in their place is not taken for them" {
    edit '.linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 5, fileMode: 416, uid: 7, gid: 8},
                            {path: "/dev/sub/pipe", type: "p", fileMode: 384},
                            {path: "/deep/dir/null", type: "c", major: 1, minor: 3}]'
    in_box 'stat -c "%F %t:%T %a %u %g" /dev/mine; stat -c "%F %a" /dev/sub/pipe; echo x >/deep/dir/null && echo written'
    is 0
    [ "${lines[0]}" = "character special file 1:5 640 7 8" ]
    [ "${lines[1]}" = "fifo 600" ]
    [ "${lines[2]}" = written ]
    mkdir "$BUNDLE/rootfs/deep2"
    echo file >"$BUNDLE/rootfs/deep2/null"
    edit '.linux.devices = [{path: "/deep2/null", type: "c", major: 1, minor: 3}]'
    in_box true
    [ "$status" -eq 1 ]
    has null
}

@test "devices in a user namespace: made for it, with its owner; the host's own for others'" {
    user_namespace
    all_caps
    edit '.linux.devices = [{path: "/dev/zero", type: "c", major: 1, minor: 5},
                            {path: "/dev/mine", type: "c", major: 1, minor: 5, fileMode: 416, uid: 7, gid: 8},
                            {path: "/deep/disk", type: "b", major: 7, minor: 200}]'
    in_box 'stat -c "%F %t:%T %a %u %g" /dev/mine /deep/disk; head -c 2 /dev/mine | wc -c'
    is 0
    [ "${lines[0]}" = "character special file 1:5 640 7 8" ]
    [ "${lines[1]}" = "block special file 7:c8 666 0 0" ]
    [ "${lines[2]}" = 2 ]
    mkdir "$BUNDLE/rootfs/deep2"
    ln -s /etc/passwd "$BUNDLE/rootfs/deep2/null"
    edit '.linux.devices = [{path: "/deep2/null", type: "c", major: 1, minor: 3}]'
    in_box true
    [ "$status" -eq 1 ]
    has "something else stands in its place"
}

@test "devices in a joined user namespace: the host's own, if it is the one that is asked for" {
    sitter -U
    namespaces "user=/proc/$SITTER/ns/user"
    chown -R 100000:100000 "$BUNDLE/rootfs"
    edit '.linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229}]'
    if [ -c /dev/fuse ]; then
        in_box 'stat -c "%t:%T" /dev/fuse'
        is 0
        [ "$output" = a:e5 ]
    fi
    edit '.linux.devices = [{path: "/dev/kmsg", type: "c", major: 1, minor: 5}]'
    in_box true
    [ "$status" -eq 1 ]
    has "is not device 1:5"
}

@test "/dev: links, ptmx, console" {
    edit '.process.terminal = true'
    edit --arg s 'for l in fd stdin stdout stderr ptmx core; do readlink /dev/$l; done; stat -c %F /dev/console; grep -c " /dev/console " /proc/self/mountinfo' \
        '.process.args = ["sh", "-c", $s]'
    needs_cmd script
    run script -qec "'$BUILD/hako-oci' --root '$OCI_ROOT' run --bundle '$BUNDLE' $BOX" /dev/null
    has /proc/self/fd/2
    has pts/ptmx
    has "character special file"
    [ "${lines[-1]//$'\r'/}" = 1 ] || { echo "$output"; false; }
}

# --- roots without pivot ---------------------------------------------------------------------------

@test "--no-pivot: nothing of the host is left in sight" {
    all_caps
    edit '.process.args = ["sh", "-c", "ls /; cat /proc/self/mountinfo; mkdir -p /x; chroot /proc/1/root ls / >/dev/null && echo up"]'
    run oci run --no-pivot --bundle "$BUNDLE" "$BOX"
    is 0
    lacks "$BATS_TEST_TMPDIR/bundle "
    [ "$(awk '$NF ~ /^rw/ && / - proc /' <<<"$output" | grep -vc ' /proc')" = 0 ]
}

# --- refused ---------------------------------------------------------------------------------------

@test "mounts that cannot be are refused by name, and nothing is left" {
    bind /mnt/a /no/such/source
    in_box true
    [ "$status" -eq 1 ]
    has "/no/such/source"
    edit '.mounts[-1] = {destination: "/etc/passwd", type: "bind", source: "/tmp", options: ["bind"]}'
    in_box true
    [ "$status" -eq 1 ]
    has "one is a directory, the other a file"
    edit '.mounts[-1] = {destination: "/mnt/a", type: "nosuchfs", source: "x"}'
    in_box true
    [ "$status" -eq 1 ]
    has nosuchfs
    edit '.mounts[-1] = {destination: "/mnt/a", type: "tmpfs", source: "x", options: ["nosuchoption"]}'
    in_box true
    [ "$status" -eq 1 ]
    has nosuchoption
    # what mount(2) passes over, too
    edit '.mounts[-1] = {destination: "/mnt/a", type: "bind", source: "/tmp", options: ["bind", "mode=755"]}'
    in_box true
    is 0
    run oci list -q
    [ -z "$output" ]
}

@test "a tmpfs without a mode has that of the directory it covers" {
    mkdir "$BUNDLE/rootfs/covered"
    chmod 7750 "$BUNDLE/rootfs/covered"
    tmpfs /covered ''
    tmpfs /made ''
    in_box 'stat -c %a /covered /made'
    is 0
    [ "${lines[0]}" = 7750 ]
    [ "${lines[1]}" = 1777 ]
    edit '.mounts[-2].options = ["mode=0711"]'
    in_box 'stat -c %a /covered /made'
    is 0
    [ "${lines[0]}" = 711 ]
    [ "${lines[1]}" = 755 ] # the directory the first run made
}

@test "options longer than the new mount calls take" {
    local dirs="" i
    for i in 1 2 3 4 5 6; do
        mkdir -p "$BATS_TEST_TMPDIR/a-rather-long-name-of-a-layer-directory-$i"
        touch "$BATS_TEST_TMPDIR/a-rather-long-name-of-a-layer-directory-$i/f$i"
        dirs=$dirs:$BATS_TEST_TMPDIR/a-rather-long-name-of-a-layer-directory-$i
    done
    mounts "{\"destination\": \"/mnt\", \"type\": \"overlay\", \"source\": \"overlay\", \"options\": [\"lowerdir=${dirs#:}\", \"nosuid\"]}"
    in_box 'ls /mnt; cat /proc/self/mountinfo'
    is 0
    has f1
    has f6
    has_option /mnt nosuid
}
