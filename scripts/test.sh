#!/usr/bin/env bash
# Installs what is missing, builds everything and runs all tests that this machine can run.   usage: scripts/test.sh [ctest options]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cmake --build build
exec ctest --preset default -j "$(nproc)" "$@"
