#!/bin/sh
# Runs a test that is a Python script; without python3 it is left out by name (77).   usage: tests/with_python.sh SCRIPT ARGUMENTS...
command -v python3 > /dev/null || { echo "$(basename "$1"): skipped: there is no python3"; exit 77; }
exec python3 "$@"
