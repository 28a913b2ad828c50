#!/usr/bin/env bash
# Fuzzes every reader of files (tests/fuzz/readers.cpp) with libFuzzer, AddressSanitizer and UBSan. Needs clang with its
# runtime and OpenMP (Debian: clang libclang-rt-dev libomp-dev). Findings stay in build-fuzz/findings/READER/; one that is
# mended moves to tests/fuzz/corpus/READER/, where every test run reads it.
# usage: scripts/fuzz.sh [seconds per reader, default 60] [reader ...]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
cmake -G Ninja -S . -B build-fuzz -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCRC_CUDA=OFF -DCRC_BENCH=OFF \
      -DCRC_FUZZ=ON -DCRC_SANITIZE=address,undefined,fuzzer-no-link ${CRC_CMAKE_OPTIONS:-} >/dev/null
cmake --build build-fuzz --target fuzzer fuzz_test
readers=("$@")
[ ${#readers[@]} -gt 0 ] || mapfile -t readers < <(build-fuzz/tests/fuzz_test --gtest_list_tests | sed -n 's|.*/\([a-z_]*\) .*|\1|p')
failed=0
printf '%-18s %12s %10s %9s\n' reader executions features result
for reader in "${readers[@]}"; do
  folder=build-fuzz/corpus/$reader
  findings=build-fuzz/findings/$reader
  mkdir -p "$folder" "$findings" "tests/fuzz/corpus/$reader"
  CRC_FUZZ_WRITE_SEEDS=$folder build-fuzz/tests/fuzz_test --gtest_filter="*/$reader" >/dev/null
  result=clean
  CRC_FUZZ_READER=$reader build-fuzz/tests/fuzzer "$folder" "tests/fuzz/corpus/$reader" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 -artifact_prefix="$findings/" >"$findings/log" 2>&1 || result=FOUND
  [ "$result" = clean ] || failed=1
  printf '%-18s %12s %10s %9s\n' "$reader" "$(sed -n 's/stat::number_of_executed_units: *//p' "$findings/log")" \
         "$(sed -n 's/.* ft: \([0-9]*\) .*/\1/p' "$findings/log" | tail -1)" "$result"
  rmdir --ignore-fail-on-non-empty "tests/fuzz/corpus/$reader" 2>/dev/null || true
done
exit $failed
