# SPDX-License-Identifier: Apache-2.0
# Terminals: size, keys, detaching and coming back, for run, exec and attach.
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

person() { python3 "$FIXTURES/person.py" "$@"; }
H() { printf '%s' "$BUILD/hako"; }

@test "run -it is a terminal of the right size, and follows a resize" {
    run person --size 33x111 'expect:# ' 'send:tty; stty size\r' 'expect:/dev/pts/0\s+33 111' \
        'resize:44x122' 'wait:0.3' 'send:stty size\r' 'expect:44 122' 'send:exit 7\r' end \
        -- "$(H)" run --rm -it box sh
    is 7
}

@test "the size is right from the first moment on" {
    local i
    for i in 1 2 3 4 5 6; do
        run person --size 21x77 'expect:21 77' end -- "$(H)" run --rm -it box stty size
        is 0
    done
}

@test "TERM, HOME, /dev/console and the controlling terminal" {
    run person 'expect:xterm' 'expect:console' 'expect:/dev/tty works' end -- "$(H)" run --rm -it box \
        sh -c 'echo $TERM; ls /dev/console; echo "/dev/tty works" >/dev/tty'
    is 0
}

@test "ctrl-c goes to the box, the command lives on with it" {
    run person 'expect:ready' 'send:\x03' 'expect:got INT' 'send:x\r' 'expect:read x' end \
        -- "$(H)" run --rm -it box sh -c 'trap "echo got INT" INT; echo ready; read a; read a; echo read $a'
    is 0
}

@test "ctrl-d ends input" {
    run person 'expect:# ' 'send:\x04' end -- "$(H)" run --rm -it box sh
    is 0
}

@test "a job can be stopped and go on: job control works" {
    run person 'expect:# ' 'send:sleep 1000\r' 'wait:0.3' 'send:\x1a' 'expect:Stopped' 'send:jobs\r' \
        'expect:sleep 1000' 'send:fg\r' 'wait:0.2' 'send:\x03' 'expect:# ' 'send:exit 3\r' end -- "$(H)" run --rm -it box sh
    is 3
}

@test "the caller's terminal is as before afterwards" {
    run person 'expect:before' 'expect:after' end -- bash -c \
        'a=$(stty -g); echo before; "$1" run --rm -it box true; [ "$a" = "$(stty -g)" ] && echo after' sh "$(H)"
    is 0
    run person 'expect:raw no more' end -- bash -c \
        'a=$(stty -g); "$1" run --rm -it box no-such-program; [ "$a" = "$(stty -g)" ] && echo "raw no more"' sh "$(H)"
    is 0
}

@test "ctrl-p ctrl-q detaches; the box goes on; attach comes back" {
    run person 'expect:# ' 'send:X=remembered\r' 'expect:# ' 'send:\x10\x11' 'expect:read escape sequence' end \
        -- "$(H)" run --name tt -it box sh
    is 0
    [ "$(field tt .State.Status)" = running ]
    run person --size 31x71 'wait:0.3' 'send:echo $X; stty size\r' 'expect:remembered' 'expect:31 71' 'send:exit 5\r' end \
        -- "$(H)" attach tt
    is 5
    [ "$(field tt .State.ExitCode)" = 5 ]
}

@test "a lone ctrl-p is passed on" {
    run person 'expect:ready' 'send:\x10a' 'expect:10 61|020 +141|20 61' end -- "$(H)" run --rm -it box \
        sh -c 'stty raw -echo; echo ready; dd bs=1 count=2 2>/dev/null | od -An -to1'
    is 0
}

@test "--detach-keys" {
    run person 'expect:# ' 'send:\x10\x11' 'wait:0.2' 'send:\x01d' 'expect:read escape sequence' end \
        -- "$(H)" run --name kk --detach-keys ctrl-a,d -it box sh
    is 0
    [ "$(field kk .State.Status)" = running ]
    run person 'expect:ctrl-' end -- "$(H)" run --rm --detach-keys ctrl-nonsense -it box sh
    [ "$status" -ne 0 ]
}

@test "killing the command of a terminal leaves the box running, attachable" {
    run person 'expect:# ' 'signal:KILL' end -- "$(H)" run --name tt -it box sh
    [ "$(field tt .State.Status)" = running ]
    run person 'wait:0.3' 'send:echo back\r' 'expect:^back' 'send:exit\r' end -- "$(H)" attach tt
    is 0
}

@test "-t without -i: output is a terminal's, input none" {
    run sh -c '"$1" run --rm -t box sh -c "[ -t 1 ] && echo tty; echo err >&2" </dev/null' sh "$(H)"
    is 0
    [ "$output" = $'tty\r\nerr\r' ]
}

@test "-dit keeps the terminal for later; logs hold what was shown" {
    hako run -dit --name dd box sh
    run person 'wait:0.3' 'send:echo to-the-log\r' 'expect:^to-the-log' 'send:\x10\x11' 'expect:read escape' end -- "$(H)" attach dd
    is 0
    run hako logs dd
    has to-the-log
}

@test "two at one terminal see the same" {
    hako run -dit --name dd box sh
    person 'wait:1.5' -- "$(H)" attach dd >"$BATS_TEST_TMPDIR/first" 3>&- &
    local pid=$!
    sleep 0.4
    run person 'wait:0.2' 'send:echo for-both\r' 'expect:^for-both' 'send:\x10\x11' end -- "$(H)" attach dd
    is 0
    wait $pid || true
    grep -q for-both "$BATS_TEST_TMPDIR/first"
}

@test "exec -it: size, resize, exit code, detach" {
    hako run -d --name xx box sleep 1000
    run person --size 25x99 'expect:# ' 'send:stty size; tty\r' 'expect:25 99' 'expect:/dev/pts/' 'resize:26x98' 'wait:0.3' \
        'send:stty size\r' 'expect:26 98' 'send:exit 4\r' end -- "$(H)" exec -it xx sh
    is 4
    run person 'expect:# ' 'send:\x10\x11' 'expect:read escape' end -- "$(H)" exec -it xx sh
    is 0
    [ "$(field xx .State.Status)" = running ]
}

@test "exec -t without a terminal as input still gives one to the box" {
    hako run -d --name xx box sleep 1000
    run sh -c '"$1" exec -t xx sh -c "[ -t 1 ] && echo tty" </dev/null' sh "$(H)"
    is 0
    has tty
    run sh -c 'echo | "$1" exec -it xx true' sh "$(H)"
    is 1
    has "not a TTY"
}

@test "much output on a terminal comes whole" {
    run person 'expect:9999\r\n' end -- "$(H)" run --rm -it box seq 9999
    is 0
    [ "${#lines[@]}" -eq 9999 ]
}

@test "attach: output, input and signals of a box without a terminal" {
    hako run -d -i --name aa box sh -c 'trap "echo usr1" USR1; read x; echo "got $x"; read x; echo "got $x"; read x; exit 3'
    run timeout -s KILL 3 sh -c '{ echo one; sleep 0.5; echo two; } | "$1" attach aa' sh "$(H)"
    # Its input stays open for the next who attaches: -d -i, as docker has it.
    is 137
    has "got one"
    has "got two"
    [ "$(field aa .State.Status)" = running ]
    run timeout -s KILL 10 sh -c 'echo three | "$1" attach aa' sh "$(H)"
    is 3
    run hako attach aa
    is 1
    has "not running"
}

@test "attach --no-stdin" {
    hako run -d -i --name aa box sh -c 'sleep 0.7; echo shown; exit 2'
    run timeout -s KILL 10 sh -c 'echo x | { "$1" attach --no-stdin aa; echo "code $?"; cat; }' sh "$(H)"
    has shown
    has "code 2"
    [[ $output == *x ]]
}
