#!/usr/bin/env bash
# crc_train as a user has it, on emulated GPUs: several processes, each with one of its own, train the run that one trains,
# also after one was killed, and in another number; what they cannot do is said before anything is written.
set -euo pipefail
train=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
unset EMULATOR_LACKS

settings=()
for setting in run.device=cuda run.precision=fp32 run.shards=4 ssl.batch=8 ssl.mu=2 ssl.epochs=8 ssl.steps_per_epoch=6 \
  model.width=1 model.depth=10 data.limit_train=120 data.limit_test=20 eval.batch=20 \
  acquisition.rounds=1 acquisition.initial=20 acquisition.budget=10 acquisition.group_size=10; do
  settings+=(--set "$setting")
done
weights=rounds/01/weights.safetensors

children() {  # of a process; by no program, which takes long where many run
  local file line fields
  for file in /proc/[0-9]*/stat; do
    { read -r line < "$file"; } 2> /dev/null || continue
    read -r -a fields <<< "${line##*) }"
    if [ "${fields[1]}" = "$1" ]; then echo "${line%% *}"; fi
  done
}
children_of_children() { for process in $(children "$1"); do children "$process"; done; }
expect() {  # code, words, command...
  local code=$1 words=$2 rc=0
  shift 2
  "$@" > out.txt 2>&1 || rc=$?
  if [ "$rc" != "$code" ] || ! grep -q "$words" out.txt; then
    echo "expected $code and '$words', not $rc: $*" && cat out.txt && exit 1
  fi
}

expect 0 'done: alone' env EMULATOR_DEVICES=1 "$train" run demo "${settings[@]}" --out alone

echo "two processes, of which one is killed; then four"
EMULATOR_DEVICES=2 "$train" run demo "${settings[@]}" --set run.ranks=2 --out run > out.txt 2>&1 &
leader=$!
for ((i = 0; i < 600; ++i)); do
  grep -q 'epoch 2:' out.txt && break
  sleep 0.1
done
children "$leader" | xargs kill -9
rc=0
wait "$leader" || rc=$?
if [ "$rc" != 70 ] || ! grep -q 'process 1 of 2 ended before the work was done.*Continue with: ' out.txt; then cat out.txt && exit 1; fi
expect 0 '4 processes share the 4 shards' env EMULATOR_DEVICES=4 "$train" resume run --set run.ranks=4
cmp alone/$weights run/$weights

echo "statistics of the whole batch, on GPUs that are not the first"
synchronized=("${settings[@]}" --set run.batch_statistics=synchronized)
expect 0 'done: one' env EMULATOR_DEVICES=2 "$train" run demo "${synchronized[@]}" --set run.device=cuda:1 --out one
expect 0 'done: two' env EMULATOR_DEVICES=2 "$train" run demo "${synchronized[@]}" --set run.ranks=2 --out two
cmp one/$weights two/$weights

echo "one is killed early, at several moments"
for moment in 0.02 0.05 0.1 0.2; do
  rm -rf early
  EMULATOR_DEVICES=2 timeout -k 1 60 "$train" run demo "${settings[@]}" --set run.ranks=2 --out early > out.txt 2>&1 &
  leader=$!
  for ((i = 0; i < 600; ++i)); do
    grep -q 'training from scratch' out.txt && break
    sleep 0.02
  done
  sleep $moment
  children_of_children "$leader" | xargs --no-run-if-empty kill -9
  rc=0
  wait "$leader" || rc=$?
  if [ "$rc" != 70 ] || ! grep -q 'process 1 of 2 ended' out.txt; then echo "after $moment s: $rc" && cat out.txt && exit 1; fi
done

echo "what is refused"
expect 78 'process 1 of 2 has no GPU of its own: on .* it sees 1' \
  env EMULATOR_DEVICES=1 "$train" run demo "${settings[@]}" --set run.ranks=2 --out refused
expect 69 'NCCL, through which processes on GPUs exchange, was not found' \
  env EMULATOR_DEVICES=2 EMULATOR_LACKS=nccl "$train" run demo "${settings[@]}" --set run.ranks=2 --out refused
test ! -e refused
echo ok
