#!/usr/bin/env bash
# Training WRN-28-2 (batch 64, fp32) on the CPU: crc_bench and PyTorch in turns, each in a process of its own.
# Prints images per second and the peak resident memory of every turn, then the medians and their ratio.
# usage: bench/peers/compare.sh [--build DIR] [--turns N] [--python PYTHON]     PYTHON: one that can import torch
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build turns=3 python=python3
while [ $# -gt 0 ]; do
  case "$1" in
    --build) build=$2 ;;
    --turns) turns=$2 ;;
    --python) python=$2 ;;
    *) echo "compare.sh: unknown option $1 (see the first lines of this file)" >&2; exit 64 ;;
  esac
  shift 2
done
"$python" -c 'import torch' || { echo "compare.sh: $python cannot import torch: give --python" >&2; exit 66; }
[ -x "$build/crc_bench" ] || { echo "compare.sh: no $build/crc_bench: give --build" >&2; exit 66; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

field() { "$python" -c 'import json, sys; print(next(d[sys.argv[1]] for d in map(json.loads, sys.stdin) if sys.argv[1] in d))' "$1"; }
row() { printf '%-28s %9.1f images/s %8.0f MB\n' "$1" "$2" "$3"; echo "$1,$2,$3" >>"$scratch/rows"; }

for turn in $(seq "$turns"); do
  # The process's own peak, as for the peer: everything counts, the program and its libraries too.
  "$build/crc_bench" --device cpu --filter 'train supervised' --min-time 8 --json "$scratch/$turn.jsonl" >/dev/null
  row crc "$(field images_per_s <"$scratch/$turn.jsonl")" "$(field memory_mb <"$scratch/$turn.jsonl")"
  for layout in channels_last contiguous; do
    "$python" bench/peers/torch_train.py --layout "$layout" >"$scratch/peer.json"
    row "$(field peer <"$scratch/peer.json")" "$(field images_per_s <"$scratch/peer.json")" "$(field peak_mb <"$scratch/peer.json")"
  done
done

"$python" - "$scratch/rows" <<'PYTHON'
import statistics, sys
rows = {}
for line in open(sys.argv[1]):
    name, speed, memory = line.rsplit(",", 2)
    rows.setdefault(name, []).append((float(speed), float(memory)))
median = {name: tuple(statistics.median(x) for x in zip(*turns)) for name, turns in rows.items()}
print("\nmedians of", len(rows["crc"]), "turns")
for name, (speed, memory) in median.items():
    ours = median["crc"]
    print(f"{name:28s} {speed:9.1f} images/s {memory:8.0f} MB   crc: {ours[0] / speed:.2f} x the speed, {ours[1] / memory:.2f} x the memory")
PYTHON
