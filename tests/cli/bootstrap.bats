# SPDX-License-Identifier: Apache-2.0
# image bootstrap: a system from the distribution's own packages, twice the same.
bats_require_minimum_version 1.5.0
load helpers

setup_file() { hako_setup_file; }
teardown_file() { hako_teardown_file; }
setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

@test "two runs by one lock give the same digest; it runs" {
    needs_root
    needs_cmd mmdebstrap
    run hako image bootstrap --variant essential --lock -t boot:1 debian:bookworm
    [ "$status" -eq 0 ] || [[ $output != *"Could not resolve"* ]] || skip "no mirror of Debian can be reached"
    is 0
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    first=$output
    grep -q '^date [0-9]*$' bootstrap.lock
    grep -q '^bash [0-9]' bootstrap.lock
    run hako image bootstrap --variant essential --lock=bootstrap.lock -t boot:2 debian:bookworm
    is 0
    [ "$output" = "$first" ]
    run hako run --rm --network none boot:2 sh -c '. /etc/os-release; echo $VERSION_CODENAME; ls /etc/apt/preferences.d'
    [ "$output" = bookworm ]
    # a version that no mirror has
    sed -i 's/^bash .* /bash 1.0-1 /' bootstrap.lock
    run hako image bootstrap --variant essential --lock -t boot:3 debian:bookworm
    is 1
    hako_remove_network
}

@test "bad input" {
    for name in fedora:39 debian debian: 'debian:../x' 'debian:-o' Debian:bookworm; do
        run hako image bootstrap "$name"
        is 1
        has "expected debian:SUITE"
    done
    run hako image bootstrap --date never debian:bookworm
    is 1
    has 'invalid date "never"'
    run hako image bootstrap --platform linux/pdp11 debian:bookworm
    is 1
    echo 'one two three four' >bad.lock
    run hako image bootstrap --lock=bad.lock debian:bookworm
    is 1
    has 'bad.lock:1: expected "package version architecture"'
    printf 'bash 1;rm amd64\n' >bad.lock
    run hako image bootstrap --lock=bad.lock debian:bookworm
    is 1
}

@test "without mmdebstrap it says what is missing" {
    mkdir bin
    run env PATH="$BATS_TEST_TMPDIR/bin" "$BUILD/hako" image bootstrap debian:bookworm
    is 1
    has "needs the program mmdebstrap"
}
