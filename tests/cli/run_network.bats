# SPDX-License-Identifier: Apache-2.0
# Networks: bridge, none, host, container:NAME; published ports; nothing of it stays.
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
    PORT=$(free_port)
}
teardown() {
    [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
    ! ip netns list 2>/dev/null | grep -q "^hakofar" || ip netns del hakofar
    ! ip link show hakofar0 >/dev/null 2>&1 || ip link del hakofar0
    hako_teardown
}

address() { field "$1" .NetworkSettings.IPAddress; }
fetch() { curl -fsS --noproxy '*' --max-time 5 "$@"; }
web() { hako run -d "$@" box sh -c 'echo $$ >/dev/null; exec httpd -f -p 80 -h /var/www' >/dev/null; }

# far: a second "host" beyond a veth, 198.51.100.2; ours is .1
far() {
    ip netns add hakofar
    ip link add hakofar0 type veth peer name far0 netns hakofar
    ip addr add 198.51.100.1/24 dev hakofar0
    ip link set hakofar0 up
    ip -n hakofar addr add 198.51.100.2/24 dev far0
    ip -n hakofar link set far0 up
    ip -n hakofar link set lo up
}

@test "bridge: an address, a gateway, up, as inspect says" {
    hako run -d --name nn box sleep 1000
    local ip gw
    ip=$(address nn) gw=$(field nn .NetworkSettings.Gateway)
    [[ $ip =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ ]]
    run hako exec nn ip -4 addr show eth0
    is 0
    has "inet $ip/$(field nn .NetworkSettings.IPPrefixLen)"
    run hako exec nn ip route
    has "default via $gw"
    run hako exec nn ip link show eth0
    has "$(field nn .NetworkSettings.MacAddress)"
    has UP
    run hako exec nn ip addr show lo
    has 127.0.0.1
    run hako exec nn grep "$ip" /etc/hosts
    is 0
    [ "$(field nn .HostConfig.NetworkMode)" = bridge ]
}

@test "bridge: only lo and eth0 are there" {
    run hako run --rm box ls /sys/class/net
    is 0
    [ "$output" = $'eth0\nlo' ]
}

@test "bridge: ping the gateway, each other and the host" {
    hako run -d --name one box sleep 1000
    hako run -d --name two box sleep 1000
    [ "$(address one)" != "$(address two)" ]
    run hako exec one ping -c 1 -W 2 "$(field one .NetworkSettings.Gateway)"
    is 0
    run hako exec one ping -c 1 -W 2 "$(address two)"
    is 0
    run busybox ping -c 1 -W 2 "$(address one)"
    is 0
}

@test "bridge: the network works when the command starts" {
    local i
    for i in 1 2 3; do
        run hako run --rm box sh -c 'ping -c 1 -W 1 $(ip route | sed -n "s/default via \([0-9.]*\).*/\1/p")'
        is 0
    done
}

@test "bridge: outside is reached, under the host's address" {
    far
    hako run -d --name nn box sleep 1000
    run hako exec nn ping -c 1 -W 2 198.51.100.2
    is 0
    ip netns exec hakofar python3 -c '
import socket
s = socket.socket(); s.bind(("198.51.100.2", 7777)); s.listen()
open("'"$BATS_TEST_TMPDIR"'/up", "w")
c, a = s.accept(); c.sendall(a[0].encode()); c.close()' 3>&- &
    SERVER=$!
    wait_for 5 test -e "$BATS_TEST_TMPDIR/up"
    run hako exec nn nc -w 3 198.51.100.2 7777
    [ "$output" = 198.51.100.1 ]
}

@test "-p HOST:BOX: from the host by every address, from outside, from the box's own" {
    far
    web --name ww -p "$PORT:80"
    run fetch "http://127.0.0.1:$PORT/"
    is 0
    has "Hello from inside a box"
    run fetch "http://198.51.100.1:$PORT/"
    is 0
    has "Hello"
    run ip netns exec hakofar curl -fsS --noproxy '*' --max-time 5 "http://198.51.100.1:$PORT/"
    is 0
    has "Hello"
    local gw
    gw=$(field ww .NetworkSettings.Gateway)
    run hako exec ww timeout 5 wget -q -O - "http://$gw:$PORT/"
    is 0
    has "Hello"
    run hako run --rm box timeout 5 wget -q -O - "http://$gw:$PORT/"
    is 0
    has "Hello"
}

@test "-p 127.0.0.1:HOST:BOX: from the host alone" {
    far
    web --name ww -p "127.0.0.1:$PORT:80"
    run fetch "http://127.0.0.1:$PORT/"
    is 0
    has "Hello"
    run fetch "http://198.51.100.1:$PORT/"
    [ "$status" -ne 0 ]
    run ip netns exec hakofar curl -fsS --noproxy '*' --max-time 2 "http://198.51.100.1:$PORT/"
    [ "$status" -ne 0 ]
}

@test "-p HOST:BOX/udp" {
    hako run -d --name uu -p "$PORT:5353/udp" box sleep 1000
    nsenter -t "$(field uu .State.Pid)" -n python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", 5353))
open("'"$BATS_TEST_TMPDIR"'/up", "w")
while True:
    data, who = s.recvfrom(99); s.sendto(data[::-1], who)' 3>&- &
    SERVER=$!
    wait_for 5 test -e "$BATS_TEST_TMPDIR/up"
    run python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)
s.sendto(b"marco", ("127.0.0.1", int(sys.argv[1]))); print(s.recv(99).decode())' "$PORT"
    is 0
    [ "$output" = ocram ]
}

@test "-p BOX alone takes a free port; ps and inspect tell it" {
    web --name ww -p 80
    local port
    port=$(field ww '.NetworkSettings.Ports["80/tcp"][0].HostPort')
    [ "$port" -gt 1023 ]
    run fetch "http://127.0.0.1:$port/"
    is 0
    run hako ps --format '{{.Ports}}'
    has "$port->80/tcp"
}

@test "-p with a range" {
    local a=$PORT
    web --name ww -p "$a-$((a + 1)):80-81" || skip "ports $a and $((a + 1)) are not both free"
    run fetch "http://127.0.0.1:$a/"
    is 0
    [ "$(field ww '.NetworkSettings.Ports["81/tcp"][0].HostPort')" = "$((a + 1))" ]
    run hako run --rm -p 8000-8005:80-81 box true
    is 125
}

@test "-P publishes what is exposed" {
    web --name ww -P --expose 80
    local port
    port=$(field ww '.NetworkSettings.Ports["80/tcp"][0].HostPort')
    run fetch "http://127.0.0.1:$port/"
    is 0
    web --name xx --expose 80
    [ "$(field xx '.NetworkSettings.Ports["80/tcp"]')" = null ]
}

@test "a published port carries much, both ways, unchanged" {
    head -c 5000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
    hako run -d --name nn -p "127.0.0.1:$PORT:9000" box nc -l -p 9000 -e /bin/cat
    run python3 - "$PORT" "$BATS_TEST_TMPDIR/in" <<'PY'
import socket, sys, threading, time
for i in range(100):
    try:
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5); break
    except OSError:
        time.sleep(0.05)
data, got = open(sys.argv[2], "rb").read(), b""
t = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
t.start()
while len(got) < len(data):
    piece = s.recv(1 << 16)
    if not piece:
        break
    got += piece
t.join()
print(got == data)
PY
    [ "$output" = True ]
}

@test "a port taken by another box is named; nothing is left" {
    web --name ww -p "$PORT:80"
    run hako run --rm -p "$PORT:80" box true
    is 125
    has "$PORT"
    run hako run --name second -p "127.0.0.1:$PORT:80" box true
    is 125
    has "$PORT"
    run fetch "http://127.0.0.1:$PORT/"
    is 0
    hako rm -f ww
    web --name w2 -p "$PORT:80"
    run fetch "http://127.0.0.1:$PORT/"
    is 0
}

@test "a port taken by a program of the host is named; the box's port is taken for programs" {
    python3 -m http.server --bind 127.0.0.1 "$PORT" >/dev/null 2>&1 3>&- &
    SERVER=$!
    wait_for 5 curl -s --noproxy '*' "http://127.0.0.1:$PORT/"
    run hako run --rm -p "127.0.0.1:$PORT:80" box true
    is 125
    has "$PORT"
    run hako run --rm -p "$PORT:80" box true
    is 125
    has "$PORT"
    kill $SERVER
    wait $SERVER || true
    web --name ww -p "$PORT:80"
    run python3 -c 'import socket, sys; s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[1])))' "$PORT"
    [ "$status" -ne 0 ]
    has "in use"
}

@test "port words that make no sense are refused" {
    local word
    for word in 99999:80 x:80 80:x 1:2:3:4:5 80/nonsense 1.2.3:80:80; do
        run hako run --rm -p "$word" box true
        is 125
    done
    run hako run --rm -p "198.51.100.77:$PORT:80" box true
    is 125
    has 198.51.100.77
}

@test "none: lo alone, and up" {
    run hako run --rm --network none box sh -c 'ls /sys/class/net; ping -c 1 -W 1 127.0.0.1 >/dev/null && echo lo-works; ip route | wc -l'
    is 0
    [ "$output" = $'lo\nlo-works\n0' ]
}

@test "host: the host's own" {
    run hako run --rm --network host box sh -c 'readlink /proc/self/ns/net; hostname'
    is 0
    [ "${lines[0]}" = "$(readlink /proc/self/ns/net)" ]
    [ "${lines[1]}" = "$(hostname)" ]
    hako run -d --name hh --network host box httpd -f -p "127.0.0.1:$PORT" -h /var/www
    wait_for 5 curl -fsS --noproxy '*' "http://127.0.0.1:$PORT/"
    run hako run --rm --network host box cat /etc/resolv.conf
    is 0
    [ "$output" = "$(cat /etc/resolv.conf)" ]
}

@test "container:NAME shares the other's" {
    web --name ww
    run hako run --rm --network container:ww box sh -c 'readlink /proc/self/ns/net; wget -q -O - http://127.0.0.1/; hostname'
    is 0
    has "Hello"
    has "$(hako exec ww readlink /proc/1/ns/net)"
    run hako run --rm --network container:nobody box true
    is 125
    has nobody
    hako stop -t 0 ww
    run hako run --rm --network container:ww box true
    is 125
    has "not running"
}

@test "container: and host conflict with what cannot be" {
    hako run -d --name ww box sleep 1000
    run hako run --rm --network container:ww -p 80 box true
    is 125
    has "conflicting"
    run hako run --rm --network container:ww --hostname x box true
    is 125
    has "conflicting"
    run hako run --rm --network nonsense box true
    is 125
    has nonsense
}

@test "an address is used again after its box is gone, never while it lives" {
    local i ip seen=
    hako run -d --name keep box sleep 1000
    for i in 1 2 3 4 5; do
        hako run -d --name tt box sleep 1000
        ip=$(address tt)
        [ "$ip" != "$(address keep)" ]
        seen="$seen $ip"
        hako rm -f tt
    done
    run sh -c 'ls -R "$1/net" | grep -c .' sh "$HAKO_ROOT"
    [ "$output" -lt 15 ]
}

@test "elements, links and addresses are gone with the box" {
    local ip bridge
    web --name ww -p "$PORT:80"
    ip=$(address ww)
    bridge=$(ip -o route get "$ip" | sed 's/.* dev \([^ ]*\) .*/\1/')
    run nft list ruleset
    has "$ip"
    run ip -o link show master "$bridge"
    [ -n "$output" ]
    hako rm -f ww
    run nft list ruleset
    lacks "$ip"
    lacks "$PORT"
    # The kernel takes a namespace's links down in its own time.
    wait_for 5 sh -c '[ -z "$(ip -o link show master "$1")" ]' sh "$bridge"
    run fetch "http://127.0.0.1:$PORT/"
    [ "$status" -ne 0 ]
}

@test "elements are gone too when the box ends by itself" {
    hako run --name ee -p "$PORT:80" box true
    run nft list ruleset
    lacks "$PORT"
    [ "$(field ee .NetworkSettings.IPAddress)" = "" ]
    run hako start ee
    is 0
    hako wait ee
}

@test "stop and start again keeps the published port" {
    web --name ww -p "$PORT:80"
    hako stop -t 0 ww
    hako start ww
    wait_for 5 curl -fsS --noproxy '*' "http://127.0.0.1:$PORT/"
}

@test "foreign rules of the host's firewall are left alone" {
    nft add table inet hakotest_foreign
    nft add chain inet hakotest_foreign c '{ type filter hook forward priority 10; policy accept; }'
    local before
    before=$(nft list table inet hakotest_foreign)
    hako run --rm -p "$PORT:80" box true
    [ "$(nft list table inet hakotest_foreign)" = "$before" ]
    nft delete table inet hakotest_foreign
}
