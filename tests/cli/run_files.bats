# SPDX-License-Identifier: Apache-2.0
# What the box sees of files: layers, mounts, volumes, /dev, /proc, /sys.
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
    mkdir "$BATS_TEST_TMPDIR/d"
    D=$BATS_TEST_TMPDIR/d
}
teardown() { hako_teardown; }

@test "writes stay in the box: neither image nor the next box sees them" {
    run hako run --rm box sh -c 'echo mine >/etc/passwd; rm -rf /var/www; touch /new; mkdir /usr/bin/dir; cat /etc/passwd; ls -d /var/www /new'
    has mine
    has "/var/www: No such file"
    run hako run --rm box sh -c 'head -1 /etc/passwd; cat /var/www/index.html | head -1; ls /new /usr/bin/dir'
    has root:x:0
    has doctype
    has "/new: No such file"
    has "/usr/bin/dir: No such file"
}

@test "two boxes at once do not see each other's files" {
    hako run -d --name aa box sh -c 'echo a >/who; sleep 1000'
    hako run -d --name bb box sh -c 'echo b >/who; sleep 1000'
    wait_for 5 hako exec aa test -e /who
    wait_for 5 hako exec bb test -e /who
    [ "$(hako exec aa cat /who)$(hako exec bb cat /who)" = ab ]
}

@test "the root is an overlay, root owns it, nothing of hako stands in it" {
    run hako run --rm box sh -c 'grep " / " /proc/mounts | cut -d" " -f1,3; stat -c "%u:%g %a" /; ls -a / | tr "\n" " "'
    is 0
    [ "${lines[0]}" = "overlay overlay" ]
    [ "${lines[1]}" = "0:0 755" ]
    [[ ${lines[2]} != *hako* && ${lines[2]} != *put_old* && ${lines[2]} != *.old* ]]
}

@test "nothing of the host's mounts is visible" {
    run hako run --rm box cat /proc/self/mountinfo
    is 0
    local line n=0
    for line in "${lines[@]}"; do
        # shellcheck disable=SC2086
        set -- $line
        case $5 in
        / | /proc | /proc/* | /dev | /dev/* | /sys | /sys/* | /etc/hosts | /etc/hostname | /etc/resolv.conf) n=$((n + 1)) ;;
        *)
            echo "unexpected mount: $line"
            return 1
            ;;
        esac
        [[ $line != *shared:* ]]
    done
    [ $n -gt 8 ]
}

@test "--read-only: nothing but mounts can be written" {
    run hako run --rm --read-only -v "$D:/d" --tmpfs /t box sh -c '
        touch /x || echo no-root; touch /etc/x || echo no-etc; touch /tmp/x || echo no-tmp
        touch /d/x && echo vol; touch /t/x && echo tmpfs; touch /dev/shm/x && echo shm'
    is 0
    has no-root
    has no-etc
    has no-tmp
    has vol
    has tmpfs
    has shm
    has "Read-only file system"
    run hako run --rm --read-only box mount -o remount,rw /
    [ "$status" -ne 0 ]
}

@test "--tmpfs: options, defaults" {
    run hako run --rm --tmpfs /t box sh -c 'grep " /t " /proc/mounts; stat -c %a /t'
    is 0
    has "tmpfs /t tmpfs rw,"
    has nosuid
    has nodev
    has noexec
    [ "${lines[1]}" = 1777 ]
    run hako run --rm --tmpfs /t:size=1m,mode=0700,exec box sh -c 'stat -c %a /t; cp /bin/busybox /t/b 2>/dev/null || echo full; grep " /t " /proc/mounts'
    has 700
    has full
    has "size=1024k"
    lacks noexec
    run hako run --rm --tmpfs relative box true
    is 125
    has relative
}

@test "--shm-size: 64 MiB by default" {
    run hako run --rm box sh -c 'df -k /dev/shm | tail -1'
    has 65536
    run hako run --rm --shm-size 8m box sh -c 'df -k /dev/shm | tail -1'
    has 8192
    run hako run --rm --shm-size nonsense box true
    is 125
}

@test "-v DIR:DIR is both ways, and knows ro" {
    echo from-host >"$D/h"
    run hako run --rm -v "$D:/data" box sh -c 'cat /data/h; echo from-box >/data/b'
    is 0
    [ "$output" = from-host ]
    [ "$(cat "$D/b")" = from-box ]
    run hako run --rm -v "$D:/data:ro" box sh -c 'cat /data/h; touch /data/n'
    is 1
    has from-host
    has "Read-only file system"
    [ ! -e "$D/n" ]
}

@test "-v DIR:DIR:ro holds for mounts below DIR too" {
    mkdir "$D/sub"
    mount -t tmpfs hakotest "$D/sub"
    run hako run --rm -v "$D:/data:ro" box touch /data/sub/x
    umount "$D/sub"
    is 1
    has "Read-only file system"
}

@test "-v FILE:FILE; targets that are missing are made" {
    echo content >"$D/file"
    run hako run --rm -v "$D/file:/some/new/place.txt" -v "$D/file:/etc/passwd:ro" box sh -c 'cat /some/new/place.txt /etc/passwd'
    is 0
    [ "$output" = $'content\ncontent' ]
    run hako run --rm box ls /some
    [ "$status" -ne 0 ]
}

@test "-v: a missing host directory is made, --mount refuses it" {
    run hako run --rm -v "$D/made/here:/x" box sh -c 'echo ok >/x/f'
    is 0
    [ "$(cat "$D/made/here/f")" = ok ]
    run hako run --rm --mount "type=bind,src=$D/absent,dst=/x" box true
    is 125
    has "$D/absent"
    [ ! -e "$D/absent" ]
}

@test "-v: relative paths, double targets, bad modes" {
    mkdir "$D/rel"
    echo rel >"$D/rel/f"
    cd "$D"
    run hako run --rm -v ./rel:/x box cat /x/f
    is 0
    [ "$output" = rel ]
    run hako run --rm -v "$D:/x" -v "$D/rel:/x" box true
    is 125
    has "Duplicate mount point"
    run hako run --rm -v "$D:/x:nonsense" box true
    is 125
    has nonsense
    run hako run --rm -v "$D:relative" box true
    is 125
    has relative
}

@test "--mount: bind, volume, tmpfs" {
    echo b >"$D/b"
    run hako run --rm --mount "type=bind,source=$D,target=/b,readonly" \
        --mount type=volume,src=vol1,dst=/v --mount type=tmpfs,dst=/t,tmpfs-size=2m,tmpfs-mode=0711 box \
        sh -c 'cat /b/b; touch /b/x; touch /v/x && echo v; stat -c %a /t; df -k /t | tail -1'
    is 0
    [ "${lines[0]}" = b ]
    has "Read-only file system"
    has 711
    has 2048
    run hako run --rm --mount type=bind,dst=/x box true
    is 125
    run hako run --rm --mount type=nonsense,src=/,dst=/x box true
    is 125
    has nonsense
    run hako run --rm --mount "type=bind,src=$D,dst=/x,what=ever" box true
    is 125
    has what
}

@test "mounts nest by depth, whatever their order" {
    mkdir "$D/outer" "$D/inner"
    echo o >"$D/outer/o"
    echo i >"$D/inner/i"
    run hako run --rm -v "$D/inner:/m/deep/in" -v "$D/outer:/m" box cat /m/o /m/deep/in/i
    is 0
    [ "$output" = $'o\ni' ]
}

@test "a named volume outlives boxes and starts with the image's files" {
    run hako run --rm -v web:/var/www box sh -c 'head -1 /var/www/index.html; echo more >/var/www/more'
    is 0
    has doctype
    run hako run --rm -v web:/www box cat /www/more
    is 0
    [ "$output" = more ]
    run hako run --rm -v web:/www:ro box touch /www/x
    is 1
    run hako run --rm -v 'web/../x:/www' box true
    is 125
}

@test "a volume that holds something is not filled again" {
    hako run --rm -v filled:/x box sh -c 'echo mine >/x/index.html'
    run hako run --rm -v filled:/var/www box cat /var/www/index.html
    is 0
    [ "$output" = mine ]
}

@test "the volume of one box, shared by two" {
    hako run -d --name writer -v shared:/s box sh -c 'echo seen >/s/f; sleep 1000'
    wait_for 5 hako exec writer test -e /s/f
    run hako run --rm -v shared:/s box cat /s/f
    [ "$output" = seen ]
}

@test "symbolic links of a box lead a mount nowhere outside" {
    # An earlier run of this container leaves links where the mount points are wanted.
    mkdir "$D/src"
    echo src >"$D/src/f"
    hako create --name trap -v "$D/src:/etc/mnt/x" box sh -c 'rm -rf /etc/mnt; ln -s /../../../../../../../tmp /etc/mnt; true'
    hako start -a trap
    run hako start -a trap
    [ ! -e /tmp/x ]
    hako rm trap
}

@test "masked paths are empty" {
    local f here=0
    for f in /proc/kcore /proc/keys /proc/timer_list /proc/latency_stats /proc/interrupts /proc/scsi /proc/acpi /sys/firmware \
        /sys/devices/virtual/powercap; do
        [ -e $f ] || continue
        here=$((here + 1))
        run hako run --rm box sh -c "if [ -d $f ]; then ls -A $f; else cat $f; fi"
        is 0
        [ -z "$output" ]
    done
    [ $here -gt 1 ]
    run hako run --rm box sh -c 'echo x >/proc/kcore; cat /proc/kcore; umount /proc/kcore'
    [ "$status" -ne 0 ]
}

@test "/proc/sys and the other read-only paths cannot be written, /sys neither" {
    run hako run --rm box sh -c 'for f in /proc/sys/kernel/domainname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do
        [ -e $f ] || continue; echo 1 >$f && echo "WRITTEN $f"; done; mkdir /sys/fs/cgroup/x && echo WRITTEN cgroup; grep -E " (/proc/sys|/sys|/proc/sysrq-trigger|/proc/bus|/proc/fs|/proc/irq) " /proc/mounts | cut -d" " -f2,4'
    lacks WRITTEN
    has "Read-only file system"
    has "/proc/sys ro"
    has "/sys ro"
    has "/proc/irq ro"
    [ ! -e /proc/sysrq-trigger ] || has "/proc/sysrq-trigger ro"
}

@test "/dev holds what docker's does, and it works" {
    run hako run --rm box sh -c 'cd /dev; for n in null zero full random urandom tty; do [ -c $n ] && echo $n; done
        for l in fd stdin stdout stderr ptmx; do readlink $l; done; ls -d pts shm mqueue; head -c 4 zero | wc -c; echo x >null && echo nulled; echo x >full || echo fulled; stat -c "%a %t:%T" null; [ -e console ] || echo no-console'
    is 0
    has $'null\nzero\nfull\nrandom\nurandom\ntty\n/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx'
    has $'mqueue\npts\nshm\n4\nnulled'
    has fulled
    has "666 1:3"
    has no-console
    run hako run --rm box sh -c 'ls /dev | wc -l'
    [ "$output" -le 16 ]
}

@test "namespaces are the box's own, the user's is the host's" {
    local n
    run hako run --rm box sh -c 'for n in pid mnt net ipc uts cgroup user; do readlink /proc/self/ns/$n; done'
    is 0
    for n in pid mnt net ipc uts cgroup; do
        lacks "$(readlink /proc/self/ns/$n)"
    done
    has "$(readlink /proc/self/ns/user)"
}

@test "--pid host, --ipc host, --uts host, --cgroupns host share; container:NAME too" {
    local n
    for n in pid ipc uts; do
        run hako run --rm "--$n" host box readlink /proc/self/ns/$n
        is 0
        [ "$output" = "$(readlink /proc/self/ns/$n)" ]
    done
    run hako run --rm --cgroupns host box readlink /proc/self/ns/cgroup
    is 0
    [ "$output" = "$(readlink /proc/self/ns/cgroup)" ]
    hako run -d --name peer box sleep 1000
    for n in pid ipc; do
        run hako run --rm "--$n" container:peer box readlink /proc/self/ns/$n
        is 0
        [ "$output" = "$(hako exec peer readlink /proc/1/ns/$n)" ]
    done
    run hako run --rm --pid nonsense box true
    is 125
    has nonsense
}

@test "ending while a process of the box still runs leaves nothing" {
    run hako run --rm box sh -c 'sleep 1009 & sleep 1009 & exit 5'
    is 5
    run pgrep -fx 'sleep 1009'
    [ -z "$output" ]
}

@test "a box's layers survive what a box does to /proc, /dev and its mounts" {
    run hako run --rm --cap-add SYS_ADMIN --security-opt seccomp=unconfined box sh -c '
        mkdir -p /m && mount -t tmpfs t /m && umount -l /proc /dev 2>/dev/null; mount --make-rshared / 2>/dev/null; echo done'
    is 0
    has "done"
    run hako run --rm box sh -c 'ls /proc/self >/dev/null && [ -c /dev/null ] && echo whole'
    [ "$output" = whole ]
}
