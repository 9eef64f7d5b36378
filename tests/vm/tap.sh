# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2034,SC2317
# For scripts inside the guest: they speak TAP. Read by `. /fixtures/tap.sh`.

n=0
failed=0
t() { # t NAME COMMAND…
    name=$1
    shift
    n=$((n + 1))
    if out=$("$@" 2>&1); then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        echo "$out" | sed 's/^/# /'
        failed=1
    fi
}
same() { # same WANTED COMMAND…
    want=$1
    shift
    got=$("$@" 2>&1) || { echo "status $?: $got"; return 1; }
    [ "$got" = "$want" ] || { echo "wanted '$want', got '$got'"; return 1; }
}
status() { # status WANTED COMMAND…
    want=$1
    shift
    out=$("$@" 2>&1)
    got=$?
    [ "$got" = "$want" ] || { echo "wanted status $want, got $got: $out"; return 1; }
}
has() { # has PART COMMAND…: in what it says, whatever its status
    part=$1
    shift
    got=$("$@" 2>&1) || true
    case $got in
    *"$part"*) ;;
    *) echo "wanted …$part…, got '$got'"; return 1 ;;
    esac
}
fails() { # fails PART COMMAND…: with this in what it says
    part=$1
    shift
    if got=$("$@" 2>&1); then
        echo "succeeded: $got"
        return 1
    fi
    case $got in
    *"$part"*) ;;
    *) echo "wanted …$part…, got '$got'"; return 1 ;;
    esac
}
try() { # try SECONDS COMMAND…: until it succeeds
    left=$(($1 * 10))
    shift
    until "$@"; do
        left=$((left - 1))
        [ $left -gt 0 ] || { echo "never true: $*"; return 1; }
        sleep 0.1
    done
}
finish() {
    echo "1..$n"
    exit $failed
}
