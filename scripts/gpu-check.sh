#!/usr/bin/env bash
# The one command for a machine with an NVIDIA GPU, in a source tree or in an unpacked bundle: correctness first, then
# sanitizers, benchmarks, PyTorch on the same GPU, and a real training with the acquisition that follows.
#
# usage: scripts/gpu-check.sh [--part PART]... [--build DIR] [--results FILE] [--minutes 3] [--python python3] [--rehearse]
#          PART: tests, sanitizers, bench, peers, train-bf16, train-fp32 or all (default). One command each where commands
#          are cut off after ten minutes: what FILE says has passed is not run again.
#        scripts/gpu-check.sh --bundle DIR [--arch all-major] [--cifar10 DIR]   (on the build machine) makes a bundle in parts;
#                                                                      git ignores a DIR named build-bundle
#        scripts/gpu-check.sh --unpack DIR --into DIR2                   (on the GPU machine) collects parts, then unpacks
#          FILE          default bench/results/gpu-check-GPU-DAY.txt; kernels, peers: beside it as .jsonl
#          --minutes     of each training; CRC_CIFAR10_DIR: CIFAR-10's binary files, without which training is on demo data
#          --rehearse    the same steps on the CPU at toy size: finds mistakes in this script, says nothing of a GPU
# The machine must have: an NVIDIA driver for CUDA 13; cuDNN 9, cuBLAS 13 and cuSOLVER 12 on LD_LIBRARY_PATH, in
# /usr/local/cuda or among Python's nvidia-* packages; compute-sanitizer and PyTorch for the parts that are about them.
# Exit code: 0 all passed, 1 something failed, 69 no GPU.
set -uo pipefail
cd "$(dirname "$0")/.."
here=$PWD parts=() build=build-cuda result= minutes=3 python=python3 device=cuda
while [ $# -gt 0 ]; do
  case "$1" in
    --bundle | --unpack) exec scripts/gpu-bundle.sh "$@" ;;
    --rehearse) device=cpu; shift; continue ;;
    --part | --build | --results | --minutes | --python)
      [ $# -ge 2 ] || { echo "gpu-check: $1 needs a value" >&2; exit 64; } ;;
  esac
  case "$1" in
    --part) parts+=("$2") ;;
    --build) build=$2 ;;
    --results) result=$2 ;;
    --minutes) minutes=$2 ;;
    --python) python=$2 ;;
    *) echo "gpu-check: unknown option $1 (see the first lines of this file)" >&2; exit 64 ;;
  esac
  shift 2
done
[ ${#parts[@]} -gt 0 ] || parts=(all)
for part in "${parts[@]}"; do
  case "$part" in
    all | tests | sanitizers | bench | peers | train | train-bf16 | train-fp32) ;;
    *) echo "gpu-check: no part $part (see the first lines of this file)" >&2; exit 64 ;;
  esac
done

gpu=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -1)
if [ $device = cuda ] && [ -z "$gpu" ]; then
  echo "gpu-check: nvidia-smi finds no GPU on this machine; run this where there is one, or give --rehearse" >&2
  exit 69
fi
gpu=${gpu:-none: a rehearsal on the CPU}

if [ -x ../bin/crc_train ]; then  # in a bundle
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
[ $device = cpu ] || export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$libraries

if [ -z "$result" ]; then
  result=bench/results/gpu-check-$(echo "${gpu%%[,:]*}" | tr ' ' '-')-$(date -u +%Y-%m-%d).txt
fi
mkdir -p "$(dirname "$result")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
{ echo "gpu-check $(date -u +%Y-%m-%dT%H:%M:%SZ): ${parts[*]}"; echo "gpu: $gpu"; "$bin/crc_train" --version; } | tee -a "$result"
failed=0

# step NAME COMMAND...: runs it unless it has passed before, keeps its output in the results file, prints one row.
step() {
  local name=$1 start=$SECONDS verdict=passed code
  shift
  if grep -qxE "@ $name +passed +[0-9]+ s" "$result"; then echo "$name: has passed before"; return; fi
  { echo; echo "== $name: $*"; } >>"$result"
  timeout --kill-after=10 570 "$@" >>"$result" 2>&1
  code=$?
  [ $code -eq 0 ] || { verdict="FAILED($code)"; failed=1; }
  printf '@ %s %s %d s\n' "$name" "$verdict" $((SECONDS - start)) | tee -a "$result"
}
missing() { printf '@ %s not-run: %s\n' "$1" "$2" | tee -a "$result"; }
wants() { [[ " ${parts[*]} " == *" all "* || " ${parts[*]} " == *" $1 "* || " ${parts[*]} " == *" ${1%-*} "* ]]; }

if [ $device = cuda ]; then
  export CRC_REQUIRE_CUDA=1
  filter='*cuda*:*Cuda*' quick=() steps='^(train|features|evaluate|fixmatch|mean_teacher)'
else
  filter='*Sgd*:*FixMatch*' quick=(--quick) steps='mean_teacher'
fi

if wants tests; then
  step doctor "$bin/crc_train" doctor --device $device
  for layer in kernels nn ssl crc; do
    step "tests-$layer" "$tests/${layer}_test" --gtest_brief=1 "--gtest_filter=$filter"
  done
fi

if wants sanitizers; then
  if [ $device = cuda ] && command -v compute-sanitizer >/dev/null; then
    # Our own kernels; the math libraries' are left out, they are slow under the tools and not ours.
    ours='*cuda*:-*Conv2d*:*Gemm*:*Linear*:*Eigvals*:*Cudnn*'
    for tool in memcheck racecheck initcheck synccheck; do
      step "sanitizer-$tool" compute-sanitizer --tool "$tool" --error-exitcode 1 "$tests/kernels_test" --gtest_brief=1 "--gtest_filter=$ours"
    done
  else
    missing sanitizers "compute-sanitizer is not installed, or there is no GPU"
  fi
fi

if wants bench; then
  json=${result%.txt}
  rm -f "$json.kernels.jsonl.new" "$json.steps.jsonl.new"
  step bench-steps "$bin/crc_bench" --device $device "${quick[@]}" --filter "$steps" --json "$json.steps.jsonl.new"
  kernels='^(?!train |features |evaluate |fixmatch: |mean_teacher: )'
  [ $device = cuda ] || kernels='^sgd'
  step bench-kernels "$bin/crc_bench" --device $device "${quick[@]}" --filter "$kernels" --json "$json.kernels.jsonl.new"
  for kind in steps kernels; do [ ! -e "$json.$kind.jsonl.new" ] || mv "$json.$kind.jsonl.new" "$json.$kind.jsonl"; done
fi

if wants peers; then
  if "$python" -c 'import torch' 2>/dev/null; then
    for method in fixmatch mean_teacher; do
      [ $device = cuda ] || [ $method = mean_teacher ] || continue
      # The programs find PyTorch's libraries in its own way, not through ours.
      step "peers-$method" bench/peers/compare_steps.sh --device $device --build "$bin" --python "$python" --turns 2 \
        --seconds $([ $device = cuda ] && echo 10 || echo 0) --methods $method --json "${result%.txt}.peers-$method.jsonl"
    done
  else
    missing peers "$python cannot import torch"
  fi
fi

# train PRECISION: as many epochs of 128 steps as the minutes allow, 250 labels; then the query, and no further round.
train() {
  local out=$scratch/$1 recipe=demo options=(--set "run.device=$device" --set "run.precision=$1" --set ssl.patience_epochs=0)
  if [ $device = cuda ] && [ -n "${CRC_CIFAR10_DIR:-}" ]; then
    recipe=cifar10
    options+=(--set "data.dir=$CRC_CIFAR10_DIR" --set acquisition.initial=250 --set ssl.steps_per_epoch=128)
  fi
  local begin=$SECONDS seconds epochs
  "$bin/crc_train" run $recipe "${options[@]}" --set ssl.epochs=2 --set acquisition.rounds=0 --quiet --out "$out-timed" || return
  seconds=$((SECONDS - begin + 1)) epochs=$((minutes * 120 / (SECONDS - begin + 1) + 1))
  echo "two epochs: $seconds s with start-up; training for $epochs epochs"
  "$bin/crc_train" run $recipe "${options[@]}" --set "ssl.epochs=$epochs" --set acquisition.rounds=1 --out "$out" &
  local pid=$! limit=$((SECONDS + 540 - seconds))
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
export bin device minutes scratch saved="$scratch/best"
for precision in bf16 fp32; do
  wants train-$precision || continue
  [ $device = cuda ] || [ $precision = fp32 ] || continue
  [ $device = cpu ] || [ -n "${CRC_CIFAR10_DIR:-}" ] || echo "train-$precision: CRC_CIFAR10_DIR is not set: demo data" | tee -a "$result"
  step train-$precision bash -c "train $precision"
  [ ! -e "$scratch/best-$precision.safetensors" ] || mv "$scratch/best-$precision.safetensors" "${result%.txt}-$precision.safetensors"
done

echo
echo "summary of $result:"
grep '^@ ' "$result"
exit $failed
