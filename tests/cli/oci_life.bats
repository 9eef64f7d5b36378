#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hako-oci: the life of a container, step by step.
load helpers
load oci

setup_file() { oci_setup_file; }
teardown_file() { hako_teardown_file; }
setup() { oci_setup; }
teardown() { oci_teardown; }

@test "create, start, kill, delete, and what state says in between" {
    script 'sleep 100'
    oci_create "$ID"
    run oci state "$ID"
    is 0
    [ "$(jq -r .status <<<"$output")" = created ]
    [ "$(jq -r .id <<<"$output")" = "$ID" ]
    [ "$(jq -r .bundle <<<"$output")" = "$BUNDLE" ]
    [ "$(jq -r .ociVersion <<<"$output")" = 1.2.0 ]
    kill -0 "$(jq -r .pid <<<"$output")"
    oci start "$ID"
    is_status "$ID" running
    oci kill "$ID" KILL
    wait_for 5 is_status "$ID" stopped
    [ "$(pid_of "$ID")" = 0 ]
    oci delete "$ID"
    run oci state "$ID"
    is 1
    has "does not exist"
}

@test "nothing of the command runs before start" {
    script 'touch /ran; sleep 100'
    oci_create "$ID"
    [ ! -e rootfs/ran ]
    oci start "$ID"
    wait_for 5 test -e rootfs/ran
    oci delete -f "$ID"
}

@test "run gives the command's exit code and leaves nothing" {
    script 'echo said; exit 7'
    run oci run "$ID"
    is 7
    [ "$output" = said ]
    script 'kill -9 $$'
    run oci run "$ID"
    # process 1 of a pid namespace is out of its own reach
    is 0
    run oci list -q
    [ -z "$output" ]
}

@test "run --keep leaves it stopped" {
    run oci run --keep "$ID"
    is 0
    is_status "$ID" stopped
    oci delete "$ID"
}

@test "run --detach leaves it running" {
    script 'sleep 100'
    oci run -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" </dev/null >/dev/null 2>&1 3>&-
    is_status "$ID" running
    [ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(pid_of "$ID")" ]
    oci delete --force "$ID"
}

@test "options may stand behind the id, with one dash or two" {
    script 'sleep 100'
    oci run "$ID" -detach --pid-file="$BATS_TEST_TMPDIR/pid" </dev/null >/dev/null 2>&1 3>&-
    oci delete "$ID" -force
}

@test "an id is taken once, and free again after delete" {
    script 'sleep 100'
    oci_create "$ID"
    run oci create "$ID"
    is 1
    has "container with id exists"
    is_status "$ID" created
    oci delete "$ID"
    oci_create "$ID"
    oci delete "$ID"
}

@test "ids that are no names are refused" {
    for id in "" . .. a/b ../x 'a b' $'a\nb'; do
        run oci create "$id"
        is 1
        run oci delete -f "$id"
        is 1
    done
    [ ! -e "$OCI_ROOT/../x" ]
}

@test "what does not fit the state is refused, and changes nothing" {
    script 'sleep 100'
    run oci start "$ID"
    is 1
    oci_up "$ID"
    run oci start "$ID"
    is 1
    has "cannot start an already running container"
    run oci delete "$ID"
    is 1
    has "that is not stopped: running"
    run oci resume "$ID"
    is 1
    is_status "$ID" running
    oci kill "$ID" 9
    wait_for 5 is_status "$ID" stopped
    run oci start "$ID"
    is 1
    has "cannot start a container that has stopped"
    run oci exec "$ID" true
    is 255
    has "cannot exec in a stopped container"
    run oci kill "$ID" TERM
    is 1
    has "container not running"
    oci delete "$ID"
}

@test "delete --force of what is not there is no error; without it, it is" {
    run oci delete --force nobody
    is 0
    run oci delete nobody
    is 1
    has "does not exist"
}

@test "list: table, ids, JSON" {
    script 'sleep 100'
    oci_create "$ID"
    run oci list -q
    [ "$output" = "$ID" ]
    run oci list -f json
    [ "$(jq -r '.[0].status' <<<"$output")" = created ]
    [ "$(jq -r '.[0].owner' <<<"$output")" = root ]
    run oci list
    has "ID "
    has "$BUNDLE"
    run oci list -f xml
    is 1
    oci delete "$ID"
}

@test "exec: output, exit code, user, directory, environment" {
    script 'sleep 100'
    oci_up "$ID"
    run oci exec "$ID" sh -c 'exit 9'
    is 9
    run oci exec --user 5:6 --additional-gids 7,8 --cwd /tmp -e A=b "$ID" sh -c 'id; pwd; echo $A'
    is 0
    has "uid=5 gid=6 groups=7,8"
    has /tmp
    has b
    run bash -c "echo in | $BUILD/hako-oci --root $OCI_ROOT exec $ID cat"
    [ "$output" = in ]
    run oci exec "$ID" no-such-command
    is 255
    has "executable file not found in \$PATH"
    run oci exec "$ID"
    is 255
    has "process args cannot be empty"
    run oci exec --user no "$ID" true
    is 255
    oci delete -f "$ID"
}

@test "exec: a process document" {
    script 'sleep 100'
    oci_up "$ID"
    jq '.process | .args = ["sh", "-c", "echo doc $X"] | .env += ["X=1"]' config.json >process.json
    run oci exec --process process.json "$ID"
    is 0
    [ "$output" = "doc 1" ]
    echo '{"args": 5}' >process.json
    run oci exec --process process.json "$ID"
    is 255
    has "args"
    oci delete -f "$ID"
}

@test "exec --detach lives on, and has its pid file" {
    script 'sleep 100'
    oci_up "$ID"
    oci exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 50 </dev/null >/dev/null 2>&1 3>&-
    run cat "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cmdline"
    has sleep
    run oci ps -f json "$ID"
    [ "$(jq length <<<"$output")" = 2 ]
    run oci ps "$ID"
    has "sleep 50"
    run oci ps "$ID" -o pid,comm
    has "PID COMMAND"
    oci delete -f "$ID"
}

@test "signals: by name, by number, to all" {
    script 'trap "echo got >/got" USR1; sleep 100 & while :; do wait; done'
    oci_up "$ID"
    wait_for 5 oci exec "$ID" sh -c 'grep -q "^SigCgt:.*[1-9a-f]" /proc/1/status'
    oci kill "$ID" usr1
    wait_for 5 test -e rootfs/got
    rm rootfs/got
    oci kill "$ID" 10
    wait_for 5 test -e rootfs/got
    run oci kill "$ID" NOSUCH
    is 1
    oci kill --all "$ID" KILL
    wait_for 5 is_status "$ID" stopped
    oci kill --all "$ID" KILL
    oci delete "$ID"
}

@test "pause and resume" {
    script 'sleep 100'
    oci_up "$ID"
    oci pause "$ID"
    is_status "$ID" paused
    run oci exec "$ID" true
    is 255
    has "cannot exec in a paused container"
    run oci pause "$ID"
    is 1
    oci resume "$ID"
    is_status "$ID" running
    oci pause "$ID"
    oci delete --force "$ID"
}

@test "update and events" {
    script 'sleep 100'
    oci_up "$ID"
    oci update "$ID" --memory 32M --pids-limit 20
    run oci events --stats "$ID"
    is 0
    [ "$(jq -r .type <<<"$output")" = stats ]
    [ "$(jq -r .data.memory.usage.limit <<<"$output")" = 33554432 ]
    [ "$(jq -r .data.pids.limit <<<"$output")" = 20 ]
    echo '{"pids": {"limit": 30}}' | oci update -r - "$ID"
    run oci events --stats "$ID"
    [ "$(jq -r .data.pids.limit <<<"$output")" = 30 ]
    run oci update --memory much "$ID"
    is 1
    has memory
    oci delete -f "$ID"
}

@test "events end with the container" {
    script 'sleep 100'
    oci_up "$ID"
    "$BUILD/hako-oci" --root "$OCI_ROOT" events --interval 100ms "$ID" >events.out 3>&- &
    local events=$!
    wait_for 5 grep -q '"type":"stats"' events.out
    oci kill "$ID" KILL
    wait $events
    oci delete "$ID"
}

@test "spec does not overwrite; features is a document" {
    run oci spec
    is 1
    has "exists. Remove it first"
    run oci features
    is 0
    [ "$(jq -r .ociVersionMax <<<"$output")" = 1.2.0 ]
    jq -e '.linux.namespaces | index("time")' <<<"$output"
}

@test "the log: JSON lines, and the error on standard error too" {
    run oci --log "$BATS_TEST_TMPDIR/log" --log-format json start nobody
    is 1
    has "container does not exist"
    [ "$(tail -n1 "$BATS_TEST_TMPDIR/log" | jq -r .level)" = error ]
    [ "$(tail -n1 "$BATS_TEST_TMPDIR/log" | jq -r .msg)" = "container does not exist: nobody" ]
    run oci --log-format xml list
    is 1
}

@test "under the names runc and crun" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    for name in runc crun; do
        ln -s "$BUILD/hako-oci" "$BATS_TEST_TMPDIR/bin/$name"
        run "$BATS_TEST_TMPDIR/bin/$name" --version
        is 0
        [[ ${lines[0]} == "$name version "* ]]
        run "$BATS_TEST_TMPDIR/bin/$name" --root "$OCI_ROOT" run "$ID"
        is 0
    done
}
