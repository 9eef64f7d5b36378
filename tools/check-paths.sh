#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No path of the machine the tree happens to stand on, and no promise for later, gets committed.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0
here=$(pwd -P)
# The checkout itself, and its parent directory (a home, a work place), wherever they are.
for path in "$here" "$(dirname "$here")/"; do
    [ "${#path}" -gt 4 ] || continue
    git grep -nIF -e "$path" -- . && bad=1
done
git grep -nIE -e '/home/[a-z]+/' -- . ':!tools/check-paths.sh' ':!docs' ':!tests' && bad=1
git grep -nIwE -e 'TODO|FIXME|XXX' -- src include tests fuzz bench tools examples \
    ':!tools/check-paths.sh' && bad=1
exit $bad
