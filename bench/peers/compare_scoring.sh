#!/usr/bin/env bash
# Scores a pool of 50,000 with every solver of ours and with eigvalsh loops of NumPy and PyTorch, in the same run.
# usage: bench/peers/compare_scoring.sh --build DIR [--python PYTHON] [--device cpu] [--width 128]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build python=python3 device=cpu width=128
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$2 ;;
    --python) python=$2 ;;
    --device) device=$2 ;;
    --width) width=$2 ;;
    *) echo "compare_scoring: unknown option $1; see the head of $0" >&2; exit 64 ;;
  esac
  shift 2
done
rows=$(mktemp --suffix .jsonl)
trap 'rm -f "$rows"' EXIT
rm -f "$rows"
"$build/crc_bench" --device "$device" --filter "^score .* D$width L[0-9]+ G10:" --json "$rows"
"$python" bench/peers/eigvalsh.py --ours "$rows" --width "$width"
