#!/usr/bin/env bash
# The one command for a machine with an NVIDIA GPU: all CUDA tests, compute-sanitizer, benchmarks, a short training.
# Prints a summary table and writes one results file to commit under bench/results/.
# usage: scripts/gpu-check.sh [--build DIR]     DIR: an existing build (default: build-cuda, made by preset "cuda")
#   CRC_CIFAR10_DIR=DIR   also trains WRN-28-2 with FixMatch on CIFAR-10 for two epochs
set -uo pipefail
cd "$(dirname "$0")/.."
build=build-cuda
[ "${1:-}" = "--build" ] && build=$2

gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -1)
[ -n "$gpu" ] || { echo "gpu-check: nvidia-smi finds no GPU" >&2; exit 69; }
if [ ! -x "$build/crc_train" ]; then
  cmake --preset cuda && cmake --build build-cuda || exit 70
fi

stamp=$(date -u +%Y%m%dT%H%M%SZ)
mkdir -p bench/results
result=bench/results/gpu-check-$(echo "${gpu%%,*}" | tr ' ' '-')-$stamp.txt
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
{ echo "gpu-check $stamp"; echo "gpu: $gpu"; "$build/crc_train" --version; } | tee "$result"
failed=0

# step NAME COMMAND...: runs it, keeps its output in the results file, prints one row
step() {
  local name=$1 start=$SECONDS verdict=passed
  shift
  { echo; echo "== $name: $*"; } >>"$result"
  "$@" >>"$result" 2>&1 || { verdict="FAILED ($?)"; failed=1; }
  printf '%-28s %-14s %5d s\n' "$name" "$verdict" $((SECONDS - start)) | tee -a "$scratch/table"
}

export CRC_REQUIRE_CUDA=1
step doctor "$build/crc_train" doctor --device cuda
for layer in kernels nn ssl crc; do
  step "tests: $layer" "$build/tests/${layer}_test" --gtest_brief=1 '--gtest_filter=*cuda*:*Cuda*'
done
if command -v compute-sanitizer >/dev/null; then
  # Our own kernels; the math libraries' are left out, they are slow under the tools and not ours.
  ours='*cuda*:-*Conv2d*:*Gemm*:*Linear*:*Eigvals*'
  for tool in memcheck racecheck initcheck synccheck; do
    step "sanitizer: $tool" compute-sanitizer --tool "$tool" --error-exitcode 1 "$build/tests/kernels_test" --gtest_brief=1 "--gtest_filter=$ours"
  done
else
  echo "sanitizer: compute-sanitizer is not installed: not run" | tee -a "$scratch/table"
fi
[ -x "$build/crc_bench" ] && step bench "$build/crc_bench" --device cuda --json "bench/results/bench-$stamp.jsonl"
step "training: street-digits" "$build/crc_train" run demo --set run.device=cuda --out "$scratch/digits"
if [ -n "${CRC_CIFAR10_DIR:-}" ]; then
  for precision in fp32 bf16; do
    step "training: CIFAR-10 $precision" "$build/crc_train" run cifar10 --set run.device=cuda --set run.precision=$precision \
      --set "data.dir=$CRC_CIFAR10_DIR" --set ssl.epochs=2 --set acquisition.rounds=0 --out "$scratch/cifar-$precision"
  done
fi
{ echo; echo "== summary"; cat "$scratch/table"; } >>"$result"
echo "results: $result"
exit $failed
