#!/usr/bin/env bash
# crc_select in several processes, each in a network of its own: namespaces joined by pairs of virtual cables to a
# bridge, Open MPI over TCP with a rank on every "machine"; packets are late and lost (netem), or where the kernel has no
# netem the line is slow and drops what does not fit (tbf). Picks and scores are those of one process; who is killed ends
# all, and nothing is written. Nothing of this machine's own network is touched, and all of it is removed again. Skipped
# by name without root, `ip` and `tc` (Debian: iproute2), Open MPI, or an adapter to it in the build.
# usage: tests/network.sh BUILD_DIRECTORY
set -euo pipefail
build=$(cd "${1:?usage: $0 BUILD_DIRECTORY}" && pwd)
tests=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
skip() { echo "network: skipped: $*"; exit 77; }
[ "$(id -u)" = 0 ] || skip "namespaces of networks take root"
for program in ip tc unshare hostname mpirun python3; do
  command -v $program > /dev/null || skip "there is no $program"
done
mpirun --version 2>&1 | grep -q "Open MPI\|OpenRTE" || skip "mpirun is not Open MPI's"
[ -e "$build/libcrc_mpi_openmpi.so" ] || skip "this build has no adapter to Open MPI"
for variable in "${!CRC_@}" "${!OMPI_@}" "${!PMIX_@}" "${!PMI_@}" "${!SLURM_@}"; do unset "$variable"; done
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive

work=$(mktemp -d) machines=3 tag=crc$$
finish() {
  local code=$?
  for n in $(seq 0 $machines); do
    ip netns pids $tag-$n 2> /dev/null | xargs --no-run-if-empty kill -9 2> /dev/null || true
    ip netns del $tag-$n 2> /dev/null || true
  done
  rm -rf "$work"
  exit $code
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
fail() {
  echo "network: $*" >&2
  cat "$work/words" >&2 || true
  exit 1
}

# ---- machines 1, 2 and 3, and the bridge between them in namespace 0
ip netns add $tag-0 2> "$work/words" || skip "no namespace can be made: $(cat "$work/words")"
ip -n $tag-0 link add bridge type bridge 2> "$work/words" || skip "no bridge can be made: $(cat "$work/words")"
ip -n $tag-0 link set bridge up
line="20 ms late, 1 % lost"
for n in $(seq $machines); do
  ip netns add $tag-$n
  ip -n $tag-$n link add eth0 type veth peer name port$n netns $tag-0 2> "$work/words" || skip "no cable can be made: $(cat "$work/words")"
  ip -n $tag-0 link set port$n master bridge up
  ip -n $tag-$n address add 10.77.0.$n/24 dev eth0
  ip -n $tag-$n link set eth0 up
  ip -n $tag-$n link set lo up
  ip netns exec $tag-$n tc qdisc add dev eth0 root netem delay 10ms loss 1% 2> "$work/words" || {
    line="20 Mbit/s, what does not fit 4 ms of it lost"
    ip netns exec $tag-$n tc qdisc add dev eth0 root tbf rate 20mbit burst 4kb latency 4ms 2> "$work/words" ||
      skip "no line can be made bad: $(cat "$work/words")"
  }
done

# ---- mpirun reaches a machine by this instead of ssh; each has a host name of its own, so that none is taken for another
cat > "$work/reach" <<AGENT
#!/bin/sh
host=\$1
shift
exec ip netns exec $tag-\${host##*.} unshare --uts sh -c "hostname $tag-\${host##*.}; \$*"
AGENT
chmod +x "$work/reach"
for n in $(seq $machines); do echo "10.77.0.$n slots=1"; done > "$work/hosts"
under() {  # processes, then the command
  local n=$1
  shift
  timeout 120 "$work/reach" 10.77.0.1 mpirun --allow-run-as-root -n $n --hostfile "$work/hosts" --map-by node \
    --mca plm_rsh_agent "$work/reach" --mca plm_rsh_no_tree_spawn 1 --mca pml ob1 --mca btl tcp,self \
    --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 "$@"
}
lost() { ip netns exec $tag-$1 tc -s qdisc show dev eth0 | sed -n 's/.*dropped \([0-9]*\),.*/\1/p'; }

cd "$work"
under 3 sh -c 'hostname; ip -brief address show dev eth0' > words 2>&1 || fail "mpirun reaches no other machine: exit code $?"
[ "$(grep -c "^$tag-[123]$" words)" = 3 ] || fail "three processes are not on three machines"

# ---- one selection in all of them
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$tests python3 - << 'PYTHON'
import random
from write_npy import save

random.seed(0)
width, items = 32, 4000
h = [random.randrange(64) / 64 for _ in range(items * width)]
for k, (begin, end) in enumerate([(0, 700), (700, items)]):
    save(f"h{k}.npy", "<f2", (end - begin, width), "e", h[begin * width:end * width])
save("p.npy", "<f4", (items, 5), "f", [random.gauss(0, 1) for _ in range(items * 5)])
save("l.npy", "<i8", (40,), "q", random.sample(range(items), 40))
PYTHON
pool="--threads 1 --features h0.npy h1.npy --logits p.npy --labeled l.npy"
for run in "2 crc --group 5 --budget 20" "3 crc --group 5 --budget 20" "3 badge --budget 3" "3 maxherding --budget 4"; do
  read -r n what <<< "$run"
  "$build/crc_select" $pool --acquisition $what --out one.csv --scores one.npy --force > words 2>&1 || fail "one process: $what"
  begin=$(date +%s%N)
  under $n "$build/crc_select" $pool --acquisition $what --out several.csv --scores several.npy > words 2>&1 || fail "$n processes: $what"
  grep -q "^$n processes; this one sent" words || fail "they did not work together: $what"
  cmp one.csv several.csv && cmp one.npy several.npy || fail "other picks: $n processes, $what"
  echo "network: $n machines: ${what%% *}: the picks of one process; $((($(date +%s%N) - begin) / 1000000)) ms, $(sed -n 's/^.*this one sent //p' words)"
  rm several.csv several.npy
done

# ---- without MPI: the same, joined by TCP
by_tcp() {  # processes, then each one's options (of the last for the rest)
  local n=$1 r pids=() code=0
  shift
  for ((r = 0; r < n; ++r)); do
    RANK=$r WORLD_SIZE=$n MASTER_ADDR=10.77.0.1 timeout 120 "$work/reach" 10.77.0.$((r + 1)) "$build/crc_select" $1 > words.$r 2>&1 &
    pids+=($!)
    if [ $# -gt 1 ]; then shift; fi
  done
  for ((r = n - 1; r >= 0; --r)); do wait ${pids[$r]} && code=0 || code=$?; done  # rank 0's counts
  mv words.0 words
  return $code
}
"$build/crc_select" $pool --acquisition crc --group 5 --budget 20 --out one.csv --scores one.npy --force > words 2>&1 || fail "one process"
begin=$(date +%s%N)
by_tcp 3 "$pool --acquisition crc --group 5 --budget 20 --out several.csv --scores several.npy" || fail "three processes by TCP"
grep -q "^3 processes; this one sent" words || fail "they did not work together by TCP"
cmp one.csv several.csv && cmp one.npy several.npy || fail "other picks by TCP"
code=0
by_tcp 2 "$pool --budget 5 --out bad.csv" "--features none.npy --budget 5 --out bad.csv" || code=$?
grep -q "process 1 of 2: reading none.npy" words && [ $code = 66 ] && [ ! -e bad.csv ] || fail "a failure by TCP: exit code $code"
echo "network: 3 machines by TCP alone: the picks of one process; $((($(date +%s%N) - begin) / 1000000)) ms; a failure ends all"
echo "network: lines between machines: $line; packets lost so far: $(lost 1), $(lost 2), $(lost 3)"

# ---- one that fails ends all with its words; one that is killed ends all
code=0
under 1 "$build/crc_select" $pool --budget 5 --out bad.csv : -n 1 "$build/crc_select" --features none.npy --budget 5 --out bad.csv \
  > words 2>&1 || code=$?
grep -q "process 1 of 2: reading none.npy" words && [ $code = 66 ] || fail "a failure on another machine: exit code $code"
code=0
under 1 "$build/crc_select" $pool --budget 5 --out bad.csv : -n 1 sh -c 'kill -9 $$' > words 2>&1 || code=$?
[ $code != 0 ] && [ $code != 124 ] && [ ! -e bad.csv ] || fail "a killed process: exit code $code"
echo "network: a failure and a death on another machine end all"

# ---- one that is killed with something kept; two machines go on where three were
kept="$pool --acquisition maxherding --budget 4 --checkpoint ck"
"$build/crc_select" $pool --acquisition maxherding --budget 4 --out one.csv --force > words 2>&1 || fail "one process"
code=0
under 1 env CRC_FAULT=rename:5:kill "$build/crc_select" $kept --out kept.csv : -n 2 "$build/crc_select" $kept --out kept.csv > words 2>&1 || code=$?
[ $code != 0 ] && [ $code != 124 ] && [ ! -e kept.csv ] && ls ck/*.pass > /dev/null || fail "killed with something kept: exit code $code"
under 2 "$build/crc_select" $kept --out kept.csv > words 2>&1 || fail "two machines do not go on"
grep -q "goes on with what is kept" words && cmp one.csv kept.csv && [ ! -e ck ] || fail "other picks, or nothing gone on from"
echo "network: two machines go on where three were"
