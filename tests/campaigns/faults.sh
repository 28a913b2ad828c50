#!/usr/bin/env bash
# One I/O call after the other fails (CRC_FAULT, docs/exit-codes.md): the process dies there, writes half and dies, finds the
# disk full, or gets an I/O error. A resume must then give the bits of a run that nobody disturbed, and a failure that the
# process survives must be 74.   usage: faults.sh BUILD_DIRECTORY [every n-th call, default 1]
. "$(dirname "$0")/common.sh"
stride=${2:-1}

start "$work/reference"
failed=0
for action in kill torn enospc eio short; do
  for ((k = 1; ; k += stride)); do
    run=$work/run
    code=0
    CRC_FAULT=any:$k:$action start "$run" 2>"$work/words" || code=$?
    if ((code == 0)) && [ "$action" != short ]; then
      rm -rf "$run"  # the run has fewer calls
      break
    fi
    case $action:$code in
      kill:137 | torn:137 | enospc:74 | eio:74 | short:0) count "$action: exit code $code" ;;
      *)
        count "$action: WRONG exit code $code"
        echo "$action at call $k: $(cat "$work/words")" >&2
        failed=1
        ;;
    esac
    if finish "$run" 2>"$work/words" && difference=$(same_results "$run" "$work/reference"); then
      count "resumed to the same bits"
    else
      count "NOT resumed to the same bits"
      echo "$action at call $k: ${difference:-$(cat "$work/words")}" >&2
      failed=1
    fi
    rm -rf "$run"
    [ "$action" != short ] || ((k < 60)) || break
  done
done
echo "faults: every $stride. call"
print_counts
exit $failed
