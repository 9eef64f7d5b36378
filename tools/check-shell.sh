#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every script passes shellcheck.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files -co --exclude-standard 'dev' '.ci/run' '*.sh' '*.bash' |
    xargs -r shellcheck --severity=warning --exclude=SC2120 -x
