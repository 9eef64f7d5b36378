# SPDX-License-Identifier: Apache-2.0
# The process in the box: command, environment, user, directory, names, PID 1, exit codes.
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

@test "arguments arrive as they are" {
    run hako run --rm box printf '[%s]' one 'two three' '' 'grün' $'new\nline' '$HOME' '*'
    is 0
    [ "$output" = $'[one][two three][][grün][new\nline][$HOME][*]' ]
}

@test "an option after the image belongs to the command" {
    run hako run --rm box echo --rm -it --name xx
    is 0
    [ "$output" = "--rm -it --name xx" ]
}

@test "long arguments and environments are passed whole" {
    local long
    long=$(head -c 100000 /dev/zero | tr '\0' x)
    run hako run --rm -e "LONG=$long" box sh -c 'echo ${#1} ${#LONG}' sh "$long"
    is 0
    [ "$output" = "100000 100000" ]
}

@test "the image's command runs when none is given" {
    run sh -c 'echo "echo from-stdin-of-sh" | "$1" run --rm -i box' sh "$BUILD/hako"
    is 0
    [ "$output" = "from-stdin-of-sh" ]
}

@test "--entrypoint goes before the command, and drops the image's" {
    run hako run --rm --entrypoint echo box a b
    is 0
    [ "$output" = "a b" ]
    run hako run --rm --entrypoint '' box echo plain
    is 0
    [ "$output" = plain ]
    run hako run --rm --entrypoint '' box
    is 125
    has "no command specified"
}

@test "environment: defaults, -e, -e NAME, the image's own" {
    FROM_HOST=yes run hako run --rm -e A=1 -e B='two words' -e FROM_HOST -e NOT_SET_ANYWHERE -e EMPTY= box env
    is 0
    has "A=1"
    has "B=two words"
    has "FROM_HOST=yes"
    has "HOME=/root"
    has "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    [[ $output =~ HOSTNAME=[0-9a-f]{12}($|[^0-9a-f]) ]]
    [[ $'\n'$output$'\n' == *$'\nEMPTY=\n'* ]]
    lacks NOT_SET_ANYWHERE
    lacks TERM=
    lacks HAKO
}

@test "environment: PATH may be replaced, and the program is searched there" {
    run -127 hako run --rm -e PATH=/nowhere box env
    is 127
    run hako run --rm -e PATH=/usr/bin:/bin box sh -c 'echo $PATH'
    is 0
    [ "$output" = /usr/bin:/bin ]
}

@test "--env-file: comments, blank lines, spaces, names alone; -e wins" {
    printf '# comment\n\nX=one\nY=with spaces = and signs\nFROM_HOST\nNOPE_UNSET\nZ=file\n' \
        >"$BATS_TEST_TMPDIR/env"
    FROM_HOST=inherited run hako run --rm --env-file "$BATS_TEST_TMPDIR/env" -e Z=option box env
    is 0
    has "X=one"
    has "Y=with spaces = and signs"
    has "FROM_HOST=inherited"
    has "Z=option"
    lacks NOPE_UNSET
    lacks comment
    run hako run --rm --env-file "$BATS_TEST_TMPDIR/absent" box env
    is 125
    has "$BATS_TEST_TMPDIR/absent"
}

@test "-u: by number, name, with group" {
    run hako run --rm -u 1234 box sh -c 'id -u; id -g'
    is 0
    [ "$output" = $'1234\n0' ]
    run hako run --rm -u 1234:5678 box sh -c 'echo $(id -u) $(id -g) $(id -G)'
    [ "$output" = "1234 5678 5678" ]
    run hako run --rm -u www-data box sh -c 'echo $(id -u) $(id -g) $HOME'
    [ "$output" = "33 33 /var/www" ]
    run hako run --rm -u nobody:users box sh -c 'echo $(id -u) $(id -g)'
    [ "$output" = "65534 100" ]
    run hako run --rm -u :users box sh -c 'echo $(id -u) $(id -g)'
    [ "$output" = "0 100" ]
}

@test "-u: an unknown user or group is named" {
    run hako run --rm -u ghost box true
    is 125
    has "unable to find user ghost"
    run hako run --rm -u root:ghosts box true
    is 125
    has "unable to find group ghosts"
}

@test "--group-add by name and number" {
    run hako run --rm -u nobody --group-add users --group-add 4321 box id -G
    is 0
    has 65534
    has 100
    has 4321
    run hako run --rm --group-add ghosts box true
    is 125
    has ghosts
}

@test "no group of the caller comes along" {
    run setpriv --groups 1,2,3 "$BUILD/hako" run --rm box id -G
    is 0
    [ "$output" = 0 ]
}

@test "-w: as given, made when missing, refused when relative" {
    run hako run --rm -w /var/www box pwd
    is 0
    [ "$output" = /var/www ]
    run hako run --rm -w /deep/er/still box sh -c 'pwd; stat -c "%u %a" .'
    is 0
    [ "$output" = $'/deep/er/still\n0 755' ]
    run hako run --rm -w some/where box pwd
    is 125
    has "absolute path"
    run hako run --rm -w /etc/passwd box pwd
    [ "$status" -ne 0 ]
    has /etc/passwd
}

@test "hostname: the id by default, --hostname, --domainname" {
    run hako run --rm box sh -c 'hostname; cat /etc/hostname; cat /proc/sys/kernel/hostname'
    is 0
    [[ ${lines[0]} =~ ^[0-9a-f]{12}$ ]]
    [ "${lines[1]}" = "${lines[0]}" ]
    [ "${lines[2]}" = "${lines[0]}" ]
    run hako run --rm --hostname tea.house --domainname example box \
        sh -c 'hostname; cat /etc/hostname; cat /proc/sys/kernel/domainname; echo $HOSTNAME'
    is 0
    [ "$output" = $'tea.house\ntea.house\nexample\ntea.house' ]
    [ "$(hostname)" != tea.house ]
}

@test "/etc/hosts names the box, --add-host adds" {
    run hako run --rm --hostname me --add-host other:10.1.2.3 box cat /etc/hosts
    is 0
    has "127.0.0.1"
    [[ $output =~ [0-9.]+[[:space:]]+me ]]
    [[ $output =~ 10\.1\.2\.3[[:space:]]+other ]]
}

@test "/etc/resolv.conf: the host's servers, or --dns" {
    run hako run --rm --dns 192.0.2.53 --dns-search example.test --dns-option ndots:2 box \
        cat /etc/resolv.conf
    is 0
    has "nameserver 192.0.2.53"
    has "search example.test"
    has "ndots:2"
    run hako run --rm box grep -c nameserver /etc/resolv.conf
    is 0
}

@test "--label and --label-file show in inspect" {
    printf 'from.file=1\n' >"$BATS_TEST_TMPDIR/labels"
    hako create --name labelled --label a=b --label 'c=d e' --label bare \
        --label-file "$BATS_TEST_TMPDIR/labels" box true
    [ "$(field labelled '.Config.Labels | [.a, .c, .bare, ."from.file", ."org.opencontainers.image.title"] | join("|")')" = 'b|d e||1|box' ]
}

@test "the command is PID 1 and sees nothing but its box" {
    run hako run --rm box sh -c 'echo $$; ls -d /proc/[0-9]* | wc -l'
    is 0
    [ "${lines[0]}" = 1 ]
    [ "${lines[1]}" -le 4 ]
}

@test "--init: PID 1 is hako's, passes signals on, gives the exit code" {
    run hako run --rm --init box sh -c 'echo $$; cat /proc/1/comm; exit 7'
    is 7
    [ "${lines[0]}" != 1 ]
    [ "${lines[1]}" = init ]
    run hako run --rm --init box sh -c 'kill -9 $$'
    is 137
    hako run -d --name patient --init box sleep 1000
    hako kill -s TERM patient
    run hako wait patient
    [ "$output" = 143 ]
}

@test "--init reaps orphans; without it they stay" {
    local orphan='(sh -c "sleep 0.1; exit 3" &); exec sleep 1000'
    hako run -d --name with --init box sh -c "$orphan"
    hako run -d --name without box sh -c "$orphan"
    wait_for 5 sh -c '"$1" exec without ps -o stat,args | grep -q "^Z"' sh "$BUILD/hako"
    run hako exec with ps -o stat,args
    is 0
    has sleep
    lacks Z
}

@test "exit codes are the command's" {
    local code
    for code in 0 1 42 125 126 127 200 255; do
        run -$code hako run --rm box sh -c "exit $code"
    done
}

@test "a command killed by signal n gives 128+n" {
    hako run -d --name kk box sleep 1000
    hako kill kk
    run hako wait kk
    [ "$output" = 137 ]
    run hako run --rm --init box sh -c 'kill -SEGV $$'
    is 139
}

@test "127: the command is not in the image" {
    run -127 hako run --rm box no-such-program
    is 127
    has no-such-program
    run -127 hako run --rm box /no/such/path
    is 127
    has /no/such/path
}

@test "126: the command is no program" {
    run hako run --rm box /etc/passwd
    is 126
    has /etc/passwd
    run hako run --rm box /etc
    is 126
    has /etc
}

@test "126/127 leave the container, unless --rm" {
    run -127 hako run --name failed box no-such-program
    is 127
    run hako ps -aq
    [ "${#lines[@]}" -eq 1 ]
    [ "$(field failed .State.Status)" = created ]
    [ "$(field failed .State.ExitCode)" = 127 ]
    # A later start that gets further forgets it.
    run -127 hako start -a failed
    [ "$(field failed .State.Status)" = created ]
    hako rm failed
    run -127 hako run --rm --name failed box no-such-program
    is 127
    run hako ps -aq
    [ -z "$output" ]
}

@test "a script without #! fails as docker's does, one with a missing interpreter too" {
    mkdir "$BATS_TEST_TMPDIR/s"
    printf 'echo hi\n' >"$BATS_TEST_TMPDIR/s/plain"
    printf '#!/bin/no-such\n' >"$BATS_TEST_TMPDIR/s/lost"
    chmod 755 "$BATS_TEST_TMPDIR"/s/*
    run hako run --rm -v "$BATS_TEST_TMPDIR/s:/s" box /s/plain
    is 126
    has /s/plain
    run -127 hako run --rm -v "$BATS_TEST_TMPDIR/s:/s" box /s/lost
    is 127
    has /s/lost
}

@test "no descriptor of the caller or of hako is open in the box" {
    local init pid
    for init in false true; do
        exec 9</etc/passwd
        hako run -d --name "fds-$init" --init=$init box sleep 1000
        exec 9<&-
        pid=$(field "fds-$init" .State.Pid)
        run ls "/proc/$pid/fd"
        [ "$output" = $'0\n1\n2' ]
    done
    # Below --init's own process the command.
    run ls "/proc/$(cat "/proc/$pid/task/$pid/children" | tr -d ' ')/fd"
    [ "$output" = $'0\n1\n2' ]
}

@test "signals start at their defaults and unblocked" {
    run sh -c 'trap "" USR1 PIPE; exec "$1" run --rm box grep -E "^Sig(Blk|Ign)" /proc/self/status' sh "$BUILD/hako"
    is 0
    [[ ${lines[0]} =~ ^SigBlk:[[:space:]]0000000000000000$ ]]
    [[ ${lines[1]} =~ ^SigIgn:[[:space:]]0000000000000000$ ]]
}

@test "--stop-signal and --stop-timeout are kept and used" {
    hako run -d --name polite --stop-signal USR1 --stop-timeout 30 box \
        sh -c 'trap "exit 11" USR1; echo ready; while :; do sleep 0.05; done'
    wait_for 5 logged polite ready
    SECONDS=0
    hako stop polite
    [ $SECONDS -lt 10 ]
    [ "$(field polite .State.ExitCode)" = 11 ]
    [ "$(field polite .Config.StopTimeout)" = 30 ]
    [[ $(field polite .Config.StopSignal) == *USR1 ]]
    hako run -d --name stubborn --stop-timeout 1 box sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
    wait_for 5 logged stubborn ready
    SECONDS=0
    hako stop stubborn
    [ $SECONDS -lt 6 ]
    [ "$(field stubborn .State.ExitCode)" = 137 ]
}

@test "umask, session and working conditions of a fresh process" {
    run sh -c 'umask 077; exec "$1" run --rm box sh -c "umask; cut -d\" \" -f 6 /proc/1/stat"' sh "$BUILD/hako"
    is 0
    [ "${lines[0]}" = 0022 ]
    [ "${lines[1]}" = 1 ]
}
