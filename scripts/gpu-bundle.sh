#!/usr/bin/env bash
# Programs, tests and what they need, in parts small enough to be carried to a machine without a network, and back together
# there. Called by gpu-check.sh.
# usage: gpu-bundle.sh --bundle DIR [--arch all-major] [--build build-gpu] [--cifar10 DIR]
#        gpu-bundle.sh --unpack DIR --into DIR2
# A part holds at most 60 MiB. cuDNN, cuBLAS and cuSOLVER are left out: a gigabyte that machines with CUDA have.
set -euo pipefail
cd "$(dirname "$0")/.."
bundle= unpack= into= arch=all-major build=build-gpu cifar10=
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || { echo "gpu-bundle: $1 needs a value" >&2; exit 64; }
  case "$1" in
    --bundle) bundle=$2 ;;
    --unpack) unpack=$2 ;;
    --into) into=$2 ;;
    --arch) arch=$2 ;;
    --build) build=$2 ;;
    --cifar10) cifar10=$2 ;;
    *) echo "gpu-bundle: unknown option $1 (see the first lines of this file)" >&2; exit 64 ;;
  esac
  shift 2
done

if [ -n "$unpack" ]; then
  [ -n "$into" ] || { echo "gpu-bundle: --unpack needs --into" >&2; exit 64; }
  [ -e "$unpack/parts.sha256" ] || { echo "gpu-bundle: no $unpack/parts.sha256: not a bundle's folder" >&2; exit 66; }
  mkdir -p "$into/parts"
  cp "$unpack"/* "$into/parts/"
  absent=$(awk '{print $2}' "$into/parts/parts.sha256" | while read -r part; do [ -e "$into/parts/$part" ] || echo "$part"; done)
  [ -z "$absent" ] || { echo "gpu-bundle: still missing: $(echo $absent); bring them and call again"; exit 0; }
  (cd "$into/parts" && sha256sum --check --quiet parts.sha256) || { echo "gpu-bundle: a part is damaged" >&2; exit 65; }
  for archive in programs cifar10; do
    compgen -G "$into/parts/$archive.*" >/dev/null || continue
    cat "$into/parts/$archive".* | tar xJ -C "$into"
  done
  echo "unpacked: $into/source/scripts/gpu-check.sh"
  [ ! -d "$into/cifar10" ] || echo "CRC_CIFAR10_DIR=$into/cifar10"
  exit 0
fi

[ -n "$bundle" ] || { echo "gpu-bundle: --bundle DIR or --unpack DIR" >&2; exit 64; }
if [ -e "$bundle" ] && [ -n "$(ls -A "$bundle")" ]; then
  echo "gpu-bundle: $bundle is not empty; give a new folder" >&2
  exit 73
fi
if [ ! -e "$build/build.ninja" ]; then
  cmake --preset cuda -B "$build" "-DCMAKE_CUDA_ARCHITECTURES=$arch"
fi
cmake --build "$build" --target crc_train crc_select crc_bench kernels_test nn_test ssl_test crc_test
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/real" "$stage/bin" "$stage/tests" "$stage/lib" "$stage/source" "$bundle"
cp "$build"/crc_{train,select,bench} "$build"/tests/{kernels,nn,ssl,crc}_test "$stage/real"
strip "$stage"/real/*
# Only our programs may see these libraries: Python and its PyTorch have their own, newer ones.
wrap() {
  printf '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")/..\nLD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "$here/real/%s" "$@"\n' "$2" >"$stage/$1/$2"
  chmod +x "$stage/$1/$2"
}
for program in crc_train crc_select crc_bench; do wrap bin $program; done
for layer in kernels nn ssl crc; do wrap tests ${layer}_test; done
# Every shared library but glibc's own, under the name it is asked for by.
ldd "$stage"/real/* | awk '$2 == "=>" && $3 ~ /^\// {print $1, $3}' | sort -u |
  grep -vE '^(libc|libm|libdl|librt|libpthread|libresolv|libutil|libanl)\.so' |
  while read -r name path; do cp "$(readlink -f "$path")" "$stage/lib/$name"; done
git ls-files bench scripts tests README.md CMakeLists.txt | tar c -T - | tar x -C "$stage/source"
pwd >"$stage/built-at"
tar c --use-compress-program="xz -T0" -C "$stage" real bin tests lib source built-at | split -b 60M - "$bundle/programs."
if [ -n "$cifar10" ]; then
  [ -e "$cifar10/data_batch_1.bin" ] || { echo "gpu-bundle: no $cifar10/data_batch_1.bin" >&2; exit 66; }
  mkdir "$stage/cifar10"
  cp "$cifar10"/*.bin "$stage/cifar10"
  tar c --use-compress-program="xz -T0" -C "$stage" cifar10 | split -b 60M - "$bundle/cifar10."
fi
cp scripts/gpu-bundle.sh "$bundle"
(cd "$bundle" && sha256sum programs.* $(compgen -G 'cifar10.*' || true) >parts.sha256)
du -h "$bundle"/*
