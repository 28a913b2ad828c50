#!/usr/bin/env bash
# Whole semi-supervised steps on one device, crc_bench and PyTorch in turns (torch_steps.py says what its rows are). First
# PyTorch must find our losses and gradients of one step, in fp32 and in the precision that is timed; exit code 1 if not.
# Prints every turn, then medians and ratios; --json FILE keeps the peers' lines.
# usage: bench/peers/compare_steps.sh [--device cuda|cpu] [--build DIR] [--python PYTHON] [--turns 2] [--seconds 10]
#        [--methods "fixmatch mean_teacher"] [--rows stock,resident,bf16,graph] [--json FILE] [--precision P] [--depth 28]
# P is what is timed and checked: bf16, or on the CPU fp32 in a few windows, to see that all of it runs. On a CPU that has
# bf16, `--precision bf16` times it at length, and our fp32 steps beside it.
set -euo pipefail
cd "$(dirname "$0")/../.."
device=cuda build=build python=python3 turns=2 seconds=10 rows=stock,resident,bf16,graph methods="fixmatch mean_teacher" json=
precision= depth=28
while [ $# -gt 0 ]; do
  case "$1" in
    --device) device=$2 ;;
    --build) build=$2 ;;
    --python) python=$2 ;;
    --turns) turns=$2 ;;
    --seconds) seconds=$2 ;;
    --rows) rows=$2 ;;
    --methods) methods=$2 ;;
    --json) json=$2 ;;
    --precision) precision=$2 ;;
    --depth) depth=$2 ;;
    *) echo "compare_steps.sh: unknown option $1 (see the first lines of this file)" >&2; exit 64 ;;
  esac
  shift 2
done
"$python" -c 'import torch' || { echo "compare_steps.sh: $python cannot import torch: give --python" >&2; exit 66; }
[ -x "$build/crc_bench" ] || { echo "compare_steps.sh: no $build/crc_bench: give --build" >&2; exit 66; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
small=()
[ "$device" = cpu ] && [ -z "$precision" ] && small=(--small) precision=fp32
precision=${precision:-bf16}
timed=$precision  # of ours
[ "$device" = cpu ] && timed="(fp32|$precision)"

peer() { "$python" bench/peers/torch_steps.py --device "$device" --depth "$depth" "${small[@]}" --seconds "$seconds" "$@" | tee -a "$scratch/lines"; }
for method in $methods; do
  for checked in $(printf '%s\n' fp32 "$precision" | sort -u); do
    "$build/crc_bench" --device "$device" --dump-step "$scratch/$method-$checked" --method "$method" --precision "$checked"
    [ "$depth" != 28 ] || peer --step "$scratch/$method-$checked" --rows check  # whose weights the file has
  done
  for turn in $(seq "$turns"); do
    "$build/crc_bench" --device "$device" --filter "^train $method WRN-$depth-2 .* $timed\$" --min-time "$seconds" \
      --json "$scratch/$method-$turn.jsonl" >/dev/null
    "$python" - "$scratch/$method-$turn.jsonl" "$method" "$precision" <<'PYTHON' | tee -a "$scratch/lines"
import json, sys
for row in map(json.loads, open(sys.argv[1])):
    if row["kind"] == "case":
        precision = row["shape"].split()[-1]
        print(json.dumps({"kind": "peer", "method": sys.argv[2], "row": "crc" if precision == sys.argv[3] else "crc " + precision,
                          "steps_per_s": row["per_s"], "cv": row["cv"], "shape": row["shape"]}))
PYTHON
    peer --step "$scratch/$method-$precision" --rows "$rows"
  done
done
[ -z "$json" ] || cp "$scratch/lines" "$json"

"$python" - "$scratch/lines" <<'PYTHON'
import json, statistics, sys
rates, skipped = {}, {}
for line in map(json.loads, open(sys.argv[1])):
    key = line["method"], line["row"]
    if "steps_per_s" in line:
        rates.setdefault(key, []).append(line["steps_per_s"])
    elif "skipped" in line:
        skipped[key] = line["skipped"]
print()
for (method, row), values in rates.items():
    ours = statistics.median(rates[method, "crc"])
    rate = statistics.median(values)
    print(f"{method:14s} {row:10s} {rate:10.2f} steps/s   crc: {ours / rate:6.2f} x")
for (method, row), why in skipped.items():
    print(f"{method:14s} {row:10s} not run: {why}")
PYTHON
