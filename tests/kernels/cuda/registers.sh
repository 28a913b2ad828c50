#!/usr/bin/env bash
# Registers and spills of every kernel, for every architecture of the build, as ptxas -v gave them (cmake/ptxas_report.sh),
# against registers.txt: no kernel spills, none takes more registers than its line allows.
# usage: registers.sh BUILD [--list]   --list: all kernels with what they take, the most over the architectures
set -euo pipefail
table=$(dirname "$0")/registers.txt build=$1 list=${2:-}
mapfile -t reports < <(find "$build" -name '*.cu.o.ptxas')
[ ${#reports[@]} -gt 0 ] || { echo "registers: no reports of ptxas in $build; build it anew"; exit 1; }
cat "${reports[@]}" | sed -nE "s/^ptxas info *: Compiling entry function '([^']*)' for '(sm_[0-9]+)'.*/kernel \1 \2/p
    s/^ *([0-9]+) bytes stack frame, ([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads/spills \1 \2 \3/p
    s/^ptxas info *: Used ([0-9]+) registers.*/registers \1/p" | c++filt -p |
  awk -v table="$table" -v list="$list" '
    BEGIN {
      while ((getline line < table) > 0) {
        if (line ~ /^(#|$)/) continue
        split(line, field, " ")
        limit[field[1]] = field[2]; order[++lines] = field[1]
      }
    }
    $1 == "kernel" { arch = $NF; name = $0; sub(/^kernel /, "", name); sub(/ sm_[0-9]+$/, "", name); next }
    $1 == "spills" { stack = $2; spilled = $3 + $4; next }
    $1 == "registers" {
      ++kernels
      base = name; sub(/<.*/, "", base); sub(/\(anonymous namespace\)::/, "", base); sub(/.*::/, "", base)
      if ($2 > most[base]) most[base] = $2
      if (stack > frame[base]) frame[base] = stack
      if (spilled > 0) { print "registers: " name " spills " spilled " bytes on " arch; failed = 1 }
      allowed = base in limit ? limit[base] : limit["default"]
      if ($2 > allowed) { print "registers: " name " takes " $2 " on " arch ", at most " allowed; failed = 1 }
      used[base] = 1
    }
    END {
      for (k = 1; k <= lines; ++k)
        if (order[k] != "default" && !(order[k] in used)) { print "registers: there is no kernel " order[k]; failed = 1 }
      if (list != "") for (base in most) printf "%-40s %4d registers, %d bytes of stack\n", base, most[base], frame[base]
      if (kernels == 0) { print "registers: the reports name no kernel"; failed = 1 }
      print "registers: " kernels " kernels"
      exit failed
    }'
