#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C file looks as .clang-format says. `./dev fmt` mends it.
set -euo pipefail
cd "${HAKO_LINT_ROOT:-$(dirname "$0")/..}"
git ls-files -co --exclude-standard '*.c' '*.h' | xargs -r clang-format --dry-run -Werror
