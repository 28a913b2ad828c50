#!/usr/bin/env bash
# Installs what is missing, builds, and runs the demo: CRC against random and entropy on built-in data. No download, no
# GPU needed; about two minutes on two cores once built.   usage: scripts/demo.sh [options of `crc_train demo`]
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
cmake --build build --target crc_train
exec build/crc_train demo "$@"
