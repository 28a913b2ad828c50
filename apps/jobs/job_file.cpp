#include "apps/jobs/job_file.h"

#include <fmt/format.h>

#include "data/text.h"

namespace crc::apps {

#define CRC_SCHEDULER(name) extern const Scheduler k_##name;
#include "apps/jobs/schedulers.def"
#undef CRC_SCHEDULER

namespace {

// In a comment: a line of its own would be run.
std::string on_one_line(std::string text) {
  for (char& c : text)
    if (uint8_t(c) < 0x20) c = ' ';
  return text;
}

// Of what every scheduler takes as a job's name.
std::string job_name(const Sweep& sweep) {
  std::string name = "crc-" + fs::path(sweep.recipe()).stem().string();
  for (char& c : name)
    if (uint8_t(c) >= 0x80 || (!std::isalnum(uint8_t(c)) && c != '_')) c = '-';
  return name;
}

std::string cell_list(const std::vector<const SweepCell*>& cells, Phase phase) {
  std::string list;
  for (const SweepCell* cell : cells)
    if (cell->phase == phase) list += "\n  " + data::shell_quoted(cell->name);
  return fmt::format("{}_cells=({}{})\n", to_string(phase), list, list.empty() ? "" : "\n");
}

// Without a phase in its environment the file submits itself: the tasks that have a cell which is not done, at most
// 1,000 in a job, which is what Slurm and LSF take where nobody changed it.
const char* const kCommon = R"sh(
set -o pipefail
if [ -z "${CRC_PHASE:-}" ]; then
  after=()
  for phase in pool trial reconfirm; do
    declare -n cells=${phase}_cells
    tasks=()
    for ((i = 0; i < ${#cells[@]}; i += together)); do
      for cell in "${cells[@]:i:together}"; do
        [ -e "$out/$cell/DONE" ] || { tasks+=($((i / together))) && break; }
      done
    done
    ids=()
    for ((i = 0; i < ${#tasks[@]}; i += 1000)); do
      some=("${tasks[@]:i:1000}")
      id=$(export CRC_PHASE=$phase CRC_TASKS="${some[*]}"; submit ${#some[@]} "$@")
      echo "$phase: job $id, tasks: ${#some[@]}"
      ids+=("$id")
    done
    [ ${#ids[@]} = 0 ] || after=("${ids[@]}")
  done
  [ ${#after[@]} = 0 ] && echo "all runs are done" || echo "after the last job: crc_train report ${out@Q}"
  exit
fi
declare -n cells=${CRC_PHASE}_cells
tasks=($CRC_TASKS)
options=()
for cell in "${cells[@]:tasks[task] * together:together}"; do options+=("--cell=$cell"); done
[ -z "$cores" ] || export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$cores}"
trap : TERM  # the run ends by it, and then this shell
code=0
train "${program[@]}" sweep --out "$out" "${options[@]}" || code=$?
[ $code != 75 ] || again
exit $code
)sh";

}  // namespace

std::span<const Scheduler* const> schedulers() {
#define CRC_SCHEDULER(name) &k_##name,
  static const Scheduler* const all[] = {
#include "apps/jobs/schedulers.def"
  };
#undef CRC_SCHEDULER
  return all;
}

std::string job_file(const Scheduler& scheduler, const Sweep& sweep, const JobFile& what) {
  std::string text = fmt::format(
      "#!/bin/bash\n"
      "# {} ({})\n"
      "# Submit with: bash THIS_FILE [options of {}]. Once more when its jobs have ended: what is not done then.\n"
      "# Written by crc_train sweep --{}; what comes before the cells is yours to change.\n"
      "{}"
      "# Here what the program needs on its machine: module load ...\n"
      "set -eu\n"
      "program=({})  # or: program=(apptainer exec --nv crc.sif crc_train)\n"
      "together={}  # cells per task, in one process\n\n"
      "cd {}\n"
      "out={}\n"
      "name={}\n",
      on_one_line(sweep.spec().title), on_one_line(sweep.spec().source), scheduler.submits, scheduler.option,
      scheduler.directives, data::shell_quoted(what.program), what.together, data::shell_quoted(what.here.string()),
      data::shell_quoted(fs::absolute(sweep.directory()).string()), job_name(sweep));
  for (Phase phase : {Phase::pool, Phase::trial, Phase::reconfirm}) text += cell_list(what.cells, phase);
  return text + fmt::format("\n# {}'s part", scheduler.name) + scheduler.functions + kCommon;
}

}  // namespace crc::apps
