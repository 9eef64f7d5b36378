#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What hako does, shown on the image `box`. `./dev demo` builds first and calls this.
set -euo pipefail

HAKO=${HAKO:-hako}
name=hako-demo-$$
hako() { "$HAKO" "$@"; }
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { # print a command as a user would type it, then run it
    printf '\033[36m$ hako'
    printf ' %q' "$@"
    printf '\033[0m\n'
    hako "$@"
}
trap 'hako rm -f "$name" >/dev/null 2>&1 || true' EXIT

free_port() {
    local p
    for p in 8080 8081 8082 18080 28080 38080 48080; do
        # A connection that is refused means nobody listens there.
        (: <"/dev/tcp/127.0.0.1/$p") 2>/dev/null || {
            echo "$p"
            return
        }
    done
    echo "demo: no free port among the usual ones" >&2
    return 1
}

say "A box from inside: its name, its processes, its address, its limits"
show run --rm --hostname demo --memory 64m --pids-limit 50 --cpus 0.5 box sh -c '
echo "host name:  $(hostname)"
echo "system:     $(uname -sr), root file system $(awk "\$2 == \"/\" { print \$3 }" /proc/mounts)"
echo "user:       $(id -un) (uid $(id -u)); capabilities $(awk "/CapEff/ { print \$2 }" /proc/self/status)"
echo "processes:"; ps | sed "s/^/  /"
echo "addresses:"; ip -o -4 addr | awk "{ print \"  \" \$2, \$4 }"
echo "limits:"
for f in memory/memory.limit_in_bytes memory.max pids/pids.max pids.max cpu.max \
    cpu/cpu.cfs_quota_us; do
    [ ! -r /sys/fs/cgroup/$f ] || echo "  $f $(cat /sys/fs/cgroup/$f)"
done'

port=$(free_port)
say "A web server in a box, published on 127.0.0.1:$port"
show run -d --name "$name" -p "127.0.0.1:$port:80" box httpd -f -h /var/www
for _ in $(seq 50); do
    page=$(curl -fsS --max-time 5 "http://127.0.0.1:$port/" 2>/dev/null) && break
    sleep 0.1
done
[ -n "${page:-}" ] || {
    echo "demo: nothing answered on 127.0.0.1:$port; the box says:" >&2
    hako logs "$name" >&2 || true
    exit 1
}
printf '\033[36m$ curl http://127.0.0.1:%s/\033[0m\n%s\n' "$port" "$page"
show ps
show exec "$name" ps
show rm -f "$name"

say "Try next"
cat <<TEXT
  $HAKO run -it --rm box                      a shell in a box
  $HAKO run -it --rm debian:12                one from a registry
  $HAKO run -d --name web -p 8080:80 box httpd -f -h /var/www
  $HAKO ps; $HAKO logs web; $HAKO exec -it web sh; $HAKO rm -f web
  $HAKO run --dry-run box                     what would happen, as a plan
  ./dev test                                  the tests; ./dev help for the rest
TEXT
