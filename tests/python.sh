#!/usr/bin/env bash
# The tests of the Python package: of a build folder's, or of the one that is installed for that Python. 77, with the
# reason, where something that they need is missing.
# usage: tests/python.sh BUILD_DIRECTORY [PYTHON [installed]]
set -euo pipefail
build=$(realpath "${1:?usage: $0 BUILD_DIRECTORY [PYTHON [installed]]}")
python=${2:-python3}
tests=$(realpath "$(dirname "$0")")/python
left_out() { echo "python: left out: $1" >&2; exit 77; }

if [ "${3:-}" != installed ]; then
  [ -e "$build/python/crc_active/_crc.abi3.so" ] || left_out "the module is not built (CRC_PYTHON=ON, docs/python.md)"
  export PYTHONPATH=$build/python
fi
for module in pytest numpy nanobind_backend; do
  "$python" -c "import $module" 2> /dev/null || left_out "$python has no $module"
done
if [ -x "$build/crc_select" ]; then export CRC_SELECT=$build/crc_select; fi
if [ -x "$build/crc_train" ]; then export CRC_TRAIN=$build/crc_train; fi
cd "$(mktemp -d)"  # where no source can be taken for the package
trap 'rm -rf "$PWD"' EXIT
OMP_WAIT_POLICY=passive PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest -q -p no:cacheprovider "$tests"
