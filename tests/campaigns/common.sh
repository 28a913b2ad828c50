# Shared by the campaigns: a tiny run on built-in data, and what must be the same however it was interrupted.
# Sourced; sets $train (the program), $work (a folder that goes when the script ends) and the functions below.
set -euo pipefail
build=$(cd "${1:?usage: $0 BUILD_DIRECTORY ...}" && pwd)
train=$build/crc_train
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive

settings=()
for setting in data.name=street_digits data.train_size=200 data.test_size=50 model.depth=10 model.width=1 \
               model.first_stride=2 ssl.batch=4 ssl.mu=1 ssl.epochs=2 ssl.steps_per_epoch=3 acquisition.budget=10 \
               acquisition.initial=10 acquisition.rounds=1; do
  settings+=(--set "$setting")
done
start() { "$train" run "${settings[@]}" --out "$1" --quiet; }
# In a process of its own that becomes the program, so that a signal to it is one to the program.
become() {
  if [ -e "$1/run.json" ]; then exec "$train" resume "$1" --quiet; fi
  exec "$train" run "${settings[@]}" --out "$1" --quiet
}

# Times differ from run to run; everything else must not.
untimed() { sed -E 's/,"seconds":[^,}]*//; s/^([0-9]+(,[^,]*){12}),[^,]*,[^,]*$/\1/' "$1"; }

# Whether run $1 holds the results of run $2: labels, weights, queries, metrics. Names what differs.
same_results() {
  local file
  for file in labels.jsonl rounds/{00,01}/{weights,best}.safetensors rounds/00/{query.csv,scores.npz,query.png}; do
    cmp -s "$1/$file" "$2/$file" || { echo "$file differs"; return 1; }
  done
  for file in metrics.jsonl rounds.csv; do
    cmp -s <(untimed "$1/$file") <(untimed "$2/$file") || { echo "$file differs"; return 1; }
  done
  [ -s "$1/report.html" ] && [ -e "$1/DONE" ] || { echo "DONE without report.html, or neither"; return 1; }
  [ -z "$(find "$1" -name '.*.tmp*')" ] || { echo "temporary files are left"; return 1; }
}

# Brings run $1 to its end, whatever state it is in: started again where nothing was committed yet.
finish() { (become "$1"); }

declare -A outcomes=()
count() { outcomes["$1"]=$((${outcomes["$1"]:-0} + 1)); }
print_counts() {
  local name
  while read -r name; do printf '  %-30s %6d\n' "$name" "${outcomes["$name"]}"; done < <(printf '%s\n' "${!outcomes[@]}" | sort)
}
