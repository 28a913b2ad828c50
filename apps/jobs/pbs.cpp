#include "apps/jobs/job_file.h"

namespace crc::apps {

// OpenPBS and PBS Professional. An array has two tasks at least. PBS queues what it preempts again; at the end of the
// walltime nobody but an operator may (qrerun).
extern const Scheduler k_pbs;
const Scheduler k_pbs{.option = "pbs",
                      .name = "PBS",
                      .submits = "qsub",
                      .directives =
                          "#PBS -S /bin/bash\n"
                          "#PBS -l select=1:ncpus=4:ngpus=1\n"
                          "#PBS -l walltime=24:00:00\n"
                          "#PBS -r y\n"
                          "#PBS -j oe\n",
                      .functions = R"sh(
task=${PBS_ARRAY_INDEX:-0}
cores=${NCPUS:-}
submit() {
  local array=() wait=()
  [ "$1" = 1 ] || array=(-J "0-$(($1 - 1))")
  [ ${#after[@]} = 0 ] || wait=(-W "depend=afterok:$(IFS=:; echo "${after[*]}")")
  qsub -N "$name" -o "$out/" -V "${array[@]}" "${wait[@]}" "${@:2}" "$0"
}
train() { "$@"; }
again() { echo "stopped before the end and nothing is lost: submit the job file once more" >&2; }
)sh"};

}  // namespace crc::apps
