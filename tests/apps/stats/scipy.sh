#!/usr/bin/env bash
# Statistics of 1,000 random tables against SciPy's. 77, with the reason, where SciPy is missing.
# usage: tests/apps/stats/scipy.sh BUILD_DIRECTORY [PYTHON]
set -euo pipefail
build=$(realpath "${1:?usage: $0 BUILD_DIRECTORY [PYTHON]}")
python=${2:-python3}
source=$(realpath "$(dirname "$0")/../../..")
if ! "$python" -c 'import numpy, scipy' 2> /dev/null; then
  echo "statistics: left out: $python has no scipy" >&2
  exit 77
fi
tables=$(mktemp)
trap 'rm -f "$tables"' EXIT
"$python" "$source/tests/golden/make_statistics.py" "${CRC_TABLES:-1000}" "${CRC_SEED:-2}" > "$tables"
CRC_STATISTICS=$tables "$build/tests/apps_test" --gtest_filter=Statistics.AgreeWithScipy
