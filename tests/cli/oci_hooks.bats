#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The hooks of the runtime-spec: when, where, with what, and what their failure means.
load helpers
load oci_box

setup_file() { oci_box_setup_file; }
setup() { oci_box_setup; }
teardown() { oci_box_teardown; }

# hook POINT SCRIPT [JQ]: add one; the script sees $NOTES.
hook() {
    config --arg s "$2" --arg n "$BATS_TEST_TMPDIR" \
        '.hooks["'"$1"'"] += [{path: "/bin/sh", args: ["sh", "-c", $s],
          env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "NOTES=" + $n]} | .'"${3:-}"']'
}

@test "every hook runs once, in order, with its state on stdin" {
    hook prestart 'echo prestart; jq -c . >"$NOTES/prestart"; echo prestart >>"$NOTES/order"'
    hook createRuntime 'jq -c . >"$NOTES/createRuntime"; echo createRuntime >>"$NOTES/order"'
    hook createContainer 'cat >"$NOTES/createContainer"; echo createContainer >>"$NOTES/order"'
    hook startContainer 'cat >/startContainer'
    hook poststart 'cat >"$NOTES/poststart"; echo poststart >>"$NOTES/order"'
    hook poststop 'cat >"$NOTES/poststop"; echo poststop >>"$NOTES/order"'
    config '.annotations = {"org.example.key": "a \"b\" \\ c"}'
    sh_args 'sleep 1000'
    oci create "$NAME"
    [ "$(cat "$BATS_TEST_TMPDIR/order")" = $'prestart\ncreateRuntime\ncreateContainer' ]
    [ ! -e rootfs/startContainer ]
    pid=$(oci state "$NAME" | jq .pid)
    [ -d "/proc/$pid" ]
    want() { jq -cn --arg id "$NAME" --arg b "$BUNDLE" --arg s "$1" --argjson p "$2" \
        '{ociVersion: "1.2.0", id: $id, status: $s, pid: $p, bundle: $b,
          annotations: {"org.example.key": "a \"b\" \\ c"}}'; }
    [ "$(cat "$BATS_TEST_TMPDIR/prestart")" = "$(want created "$pid")" ]
    [ "$(cat "$BATS_TEST_TMPDIR/createRuntime")" = "$(want creating "$pid")" ]
    [ "$(cat "$BATS_TEST_TMPDIR/createContainer")" = "$(want creating 1)" ]
    oci start "$NAME"
    [ "$(cat rootfs/startContainer)" = "$(want created 1)" ]
    [ "$(cat "$BATS_TEST_TMPDIR/poststart")" = "$(want running "$pid")" ]
    oci delete --force "$NAME"
    [ "$(jq -c 'del(.pid)' "$BATS_TEST_TMPDIR/poststop")" = "$(want stopped 0 | jq -c 'del(.pid)')" ]
    [ "$(tail -n 2 "$BATS_TEST_TMPDIR/order")" = $'poststart\npoststop' ]
}

@test "which namespaces, which root, which directory" {
    hook createRuntime 'readlink /proc/self/ns/mnt /proc/self/ns/net >"$NOTES/runtime"'
    hook createContainer 'readlink /proc/self/ns/mnt /proc/self/ns/net >"$NOTES/container"; pwd -P >>"$NOTES/container"
        echo bound >"$NOTES/file"; touch etc/file; mount --bind "$NOTES/file" etc/file'
    hook startContainer 'readlink /proc/self/ns/mnt >/start; readlink /proc/self/ns/net >>/start'
    sh_args 'readlink /proc/self/ns/mnt; readlink /proc/self/ns/net; cat /etc/file; cat /start'
    run oci run "$NAME"
    is 0
    mnt=${lines[0]} net=${lines[1]}
    [ "${lines[2]}" = bound ]
    [ "${lines[3]}" = "$mnt" ]
    [ "${lines[4]}" = "$net" ]
    [ "$(cat "$BATS_TEST_TMPDIR/runtime")" = "$(readlink /proc/self/ns/mnt /proc/self/ns/net)" ]
    [ "$(cat "$BATS_TEST_TMPDIR/container")" = "$mnt"$'\n'"$net"$'\n'"$BUNDLE/rootfs" ]
    # nothing of it is on the host
    [ ! -s rootfs/etc/file ]
}

@test "a mount made by createRuntime in the container's mount namespace is seen inside" {
    needs_cmd nsenter
    echo from-host >"$BATS_TEST_TMPDIR/file"
    touch rootfs/etc/file
    hook createRuntime 'pid=$(jq .pid); nsenter -m -t "$pid" mount --bind "$NOTES/file" '"$BUNDLE/rootfs/etc/file"
    sh_args 'cat /etc/file'
    run oci run "$NAME"
    is 0
    [ "$output" = from-host ]
}

@test "a failing hook before the start destroys the container, and poststop hooks run" {
    for point in prestart createRuntime createContainer; do
        config 'del(.hooks)'
        hook "$point" 'true'
        hook "$point" 'echo out; echo why >&2; exit 7'
        hook poststop 'touch "$NOTES/poststop"'
        run oci create "$NAME"
        is 1
        has "error running $point hook #1 (/bin/sh): error running hook: exit status 7, stdout: out, stderr: why"
        run oci state "$NAME"
        is 1
        has "does not exist"
        rm "$BATS_TEST_TMPDIR/poststop"
    done
}

@test "a failing startContainer hook: the command does not run" {
    hook startContainer 'exit 5'
    sh_args 'touch /ran'
    oci create "$NAME"
    run oci start "$NAME"
    is 1
    has "error running startContainer hook #0 (/bin/sh): error running hook: exit status 5"
    [ ! -e rootfs/ran ]
    [ "$(oci state "$NAME" | jq -r .status)" = stopped ]
    oci delete "$NAME"
}

@test "a startContainer hook without environment has the process's, with HOME" {
    config '.process.user.uid = 7 | .process.env = ["PATH=/bin", "ONE=two"]
        | .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "echo $ONE $HOME >/tmp/env"]}]'
    echo 'seven:x:7:7::/home/seven:/bin/sh' >>rootfs/etc/passwd
    chmod 777 rootfs/tmp
    run oci run "$NAME"
    is 0
    [ "$(cat rootfs/tmp/env)" = "two /home/seven" ]
    # what leads out of the container by a descriptor is not read
    rm rootfs/tmp/env rootfs/etc/passwd
    ln -s /proc/self/root/tmp/passwd rootfs/etc/passwd
    echo 'seven:x:7:7::/leaked:/bin/sh' >rootfs/tmp/passwd
    run oci run "$NAME"
    is 0
    [ "$(cat rootfs/tmp/env)" = "two /" ]
    rm rootfs/tmp/env
    config '.hooks.startContainer[0].env = ["ONE=own"]'
    run oci run "$NAME"
    is 0
    [ "$(cat rootfs/tmp/env)" = own ]
}

@test "a failing poststart hook ends the container" {
    hook poststart 'exit 5'
    hook poststop 'touch "$NOTES/poststop"'
    sh_args 'sleep 1000'
    oci create "$NAME"
    run oci start "$NAME"
    is 1
    has "error running poststart hook #0"
    [ "$(oci state "$NAME" | jq -r .status)" = stopped ]
    oci delete "$NAME"
    [ -e "$BATS_TEST_TMPDIR/poststop" ]
    run oci run "$NAME"
    is 1
    has "error running poststart hook #0"
    [ -z "$(oci list -q)" ]
}

@test "a failing poststop hook is a warning, and the next one runs" {
    hook poststop 'exit 6'
    hook poststop 'touch "$NOTES/second"'
    run oci run "$NAME"
    is 0
    has "poststop hook #0"
    has warning
    [ -e "$BATS_TEST_TMPDIR/second" ]
}

@test "a hook that takes too long is killed" {
    hook createRuntime 'echo $$ >"$NOTES/pid"; exec sleep 1000' 'timeout = 1'
    run oci create "$NAME"
    is 1
    has "hook ran past specified timeout of 1.0s"
    run kill -0 "$(cat "$BATS_TEST_TMPDIR/pid")"
    [ "$status" -ne 0 ]
}

@test "environment and arguments" {
    export OCI_HOOK_TEST=seen
    hook prestart 'echo "$OCI_HOOK_TEST" >"$NOTES/own"' # has an environment of its own
    config --arg f "$BATS_TEST_TMPDIR/env" \
        '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo $OCI_HOOK_TEST >" + $f]}]'
    config --arg f "$BATS_TEST_TMPDIR/bare" \
        '.hooks.poststop = [{path: $f}]'
    # shellcheck disable=SC2016
    printf '#!/bin/sh\necho "$0 $#" >%s.out\n' "$BATS_TEST_TMPDIR/bare" >"$BATS_TEST_TMPDIR/bare"
    chmod 755 "$BATS_TEST_TMPDIR/bare"
    run oci run "$NAME"
    is 0
    [ "$(cat "$BATS_TEST_TMPDIR/env")" = seen ]
    [ "$(cat "$BATS_TEST_TMPDIR/own")" = "" ]
    [ "$(cat "$BATS_TEST_TMPDIR/bare.out")" = "$BATS_TEST_TMPDIR/bare 0" ]
}

@test "a hook gets no descriptor but its three" {
    hook createContainer 'ls /proc/self/fd | wc -l >"$NOTES/cc"'
    hook createRuntime 'ls /proc/self/fd | wc -l >"$NOTES/cr"'
    hook startContainer 'ls /proc/self/fd | wc -l >/sc'
    sh_args 'cat /sc'
    exec 20</etc/passwd 21</ 22>"$BATS_TEST_TMPDIR/x"
    run oci run "$NAME"
    is 0
    [ "$output" = 4 ] # ls has the directory open
    [ "$(cat "$BATS_TEST_TMPDIR/cc")" = 4 ]
    [ "$(cat "$BATS_TEST_TMPDIR/cr")" = 4 ]
}

@test "a hook's output goes to the files that the annotations name" {
    hook prestart 'echo one; echo two >&2'
    hook startContainer 'echo three; echo four >&2'
    config --arg d "$BATS_TEST_TMPDIR" \
        '.annotations = {"run.oci.hooks.stdout": ($d + "/out"), "run.oci.hooks.stderr": ($d + "/err")}'
    run oci run "$NAME"
    is 0
    [ -z "$output" ]
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = $'one\nthree' ]
    [ "$(cat "$BATS_TEST_TMPDIR/err")" = $'two\nfour' ]
}

@test "hooks that cannot be: the JSON path is named" {
    config '.hooks.prestart = [{path: "relative"}]'
    run oci run "$NAME"
    is 1
    has 'hooks.prestart[0].path'
    config '.hooks.prestart = [{path: "/bin/true", timeout: 0}]'
    run oci run "$NAME"
    is 1
    has 'hooks.prestart[0].timeout'
    config '.hooks.prestart = [{path: "/no/such/program"}]'
    run oci run "$NAME"
    is 1
    has 'fork/exec /no/such/program: No such file or directory'
    config '.hooks = {poststop: {path: "/bin/true"}}'
    run oci run "$NAME"
    is 1
    has 'hooks.poststop'
    [ -z "$(oci list -q)" ]
}
