#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What hako does, shown on the image `box`. `./dev demo` builds first and calls this.
set -euo pipefail

HAKO=${HAKO:-hako}
name=hako-demo-$$
bold='' blue='' plain=''
if [ -t 1 ]; then
    bold=$'\033[1m' blue=$'\033[36m' plain=$'\033[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { # print a command as a user would type it, then run it
    printf '%s$ hako %s%s\n' "$blue" "$*" "$plain"
    "$HAKO" "$@"
}
trap '"$HAKO" rm -f "$name" >/dev/null 2>&1 || true' EXIT

free_port() {
    local p
    for p in 8080 8081 8082 18080 28080 38080 48080; do
        # A connection that is refused means nobody listens there.
        (: <"/dev/tcp/127.0.0.1/$p") 2>/dev/null || {
            echo "$p"
            return
        }
    done
    echo "demo: none of the usual ports is free" >&2
    return 1
}

limits() { # what the box's own cgroup says, where this host lets us set limits
    local files
    case $("$HAKO" info | sed -n 's/.*Cgroup Limits: *//p') in
    *memory*pids* | *pids*memory*) ;;
    *)
        echo "(memory and cpu limits need a cgroup of one's own: run the demo as root to see them)"
        show run --rm --ulimit nofile=64:64 box sh -c "ulimit -n"
        return
        ;;
    esac
    files="/sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max"
    [ -e /sys/fs/cgroup/cgroup.controllers ] ||
        files="/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max"
    # shellcheck disable=SC2086
    show run --rm --memory 64m --pids-limit 50 box grep . $files
}

say "A box from inside: its name, its processes, its address, its limits"
show run --rm --hostname demo box hostname
show run --rm box ps
show run --rm box ip -o -4 addr
limits

port=$(free_port)
say "A web server in a box, published on 127.0.0.1:$port"
show run -d --name "$name" -p "127.0.0.1:$port:80" box httpd -f -h /var/www
for _ in $(seq 50); do
    page=$(curl -fsS --max-time 5 "http://127.0.0.1:$port/" 2>/dev/null) && break
    sleep 0.1
done
[ -n "${page:-}" ] || {
    echo "demo: nothing answered on 127.0.0.1:$port; the box says:" >&2
    "$HAKO" logs "$name" >&2 || true
    exit 1
}
printf '%s$ curl http://127.0.0.1:%s/%s\n%s\n' "$blue" "$port" "$plain" "$page"
show ps
show exec "$name" ps
show rm -f "$name"

say "Try next"
cat <<TEXT
  $HAKO run -it --rm box               a shell in a box
  $HAKO run -it --rm debian:12         one from a registry
  $HAKO run -d --name web -p 8080:80 box httpd -f -h /var/www
  $HAKO logs web; $HAKO exec -it web sh; $HAKO rm -f web
  $HAKO run --dry-run box              what would happen, without doing it
  ./dev test                           the tests; ./dev help for the rest
TEXT
