#!/usr/bin/env bash
# The job file of `crc_train sweep --slurm` on a Slurm of its own: one node, two GPUs that are none, three partitions;
# its own keys, ports and folder; all of it is ended and removed again, and no other Slurm is asked for anything. Twelve
# cells: some preempted, one cancelled, one at its time limit; the tables are those of a sweep on this machine. Skipped
# by name where Slurm (Debian: slurm-wlm and munge) is not installed or does not start.
# usage: tests/slurm.sh BUILD_DIRECTORY
set -euo pipefail
build=$(cd "${1:?usage: $0 BUILD_DIRECTORY}" && pwd)
PATH=$PATH:/usr/sbin:/usr/local/sbin
for program in munged slurmctld slurmd sbatch srun scancel scontrol squeue; do
  command -v $program > /dev/null || { echo "slurm: skipped: there is no $program"; exit 77; }
done
for variable in "${!SLURM@}" "${!SBATCH@}" "${!SRUN@}" "${!SQUEUE@}" "${!SCANCEL@}" "${!CRC_@}"; do unset "$variable"; done
work=$(mktemp -d)
chmod 711 "$work"  # munge wants to be reached by all
export SLURM_CONF=$work/slurm.conf OMP_WAIT_POLICY=passive

# Whatever this script started, and what that started: what has its configuration in the environment.
ours() { grep -lsz "^SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ | cut -d / -f 3; }
finish() {
  local code=$? process
  trap '' INT TERM
  for signal in TERM KILL; do
    for process in $(ours); do kill -$signal "$process" 2> /dev/null || true; done
    for ((i = 0; i < 25; ++i)); do [ -n "$(ours)" ] || break; sleep 0.2; done
  done
  rm -rf "$work"
  exit $code
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
fail() {
  echo "slurm: $*" >&2
  tail -n 30 "$work"/*.words "$work"/*/slurm-*.log 2> /dev/null >&2 || true
  tail -n 40 "$work"/slurmctld.log >&2 || true
  exit 1
}
await() {  # seconds, what, command ...
  for ((i = 0; i < $1 * 5; ++i)); do
    "${@:3}" && return
    sleep 0.2
  done
  fail "not within $1 s: $2"
}

# ---- a Slurm
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)) && (exec 3<> /dev/tcp/127.0.0.1/$port) 2> /dev/null; do :; done
  echo $port
}
host=$(hostname -s)
mkdir "$work"/{state,spool}
touch "$work"/gpu{0,1}
echo "Name=gpu File=$work/gpu[0-1]" > "$work/gres.conf"
cat > "$SLURM_CONF" <<CONF
ClusterName=crc
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
AuthType=auth/munge
# How long a requeued job waits, too.
AuthInfo=socket=$work/munge.socket,cred_expire=5
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName=$host NodeAddr=127.0.0.1 CPUs=16 Gres=gpu:2
PartitionName=common Nodes=ALL Default=YES PriorityTier=1
PartitionName=graceful Nodes=ALL PriorityTier=1 GraceTime=30
PartitionName=urgent Nodes=ALL PriorityTier=2 PreemptMode=OFF
CONF
skip() {
  echo "slurm: skipped: $1 does not start here: $(tail -n 1 "$work/words")"
  exit 77
}
(umask 077 && head -c 128 /dev/urandom > "$work/munge.key")
munged --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" --seed-file="$work/munge.seed" \
  --log-file="$work/munged.log" --num-threads=4 > "$work/words" 2>&1 || skip munged
slurmctld > "$work/words" 2>&1 || skip slurmctld
slurmd > "$work/words" 2>&1 || skip slurmd
for ((i = 0; i < 150; ++i)); do
  [ "$(sinfo --noheader --partition=common --format=%T 2> "$work/words")" = idle ] && break
  sleep 0.2
done
[ $i -lt 150 ] || { tail -n 1 "$work/slurmd.log" >> "$work/words"; skip "a node"; }
echo "slurm: $(sinfo --version) on ports $(sed -n 's/^Slurm.*Port=//p' "$SLURM_CONF" | paste -sd ' ')"

# ---- twelve cells, and one that would last for hours
cd "$work"
cat > twelve.toml <<'TOML'
schema = 2
[run]
device = "cpu"
threads = 1
[data]
name = "street_digits"
train_size = 300
test_size = 100
[model]
depth = 10
width = 1
base_channels = 8
first_stride = 2
[ssl]
batch = 8
mu = 2
epochs = 3
steps_per_epoch = 200
[acquisition]
initial = 20
budget = 20
group_size = 10
rounds = 2
[sweep]
title = "Two methods"
source = "nowhere"
trials = 3
initial_pools = 3
reconfirm = 1
[[sweep.block]]
name = "both"
[[sweep.block.method]]
name = "CRC"
set = ["acquisition.name=crc"]
paper = ["50.00±1.00", "50.00±1.00*"]
[[sweep.block.method]]
name = "Random"
set = ["acquisition.name=random"]
paper = ["50.00±1.00", "50.00±1.00"]
TOML
sed -e 's/^trials = 3/trials = 1/; s/^initial_pools = 3/initial_pools = 0/; s/^reconfirm = 1/reconfirm = 0/' -e '/name = "Random"/,$d' \
  -e 's/^steps_per_epoch = .*/steps_per_epoch = 1000000/' twelve.toml | sed '$d' > long.toml
sweep() { "$build/crc_train" sweep --quiet "$@" > sweep.words 2>&1 || fail "crc_train sweep $*"; }
trains() { [ -e "$1/log.txt" ] && [ ! -e "$1/DONE" ] && grep -q training "$1/log.txt"; }
urgently() { srun --quiet --partition=urgent --gres=gpu:2 true > urgent.words 2>&1 || fail "the urgent job"; }
one_trains() { local cell; for cell in "$1"/*-t?; do trains "$cell" && return; done; return 1; }
restarts() { scontrol --oneliner show job "$1" | grep -o 'Restarts=[0-9]*' | cut -d = -f 2 | awk '{ sum += $1 } END { print sum + 0 }'; }
submitted() { sed -n "s/^$2: job \([0-9]*\), .*/\1/p" "$1"; }  # words, phase: the job's number
in_queue() { [ -n "$(squeue --noheader --jobs="$1" 2> /dev/null)" ]; }
gone() { ! in_queue "$1"; }
equal_tables() {
  "$build/crc_train" report "$1" > report.words 2>&1 || fail "crc_train report $1"
  local table
  for table in table.csv table.md pairs.csv; do cmp "local/$table" "$1/$table" || fail "$1/$table differs"; done
}
sweep twelve.toml --out local --jobs 2

# ---- twelve cells, two at a time; preempted at once, and one cancelled
out="a folder, 100% its own"  # a name of which Slurm would make something else
sweep twelve.toml --out "$out" --slurm twelve.sh
bash twelve.sh --partition=common,graceful --cpus-per-task=1 > twelve.words
trial=$(submitted twelve.words trial)
[ "$(grep -c ': job [0-9]*, tasks: [136]$' twelve.words)" = 3 ] || fail "not three arrays"
scontrol show job "$trial" | grep -q 'TresPerNode=gres:gpu:1' || fail "no GPU is asked for"
scontrol show job "$trial" | grep -q 'Dependency=afterok:' || fail "the trials wait for nothing"
await 120 "a trial trains" one_trains "$out"
urgently
[ "$(restarts "$trial")" -gt 0 ] || fail "nothing was preempted"
echo "slurm: preempted and queued again: $(restarts "$trial") tasks"
await 120 "the last trial trains" trains "$out/random-t2"
scancel "${trial}_5"
await 180 "the trials end" gone "$trial"
await 60 "what waits for them is given up" gone "$(submitted twelve.words reconfirm)"
[ ! -e "$out/random-t2/DONE" ] || fail "a cancelled run is done"
[ "$(ls -d "$out"/*/DONE | wc -l)" = 8 ] || fail "not eight of twelve cells are done"
grep -q "resumed round" "$out"/*-t?/log.txt || fail "no run was resumed"

# ---- once more: what is missing
bash twelve.sh --cpus-per-task=1 > again.words
[ "$(grep -o '^[a-z]*: job\|tasks: [0-9]*' again.words | paste -sd ' ')" = "trial: job tasks: 1 reconfirm: job tasks: 3" ] ||
  fail "submitted again: $(cat again.words)"
await 60 "the cancelled run is taken up" grep -q "resumed round" "$out/random-t2/log.txt"
await 180 "all ends" gone "$(submitted again.words reconfirm)"
equal_tables "$out"
bash twelve.sh > done.words
grep -q "^all runs are done$" done.words || fail "$(cat done.words)"
echo "slurm: twelve cells, one cancelled, some preempted: the tables of a sweep on this machine"

# ---- several cells in a task
sweep twelve.toml --out together --slurm together.sh --together 4
bash together.sh > together.words
[ "$(grep -o 'tasks: [0-9]*' together.words | paste -sd ' ')" = "tasks: 1 tasks: 2 tasks: 1" ] || fail "$(cat together.words)"
await 180 "all ends" gone "$(submitted together.words reconfirm)"
equal_tables together
echo "slurm: four cells in a task: the same"

# ---- one selection in several tasks of a step, over MPI
npy() { printf '\x93NUMPY\x01\x00\x76\x00%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"; }
rows() { npy '<f2' "$2, 8" && printf "$(awk "BEGIN { srand($1); for (i = 0; i < $2 * 8; ++i) printf \"\\\\x%02x\\\\x3c\", int(rand() * 256) }")"; }
select_rows() {  # into $1; the rest before it
  "${@:2}" "$build/crc_select" --threads 1 --features h0.npy h1.npy --labeled l.npy --acquisition crc --group 5 --budget 20 \
    --out "$1" > select.words 2>&1 || fail "crc_select: ${*:2}"
}
ways=()
[ ! -e "$build/libcrc_mpi_openmpi.so" ] || ways+=(pmix)
[ ! -e "$build/libcrc_mpi_mpich.so" ] || ways+=(pmi2)
known=$(srun --mpi=list 2>&1)
[ ${#ways[@]} -gt 0 ] || echo "slurm: left out: srun crc_select, for this build has no adapter to an MPI"
for way in "${ways[@]}"; do
  grep -qw $way <<< "$known" || { echo "slurm: left out: srun --mpi=$way crc_select, for this Slurm lacks it"; continue; }
  rows 1 300 > h0.npy
  rows 2 401 > h1.npy
  { npy '<i8' '10,' && printf "$(printf '\\x%02x\\0\\0\\0\\0\\0\\0\\0' $(seq 0 20 180))"; } > l.npy
  [ -e one.csv ] || select_rows one.csv
  code=0
  srun --quiet --partition=common --ntasks=2 "$build/crc_select" --features h0.npy --budget 2 --out no.csv > select.words 2>&1 || code=$?
  [ $code = 69 ] && grep -q "srun --mpi=pmix" select.words || fail "tasks that know nothing of each other: $code"
  for tasks in 2 3 4; do
    select_rows several-$way-$tasks.csv srun --quiet --partition=common --mpi=$way --ntasks=$tasks
    cmp one.csv several-$way-$tasks.csv || fail "other picks: $tasks tasks, $way"
  done
  echo "slurm: srun --mpi=$way crc_select in 2, 3 and 4 tasks: the picks of one process"
done

# ---- told before a preemption or the time limit: both queued again by the job file, and resumed; cancelled, they stay away
resumed() { grep -qs "resumed round" $1/*/log.txt && [ "$(restarts "$2")" -gt 0 ]; }
sweep long.toml --out limit --slurm limit.sh
sweep long.toml --out grace --slurm grace.sh
bash limit.sh --gres=none --time=1 --signal=TERM@55 > limit.words
bash grace.sh --partition=graceful > grace.words
limit=$(submitted limit.words trial) grace=$(submitted grace.words trial)
await 120 "a run trains in a partition with a grace period" one_trains grace
urgently
grep -q "stopped after a checkpoint" grace/*/log.txt || fail "the grace period was not used"
await 120 "it is resumed" resumed grace "$grace"
await 120 "the run at its time limit is resumed" resumed limit "$limit"
scancel "$limit" "$grace"
for job in $limit $grace; do await 60 "the cancelled job ends" gone "$job"; done
sleep 7  # for longer than a requeued job waits
for job in $limit $grace; do gone "$job" || fail "a cancelled job is queued again"; done
echo "slurm: told before a preemption and before the time limit, queued again, resumed; cancelled, they stay away"
