#!/usr/bin/env bash
# The one command for a machine with an NVIDIA GPU, in a source tree or in an unpacked bundle: correctness first, then
# sanitizers, benchmarks, PyTorch on the same GPU, and a real training with the acquisition that follows.
#
# usage: scripts/gpu-check.sh [--part PART]... [--build DIR] [--out DIR] [--minutes 3] [--python python3] [--rehearse]
#          PART: first (default): what a first quarter of an hour on a GPU must answer, in eight minutes: doctor with its
#          gate, the tests of kernels and training, training steps in bf16 with the gate's choices and without, the
#          heaviest kernels, PyTorch's best rows, a short training. tests, sanitizers, bench, peers, train-bf16,
#          train-fp32, all: the same at length, each step cut off after ten minutes. What has passed is not run again.
#        scripts/gpu-check.sh --bundle DIR [--arch all-major] [--cifar10 DIR]   (on the build machine) makes a bundle in parts;
#                                                                      git ignores a DIR named build-bundle
#        scripts/gpu-check.sh --unpack DIR --into DIR2                   (on the GPU machine) collects parts, then unpacks
#          DIR           of everything that comes out: results.txt, *.jsonl, best-*.safetensors; default
#                        bench/results/gpu-check-GPU-DAY
#          --minutes     of each training at length; CRC_CIFAR10_DIR: CIFAR-10's binary files, without which training is
#                        on demo data
#          --rehearse    the same steps on the CPU at toy size: finds mistakes in this script, says nothing of a GPU
# The machine must have: an NVIDIA driver for CUDA 13; cuDNN 9, cuBLAS 13 and cuSOLVER 12 on LD_LIBRARY_PATH, in
# /usr/local/cuda or among Python's nvidia-* packages; compute-sanitizer and PyTorch for the parts that are about them.
# Exit code: 0 all passed, 1 something failed, 69 no GPU.
set -uo pipefail
cd "$(dirname "$0")/.."
here=$PWD parts=() build=build-cuda out= minutes=3 python=python3 device=cuda
while [ $# -gt 0 ]; do
  case "$1" in
    --bundle | --unpack) exec scripts/gpu-bundle.sh "$@" ;;
    --rehearse) device=cpu; shift; continue ;;
    --part | --build | --out | --minutes | --python)
      [ $# -ge 2 ] || { echo "gpu-check: $1 needs a value" >&2; exit 64; } ;;
  esac
  case "$1" in
    --part) parts+=("$2") ;;
    --build) build=$2 ;;
    --out) out=$2 ;;
    --minutes) minutes=$2 ;;
    --python) python=$2 ;;
    *) echo "gpu-check: unknown option $1 (see the first lines of this file)" >&2; exit 64 ;;
  esac
  shift 2
done
[ ${#parts[@]} -gt 0 ] || parts=(first)
for part in "${parts[@]}"; do
  case "$part" in
    first | all | tests | sanitizers | bench | peers | train | train-bf16 | train-fp32) ;;
    *) echo "gpu-check: no part $part (see the first lines of this file)" >&2; exit 64 ;;
  esac
done

gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -1)
if [ $device = cuda ] && [ -z "$gpu" ]; then
  echo "gpu-check: nvidia-smi finds no GPU on this machine; run this where there is one, or give --rehearse" >&2
  exit 69
fi
gpu=${gpu:-none: a rehearsal on the CPU}

if [ -f ../built-at ] && [ -x ../bin/crc_train ]; then  # in a bundle
  bin=$(cd .. && pwd)/bin tests=$(cd .. && pwd)/tests
  built_at=$(cat ../built-at)  # where the tests look for their golden files
  [ -e "$built_at" ] || { mkdir -p "$(dirname "$built_at")" && ln -s "$here" "$built_at"; } ||
    echo "gpu-check: cannot make $built_at: tests with golden files will fail" >&2
else
  bin=$build tests=$build/tests
  if [ ! -x "$build/crc_train" ]; then
    [ "$build" = build-cuda ] || { echo "gpu-check: no $build/crc_train: build it first" >&2; exit 66; }
    cmake --preset cuda && cmake --build build-cuda || exit 70
  fi
fi
libraries=/usr/local/cuda/lib64:$("$python" -c '
import glob, importlib.util
spec = importlib.util.find_spec("nvidia")
print(":".join(d for root in (spec.submodule_search_locations if spec else []) for d in sorted(glob.glob(root + "/*/lib"))))' 2>/dev/null)
if [ -z "$out" ]; then
  out=bench/results/gpu-check-$(echo "${gpu%%[,:]*}" | tr ' ' '-')-$(date -u +%Y-%m-%d)
fi
mkdir -p "$out"
result=$out/results.txt
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# The libraries are for our programs alone: PyTorch has its own, and its rows must run on those.
mkdir "$scratch/bin" "$scratch/tests"
wrap() {
  [ ! -x "$1" ] || printf '#!/bin/sh\nLD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}%s exec "%s" "$@"\n' "$libraries" "$(realpath "$1")" >"$2"
  [ ! -e "$2" ] || chmod +x "$2"
}
for program in crc_train crc_bench; do wrap "$bin/$program" "$scratch/bin/$program"; done
for layer in kernels nn ssl crc; do wrap "$tests/${layer}_test" "$scratch/tests/${layer}_test"; done
bin=$scratch/bin tests=$scratch/tests
{ echo "gpu-check $(date -u +%Y-%m-%dT%H:%M:%SZ): ${parts[*]}"; echo "gpu: $gpu"; "$bin/crc_train" --version; } | tee -a "$result"
failed=0

# step NAME SECONDS COMMAND...: runs it unless it has passed before, keeps its output in the results file, prints one row.
step() {
  local name=$1 limit=$2 start=$SECONDS verdict=passed code
  shift 2
  if grep -qxE "@ $name +passed +[0-9]+ s" "$result"; then echo "$name: has passed before"; return; fi
  { echo; echo "== $name: $*"; } >>"$result"
  timeout --kill-after=10 "$limit" "$@" >>"$result" 2>&1
  code=$?
  [ $code -eq 0 ] || { verdict="FAILED($code)"; failed=1; }
  printf '@ %s %s %d s\n' "$name" "$verdict" $((SECONDS - start)) | tee -a "$result"
}
missing() { printf '@ %s not-run: %s\n' "$1" "$2" | tee -a "$result"; }
wants() { [[ " ${parts[*]} " == *" all "* || " ${parts[*]} " == *" $1 "* || " ${parts[*]} " == *" ${1%-*} "* ]]; }

if [ $device = cuda ]; then
  export CRC_REQUIRE_CUDA=1
  filter='*cuda*:*Cuda*' quick=()
else
  filter='*Sgd*:*FixMatch*' quick=(--quick)
fi
long=570
# Two contexts of a test must have the same bits: nothing may be chosen by its time. What is chosen, doctor looks at.
test_layer() { step "tests-$1" "$2" env CRC_TIER=plain "$tests/$1_test" --gtest_brief=1 "--gtest_filter=$filter"; }
# bench NAME SECONDS REGEX [VARIABLE=VALUE]: within the time, to NAME.jsonl
bench() {
  [ -x "$bin/crc_bench" ] || { missing "bench-$1" "there is no crc_bench"; return; }
  step "bench-$1" $(($2 + 20)) env "${@:4}" "$bin/crc_bench" --device $device "${quick[@]}" --time-limit "$2" --filter "$3" \
    --json "$out/$1.jsonl" --force
}
# peers METHOD SECONDS OPTION...
peers() {
  "$python" -c 'import torch' 2>/dev/null || { missing "peers-$1" "$python cannot import torch"; return; }
  step "peers-$1" "$2" bench/peers/compare_steps.sh --device $device --build "$bin" --python "$python" --methods "$1" \
    --json "$out/peers-$1.jsonl" "${@:3}"
}

# 480 s in all: 60 + 60 + 40 + 2 * 35 + 20 + 45 + 90 + 95.
if [[ " ${parts[*]} " == *" first "* ]]; then
  step doctor 60 "$bin/crc_train" doctor --device $device
  test_layer kernels 60
  test_layer ssl 40
  if [ $device = cuda ]; then
    bench steps 15 '^train (fixmatch|mean_teacher) .*bf16'
    bench steps-plain 15 '^train (fixmatch|mean_teacher) .*bf16' CRC_TIER=plain
    step step-times 20 "$bin/crc_bench" --device cuda --step --precision bf16 --json "$out/step-times.jsonl" --force
    bench kernels 25 '^(conv2d|batchnorm).*bf16|^conv2d_(backward_weights|weight_gradient).*f32'
    peers fixmatch 90 --turns 1 --seconds 5 --rows bf16,graph
  else
    bench kernels 25 '^sgd'
  fi
fi

if wants tests; then
  step doctor $long "$bin/crc_train" doctor --device $device
  for layer in kernels nn ssl crc; do test_layer $layer $long; done
fi

if wants sanitizers; then
  if [ $device = cuda ] && command -v compute-sanitizer >/dev/null; then
    # Our own kernels; the math libraries' are left out, they are slow under the tools and not ours.
    ours='*cuda*:-*Conv2d*:*Gemm*:*Linear*:*Eigvals*:*Cudnn*'
    for tool in memcheck racecheck initcheck synccheck; do
      step "sanitizer-$tool" $long env CRC_TIER=plain compute-sanitizer --tool "$tool" --error-exitcode 1 "$tests/kernels_test" \
        --gtest_brief=1 "--gtest_filter=$ours"
    done
  else
    missing sanitizers "compute-sanitizer is not installed, or there is no GPU"
  fi
fi

if wants bench; then
  steps='^(train|features|evaluate|fixmatch|mean_teacher)' kernels='^(?!train |features |evaluate |fixmatch: |mean_teacher: )'
  [ $device = cuda ] || steps='mean_teacher' kernels='^sgd'
  bench all-steps 500 "$steps"
  bench all-kernels 500 "$kernels"
fi

if wants peers; then
  for method in fixmatch mean_teacher; do
    [ $device = cuda ] || [ $method = mean_teacher ] || continue
    peers $method $long --turns 2 --seconds $([ $device = cuda ] && echo 10 || echo 0)
  done
fi

# train PRECISION: about as many epochs of 128 steps as the time allows, 250 labels; then the query, and no further round.
# train_time: seconds of training; train_limit: of all, and a query that is not there by then is a failure.
train() {
  local out=$scratch/$1 recipe=demo options=(--set "run.device=$device" --set "run.precision=$1" --set ssl.patience_epochs=0)
  if [ $device = cuda ] && [ -n "${CRC_CIFAR10_DIR:-}" ]; then
    recipe=cifar10
    options+=(--set "data.dir=$CRC_CIFAR10_DIR" --set acquisition.initial=250 --set ssl.steps_per_epoch=128)
  fi
  local begin=$SECONDS seconds epochs
  "$bin/crc_train" run $recipe "${options[@]}" --set ssl.epochs=2 --set acquisition.rounds=0 --quiet --out "$out-timed" || return
  seconds=$((SECONDS - begin + 1)) epochs=$((train_time * 2 / (SECONDS - begin + 1) + 1))
  echo "two epochs: $seconds s with start-up; training for $epochs epochs"
  "$bin/crc_train" run $recipe "${options[@]}" --set "ssl.epochs=$epochs" --set acquisition.rounds=1 --out "$out" &
  local pid=$! limit=$((begin + train_limit - 15))
  # The query of round 0 is the acquisition; what would follow is the next round's training.
  until [ -e "$out/rounds/00/query.csv" ] || ! kill -0 $pid 2>/dev/null || [ $SECONDS -ge $limit ]; do sleep 1; done
  kill -TERM $pid 2>/dev/null
  wait $pid
  local code=$?
  cat "$out/metrics.jsonl" 2>/dev/null
  [ -e "$out/rounds/00/query.csv" ] || { echo "no query was made (exit code $code)"; return 1; }
  echo "query:"; head -6 "$out/rounds/00/query.csv"
  cp "$out/rounds/00/best.safetensors" "${saved:?}-$1.safetensors" 2>/dev/null
  [ $code -eq 75 ] || [ $code -eq 0 ] || return $code
}
export -f train
export bin device scratch saved="$scratch/best"
wants_training() { wants "train-$1" || { [ "$1" = "${first_precision:-}" ] && [[ " ${parts[*]} " == *" first "* ]]; }; }
first_precision=$([ $device = cuda ] && echo bf16 || echo fp32)
for precision in bf16 fp32; do
  wants_training $precision || continue
  [ $device = cuda ] || [ $precision = fp32 ] || continue
  [ $device = cpu ] || [ -n "${CRC_CIFAR10_DIR:-}" ] || echo "train-$precision: CRC_CIFAR10_DIR is not set: demo data" | tee -a "$result"
  export train_time=45 train_limit=95
  ! wants "train-$precision" || train_time=$((minutes * 60)) train_limit=$long
  step train-$precision $train_limit bash -c "train $precision"
  [ ! -e "$scratch/best-$precision.safetensors" ] || mv "$scratch/best-$precision.safetensors" "$out/best-$precision.safetensors"
done

echo
echo "summary of $result:"
grep '^@ ' "$result"
exit $failed
