#!/usr/bin/env bash
# Kills a tiny run with SIGKILL at random moments and resumes it until it ends: the results must be those of a run that
# nobody interrupted, bit for bit. An interruption is a kill that hit the process while its run was there and not done;
# others are counted apart, and without any the campaign fails: it has shown nothing.
#   usage: kill.sh BUILD_DIRECTORY [runs, default 100] [seed]
. "$(dirname "$0")/common.sh"
runs=${2:-100}
RANDOM=${3:-1}

begun=$(date +%s%N)
start "$work/reference"
whole=$((($(date +%s%N) - begun) / 1000000))  # milliseconds
failed=0
interruptions=0
for ((k = 0; k < runs; ++k)); do
  run=$work/run
  kills=0
  while [ ! -e "$run/DONE" ]; do
    become "$run" 2>"$work/words" &
    pid=$!
    if ((kills < 4)); then
      sleep "$(printf '0.%03d' $((RANDOM % (whole < 999 ? whole + 1 : 999))))"
      kill -KILL "$pid" 2>/dev/null || true
    fi
    code=0
    wait "$pid" 2>/dev/null || code=$?
    if ((code == 137)); then
      kills=$((kills + 1))
      if [ ! -e "$run/run.json" ]; then
        count "kills before the run was there"
      elif [ -e "$run/DONE" ]; then
        count "kills after the run was done"
      else
        count "interruptions"
        interruptions=$((interruptions + 1))
      fi
    elif ((code != 0)); then
      count "exit code $code"
      echo "run $k, after $kills kills: $(cat "$work/words")" >&2
      failed=1
      break
    fi
  done
  if [ -e "$run/DONE" ] && difference=$(same_results "$run" "$work/reference"); then
    count "runs with the same bits"
  else
    count "runs that DIFFER"
    echo "run $k: ${difference:-not finished}" >&2
    failed=1
  fi
  rm -rf "$run"
done
echo "kill: $runs runs, $interruptions times interrupted"
print_counts
if ((interruptions == 0)); then
  echo "kill: no kill interrupted a run; more runs, or longer ones, are needed" >&2
  failed=1
fi
exit $failed
