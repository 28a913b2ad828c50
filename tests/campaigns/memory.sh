#!/usr/bin/env bash
# Short of memory: a tiny run and a tiny selection under limits of the address space, and with one allocation that fails.
# Every end must be 0 or 71 (out of memory), never a signal, a hang or another code. Prints counts by program and end.
# usage: tests/campaigns/memory.sh [BUILD] [limits|faults|all] [how many of each, default 60]
set -uo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${1:-build}") what=${2:-all} count=${3:-60}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
c++ -shared -fPIC -O1 -o "$scratch/fail_malloc.so" tests/campaigns/fail_malloc.cpp || exit 69
cd "$scratch"

tiny=(--quiet --set data.name=street_digits --set data.profile=easy --set data.train_size=200 --set data.test_size=50
      --set model.depth=10 --set model.width=1 --set model.first_stride=2
      --set model.base_channels=8 --set model.wiring=shared_act --set ssl.batch=4 --set ssl.mu=1
      --set ssl.epochs=2 --set ssl.steps_per_epoch=3 --set acquisition.budget=10 --set acquisition.initial=10
      --set acquisition.rounds=1 --set acquisition.group_size=5)
"$build/crc_train" run demo --out whole "${tiny[@]}" || exit 1
"$build/crc_train" eval --weights whole/rounds/01/weights.safetensors --split train --features H.npy --logits P.npy \
  "${tiny[@]:1}" > /dev/null || exit 1
seq 0 9 > labeled.txt

train() { rm -rf run; "$@" "$build/crc_train" run demo --out run "${tiny[@]}"; }
reread() { "$@" "$build/crc_train" report whole --out page; }
choose() { "$@" "$build/crc_select" --features H.npy --logits P.npy --labeled labeled.txt --budget 20 --group 5 --force --out picks.csv; }

declare -A ends
bad=0
note() {  # program, end, the words
  ends[$1 $2]=$((${ends[$1 $2]:-0} + 1))
  [ "$2" = 0 ] || [ "$2" = 71 ] && return
  [ "$2" = 127 ] && grep -q "error while loading shared libraries" words && return  # not yet our program
  bad=$((bad + 1))
  echo "$1 $3: ended with $2: $(tail -c 300 words | tr '\n' ' ')"
}

limits() {  # MB
  for ((i = 0; i < count; ++i)); do
    local megabytes=$((100 + 900 * i / count))
    for program in train choose reread; do
      (ulimit -v $((megabytes * 1000)); $program timeout -s KILL ${CRC_TIMEOUT:-60}) > words 2>&1
      note $program $? "with $megabytes MB"
    done
  done
}

faults() {
  for program in train choose reread; do
    local all
    all=$($program env FAIL_MALLOC=0 LD_PRELOAD="$scratch/fail_malloc.so" 2>&1 | sed -n 's/^allocations //p' | tail -1)
    for ((i = 0; i < count; ++i)); do
      for sticky in "" +; do
        local call=$((1 + all * i / count))$sticky
        $program env FAIL_MALLOC=$call LD_PRELOAD="$scratch/fail_malloc.so" timeout -s KILL ${CRC_TIMEOUT:-60} > words 2>&1
        note $program $? "without allocation $call"
      done
    done
  done
}

[ "$what" = faults ] || limits
[ "$what" = limits ] || faults
for key in "${!ends[@]}"; do echo "$key: ${ends[$key]}"; done | sort
[ $bad = 0 ]
