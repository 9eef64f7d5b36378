# SPDX-License-Identifier: Apache-2.0
# pivot_root(2) in a chroot leaves the host's tree above the box's root: hako must not start there.
load helpers

setup_file() { hako_setup_file; }
teardown_file() { hako_teardown_file; }
setup() { hako_setup; }
teardown() { hako_teardown; }

in_chroot() { # in_chroot ARGS…: hako in a chroot that holds everything the host has
    mkdir -p "$BATS_TEST_TMPDIR/r"
    unshare -m sh -c 'mount --rbind / "$1" && shift && exec chroot "$0" "$@"' \
        "$BATS_TEST_TMPDIR/r" "$BATS_TEST_TMPDIR/r" "$BUILD/hako" "$@"
}

@test "a box is not started in a chroot" {
    needs_root
    run in_chroot run --rm --network none box true
    is 125
    has "started in a chroot"
    run hako ps -aq
    [ -z "$output" ]
}

@test "a mount namespace of one's own is fine" {
    needs_root
    run unshare -m "$BUILD/hako" run --rm --network none box echo fine
    is 0
    has fine
}
