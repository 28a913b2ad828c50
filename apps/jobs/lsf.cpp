#include "apps/jobs/job_file.h"

namespace crc::apps {

// Arrays count from 1. -Q queues a task that ended with 75 again; -wt and -wa send SIGTERM two minutes before the limit.
extern const Scheduler k_lsf;
const Scheduler k_lsf{.option = "lsf",
                      .name = "LSF",
                      .submits = "bsub",
                      .directives =
                          "#BSUB -n 4\n"
                          "#BSUB -R \"span[hosts=1]\"\n"
                          "#BSUB -gpu \"num=1\"\n"
                          "#BSUB -W 24:00\n"
                          "#BSUB -r\n"
                          "#BSUB -Q \"75\"\n"
                          "#BSUB -wt 2\n"
                          "#BSUB -wa TERM\n",
                      .functions = R"sh(
task=$((${LSB_JOBINDEX:-1} - 1))
cores=${LSB_DJOB_NUMPROC:-}
submit() {
  local wait=() ended
  [ ${#after[@]} = 0 ] || { ended=$(printf ' && done(%s)' "${after[@]}") && wait=(-ti -w "${ended# && }"); }
  bsub -J "$name[1-$1]" -o "$out/lsf-%J_%I.log" "${wait[@]}" "${@:2}" < "$0" | sed -n 's/^Job <\([0-9]*\)>.*/\1/p'
}
train() { "$@"; }
again() { :; }
)sh"};

}  // namespace crc::apps
