#!/usr/bin/env bash
# What no test sees: the format, that every header stands alone, that clang accepts the programs' sources, one by one (the
# build compiles them in batches, where a missing include goes unseen). Each part needs a program that the build does not
# (clang-format, clang++) and is left out, by name, where that is absent. After scripts/setup.sh.
# usage: scripts/check.sh [format|headers|clang ...]
set -euo pipefail
cd "$(dirname "$0")/.."
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(format headers clang)
build=${CRC_BUILD:-build}
folders=(kernels nn ssl crc data apps bench tests)
flags=(-std=c++20 -fsyntax-only -I. -I"$build/generated" -fopenmp -march=x86-64-v3 -DCRC_CUDA=0 -DCRC_SOURCE_DIR=\".\" -DCRC_BINARY_DIR=\".\" -DCRC_LIBRARY_VERSION=\"\")

sources() { git ls-files "${folders[@]}" 2> /dev/null || find "${folders[@]}" -type f; }
lacks() { command -v "$1" > /dev/null || { echo "check: $2 left out: there is no $1"; return 0; }; return 1; }
# each FILE...: `command` with each, as many at a time as there are cores; fails if one fails.
each() { xargs -P "$(nproc)" -I{} sh -c "$1 || { echo 'check: {}' >&2; exit 1; }"; }

for part in "${parts[@]}"; do
  case $part in
    format)
      lacks clang-format format && continue
      if ! clang-format --version | grep -q ' version 14\.'; then  # others break lines in other places
        echo "check: format left out: $(clang-format --version) is not 14"
        continue
      fi
      sources | grep -E '\.(h|cuh|cpp|cu)$' | xargs -P "$(nproc)" -n 40 clang-format --dry-run -Werror
      ;;
    headers)  # with nothing before it; those of CUDA and of the emulator belong to their compilers, Python's to its headers
      sources | grep -E '\.h$' | grep -vE '^kernels/cuda/|^tests/emulator/|^tests/kernels/cuda/|^apps/python/' |
        while read -r header; do  # the source that includes it first proves the same
          grep -m1 '^#include' "${header%.h}.cpp" 2> /dev/null | grep -qF "\"$header\"" || echo "$header"
        done | each "g++ ${flags[*]@Q} -include {} -x c++ /dev/null 2>&1"
      ;;
    clang)
      lacks clang++ clang && continue
      sources | grep -E '\.cpp$' |
        grep -vE '^kernels/cuda/|^tests/|^apps/python/' |
        each "clang++ ${flags[*]@Q} -Wall -Wextra -Wno-missing-field-initializers {} 2>&1"
      ;;
    *) echo "check: format, headers or clang, not $part" >&2; exit 64 ;;
  esac
  echo "check: $part is fine"
done
