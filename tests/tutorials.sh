#!/usr/bin/env bash
# Compiles what docs/tutorials/*.md show: every block whose fence names a file (```cpp title="kernels/ops/x.h") is written
# where it says, in a copy, and built with the flags of the build directory; the new op's test and the new acquisitions run.
# And the method of docs/methods.md, as the body of a class.
# usage: tests/tutorials.sh BUILD_DIRECTORY
set -euo pipefail
build=$(cd "${1:?usage: $0 BUILD_DIRECTORY}" && pwd)
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ---- the blocks; a .def file's lines are added to the file that stands
for page in docs/tutorials/*.md; do
  awk -v into="$work/tree/" '
    /^```cpp title="/ { split($0, part, "\""); file = into part[2]; folder = file; sub(/\/[^\/]*$/, "", folder); system("mkdir -p " folder); next }
    /^```/ { file = "" }
    file != "" { print >> file }' "$page"
done
for list in $(cd "$work/tree" && find . -name '*.def'); do
  cat "$root/$list" "$work/tree/$list" > "$work/list"
  mv "$work/list" "$work/tree/$list"
done

# ---- how the build compiles a test and a CUDA file, and links
[ -f "$build/build.ninja" ] || { echo "tutorials: $build is not a Ninja build" >&2; exit 1; }
ninja -C "$build" -t commands tests/kernels_test > "$work/commands"
flags() { sed -E 's/ -MD -MT [^ ]+ -MF [^ ]+//; s/ -o [^ ]+//; s/ -c [^ ]+//; s/^.*ccache //; s/^[^ ]*ptxas_report.sh [^ ]+ CUDA //'; }
cxx=$(grep -m 1 'kernels_test\.dir/.* -c ' "$work/commands" | flags)
cuda=$(grep -m 1 'kernels/ops/add\.cu ' "$work/commands" | flags || true)
link=$(tail -1 "$work/commands" | sed -E 's/^: && //; s/ && .*$//; s/[^ ]*kernels_test\.dir[^ ]+\.o//g')
compile() { (cd "$build" && eval "$cxx -iquote $work/tree -c $work/tree/$1 -o $2"); }  # SOURCE OBJECT

# ---- an op: header, CPU, test, and where nvcc is, CUDA
compile kernels/ops/softplus.cpp "$work/softplus.o"
compile tests/kernels/ops/softplus_test.cpp "$work/softplus_test.o"
objects=("$work/softplus.o" "$work/softplus_test.o")
if [ -n "$cuda" ]; then
  (cd "$build" && eval "$cuda -I$work/tree -c $work/tree/kernels/ops/softplus.cu -o $work/softplus.cu.o" 2> "$work/ptxas") || { cat "$work/ptxas" >&2; exit 1; }
  objects+=("$work/softplus.cu.o")
else
  echo "left out, there is no nvcc: kernels/ops/softplus.cu"
fi
(cd "$build" && eval "${link/-o tests\/kernels_test/${objects[*]} -o $work/softplus_test}")
"$work/softplus_test" --gtest_brief=1

# ---- its case of crc_bench, and acquisitions: compiled; the list with their lines, too
compile bench/kernels/ops/softplus_bench.cpp "$work/bench.o"
for file in "$work"/tree/crc/acquisitions/*.cpp; do compile "crc/acquisitions/$(basename "$file")" "$work/acquisition.o"; done
names=$(sed -n 's/^CRC_ACQUISITION(\([a-z_]*\),.*/\1/p' "$work/tree/crc/acquisitions.def" | tail -2)
for name in $names; do
  [ -f "$work/tree/crc/acquisitions/$name.cpp" ] || { echo "tutorials: acquisitions.def names $name, which no block shows" >&2; exit 1; }
done
mkdir -p "$work/tree/crc"
cp crc/acquisition.cpp "$work/tree/crc/"
compile crc/acquisition.cpp "$work/list.o"

# ---- the method that docs/methods.md sketches
mkdir -p "$work/tree/ssl/methods"
{
  printf '#include "ssl/methods/matching.h"\nnamespace crc::ssl {\nstruct Sketch : Method {\n'
  sed -n '/^```cpp/,/^```/{/^```/d;p}' docs/methods.md
  printf '};\n}  // namespace crc::ssl\n'
} > "$work/tree/ssl/methods/sketch.cpp"
compile ssl/methods/sketch.cpp "$work/sketch.o"
echo "tutorials: a method, an op and $(wc -w <<< "$names") acquisitions compiled in $SECONDS s"
