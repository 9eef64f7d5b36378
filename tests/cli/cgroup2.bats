# SPDX-License-Identifier: Apache-2.0
# hako on a kernel with cgroup v2 alone: one boot of tests/vm, one test here per line of its TAP.
load helpers

setup_file() {
    command -v qemu-system-x86_64 >/dev/null || return 0
    "$TOP/tests/vm/run.sh" "$TOP/tests/vm/cgroup2.sh" >"$BATS_FILE_TMPDIR/tap" \
        2>"$BATS_FILE_TMPDIR/err" || true
}

# The guest must have said "ok N - NAME"; otherwise show what it said.
guest() {
    needs_cmd qemu-system-x86_64
    awk -v name="$1" '
        /^(not )?ok [0-9]+ - / { good = /^ok/; here = $0; sub(/^.*ok [0-9]+ - /, "", here) }
        here == name { print; seen = good }
        END { exit !seen }' "$BATS_FILE_TMPDIR/tap" || {
        cat "$BATS_FILE_TMPDIR/err"
        return 1
    }
}

@test "v2: hako runs a box" { guest "hako runs a box"; }
@test "v2: info names version 2" { guest "info names version 2"; }
@test "v2: --memory is memory.max" { guest "--memory is memory.max"; }
@test "v2: --memory-swap is what goes beyond memory" { guest "--memory-swap is what goes beyond memory"; }
@test "v2: --cpus is cpu.max" { guest "--cpus is cpu.max"; }
@test "v2: --cpu-shares is cpu.weight" { guest "--cpu-shares is cpu.weight"; }
@test "v2: --cpuset-cpus is cpuset.cpus" { guest "--cpuset-cpus is cpuset.cpus"; }
@test "v2: --pids-limit is pids.max" { guest "--pids-limit is pids.max"; }
@test "v2: processes are bounded by default" { guest "processes are bounded by default"; }
@test "v2: the box sees its cgroup as the root" { guest "the box sees its cgroup as the root"; }
@test "v2: out of memory ends with 137" { guest "out of memory ends with 137"; }
@test "v2: inspect says so" { guest "inspect says so"; }
@test "v2: rm" { guest "rm"; }
@test "v2: a fork bomb stays in its box" { guest "a fork bomb stays in its box"; }
@test "v2: an unlisted device is refused" { guest "an unlisted device is refused"; }
@test "v2: the usual devices work" { guest "the usual devices work"; }
@test "v2: --device lets one in" { guest "--device lets one in"; }
@test "v2: the cgroup is read-only for the box" { guest "the cgroup is read-only for the box"; }
@test "v2: a published port answers" { guest "a published port answers"; }
@test "v2: exec runs in the same cgroup" { guest "exec runs in the same cgroup"; }
@test "v2: stop and rm" { guest "stop and rm"; }
@test "v2: kill -9 of the monitor takes the box along" { guest "kill -9 of the monitor takes the box along"; }
@test "v2: nothing is left: cgroups, mounts, monitors" { guest "nothing is left: cgroups, mounts, monitors"; }
@test "v2: nothing is left: links" { guest "nothing is left: links"; }
@test "v2: rootless: a box runs" { guest "rootless: a box runs"; }
@test "v2: rootless: root in the box is the user outside" { guest "rootless: root in the box is the user outside"; }
@test "v2: rootless: --memory is memory.max" { guest "rootless: --memory is memory.max"; }
@test "v2: rootless: --cpus is cpu.max" { guest "rootless: --cpus is cpu.max"; }
@test "v2: rootless: --pids-limit is pids.max" { guest "rootless: --pids-limit is pids.max"; }
@test "v2: rootless: a limit nobody delegated is named" { guest "rootless: a limit nobody delegated is named"; }
@test "v2: rootless: a published port answers" { guest "rootless: a published port answers"; }
@test "v2: rootless: exec" { guest "rootless: exec"; }
@test "v2: rootless: rm -f" { guest "rootless: rm -f"; }
@test "v2: rootless: nothing is left" { guest "rootless: nothing is left"; }

@test "v2: every test of the guest stands above" {
    needs_cmd qemu-system-x86_64
    run comm -13 <(grep -o 'guest "[^"]*"' "$BATS_TEST_FILENAME" | cut -d'"' -f2 | sort) \
        <(sed -n 's/^\(not \)\?ok [0-9]* - //p' "$BATS_FILE_TMPDIR/tap" | sort)
    [ -z "$output" ]
}
