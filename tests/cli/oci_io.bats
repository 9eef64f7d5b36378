#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hako-oci: terminals, descriptors, pid files.
load helpers
load oci

setup_file() { oci_setup_file; }
teardown_file() { hako_teardown_file; }
setup() { oci_setup; }
teardown() { oci_teardown; }

# console SOCKET OUT: take the master that comes, write what it says until it ends.
console() {
    python3 - "$1" "$2" <<'P' 3>&- &
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
c = s.accept()[0]
name, anc, _, _ = c.recvmsg(4096, socket.CMSG_SPACE(4))
fd = array.array("i", anc[0][2])[0]
with open(sys.argv[2], "wb", buffering=0) as out:
    out.write(b"name " + name + b"\n")
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        out.write(data)
P
    wait_for 5 test -S "$1"
}

@test "create sends the terminal's master to the console socket" {
    config '.process.terminal = true | .process.consoleSize = {"width": 81, "height": 25}'
    script 'tty; stty size; sleep 100'
    console "$BATS_TEST_TMPDIR/sock" "$BATS_TEST_TMPDIR/said"
    oci_up "$ID" --console-socket "$BATS_TEST_TMPDIR/sock"
    wait_for 5 grep -q "25 81" "$BATS_TEST_TMPDIR/said"
    grep -q /dev/console "$BATS_TEST_TMPDIR/said" || grep -q /dev/pts/0 "$BATS_TEST_TMPDIR/said"
    oci delete -f "$ID"
}

@test "a console socket's path may be longer than an address" {
    config '.process.terminal = true'
    script 'echo here; sleep 100'
    local dir=$BATS_TEST_TMPDIR/$(printf 'd%.0s' {1..100})
    mkdir "$dir"
    (cd "$dir" && console sock "$BATS_TEST_TMPDIR/said")
    oci_up "$ID" --console-socket "$dir/sock"
    wait_for 5 grep -q here "$BATS_TEST_TMPDIR/said"
    oci delete -f "$ID"
}

@test "exec with a terminal of its own" {
    script 'sleep 100'
    oci_up "$ID"
    console "$BATS_TEST_TMPDIR/sock" "$BATS_TEST_TMPDIR/said"
    oci exec -d -t --console-socket "$BATS_TEST_TMPDIR/sock" "$ID" sh -c 'tty; sleep 5' \
        </dev/null >/dev/null 2>&1 3>&-
    wait_for 5 grep -q /dev/pts/ "$BATS_TEST_TMPDIR/said"
    needs_cmd script
    run command script -qec "$BUILD/hako-oci --root $OCI_ROOT exec -t $ID sh -c 'tty; exit 3'" /dev/null
    is 3
    has /dev/pts/
    oci delete -f "$ID"
}

@test "a terminal and no socket, a socket and no terminal: refused, nothing left" {
    config '.process.terminal = true'
    run oci create "$ID"
    is 1
    has "cannot allocate tty if runc will detach without setting console socket"
    config '.process.terminal = false'
    run oci create --console-socket /nowhere "$ID"
    is 1
    has "cannot use console socket if runc will not detach or allocate tty"
    config '.process.terminal = true'
    run oci create --console-socket /nowhere "$ID"
    is 1
    has /nowhere
    [ ! -e "$OCI_ROOT/$ID" ]
}

@test "pid files hold the host's number and appear whole" {
    script 'sleep 100'
    oci_create "$ID" --pid-file pid
    [ "$(cat pid)" = "$(pid_of "$ID")" ]
    oci delete "$ID"
    run oci create --pid-file /no/such/dir/pid "$ID"
    is 1
    has "/no/such/dir/pid"
    [ ! -e "$OCI_ROOT/$ID" ]
}

@test "descriptors: only those asked for" {
    script 'ls /proc/self/fd; cat <&3; echo; cat <&4'
    echo -n three >f3
    echo -n four >f4
    run bash -c "exec 3<f3 4<f4 9<f4; $BUILD/hako-oci --root $OCI_ROOT run --preserve-fds 2 $ID"
    is 0
    has three
    has four
    lacks 9
    script 'ls /proc/self/fd | wc -l'
    run bash -c "exec 5<f3 9<f4; $BUILD/hako-oci --root $OCI_ROOT run $ID"
    is 0
    [ "$output" = 4 ] # 0, 1, 2, and the directory
    run bash -c "exec 3<&-; $BUILD/hako-oci --root $OCI_ROOT run --preserve-fds 3 $ID"
    is 1
    has "unable to preserve file descriptor"
}

@test "LISTEN_FDS" {
    script 'echo $LISTEN_FDS $LISTEN_PID; cat <&3'
    echo -n three >f3
    run bash -c "exec 3<f3; LISTEN_FDS=1 $BUILD/hako-oci --root $OCI_ROOT run $ID"
    is 0
    has "1 1"
    has three
}

@test "exec passes descriptors on as well" {
    script 'sleep 100'
    oci_up "$ID"
    echo -n three >f3
    run bash -c "exec 3<f3 8<f3; $BUILD/hako-oci --root $OCI_ROOT exec --preserve-fds 1 $ID sh -c 'cat <&3; ls /proc/self/fd'"
    is 0
    has three
    lacks 8
    oci delete -f "$ID"
}

@test "NOTIFY_SOCKET: the container's READY goes on, with its process id" {
    script 'test -S $NOTIFY_SOCKET && sleep 100'
    python3 - "$BATS_TEST_TMPDIR/sd" >said 3>&- <<'P' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(20)
print(s.recv(4096).decode(), flush=True)
P
    wait_for 5 test -S "$BATS_TEST_TMPDIR/sd"
    NOTIFY_SOCKET=$BATS_TEST_TMPDIR/sd oci_create "$ID"
    NOTIFY_SOCKET=$BATS_TEST_TMPDIR/sd "$BUILD/hako-oci" --root "$OCI_ROOT" start "$ID" 3>&- &
    local start=$!
    wait_for 5 is_status "$ID" running
    # what sd_notify(3) of a service in there would send
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"STATUS=x\nREADY=1\n", sys.argv[1])' "$OCI_ROOT/$ID/notify/notify.sock"
    wait $start
    wait_for 5 grep -q READY=1 said
    grep -q "MAINPID=$(pid_of "$ID")" said
    oci delete -f "$ID"
}

@test "NOTIFY_SOCKET: start of a container that ends unready does not hang" {
    script 'test -S "$NOTIFY_SOCKET" && exit 0'
    NOTIFY_SOCKET=/nowhere oci_create "$ID"
    NOTIFY_SOCKET=/nowhere oci start "$ID"
    wait_for 5 is_status "$ID" stopped
    oci delete "$ID"
}
