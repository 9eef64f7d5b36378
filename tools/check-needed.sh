#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The link line is the start-up time: the command needs libc, the monitor nothing.
set -euo pipefail
cd "$(dirname "$0")/../${HAKO_BUILD:-build}"
bad=0

needed() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

check() { # check FILE ALLOWED...
    local file=$1 lib
    shift
    [ -e "$file" ] || {
        echo "$file: not built"
        bad=1
        return
    }
    for lib in $(needed "$file"); do
        case " $* " in
        *" $lib "*) ;;
        *)
            echo "$file: NEEDED $lib is not allowed (only: ${*:-nothing})"
            bad=1
            ;;
        esac
    done
}

check hako libc.so.6 ld-linux-x86-64.so.2
[ ! -e hako-oci ] || check hako-oci libc.so.6 ld-linux-x86-64.so.2
check hako-monitor
if readelf -lW hako-monitor | grep -q INTERP; then
    echo "hako-monitor: has an interpreter, must be static"
    bad=1
fi
if [ -e libhako.so ]; then
    check libhako.so libc.so.6 ld-linux-x86-64.so.2
    extra=$(nm -D --defined-only libhako.so | awk '$2 != "A" { print $3 }' |
        grep -v '^hako_[a-z0-9_]*@@HAKO_' || true)
    [ -z "$extra" ] || {
        echo "libhako.so: exports what is not hako_*:" $extra
        bad=1
    }
fi
if [ -e modules/registry.so ]; then
    extra=$(nm -D --defined-only modules/registry.so | awk '$2 != "A" { print $3 }' |
        sed 's/@.*//' | grep -vx 'hako_registry_module' || true)
    [ -z "$extra" ] || {
        echo "modules/registry.so: exports more than hako_registry_module:" $extra
        bad=1
    }
fi
exit $bad
