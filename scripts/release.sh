#!/usr/bin/env bash
# What a release consists of, into dist/: source archive, programs (cpack), wheel, list of what is inside (SPDX), checksums.
# Twice from one commit the source archive is the same bytes. After scripts/test.sh, on the oldest system to be served: glibc's
# version decides where the programs run.
# usage: scripts/release.sh [--draft] [--without-wheel]       --draft: the tree may be changed or untagged
set -euo pipefail
cd "$(dirname "$0")/.."
draft=0 wheel=1
for word in "$@"; do
  case $word in
    --draft) draft=1 ;;
    --without-wheel) wheel=0 ;;
    *) echo "usage: scripts/release.sh [--draft] [--without-wheel]" >&2; exit 64 ;;
  esac
done
version=$(sed -nE 's/^project\(crc VERSION ([0-9.]+).*/\1/p' CMakeLists.txt)
grep -q "^version: $version\$" CITATION.cff || { echo "release: CITATION.cff does not say version $version" >&2; exit 65; }
if [ $draft = 0 ]; then
  [ -z "$(git status --porcelain)" ] || { echo "release: the tree has changes; commit them, or --draft" >&2; exit 65; }
  [ "$(git describe --exact-match --tags 2> /dev/null)" = "v$version" ] || { echo "release: HEAD has no tag v$version" >&2; exit 65; }
fi
[ -f build/build.ninja ] || { echo "release: there is no build; scripts/test.sh makes and tests it" >&2; exit 66; }

rm -rf dist
mkdir dist
git archive --format=tar --prefix="crc-$version/" HEAD | gzip -n9 > "dist/crc-$version.tar.gz"
cmake --build build
(cd build && cpack -G TGZ > /dev/null)
mv build/crc-"$version"-*.tar.gz dist/
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
tar -xzf dist/crc-"$version"-*.tar.gz -C "$tree"
python3 scripts/sbom.py "$version" build "$tree" > "dist/crc-$version.spdx.json"
if [ $wheel = 1 ]; then  # with the CUDA that the programs were built with, or without
  as_built=()
  for key in CRC_CUDA CMAKE_CUDA_ARCHITECTURES; do
    value=$(sed -nE "s/^$key:[A-Z]+=//p" build/CMakeCache.txt)
    [ -z "$value" ] || as_built+=(-C "cmake.define.$key=$value")
  done
  scripts/wheel.sh python3 "${as_built[@]}"
fi
(cd dist && sha256sum -- * > "$tree/SHA256SUMS" && mv "$tree/SHA256SUMS" .)
ls -l dist
