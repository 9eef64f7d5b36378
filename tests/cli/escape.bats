# SPDX-License-Identifier: Apache-2.0
# Ways out of a box that were open in some container engine once: they stay closed here.
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
}
teardown() { hako_teardown; }

# A program of the host that says where it runs.
host_program() {
    needs_cmd gcc
    echo 'int puts(const char *); int main(void) { return puts("A PROGRAM OF THE HOST") < 0; }' \
        >"$HAKO_TEST_DIR/host.c"
    gcc -static -o "$HAKO_TEST_DIR/host" "$HAKO_TEST_DIR/host.c"
}
up() { printf '../%.0s' $(seq "$1"); }

@test "CVE-2024-21626: the command cannot name the host by a descriptor of the monitor" {
    local fd path n
    host_program
    hako run -d --name victim box sleep 1000
    n=$(hako inspect victim | jq -r '.[0].Id' | xargs -I{} echo "$HAKO_ROOT/containers/{}" | tr -cd / | wc -c)
    for fd in $(seq 3 24); do
        path=/proc/self/fd/$fd/$(up "$n")${HAKO_TEST_DIR#/}/host
        output=$(hako exec victim "$path" 2>&1; hako run --rm box "$path" 2>&1) || true
        lacks "A PROGRAM OF THE HOST"
    done
}

@test "CVE-2024-21626: nor do an interpreter, a link in the image and PATH" {
    local n
    host_program
    hako run -d --name victim box sleep 1000
    n=$(echo "$HAKO_ROOT/containers/x" | tr -cd / | wc -c)
    hako exec victim sh -c "for fd in \$(seq 3 24); do
        ln -s /proc/self/fd/\$fd/$(up "$n")${HAKO_TEST_DIR#/}/host /link\$fd
        echo '#!/link'\$fd >/script\$fd; chmod 755 /script\$fd; done"
    for fd in $(seq 3 24); do
        output=$(hako exec victim "/link$fd" 2>&1; hako exec victim "/script$fd" 2>&1) || true
        lacks "A PROGRAM OF THE HOST"
    done
    run -127 hako exec -e "PATH=$(for fd in $(seq 3 24); do printf '/proc/self/fd/%s/%s:' "$fd" "$(up "$n")$HAKO_TEST_DIR"; done)" victim host
    lacks "A PROGRAM OF THE HOST"
}

@test "CVE-2024-21626: the working directory cannot be the host's" {
    local own
    hako run -d --name victim box sleep 1000
    own=$(hako exec victim stat -c %d:%i /)
    for fd in $(seq 3 24); do
        for path in "" .. 1/root 1/cwd; do
            run hako exec -w "/proc/self/fd/$fd/$path" victim stat -c %d:%i .
            [ "$status" -ne 0 ] || [ "$output" = "$own" ] # the box's procfs leads to its root
            run hako run --rm -w "/proc/self/fd/$fd/$path" box ls
            [ "$status" -ne 0 ]
        done
    done
}

@test "no descriptor but 0, 1, 2 comes into a box" {
    local program='cd /proc/self/fd && for f in *; do [ -e $f ] && echo $f; done; true'
    exec 9</etc/passwd
    hako run -d --name victim box sleep 1000
    run hako run --rm box sh -c "$program"
    [ "$output" = "$(printf '0\n1\n2')" ]
    run hako run --rm --init box sh -c "$program"
    [ "$output" = "$(printf '0\n1\n2')" ]
    run hako exec victim sh -c "$program"
    [ "$output" = "$(printf '0\n1\n2')" ]
    exec 9<&-
}

@test "CVE-2019-5736: the monitor's program cannot be written by way of /proc/self/exe" {
    local before
    before=$(sha256sum <"$BUILD/hako-monitor")
    hako run -d --name victim box sh -c 'while :; do for p in /proc/[0-9]*; do
        [ $p = /proc/1 ] || (echo broken >$p/exe) 2>/dev/null; done; done'
    hako exec victim sh -c 'printf "#!/proc/self/exe\n" >/x && chmod 755 /x && ln -s /proc/self/exe /y'
    for _ in 1 2 3 4 5; do
        run hako exec victim /x
        run hako exec victim /y
    done
    [ "$(sha256sum <"$BUILD/hako-monitor")" = "$before" ]
    run hako run --rm box true
    is 0
}

@test "CVE-2021-41091: a setuid program of a box is out of reach of the host's users" {
    local dir
    needs_user
    hako run -d --name victim box sh -c 'cp /bin/busybox /suid; chmod 4755 /suid; sleep 1000'
    dir=$HAKO_ROOT/containers/$(field victim .Id)/upper
    wait_for 5 test -u "$dir/suid"
    run as_user ls -d "$dir"
    [ "$status" -ne 0 ]
    has "Permission denied"
    run as_user ls "$HAKO_ROOT/volumes"
    [ "$status" -ne 0 ]
}

@test "CVE-2021-41091: nor is one of a rootless box" {
    needs_user
    as_user hako create --name mine box true
    [ "$(stat -c %a "$HAKO_TEST_DIR/user/home/.local/share/hako/containers")" = 700 ]
    as_user hako rm mine
}

@test "the host's /dev/null is not the box's to change: masks and standard input" {
    local before
    before=$(stat -c '%Y %a %u' /dev/null)
    hako run -d --name victim box sleep 1000
    run hako run --rm box touch -d 2001-01-01 /proc/keys
    [ "$status" -ne 0 ]
    run hako run --rm box touch -d 2001-01-01 /proc/self/fd/0
    run hako exec victim touch -d 2001-01-01 /proc/self/fd/0
    [ "$(stat -c '%Y %a %u' /dev/null)" = "$before" ]
    run hako run --rm box sh -c 'cat /proc/keys && echo gone >/proc/keys && echo >/proc/self/fd/0'
    is 0
}

@test "CVE-2025-31133: masked paths stay masked when /dev/null of the box is a link" {
    mkdir "$BATS_TEST_TMPDIR/dev"
    ln -s /proc/sys/kernel/core_pattern "$BATS_TEST_TMPDIR/dev/null"
    run hako run --rm -v "$BATS_TEST_TMPDIR/dev:/dev" box sh -c 'cat /proc/keys; echo x >/proc/sys/kernel/core_pattern'
    [ "$status" -ne 0 ]
    lacks "keyring"
    has "Read-only"
}

@test "CVE-2021-30465: a mount's target that is a link to the host's place stays in the box" {
    local d=$BATS_TEST_TMPDIR/shared
    mkdir "$d"
    hako run --rm -v "$d:/v" box ln -s /../../../../../../../../tmp /v/out
    hako run --rm -v "$d:/v" -v "$BATS_TEST_TMPDIR:/v/out/inner" box sh -c '[ -d /tmp/inner ]'
    [ ! -e /tmp/inner ]
}

@test "CVE-2019-16884, CVE-2023-27561: nothing is mounted in /proc, not by a link either" {
    run hako run --rm -v "$BATS_TEST_TMPDIR:/proc/sys" box true
    [ "$status" -ne 0 ]
    mkdir "$BATS_TEST_TMPDIR/d"
    ln -s /proc/self "$BATS_TEST_TMPDIR/d/link"
    run hako run --rm -v "$BATS_TEST_TMPDIR/d:/d" -v "$BATS_TEST_TMPDIR:/d/link/attr" box true
    [ "$status" -ne 0 ]
}

@test "a sub-path of a volume cannot lead out of it by a link" {
    hako run --rm -v esc:/v box sh -c 'ln -s / /v/out; mkdir /v/in; ln -s in /v/near; echo here >/v/in/f'
    run hako run --rm --mount type=volume,source=esc,target=/x,volume-subpath=out box cat "/x$HAKO_CONFIG"
    [ "$status" -ne 0 ]
    lacks "{}"
    run hako run --rm --mount type=volume,source=esc,target=/x,volume-subpath=near box cat /x/f
    is 0
    run hako run --rm --mount type=volume,source=esc,target=/x,volume-subpath=in box cat /x/f
    is 0
    [ "$output" = here ]
}

@test "nothing of the caller comes along: groups, environment, umask, capabilities" {
    export HAKO_TEST_SECRET=known
    hako run -d --name victim box sleep 1000
    run bash -c "umask 077; setpriv --groups 4,27 '$BUILD/hako' run --rm box sh -c 'id -G; umask; env'"
    is 0
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = 0022 ]
    lacks known
    run bash -c "umask 077; setpriv --groups 4,27 '$BUILD/hako' exec victim sh -c 'id -G; umask; env'"
    is 0
    [ "${lines[0]}" = 0 ]
    [ "${lines[1]}" = 0022 ]
    lacks known
}

@test "exec has the same filter and the same capabilities as the box" {
    local want
    hako run -d --name victim box sleep 1000
    want=$(hako run --rm box grep -E '^(Cap|Seccomp|NoNew)' /proc/self/status)
    [ "$(hako exec victim grep -E '^(Cap|Seccomp|NoNew)' /proc/self/status)" = "$want" ]
    [[ $want =~ Seccomp:[[:space:]]*2 ]]
}

@test "a terminal of the caller is not given to a box" {
    needs_cmd script
    run script -qec "'$BUILD/hako' run --rm box sh -c 'for i in 0 1 2; do test -t \$i && echo TERMINAL; done; true'" /dev/null
    lacks TERMINAL
    hako run -d --name victim box sleep 1000
    run script -qec "'$BUILD/hako' exec -i victim sh -c 'for i in 0 1 2; do test -t \$i && echo TERMINAL; done; true'" /dev/null
    lacks TERMINAL
}

@test "CVE-2021-25741: a sub-path that has become a link since is refused" {
    hako run --rm -v swap:/v box mkdir /v/in
    hako create --name late --mount type=volume,source=swap,target=/x,volume-subpath=in box cat "/x$HAKO_CONFIG"
    hako run --rm -v swap:/v box sh -c 'rmdir /v/in; ln -s / /v/in'
    run hako start -a late
    [ "$status" -ne 0 ]
    lacks "{}"
    has "bind"
}

@test "nothing is mounted over /proc, whoever asks" {
    run hako run --rm -v /tmp:/proc box true
    [ "$status" -eq 125 ]
    has "inside /proc"
    run hako run --rm --tmpfs /proc/sys box true
    [ "$status" -eq 125 ]
    has "inside /proc"
}
