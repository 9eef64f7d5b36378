#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# cppcheck over src/; its build directory remembers what it has seen.
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${HAKO_BUILD:-build}/lint-cache/cppcheck
mkdir -p "$cache"
exec cppcheck --quiet --error-exitcode=1 --std=c11 --platform=unix64 --language=c \
    --enable=warning,performance,portability --inline-suppr -j "$(nproc)" \
    --suppressions-list=tools/cppcheck.suppress --cppcheck-build-dir="$cache" \
    --template='{file}:{line}: {severity}: {message} [{id}]' \
    -D_GNU_SOURCE -D__linux__ -D__x86_64__ -D__GNUC__=12 '-D__extension__=' \
    '-DHAKO_VERSION=""' '-DHAKO_LIBEXECDIR=""' '-DHAKO_MODULEDIR=""' '-DHAKO_DATADIR=""' \
    -Isrc -Iinclude src
