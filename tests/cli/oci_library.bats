#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# hako-runtime.h: the example is compiled, linked with libhako and run.
load helpers
load oci

setup_file() { oci_setup_file; }
teardown_file() { hako_teardown_file; }
setup() { oci_setup; }
teardown() { oci_teardown; }

@test "the runtime example goes through the life of a container" {
    needs_cmd cc
    [ -e "$BUILD/libhako.so" ] || skip "libhako is not built"
    cc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -I "$TOP/include" -o runtime \
        "$TOP/examples/runtime.c" "$BUILD/libhako.so" -Wl,-rpath,"$BUILD"
    script 'sleep 100'
    run timeout 30 ./runtime "$OCI_ROOT" "$BUNDLE" "$ID"
    is 0
    [ "$(jq -r .status <<<"${lines[0]}")" = running ]
    has "hello from exec"
    run timeout 30 ./runtime "$OCI_ROOT" /no/such/bundle "$ID"
    is 1
    has /no/such/bundle
}

@test "hako-runtime.h compiles as C++" {
    needs_cmd c++
    printf '#include <hako-runtime.h>\nint main() { return sizeof(hako_error) == 0; }\n' >t.cc
    c++ -Wall -Werror -I "$TOP/include" -fsyntax-only t.cc
}
