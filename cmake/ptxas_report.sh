#!/bin/sh
# ptxas_report.sh OBJECT LANGUAGE COMMAND...: compiles, and keeps what ptxas -v says of each kernel (registers, spills) in
# OBJECT.ptxas for tests/kernels/cuda/registers.sh instead of the terminal.
object=$1 language=$2
shift 2
[ "$language" = CUDA ] || exec "$@"
"$@" 2> "$object.ptxas"
code=$?
grep -vE '^ptxas info|bytes stack frame' "$object.ptxas" >&2
exit $code
