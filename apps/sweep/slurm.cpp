#include "apps/sweep/slurm.h"

#include <fmt/format.h>

namespace crc::apps {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// In a comment: a line of its own would be run.
std::string on_one_line(std::string text) {
  for (char& c : text)
    if (uint8_t(c) < 0x20) c = ' ';
  return text;
}

std::string cell_list(const Sweep& sweep, Phase phase) {
  std::string list;
  for (const SweepCell& cell : sweep.cells())
    if (cell.phase == phase) list += "\n  " + quoted(cell.name);
  return fmt::format("{}_cells=({}{})\n", to_string(phase), list, list.empty() ? "" : "\n");
}

}  // namespace

std::string slurm_script(const Sweep& sweep, const std::string& program, int64_t together) {
  const std::string directory = fs::absolute(sweep.directory()).string();
  std::string text = fmt::format(
      "#!/bin/bash\n"
      "# {} ({})\n"
      "# Submit with: bash THIS_FILE. Written by crc_train sweep --slurm; the lines below are yours to change.\n"
      "#SBATCH --job-name=crc-{}\n"
      "#SBATCH --output={}/slurm-%A_%a.log\n"
      "#SBATCH --open-mode=append\n"
      "#SBATCH --gres=gpu:1\n"
      "#SBATCH --cpus-per-task=4\n"
      "#SBATCH --time=24:00:00\n"
      "#SBATCH --requeue\n"
      "#SBATCH --signal=B:TERM@120\n"
      "set -eu\n\n",
      on_one_line(sweep.spec().title), on_one_line(sweep.spec().source),
      on_one_line(fs::path(sweep.recipe()).stem().string()), on_one_line(directory));
  for (Phase phase : {Phase::pool, Phase::trial, Phase::reconfirm}) text += cell_list(sweep, phase);
  return text + fmt::format(R"sh(together={}  # cells per task, in one process
if [ -z "${{SLURM_ARRAY_TASK_ID:-}}" ]; then
  after=
  for phase in pool trial reconfirm; do
    declare -n cells=${{phase}}_cells
    [ "${{#cells[@]}}" -gt 0 ] || continue
    id=$(sbatch --parsable $after --array=0-$(((${{#cells[@]}} - 1) / together)) --export=ALL,CRC_PHASE=$phase "$0")
    echo "$phase: job $id, ${{#cells[@]}} cells"
    after=--dependency=afterok:${{id%%;*}}
  done
  exit
fi
declare -n cells=${{CRC_PHASE}}_cells
options=()
for cell in "${{cells[@]:$((SLURM_ARRAY_TASK_ID * together)):$together}}"; do options+=("--cell=$cell"); done
{} sweep --out {} "${{options[@]}}" &
child=$!
trap 'kill -TERM $child' TERM
code=0
wait $child || code=$?
while kill -0 $child 2> /dev/null; do code=0; wait $child || code=$?; done
[ $code -ne 75 ] || scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
exit $code
)sh",
                            together, quoted(program), quoted(directory));
}

}  // namespace crc::apps
