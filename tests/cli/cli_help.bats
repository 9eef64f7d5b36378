# SPDX-License-Identifier: Apache-2.0
# What hako says of itself, and to those who mistype: no box needed.
load helpers
bats_require_minimum_version 1.5.0

setup_file() { hako_setup_file; }
teardown_file() { hako_teardown_file; }

# The words below "Commands:" headings of a help text.
commands_of() { awk '/Commands:$/ { on = 1; next } /^$/ { on = 0 } on { print $1 }'; }

@test "help: bare, --help, -h and help are the same, on stdout" {
    run --separate-stderr hako
    is 0
    [ -z "$stderr" ]
    has 'Usage:  hako [OPTIONS] COMMAND'
    has '  run         Create and run a new container from an image'
    has '      --root directory'
    all=$output
    for words in --help -h help; do
        run hako $words
        is 0
        [ "$output" = "$all" ]
    done
}

@test "help: every command explains itself, and so does 'help COMMAND'" {
    for c in $(hako --help | commands_of); do
        case $c in
        container | image | system)
            for sub in $(hako "$c" --help | commands_of); do
                run hako "$c" "$sub" --help
                is 0
                has "Usage:  hako $c $sub"
                run hako help "$c" "$sub"
                has "Usage:  hako $c $sub"
            done
            ;;
        *)
            run hako "$c" --help
            is 0
            has "Usage:  hako $c"
            run hako help "$c"
            is 0
            has "Usage:  hako $c"
            ;;
        esac
    done
}

@test "help: --help behind an option that wants a value is that value" {
    run hako run --name --help
    is 125
    has 'requires at least 1 argument'
}

@test "help: aliases are named, hidden commands are not" {
    run hako container ls --help
    has 'Usage:  hako container ls [OPTIONS]'
    has 'hako container ls, hako container list, hako container ps, hako ps'
    run hako --help
    lacks 'completion'
}

@test "usage errors: docker's words and exit codes" {
    run --separate-stderr hako foo
    is 1
    [ -z "$output" ]
    [ "$stderr" = "hako: 'foo' is not a hako command.
See 'hako --help'" ]
    run hako --foo ps
    is 125
    has 'unknown flag: --foo'
    run hako run --foo box
    is 125
    has 'unknown flag: --foo'
    has "Run 'hako run --help' for more information"
    run hako ps --foo
    is 1
    run hako ps extra
    is 1
    has '"hako ps" accepts no arguments'
    run hako container rm
    is 1
    has '"hako container rm" requires at least 1 argument'
    run hako run
    is 125
    has '"hako run" requires at least 1 argument'
    run hako rename one
    is 1
    has 'requires exactly 2 arguments'
    run hako stop -t abc x
    is 1
    has 'invalid argument "abc" for "-t, --timeout" flag'
    run hako container nope
    is 1
    has "See 'hako container --help'"
    run hako 'container ls'
    is 1
}

@test "usage errors: what was probably meant" {
    run hako rnu
    has $'Did you mean this?\n\trun'
    run hako inspct
    has $'\tinspect'
    run hako container lss
    has $'\tcontainer ls'
    run hako imag
    has $'\timages'
    for word in x qqqqqq "" "$(printf '%0200d' 0)"; do
        run hako "$word"
        is 1
        lacks 'Did you mean'
    done
}

@test "usage errors: words that hako does not take are refused, not ignored" {
    run hako logs --details nobody
    is 1
    has 'is not supported'
    run hako inspect --type volume x
    is 1
    has 'is not a valid value for --type'
    run hako run --detach-keys ctrl-pp box true
    is 125
    has 'invalid detach keys'
    run hako logs --since nonsense nobody
    is 1
    has 'invalid value "nonsense" for --since'
}

@test "version: text, template, json; no directory is made" {
    run "$BUILD/hako" --root /nonexistent/x version
    is 0
    has 'Client: hako'
    has 'linux/'
    v=$(hako version -f '{{.Client.Version}}')
    [[ $v =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
    [ "$(hako version --format '{{.Server.Version}}')" = "$v" ]
    [ "$(hako version -f json | jq -r .Client.Version)" = "$v" ]
    [ "$(hako --version)" = "hako version $v" ]
    [ "$(hako -v)" = "hako version $v" ]
    [ ! -e "$HAKO_ROOT" ] || [ -d "$HAKO_ROOT/containers" ]
}

@test "version: opens nothing but itself and its libraries" {
    needs_cmd strace
    strace -f -e trace=openat,mkdir,mkdirat -o "$BATS_TEST_TMPDIR/trace" "$BUILD/hako" version
    ! grep -vE 'ld.so|\.so\.|exited' "$BATS_TEST_TMPDIR/trace"
}

@test "a full disk is an error, a closed pipe is quiet" {
    [ -c /dev/full ] || skip "needs /dev/full"
    for words in version --help "ps -a" "version -f json" "completion bash"; do
        # shellcheck disable=SC2086
        run bash -c '"$0" "$@" >/dev/full' "$BUILD/hako" $words
        is 1
        has 'cannot write the output'
    done
    run bash -c '"$0" --help | true' "$BUILD/hako"
    is 0
    [ -z "$output" ]
}

@test "called docker or podman, it answers" {
    for name in docker podman; do
        ln -sf "$(readlink -f "$BUILD/hako")" "$BATS_TEST_TMPDIR/$name"
        run "$BATS_TEST_TMPDIR/$name" version -f '{{.Client.Os}}'
        is 0
        [ "$output" = linux ]
    done
}

@test "completion: scripts that the shells accept and that know the commands" {
    hako completion bash >"$BATS_TEST_TMPDIR/c.bash"
    bash -n "$BATS_TEST_TMPDIR/c.bash"
    complete_words() { # WORD… : what is offered for the last one
        bash -c 'source "$0"; COMP_WORDS=(hako "$@"); COMP_CWORD=$#; _hako; printf "%s\n" "${COMPREPLY[@]}"' \
            "$BATS_TEST_TMPDIR/c.bash" "$@"
    }
    run complete_words ''
    has inspect
    has container
    lacks completion
    run complete_words ins
    [ "$output" = inspect ]
    run complete_words container re
    has rename
    has restart
    lacks remove
    run complete_words run --read
    [ "$output" = --read-only ]
    run complete_words image ls --dig
    [ "$output" = --digests ]
    hako completion zsh >"$BATS_TEST_TMPDIR/c.zsh"
    hako completion fish >"$BATS_TEST_TMPDIR/c.fish"
    ! command -v zsh >/dev/null || zsh -n "$BATS_TEST_TMPDIR/c.zsh"
    ! command -v fish >/dev/null || fish -n "$BATS_TEST_TMPDIR/c.fish"
    run hako completion tcsh
    is 1
    has 'choose bash, zsh or fish'
}

@test "man: a page without complaints that has every command and option" {
    needs_cmd groff
    hako man >"$BATS_TEST_TMPDIR/hako.1"
    run groff -man -ww -Tutf8 -z "$BATS_TEST_TMPDIR/hako.1"
    is 0
    [ -z "$output" ]
    run cat "$BATS_TEST_TMPDIR/hako.1"
    for c in $(hako --help | commands_of); do
        case $c in container | image | manifest | network | system | volume) continue ;; esac
        has ".SS hako $c"
    done
    has '.SS hako image sign'
    has '.SS hako system df'
    has 'read\-only'
    has '.SH GLOBAL OPTIONS'
}

@test "no name moves the cursor of the one who reads the error" {
    run hako rm $'a\e[2J\tb\xc2\x9bé'
    is 1
    [ "$output" = 'hako: No such container: a?[2J b?é' ]
}
