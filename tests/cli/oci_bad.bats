#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hako-oci: bad input, and death at bad moments: an error that says what, and nothing left.
load helpers
load oci

setup_file() { oci_setup_file; }
teardown_file() { hako_teardown_file; }
setup() { oci_setup; }
teardown() { oci_teardown; }

# refused JQ-PROGRAM WORD…: with this change create fails and names all of these.
refused() {
    local change=$1 word
    shift
    cp config.json config.good
    config "$change"
    run oci create "$ID"
    mv config.good config.json
    is 1 || return 1
    for word in "$@"; do
        has "$word" || return 1
    done
    [ ! -e "$OCI_ROOT/$ID" ] || {
        echo "left behind by: $change"
        return 1
    }
}

@test "wrong types, unknown words and missing members name their JSON path" {
    refused '.process.args = "sh"' process.args
    refused '.process.args = []' process.args
    refused '.process.args = [1]' "process.args[0]"
    refused '.process.cwd = ""' process.cwd
    refused '.process.cwd = "tmp"' process.cwd tmp
    refused '.process.user.uid = -1' process.user.uid
    refused '.process.user.uid = "root"' process.user.uid
    refused '.process.rlimits[0].type = "RLIMIT_NONE"' RLIMIT_NONE
    refused '.root.path = "nowhere"' root.path nowhere
    refused '.root.path = 1' root.path
    refused 'del(.root)' root
    refused '.mounts[0].destination = 1' "mounts[0].destination"
    refused '.mounts[1].type = "nosuchfs"' nosuchfs
    refused '.linux.namespaces[0].type = "pond"' "linux.namespaces[0].type" pond
    refused '.linux.namespaces += [{"type": "pid"}]' linux.namespaces
    refused '.linux.resources.memory.limit = "much"' linux.resources.memory.limit
    refused '.linux.seccomp = {"defaultAction": "SCMP_ACT_WISH"}' SCMP_ACT_WISH
    refused '.ociVersion = "9.9"' ociVersion 9.9
    refused '.ociVersion = null' ociVersion
    refused 'del(.process)' process
    refused '.hooks.prestart = [{"path": "bin/x"}]' "hooks.prestart[0].path"
}

@test "no document, half a document, none at all" {
    rm config.json
    run oci create "$ID"
    is 1
    has "JSON specification file config.json not found"
    echo '{"ociVersion": ' >config.json
    run oci create "$ID"
    is 1
    run oci create --bundle /no/such/dir "$ID"
    is 1
    has /no/such/dir
    [ ! -e "$OCI_ROOT/$ID" ]
}

@test "a command that is not there: run says so and leaves nothing" {
    config '.process.args = ["no-such-command"]'
    run oci run "$ID"
    is 1
    has "executable file not found in \$PATH"
    config '.process.args = ["/tmp"]'
    run oci run "$ID"
    is 1
    [ ! -e "$OCI_ROOT/$ID" ]
}

@test "a hook that fails ends it, and nothing is left" {
    script 'sleep 100'
    config '.hooks.createRuntime = [{"path": "/bin/sh", "args": ["sh", "-c", "echo why >&2; exit 3"]}]'
    run oci create "$ID"
    is 1
    has createRuntime
    [ ! -e "$OCI_ROOT/$ID" ]
}

# The hook's parent is the runtime: a death in the middle of create, always at the same place.
@test "kill -9 in the middle of create: init goes too, delete --force and create sweep" {
    local point
    script 'sleep 100'
    cp config.json config.good
    for point in prestart createRuntime createContainer; do
        cp config.good config.json
        config --arg p "$point" \
            '.hooks[$p] = [{"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $(cat /tmp/hako-oci-victim-'$$') 2>/dev/null || kill -9 $PPID"]}]'
        [ "$point" != createContainer ] || continue # it runs in the container: not our child
        run oci create "$ID"
        [ "$status" -ne 0 ]
        [ -e "$OCI_ROOT/$ID" ]
        run oci state "$ID"
        is 1
        run oci delete --force "$ID"
        is 0
        [ ! -e "$OCI_ROOT/$ID" ]
        run oci create "$ID"
        [ "$status" -ne 0 ]
        cp config.good config.json
        oci_create "$ID"
        is_status "$ID" created
        oci delete "$ID"
    done
    run grep -ls "/$ID\$" /proc/[0-9]*/cgroup
    [ -z "$output" ]
}

@test "a state directory that is damaged is said, not trusted" {
    script 'sleep 100'
    oci_create "$ID"
    local pid
    pid=$(pid_of "$ID")
    echo '{"id": ' >"$OCI_ROOT/$ID/state.json"
    run oci state "$ID"
    is 1
    run oci list
    is 0
    has "$ID"
    kill -9 "$pid"
    rm "$OCI_ROOT/$ID/state.json"
    run oci delete --force "$ID"
    is 0
}

@test "bad command lines" {
    run oci create
    is 1
    run oci create a b
    is 1
    run oci nonsense
    is 1
    has nonsense
    run oci create --nonsense "$ID"
    is 1
    has nonsense
    run oci exec --preserve-fds x "$ID" true
    [ "$status" -ne 0 ]
}
