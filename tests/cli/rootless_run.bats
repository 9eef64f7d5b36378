# SPDX-License-Identifier: Apache-2.0
# The same commands as a normal user.
bats_require_minimum_version 1.5.0
load helpers

setup_file() {
    hako_setup_file
    needs_user
    as_user hako run --rm box true
}
teardown_file() { hako_teardown_file; }
setup() {
    needs_user
    needs_cmd pasta
    needs_cmd newuidmap
    hako_setup
    U=$HAKO_TEST_DIR/user/home
}
teardown() {
    as_user sh -c 'hako ps -aq | xargs -r hako rm -f >/dev/null'
    hako_teardown
}

me() { if [ "$(id -u)" = 0 ]; then echo $TEST_USER; else id -un; fi; }
ufield() { as_user hako inspect "$1" | jq -r ".[0]$2"; }

@test "run: root inside, nobody special outside" {
    run as_user hako run --rm box sh -c 'id -u; id -g; hostname; cat /proc/self/uid_map'
    is 0
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = 0 ]
    as_user hako run -d --name ss box sleep 1000
    [ "$(stat -c %u "/proc/$(ufield ss .State.Pid)")" = "$(id -u "$(me)")" ]
}

@test "exit codes, arguments, environment, streams" {
    run as_user hako run --rm -e A='b c' box sh -c 'echo "$A"; exit 42'
    is 42
    [ "$output" = "b c" ]
    run -127 as_user hako run --rm box no-such
    is 127
    run as_user hako run --rm --no-such box true
    is 125
    head -c 3000000 /dev/urandom >"$HAKO_TEST_DIR/3M"
    chmod 644 "$HAKO_TEST_DIR/3M"
    as_user hako run --rm -i box cat <"$HAKO_TEST_DIR/3M" | cmp - "$HAKO_TEST_DIR/3M"
}

@test "the box's processes have nothing over the host" {
    run as_user hako run --rm box sh -c 'for n in pid mnt net ipc uts cgroup user; do readlink /proc/self/ns/$n; done'
    is 0
    local n
    for n in pid mnt net ipc uts cgroup user; do
        lacks "$(readlink "/proc/self/ns/$n")"
    done
    run as_user hako run --rm -v /etc:/host box sh -c 'cat /host/shadow; touch /host/x'
    [ "$status" -ne 0 ]
    has denied
}

@test "many users inside: -u, chown, setuid" {
    run as_user hako run --rm -u www-data box id -u
    is 0
    [ "$output" = 33 ]
    run as_user hako run --rm box sh -c 'touch /f; chown 1234:5678 /f; stat -c %u:%g /f; chown 65535 /f; chown 65537 /f 2>/dev/null || echo bounded'
    is 0
    has 1234:5678
    has bounded
}

@test "capabilities and seccomp are docker's" {
    run as_user hako run --rm box grep -E '^(CapEff|CapBnd|Seccomp):' /proc/self/status
    is 0
    [[ ${lines[0]} =~ 00000000a80425fb$ ]]
    [[ ${lines[2]} =~ 2$ ]]
}

@test "run -it on a terminal" {
    run as_user python3 "$FIXTURES/person.py" --size 33x101 'expect:# ' 'send:stty size; id -u\r' 'expect:33 101' 'expect:^0' \
        'send:exit 6\r' end -- hako run --rm -it box sh
    is 6
}

@test "network: an address, the way out, the name of the box" {
    as_user hako run -d --name nn box sleep 1000
    run as_user hako exec nn ip -4 addr show eth0
    is 0
    has "inet $(ufield nn .NetworkSettings.IPAddress)/"
    run as_user hako exec nn ip route
    has "default via"
    run as_user hako exec nn ping -c 1 -W 2 "$(ufield nn .NetworkSettings.Gateway)"
    is 0
}

@test "two boxes of a user reach each other" {
    as_user hako run -d --name aa box httpd -f -p 80 -h /var/www
    run as_user hako run --rm box timeout 5 wget -q -O - "http://$(ufield aa .NetworkSettings.IPAddress)/"
    is 0
    has "Hello"
}

@test "-p: a published port answers on the host" {
    local port
    port=$(free_port)
    as_user hako run -d --name ww -p "127.0.0.1:$port:80" box httpd -f -p 80 -h /var/www
    run curl -fsS --noproxy '*' --max-time 5 "http://127.0.0.1:$port/"
    is 0
    has "Hello"
    run as_user hako run --rm -p "127.0.0.1:$port:80" box true
    is 125
    has "$port"
    as_user hako rm -f ww
    run curl -fsS --noproxy '*' --max-time 5 "http://127.0.0.1:$port/"
    [ "$status" -ne 0 ]
}

@test "-p below 1024 is refused with the reason" {
    [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ] || skip "any user may take port 81 here"
    run as_user hako run --rm -p 81:80 box true
    is 125
    has 81
}

@test "--network none, host, container:" {
    run as_user hako run --rm --network none box ls /sys/class/net
    is 0
    [ "$output" = lo ]
    run as_user hako run --rm --network host box readlink /proc/self/ns/net
    is 0
    [ "$output" = "$(readlink /proc/self/ns/net)" ]
    as_user hako run -d --name ww box httpd -f -p 80 -h /var/www
    run as_user hako run --rm --network container:ww box timeout 5 wget -q -O - http://127.0.0.1/
    is 0
    has "Hello"
}

@test "-v: files of the user are root's inside, both ways" {
    as_user mkdir -p "$U/share"
    as_user sh -c "echo mine >$U/share/f"
    run as_user hako run --rm -v "$U/share:/s" box sh -c 'stat -c %u /s/f; cat /s/f; echo back >/s/b; touch /s/other; chown 33 /s/other'
    is 0
    [ "$output" = $'0\nmine' ]
    [ "$(stat -c %U "$U/share/b")" = "$(me)" ]
    [ "$(stat -c %U "$U/share/other")" != "$(me)" ]
    run as_user hako run --rm -v "$U/share:/s:ro" box touch /s/x
    is 1
    as_user hako run --rm -v "$U/share:/s" box rm /s/other
}

@test "volumes and --rm: files of subordinate ids are removed too" {
    as_user hako run --name ff -v /anon box sh -c 'for i in 1 2 3; do mkdir -p /deep/$i /anon/$i; touch /deep/$i/f /anon/$i/f; chown -R $i /deep/$i /anon/$i; chmod 0 /deep/$i; done'
    run as_user hako rm -v ff
    is 0
    run as_user hako run --rm -v /anon box sh -c 'mkdir /anon/x /x; chown 77 /anon/x /x; chmod 000 /x'
    is 0
    run sh -c 'ls "$1"/.local/share/hako/containers "$1"/.local/share/hako/tmp' sh "$U"
    lacks "rm-"
    run sh -c 'ls -A "$1/.local/share/hako/containers" | wc -l' sh "$U"
    [ "$output" = 0 ]
}

@test "exec, logs, stop, start, ps, inspect, rm" {
    as_user hako run -d --name ll box sh -c 'echo up; while :; do sleep 0.1; done'
    run as_user hako exec ll sh -c 'id -u; exit 3'
    is 3
    [ "$output" = 0 ]
    wait_for 5 sh -c 'true'
    run as_user hako logs ll
    has up
    run as_user hako ps --format '{{.Names}} {{.Status}}'
    [[ $output =~ ^ll\ Up ]]
    run as_user hako stop -t 0 ll
    is 0
    run as_user hako start ll
    is 0
    run as_user hako rm -f ll
    is 0
    run as_user hako ps -aq
    [ -z "$output" ]
}

@test "root does not see a user's boxes, nor the other way round" {
    as_user hako run -d --name mine box sleep 1000
    run hako ps -aq
    lacks "$(ufield mine .Id | cut -c1-12)"
}

@test "--init, --read-only, --tmpfs, --shm-size, --ulimit, --hostname, -w" {
    run as_user hako run --rm --init --read-only --tmpfs /t --shm-size 8m --ulimit nofile=99 --hostname tea -w /t box \
        sh -c 'cat /proc/1/comm; touch /x 2>/dev/null || echo ro; touch x && echo t; df -k /dev/shm | tail -1; ulimit -n; hostname; pwd'
    is 0
    has init
    has ro
    has 8192
    has 99
    has tea
    has /t
}

@test "writes stay in the box; rm -rf and renames of directories work" {
    run as_user hako run --rm box sh -c 'mv /var/www /var/moved && ls /var/moved && rm -rf /usr && mkdir /usr && ls /usr | wc -l'
    is 0
    has index.html
    run as_user hako run --rm box sh -c 'ls /var/www /usr/bin'
    is 0
    has index.html
    has env
}

@test "pull from a registry, run and rmi" {
    registry_start
    run as_user hako pull "$REGISTRY/debian:oci"
    is 0
    run as_user hako run --rm "$REGISTRY/debian:oci" bash -c '. /etc/os-release; echo $ID; stat -c "%U %a" /usr/bin/su; stat -c %G /var/local; cat /opt/fixture/soft; ls /opt/full'
    is 0
    has debian
    has "root 4755"
    has staff
    has first
    has new
    run as_user hako rmi "$REGISTRY/debian:oci"
    is 0
    registry_stop
}

@test "what only root could do is refused, not passed over" {
    run as_user hako run --rm --privileged box sh -c 'mount -t tmpfs t /tmp && echo inside-its-own-namespace'
    is 0
    run as_user hako run --rm --device /dev/null:/dev/mine box sh -c 'echo x >/dev/mine && echo through'
    is 0
    has through
    run as_user hako run --rm --sysctl vm.swappiness=1 box true
    is 125
}

@test "kill -9 of the monitor takes the box along, the next command sweeps" {
    as_user hako run -d --name kk box sleep 1000
    local pid
    pid=$(ufield kk .State.Pid)
    kill -9 "$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")"
    wait_for 5 test ! -d "/proc/$pid"
    run as_user hako ps -a --format '{{.Status}}'
    has 137
    run as_user hako rm kk
    is 0
}

@test "after the last box no process of the network is left" {
    run as_user hako run --rm box true
    is 0
    # The keeper of a user's network waits ten seconds for the next box.
    wait_for 20 sh -c '! pgrep -u "$1" "pasta|hako"' sh "$(me)"
}
