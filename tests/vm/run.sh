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
modules="overlay veth bridge nf_tables nft_ct nft_nat nft_chain_nat nft_masq nft_fib_ipv4 nft_reject_inet
 nf_conntrack br_netfilter tun virtio_mmio virtio_blk"

find_kernel() { # sets kernel, moddir, version
    local k
    for k in /boot/vmlinuz-*-cloud-amd64 "$cache"/kernel/boot/vmlinuz-*-cloud-amd64; do
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
    for f in hako hako-monitor hako-oci; do
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
    for f in "$@"; do cp -R "$f" "$root/fixtures/"; done
    cp "$top/tests/vm/init" "$root/init"
    chmod +x "$root/init" "$root/script"
}

find_kernel || { fetch_kernel && find_kernel; } || {
    echo "run.sh: no Debian cloud kernel" >&2
    exit 1
}
work=$(mktemp -d "${TMPDIR:-/tmp}/hako-vm.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
make_root "$@"
(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet >"$work/initrd")

truncate -s 512M "$work/disk"
PATH=$PATH:/usr/sbin:/sbin mke2fs -q -F -t ext4 "$work/disk"

# QEMU's own clock calibration hangs on a loaded host: tell the kernel.
khz=$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)
timeout "$limit" qemu-system-x86_64 -M microvm -accel tcg -cpu max -m "$memory" -smp 1 \
    -nodefaults -no-user-config -display none -no-reboot -serial stdio \
    -global virtio-mmio.force-legacy=false -drive "file=$work/disk,format=raw,if=none,id=disk,cache=unsafe" \
    -device virtio-blk-device,drive=disk \
    -kernel "$kernel" -initrd "$work/initrd" \
    -append "console=ttyS0 panic=-1 reboot=t quiet loglevel=1 tsc_early_khz=${khz:-2600000} mitigations=off audit=0 random.trust_cpu=on cgroup_no_v1=all" \
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
