# SPDX-License-Identifier: Apache-2.0
# The checks of the house can fail: each is shown what it must refuse, and something it must not.
load helpers

setup() {
    export HAKO_LINT_ROOT=$BATS_TEST_TMPDIR/tree
    mkdir -p "$HAKO_LINT_ROOT"/{src/base,src/sys,src/net,src/engine,src/cli,src/oci,tools}
    cd "$HAKO_LINT_ROOT"
    git init -q .
    put src/base/a.h '#pragma once'
    put src/base/a.c '#include "base/a.h"'
}

put() { # put FILE LINE…
    local f=$1
    shift
    printf '%s\n' '/* SPDX-License-Identifier: Apache-2.0 */' "$@" >"$f"
}

check() { run "$TOP/tools/check-$1"; }

@test "layers: downwards is fine" {
    put src/sys/s.c '#include "base/a.h"' '#include <seccomp.h>'
    check layers.py
    is 0
}

@test "layers: upwards is refused with file and line" {
    put src/net/n.h '#pragma once'
    put src/sys/s.c '#include "base/a.h"' '#include "net/n.h"'
    check layers.py
    is 1
    has 'src/sys/s.c:3: sys/ must not include net/'
}

@test "layers: the same level is refused" {
    put src/sys/s.h '#pragma once'
    mkdir src/spec
    put src/spec/x.c '#include "sys/s.h"'
    check layers.py
    is 1
    has 'spec/ must not include sys/'
}

@test "layers: a front end uses hako.h, not the engine's headers" {
    put src/engine/e.h '#pragma once'
    put src/cli/c.c '#include "hako.h"' '#include "engine/e.h"'
    check layers.py
    is 1
    has 'src/cli/c.c:3: cli/ must not include engine/'
}

@test "layers: the side door oci stays out of the engine and net" {
    put src/net/n.h '#pragma once'
    put src/oci/o.c '#include "net/n.h"'
    check layers.py
    is 1
    has 'oci/ must not include net/'
}

@test "layers: a ring of modules is refused, private headers are no ring" {
    put src/base/a.h '#pragma once'
    put src/base/a_priv.h '#pragma once' '#include "base/a.h"'
    put src/base/a.c '#include "base/a.h"' '#include "base/a_priv.h"'
    check layers.py
    is 0
    put src/base/b.h '#pragma once' '#include "base/a.h"'
    put src/base/b.c '#include "base/b.h"'
    put src/base/a.c '#include "base/b.h"'
    check layers.py
    is 1
    has 'ring of includes: base/a ↔ base/b'
}

@test "layers: json-c outside base/json.c, libseccomp outside sys" {
    put src/net/n.c '#include <json-c/json.h>' '#include <seccomp.h>'
    check layers.py
    is 1
    has 'src/net/n.c:2: <json-c/json.h> belongs to base/json.c'
    has 'src/net/n.c:3: <seccomp.h> belongs to sys'
}

@test "layers: a room without a level is refused" {
    mkdir src/attic
    put src/attic/x.c ''
    check layers.py
    is 1
    has 'attic/ has no level'
}

@test "banned: strcpy everywhere, printf below the command line" {
    put src/base/a.c 'void f(char *d) {' 'strcpy(d, "x");' 'printf("y");' '}'
    check banned.py
    is 1
    has 'src/base/a.c:3: strcpy()'
    has 'src/base/a.c:4: printf()'
    put src/base/a.c '/* strcpy(a, b) */ const char *s = "printf(";' 'int x_strcpy(void);'
    put src/cli/c.c 'void g(void) { printf("z"); }'
    check banned.py
    is 0
}

@test "ratchet: length and complexity" {
    {
        echo '/* SPDX-License-Identifier: Apache-2.0 */'
        echo 'int f(int a) {'
        for i in $(seq 21); do echo "    if (a == $i) return $i;"; done
        echo '    return 0;'
        echo '}'
        echo 'int g(int a) {'
        for i in $(seq 61); do echo "    a += $i;"; done
        echo '    return a;'
        echo '}'
    } >src/base/long.c
    check ratchet.py
    is 1
    has 'src/base/long.c:2: f: complexity 22, allowed 20'
    has 'src/base/long.c:26: g: function lines'
    for i in $(seq 801); do echo "int x$i;"; done >src/base/wide.c
    check ratchet.py
    has 'src/base/wide.c: file lines 801, allowed 800'
}

@test "ratchet: the worst may not grow back" {
    put src/base/a.c 'int f(int a) {' '    if (a) return 1;' '    return 0;' '}'
    echo '{"complexity": 1}' >tools/ratchet.json
    check ratchet.py
    is 1
    has 'complexity 2, allowed 1'
}

@test "format, spdx and paths" {
    cp "$TOP/.clang-format" .
    put src/base/a.c 'int   x;'
    check format.sh
    is 123
    has 'src/base/a.c:2:4'
    echo 'int x;' >src/base/a.c
    check spdx.sh
    is 1
    has 'src/base/a.c:1: no SPDX'
    put src/base/a.c "const char *p = \"$(pwd -P)/x\";"
    git add src
    check paths.sh
    is 1
    has 'src/base/a.c:2'
}
