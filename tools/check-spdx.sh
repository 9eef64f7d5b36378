#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every source, script and build file names its licence in one of its first three lines.
set -euo pipefail
cd "${HAKO_LINT_ROOT:-$(dirname "$0")/..}"
bad=0
while IFS= read -r f; do
    case $f in
    *.c | *.h | *.py | *.sh | *.bats | *.bash | *.map | meson.build | */meson.build | \
        meson_options.txt | dev | .ci/run | bench/run | tests/run | .clang-tidy) ;;
    *) continue ;;
    esac
    [ -f "$f" ] || continue
    if ! head -3 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0'; then
        echo "$f:1: no SPDX-License-Identifier: Apache-2.0"
        bad=1
    fi
done < <(git ls-files -co --exclude-standard)
exit $bad
