#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boot Debian's cloud kernel in QEMU (no KVM needed) with cgroup v2 alone, run a shell script of hako
# commands inside, and print what it prints. Exit status is the script's.
#
#   run.sh SCRIPT [FILE…]      FILEs are copied to /fixtures in the guest
#
# The guest is an initramfs made on the spot: busybox, hako with its libraries and modules, the
# image box, nft and ip, and what rootless boxes need: newuidmap, pasta, a user (uid 1000) with
# subordinate ids and a home on ext4. SCRIPT runs under busybox sh as root, with /sys/fs/cgroup
# unified.
#
#   HAKO_VM_SYSTEMD=v2|hybrid|v1  instead: Debian's systemd as PID 1 of a small Debian on ext4, with
#                                 that kind of cgroups; SCRIPT is a service of it
#   HAKO_VM_KERNEL=new            the newest cloud kernel that apt has, instead of the usual one
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${HAKO_BUILD:-build}
[[ $build = /* ]] || build=$top/$build
cache=${HAKO_TEST_CACHE:-$top/build/test-cache}
script=${1:?script to run in the guest}
shift
memory=${HAKO_VM_MEMORY:-768}
limit=${HAKO_VM_TIMEOUT:-240}

# Loaded in this order, each with what it depends on; what the kernel has built in is passed over.
systemd=${HAKO_VM_SYSTEMD:-}
modules="overlay veth bridge nf_tables nft_ct nft_nat nft_chain_nat nft_masq nft_fib_ipv4 nft_reject_inet
 nf_conntrack br_netfilter tun virtio_mmio virtio_blk"

[ "${HAKO_VM_KERNEL:-}" != new ] || cache=$cache/new
find_kernel() { # sets kernel, moddir, version
    local k
    for k in /boot/vmlinuz-*-cloud-amd64 "$cache"/kernel/boot/vmlinuz-*-cloud-amd64; do
        [[ ${HAKO_VM_KERNEL:-} != new || $k != /boot/* ]] || continue
        [ -r "$k" ] || continue
        version=${k##*/vmlinuz-}
        moddir=${k%/boot/*}/lib/modules/$version
        [ -d "$moddir/kernel" ] || continue
        kernel=$k
        return 0
    done
    return 1
}

fetch_kernel() { # unpacked beside the tests, not installed: it must not become the host's kernel
    local pkg
    pkg=$(apt-cache depends linux-image-cloud-amd64 |
        sed -n 's/.*Depends: \(linux-image-[0-9].*cloud-amd64\)$/\1/p' | head -1)
    [ "${HAKO_VM_KERNEL:-}" != new ] ||
        pkg=$(apt-cache search --names-only '^linux-image-[0-9].*cloud-amd64$' | cut -d' ' -f1 |
            sort -V | tail -1)
    [ -n "$pkg" ] || {
        echo "run.sh: apt knows no linux-image-cloud-amd64" >&2
        return 1
    }
    mkdir -p "$cache/kernel"
    (cd "$cache/kernel" && apt-get -q download "$pkg" >&2 && dpkg -x ./*.deb . && rm -f ./*.deb)
    depmod -b "$cache/kernel" "${pkg#linux-image-}"
}

copy() { # copy FILE [DESTINATION]: with its libraries
    local file=$1 dest=$root${2:-$1} lib
    mkdir -p "$(dirname "$dest")"
    cp -L "$file" "$dest"
    # Paths only; a static program has none.
    for lib in $(ldd "$file" 2>/dev/null | grep -o '/[^ )]*' || true); do
        [ -e "$root$lib" ] || install -D "$lib" "$root$lib"
    done
}

make_root() {
    local f m
    mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,run,root,etc,var/lib,home,usr/bin,usr/sbin,newroot,fixtures,mod,hako/modules}
    copy /bin/busybox
    ln -s busybox "$root/bin/sh"
    for f in hako hako-monitor hako-oci hako-systemd; do
        [ ! -e "$build/$f" ] || copy "$build/$f" "/hako/$f"
    done
    [ ! -e "$build/registry.so" ] || copy "$build/registry.so" /hako/modules/registry.so
    cp -R "$build/box" "$root/hako/box"
    for f in nft ip; do copy "$(PATH=$PATH:/usr/sbin:/sbin command -v $f)" "/usr/sbin/$f"; done
    for f in newuidmap newgidmap pasta setpriv; do copy "$(command -v $f)" "/usr/bin/$f"; done
    chmod 4755 "$root/usr/bin/newuidmap" "$root/usr/bin/newgidmap"
    printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000::/home/user:/bin/sh >"$root/etc/passwd"
    printf '%s\n' root:x:0: user:x:1000: >"$root/etc/group"
    echo user:100000:65536 | tee "$root/etc/subuid" >"$root/etc/subgid"
    echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
    : >"$root/mod/order"
    for m in $modules; do
        # modprobe knows the order; "builtin" lines have nothing to load.
        PATH=$PATH:/usr/sbin:/sbin modprobe -d "${moddir%/lib/modules/*}/" -S "$version" --show-depends "$m" 2>/dev/null |
            sed -n 's/^insmod \([^ ]*\).*/\1/p' >>"$root/mod/all" || true
    done
    awk '!seen[$0]++' "$root/mod/all" | while read -r f; do
        cp "$f" "$root/mod/"
        basename "$f" >>"$root/mod/order"
    done
    rm -f "$root/mod/all"
    cp "$script" "$root/script"
    cp "$top"/tests/vm/{tap,lib}.sh "$root/fixtures/"
    for f in "$@"; do cp -R "$f" "$root/fixtures/"; done
    cp "$top/tests/vm/init" "$root/init"
    chmod +x "$root/init" "$root/script"
}

# A Debian that is only unpacked, its own scripts never run: what systemd needs, kept for next time.
fetch_debian() {
    [ -e "$cache/systemd/done" ] && return 0
    rm -rf "$cache/systemd" "$cache/systemd.part"
    mkdir -p "$cache"
    "$top/tests/fixtures/alone" mmdebstrap --quiet --mode="$([ "$(id -u)" = 0 ] && echo root || echo unshare)" \
        --variant=extract --include=systemd,systemd-sysv,busybox-static \
        --aptopt='Apt::Install-Recommends "false"' bookworm "$cache/systemd.part" >&2
    (cd "$cache/systemd.part" && rm -rf usr/share/{doc,locale,man,info,zoneinfo,i18n,perl*} \
        usr/lib/x86_64-linux-gnu/{perl*,gconv} var/cache var/lib/apt)
    touch "$cache/systemd.part/done"
    mv "$cache/systemd.part" "$cache/systemd"
}

# The guest's file system, from the one of the initramfs and Debian's.
make_disk() {
    local d=$work/debian f
    cp -a "$cache/systemd" "$d"
    rm -f "$d/done"
    mkdir -p "$d"/{proc,sys,dev,run,tmp,root,home/user,var/lib,fixtures}
    # libraries of the host are those of the same Debian, or newer
    cp -a "$root/hako" "$root/fixtures" "$root/script" "$d/"
    (cd "$root" && find lib lib64 usr/lib -name '*.so*' 2>/dev/null | while read -r f; do
        [ -e "$d/$f" ] || [ -e "$d/usr/$f" ] || install -D "$f" "$d/$f"
    done) || true
    for f in passwd group subuid subgid; do cp "$root/etc/$f" "$d/etc/"; done
    for f in newuidmap newgidmap setpriv; do [ -e "$d/usr/bin/$f" ] || cp -a "$root/usr/bin/$f" "$d/usr/bin/"; done
    cp -a "$top"/tests/vm/systemd/. "$d/etc/systemd/system/"
    mv "$d/etc/systemd/system/hako-user.service" "$d/etc/systemd/user/"
    : >"$d/etc/machine-id"
    : >"$d/etc/fstab"
    chown -R 1000:1000 "$d/home/user" 2>/dev/null || true
    mke2fs -q -F -t ext4 -d "$d" "$work/disk" 768M >/dev/null
    rm -rf "$d"
}

# One at a time: test files run beside each other.
mkdir -p "$cache"
exec 9>"$cache/vm.lock"
flock 9
find_kernel || { fetch_kernel && find_kernel; } || {
    echo "run.sh: no Debian cloud kernel" >&2
    exit 1
}
[ -z "$systemd" ] || fetch_debian
exec 9>&-
work=$(mktemp -d "${TMPDIR:-/tmp}/hako-vm.XXXXXX")
trap '[ -n "${HAKO_VM_KEEP:-}" ] || rm -rf "$work"' EXIT
root=$work/root
make_root "$@"

PATH=$PATH:/usr/sbin:/sbin
append="cgroup_no_v1=all"
if [ -n "$systemd" ]; then
    make_disk
    # the tests themselves run on the disk
    rm -rf "${root:?}"/{hako,fixtures,script,lib,lib64,usr}
    append="root=/dev/vda systemd.show_status=0 systemd.unit=hako-test.target"
    case $systemd in
    v2) append+=" systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all" ;;
    hybrid) append+=" systemd.unified_cgroup_hierarchy=0" ;;
    v1) append+=" systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1" ;;
    esac
else
    truncate -s 512M "$work/disk"
    mke2fs -q -F -t ext4 "$work/disk"
fi
(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet >"$work/initrd")

# QEMU's own clock calibration hangs on a loaded host: tell the kernel.
khz=$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)
timeout "$limit" qemu-system-x86_64 -M microvm -accel tcg -cpu max -m "$memory" -smp 1 \
    -nodefaults -no-user-config -display none -no-reboot -serial stdio \
    -global virtio-mmio.force-legacy=false -drive "file=$work/disk,format=raw,if=none,id=disk,cache=unsafe" \
    -device virtio-blk-device,drive=disk \
    -kernel "$kernel" -initrd "$work/initrd" \
    -append "console=ttyS0 panic=-1 reboot=t quiet loglevel=1 tsc_early_khz=${khz:-2600000} mitigations=off audit=0 random.trust_cpu=on $append" \
    </dev/null >"$work/console" 2>&1 || true
tr -d '\r' <"$work/console" >"$work/text"
sed -n '/^=== begin$/,/^=== end /{//!p}' "$work/text"
status=$(sed -n 's/^=== end \([0-9]*\)$/\1/p' "$work/text" | tail -1)
if [ -z "$status" ]; then
    echo "run.sh: the guest did not finish; its console ends with:" >&2
    tail -30 "$work/text" >&2
    exit 1
fi
exit "$status"
