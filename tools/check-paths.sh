#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No path of the machine the tree happens to stand on, and no promise for later, gets committed.
set -euo pipefail
cd "${HAKO_LINT_ROOT:-$(dirname "$0")/..}"
bad=0
here=$(pwd -P)
# The checkout itself, wherever it is; "/src" alone would be a word like any other.
case $here in
/*/*) git grep -nIF -e "$here" -- . && bad=1 ;;
esac
git grep -nIE -e '/home/[a-z]+/' -- . ':!tools/check-paths.sh' ':!docs' ':!tests' && bad=1
git grep -nIwE -e 'TODO|FIXME|XXX' -- src include tests fuzz bench tools examples \
    ':!tools/check-paths.sh' && bad=1
exit $bad
