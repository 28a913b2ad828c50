#!/usr/bin/env bash
# Pools and trainings in several processes, longer than the tests: many random cases against one process; crc_select and
# crc_train under the mpirun that is here, with picks and weights compared to one process's, a process that is killed, and
# one that fails. Ends with 77 where there is no mpirun or the build has no adapter to its MPI.
# usage: tests/campaigns/ranks.sh BUILD [cases]
set -euo pipefail
build=$(cd "${1:?usage: $0 BUILD [cases]}" && pwd)
tests=$(cd "$(dirname "$0")/.." && pwd)
cases=${2:-1000}
for variable in "${!CRC_@}"; do unset "$variable"; done
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive

if [ -x "$build/tests/crc_test" ]; then
  CRC_SHARD_CASES=$cases "$build/tests/crc_test" --gtest_filter='Sharded.*' --gtest_brief=1
  echo "$cases random cases: equal"
fi

skip() { echo "left out: $*"; exit 77; }
command -v mpirun > /dev/null || skip "crc_select under MPI: there is no mpirun"
case $(mpirun --version 2>&1) in
  *"Open MPI"* | *OpenRTE*) mpi=openmpi; options=(--oversubscribe --allow-run-as-root) ;;
  *) mpi=mpich; options=() ;;
esac
[ -e "$build/libcrc_mpi_$mpi.so" ] || skip "crc_select under MPI: the build has no libcrc_mpi_$mpi.so"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$tests python3 - << 'PYTHON'
import random
from write_npy import save

random.seed(0)
width, items = 24, 5000
h = [random.randrange(64) / 64 for _ in range(items * width)]
h[17 * width:18 * width] = h[4000 * width:4001 * width]
for k, (begin, end) in enumerate([(0, 100), (100, 3000), (3000, items)]):
    save(f"h{k}.npy", "<f2", (end - begin, width), "e", h[begin * width:end * width])
save("p.npy", "<f4", (items, 5), "f", [random.gauss(0, 1) for _ in range(items * 5)])
labeled = random.sample(range(items), 40)
save("l.npy", "<i8", (40,), "q", labeled)
save("y.npy", "<i8", (items,), "q", [k % 5 if k in labeled else -1 for k in range(items)])
PYTHON
under() { local n=$1; shift; timeout 120 mpirun -n "$n" "${options[@]}" "$build/crc_select" --threads 1 "$@"; }
pool=(--features h0.npy h1.npy h2.npy --logits p.npy --labeled l.npy)
failed=0
for what in "crc --group 5 --budget 20" "crc --group 2 --budget 4 --search independent --draws 700" "crc --search greedy --budget 3" \
            "entropy --budget 30" "margin --budget 30 --class-weights 1,2,1,1,3" "random --budget 9" "coreset --budget 12" \
            "kmeans --budget 8" "egl_last --budget 20" "badge --budget 8" "typiclust --budget 6" "probcover --budget 5" \
            "maxherding --budget 8 --per-cluster 4" "uherding --budget 8" "facility_location --budget 6 --partitions 3" "rdss --budget 5" \
            "dcom --budget 4 --labels y.npy"; do
  words=($what)
  "$build/crc_select" --threads 1 "${pool[@]}" --acquisition "${words[@]}" --out one.csv --scores one.npy --force 2> /dev/null
  for n in 1 2 3 4 7; do
    under $n "${pool[@]}" --acquisition "${words[@]}" --out several.csv --scores several.npy --force 2> words.txt || cat words.txt
    cmp one.csv several.csv && cmp one.npy several.npy || { echo "other picks: $n processes, $what"; failed=1; }
    rm -f several.csv several.npy
  done
done
echo "mpirun ($mpi), 1, 2, 3, 4 and 7 processes: compared with one"

# One fails: its code and words. One is killed: an end, and no picks.
code=0
mpirun "${options[@]}" -n 1 "$build/crc_select" "${pool[@]}" --budget 5 --out bad.csv : \
       -n 1 "$build/crc_select" --features none.npy --budget 5 --out bad.csv 2> words.txt || code=$?
grep -q "process 1 of 2: reading none.npy" words.txt && [ $code = 66 ] || { echo "a failure: exit code $code"; cat words.txt; failed=1; }
code=0
timeout 60 mpirun "${options[@]}" -n 1 "$build/crc_select" "${pool[@]}" --budget 5 --out bad.csv : -n 1 sh -c 'kill -9 $$' 2> words.txt || code=$?
[ $code != 0 ] && [ $code != 124 ] && [ ! -e bad.csv ] || { echo "a killed process: exit code $code"; cat words.txt; failed=1; }
echo "failures end: yes"

# Killed with something kept; another number of processes goes on.
for what in "maxherding --budget 8" "kmeans --budget 40" "crc --search greedy --budget 3"; do
  words=($what)
  "$build/crc_select" --threads 1 "${pool[@]}" --acquisition "${words[@]}" --out one.csv --force 2> /dev/null
  code=0
  CRC_FAULT=rename:5:kill under 3 "${pool[@]}" --acquisition "${words[@]}" --checkpoint ck --out several.csv 2> words.txt || code=$?
  [ $code != 0 ] && [ $code != 124 ] && [ ! -e several.csv ] && ls ck/*.pass > /dev/null || { echo "killed: $what: exit code $code"; cat words.txt; failed=1; }
  under 2 "${pool[@]}" --acquisition "${words[@]}" --checkpoint ck --out several.csv 2> words.txt || cat words.txt
  grep -q "goes on with what is kept" words.txt && cmp one.csv several.csv && [ ! -e ck ] || { echo "other picks, or nothing gone on from: $what"; cat words.txt; failed=1; }
  rm -rf ck several.csv
done
echo "killed and gone on: yes"

# One training: the run of one process, under MPI and by run.ranks; one that is killed in the middle, and goes on in another number.
settings=(--quiet --set run.device=cpu --set run.threads=1 --set run.shards=8 --set data.name=street_digits --set data.train_size=300
          --set data.test_size=50 --set model.depth=10 --set model.width=1 --set model.base_channels=4 --set model.first_stride=2 --set ssl.batch=8
          --set ssl.mu=2 --set ssl.epochs=2 --set ssl.steps_per_epoch=30 --set acquisition.initial=20 --set acquisition.budget=10
          --set acquisition.rounds=1)
train() { local n=$1; shift; timeout 240 mpirun -n "$n" "${options[@]}" "$build/crc_train" "$@"; }
same() {
  local file
  for file in labels.jsonl rounds/00/{query.csv,weights.safetensors} rounds/01/{weights,best}.safetensors; do
    cmp "alone/$file" "$1/$file" || { echo "other bits: $1"; failed=1; }
  done
}
"$build/crc_train" run --out alone "${settings[@]}"
for n in 2 4 8; do
  train $n run --out "mpi$n" "${settings[@]}" 2> words.txt || { cat words.txt; failed=1; }
  same "mpi$n"
  "$build/crc_train" run --out "local$n" --set run.ranks=$n "${settings[@]}" || failed=1
  same "local$n"
done
code=0
train 3 run --out bad "${settings[@]}" 2> words.txt || code=$?
grep -q "3 processes cannot have equal parts" words.txt && [ $code = 78 ] && [ ! -e bad ] || { echo "3 of 8: $code"; cat words.txt; failed=1; }
train 4 run --out killed "${settings[@]}" > words.txt 2>&1 &
launcher=$!
until grep -qs "round 0 epoch 1" killed/log.txt; do sleep 0.05; done
kill -KILL "$(pgrep -n -f "^$build/crc_train run --out killed")"
code=0
wait $launcher || code=$?
[ $code != 0 ] && [ $code != 124 ] || { echo "a killed process: exit code $code"; failed=1; }
train 2 resume killed --quiet 2> words.txt || { cat words.txt; failed=1; }
same killed
echo "mpirun ($mpi) and run.ranks, 2, 4 and 8 processes, one killed: the run of one"
exit $failed
