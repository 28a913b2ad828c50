#!/bin/bash
# Flips single bytes in every file of a small finished run and counts who notices: `crc_train verify`, and the command
# that uses the file (by a failure, or by a sentence). Nobody may end with 70 or by a signal.
#
#   tests/campaigns/damage.sh build/crc_train [flips per file, 24]      exit code 0: everything was noticed
set -u
train=$(realpath "$1")
flips=${2:-24}
work=$(mktemp -d "${TMPDIR:-/tmp}/crc-damage-XXXXXX")
trap 'rm -rf "$work"' EXIT
small="--quiet"
for setting in run.device=cpu run.threads=1 data.name=street_digits data.train_size=200 data.test_size=50 model.depth=10 \
  model.width=1 model.first_stride=2 ssl.batch=4 ssl.mu=1 ssl.epochs=2 ssl.steps_per_epoch=3 acquisition.budget=10 \
  acquisition.initial=10 acquisition.rounds=1; do
  small="$small --set $setting"
done
"$train" run --out "$work/run" $small || exit 1
"$train" verify "$work/run" > "$work/words" || { cat "$work/words"; exit 1; }
net="--set model.depth=10 --set model.width=1 --set model.first_stride=2 --set run.device=cpu"

# What uses a file of the run in $1. A damaged run is to be refused before a new one is made.
use_report() { "$train" report "$1" --out "$work/report"; }
use_eval() { "$train" eval --weights "$1/rounds/00/weights.safetensors" --set data.name=street_digits \
  --set data.train_size=200 --set data.test_size=50 $net; }
use_start() { rm -rf "$work/next"; "$train" run --out "$work/next" $small --set start.run="$1" --set start.round=0 \
  --set acquisition.rounds=0; }
use_resume() { rm -f "$1/DONE"; "$train" resume "$1" --quiet; }
use_none() { return 65; }  # nothing but verify reads it

failed=0 total=0
campaign() {  # file, the command that uses it
  local size seen=0 used=0 bad=0 n at byte code
  size=$(stat -c %s "$work/run/$1")
  for ((n = 0; n < flips; ++n)); do
    rm -rf "$work/flip" && cp -a "$work/run" "$work/flip"
    at=$(((2 * n + 1) * size / (2 * flips)))
    byte=$(od -An -tu1 -j "$at" -N1 "$work/flip/$1")
    printf "\\x$(printf %02x $((byte ^ (1 << (n % 8)))))" | dd of="$work/flip/$1" bs=1 seek="$at" conv=notrunc status=none
    "$train" verify "$work/flip" > "$work/words" 2>&1
    code=$?
    [ $code -eq 65 ] && seen=$((seen + 1)) || echo "  $1 byte $at: verify ends with $code"
    { [ $code -eq 70 ] || [ $code -gt 128 ]; } && bad=$((bad + 1))
    "use_$2" "$work/flip" > "$work/words" 2>&1
    code=$?
    if [ $code -eq 70 ] || [ $code -gt 128 ]; then
      bad=$((bad + 1)); echo "  $1 byte $at: $2 ends with $code"; cat "$work/words"
    elif [ $code -ne 0 ] || grep -qE "damaged|changed|older|going back" "$work/words"; then
      used=$((used + 1))
    else
      echo "  $1 byte $at: $2 notices nothing"
    fi
  done
  printf '%-34s %3d flips, verify noticed %3d, %-6s noticed %3d, internal errors %d\n' "$1" "$flips" $seen "$2" $used $bad
  total=$((total + flips))
  [ $seen -eq "$flips" ] && [ $used -eq "$flips" ] && [ $bad -eq 0 ] || failed=$((failed + 1))
}

campaign run.json report
campaign config.toml report
campaign labels.jsonl report
campaign labels.jsonl start
campaign metrics.jsonl report
campaign rounds.csv report
campaign rounds.csv resume
campaign manifest.json report
campaign manifest-copy.json report
campaign ckpt/index.json resume
campaign ckpt/index-copy.json resume
campaign "$(cd "$work/run" && ls -t ckpt/round-01-*.safetensors | head -1)" resume
campaign rounds/00/weights.safetensors eval
campaign rounds/00/best.safetensors start
campaign rounds/00/query.csv none
campaign rounds/00/query.png report
campaign rounds/00/scores.npz none
campaign rounds/00/scores.json report
echo "$total flips, $failed files with one that was not noticed"
[ $failed -eq 0 ]
