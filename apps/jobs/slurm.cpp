#include "apps/jobs/job_file.h"

namespace crc::apps {

// By srun, for a step of its own: a partition's GraceTime and --signal tell steps before the end, and not the shell that
// started them. A job that is being cancelled, or preempted at once, is no longer RUNNING when its run has ended; Slurm
// itself queues the second again, and the first must stay away.
extern const Scheduler k_slurm;
const Scheduler k_slurm{.option = "slurm",
                        .name = "Slurm",
                        .submits = "sbatch",
                        .directives =
                            "#SBATCH --gres=gpu:1\n"
                            "#SBATCH --cpus-per-task=4\n"
                            "#SBATCH --time=24:00:00\n"
                            "#SBATCH --requeue\n"
                            "#SBATCH --open-mode=append\n"
                            "#SBATCH --signal=TERM@120\n",
                        .functions = R"sh(
task=${SLURM_ARRAY_TASK_ID:-}
cores=${SLURM_CPUS_PER_TASK:-}
submit() {
  local wait=()
  [ ${#after[@]} = 0 ] || wait=(--kill-on-invalid-dep=yes "--dependency=afterok:$(IFS=:; echo "${after[*]}")")
  sbatch --parsable --job-name="$name" --output="${out//%/%%}/slurm-%A_%a.log" --array="0-$(($1 - 1))" --export=ALL \
    "${wait[@]}" "${@:2}" "$0" | cut -d ';' -f 1
}
train() { srun --ntasks=1 ${cores:+"--cpus-per-task=$cores"} "$@"; }
again() {
  local job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
  [ "$(squeue --noheader --jobs="$job" --format=%T)" != RUNNING ] || scontrol requeue "$job"
}
)sh"};

}  // namespace crc::apps
