#!/usr/bin/env bash
# Builds with AddressSanitizer and UndefinedBehaviorSanitizer (CPU, build-asan/) and runs the programs and tests that find
# the most there. The first error ends it. About ten minutes of building on two cores, less with ccache.
# usage: scripts/sanitize.sh [programs|all]      programs: crc_train and crc_select alone, without the tests
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
case "$what" in programs | all) ;; *) echo "sanitize: programs or all, not $what" >&2; exit 64 ;; esac
build=build-asan
if [ ! -f $build/build.ninja ]; then
  launcher=()
  command -v ccache > /dev/null && launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  # -O1 and short debug information: compiling takes longer than running. GCC's guess of what is uninitialised errs there.
  cmake --preset asan -DCRC_BENCH=OFF -DCMAKE_BUILD_TYPE=Sanitized -DCMAKE_CXX_FLAGS="-O1 -g1 -Wno-maybe-uninitialized" "${launcher[@]}" > /dev/null
fi
targets=(crc_train crc_select)
[ "$what" = programs ] || targets+=(kernels_test nn_test ssl_test crc_test data_test apps_test)
cmake --build $build --target "${targets[@]}"
echo "sanitize: built after ${SECONDS} s"

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# The libraries keep what they allocate once.
export LSAN_OPTIONS=suppressions=$PWD/scripts/sanitize.suppressions:print_suppressions=0
train=$PWD/$build/crc_train select=$PWD/$build/crc_select
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
expect() {  # exit code, then a command
  local code=0
  "${@:2}" > words 2>&1 || code=$?
  [ $code = "$1" ] && return
  echo "sanitize: ended with $code instead of $1: ${*:2}" >&2
  cat words >&2
  exit 1
}
net=(--set model.depth=10 --set model.width=1 --set model.base_channels=4 --set model.first_stride=2
     --set model.wiring=shared_act --set data.name=street_digits --set data.train_size=200 --set data.test_size=50)
tiny=(--quiet "${net[@]}" --set ssl.batch=4 --set ssl.mu=1 --set ssl.epochs=2 --set ssl.steps_per_epoch=3
      --set acquisition.initial=10 --set acquisition.budget=10 --set acquisition.rounds=1 --set acquisition.group_size=5)
for method in fixmatch mean_teacher pi_model supervised; do
  expect 0 "$train" run demo --out $method "${tiny[@]}" --set ssl.method=$method
done
for acquisition in random entropy badge coreset egl egl_last crc_full; do
  expect 0 "$train" run demo --out $acquisition "${tiny[@]}" --set ssl.epochs=1 --set acquisition.name=$acquisition
done
expect 0 "$train" resume fixmatch
expect 0 "$train" report fixmatch mean_teacher --out report
expect 0 "$train" eval --weights fixmatch/rounds/01/weights.safetensors "${net[@]}" --split train --json \
  --logits P.npy --features H.npy
expect 0 "$train" run demo --dry-run --memory "${tiny[@]}"
expect 78 "$train" run demo --dry-run --set ssl.epochs=1000000000000 --set ssl.steps_per_epoch=1000000000000
expect 0 "$train" data preview preview.png "${net[@]}"
expect 0 "$train" doctor --device cpu
expect 0 "$train" list
seq 0 9 > labeled.txt
pick=("$select" --features H.npy --logits P.npy --labeled labeled.txt --budget 20 --force --out picks.csv)
for search in partition independent; do expect 0 "${pick[@]}" --group 5 --search $search --scores s.npy --groups g.npy; done
for search in greedy exchange; do expect 0 "${pick[@]}" --group 1 --search $search --summary page.html; done
for solver in syevd syev_batched fp32-positive; do expect 0 "${pick[@]}" --group 5 --solver $solver; done
for acquisition in probcover maxherding typiclust bait; do expect 0 "${pick[@]}" --acquisition $acquisition; done
expect 64 "${pick[@]}" --group 5 --search independent --draws 9000000000000000000 --groups g.npy
expect 65 "$select" --features labeled.txt --labeled labeled.txt --budget 2 --out no.csv
echo "sanitize: the programs are clean"
[ "$what" = all ] || exit 0
cd - > /dev/null
for test in kernels nn ssl crc data apps; do $build/tests/${test}_test --gtest_brief=1; done
echo "sanitize: the tests are clean"
