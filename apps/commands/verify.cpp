// crc_train verify: every file of runs and sweeps, a line each.
#include <fmt/format.h>

#include <array>

#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/report/verify_run.h"
#include "apps/sweep/sweep.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

class Counts {
 public:
  void add(const FileCheck& check) {
    ++counts_[size_t(check.condition)];
    print("{:<12} {}{}\n", to_string(check.condition), check.name, check.note.empty() ? "" : ": " + check.note);
  }
  int64_t of(Condition condition) const { return counts_[size_t(condition)]; }
  int64_t bad() const { return of(Condition::damaged) + of(Condition::missing); }
  int64_t all() const { return of(Condition::ok) + bad() + of(Condition::not_covered); }

 private:
  std::array<int64_t, 4> counts_{};
};

// Whether a sweep's own two files can be read; the cells hold all else.
void print_sweep(const fs::path& directory, Counts& counts) {
  print("{}\n", directory.string());
  try {
    const Sweep sweep = Sweep::open(directory);
    for (const SweepCell& cell : sweep.cells())
      if (!looks_like_run(sweep.path(cell)))
        counts.add({cell.name, Condition::not_covered, "has not begun, or was removed: crc_train sweep trains it"});
    counts.add({"sweep.json, recipe.toml", Condition::not_covered, "readable; each cell has its own configuration"});
  } catch (const Error& error) {
    counts.add({"sweep.json, recipe.toml", Condition::damaged, error.what()});
  }
}

int command_verify(const std::vector<std::string>& directories) {
  Counts counts;
  for (const std::string& directory : directories) {
    std::vector<fs::path> runs = runs_in(directory);
    std::erase_if(runs, [](const fs::path& run) { return !looks_like_run(run); });
    if (Sweep::is_sweep(directory)) {
      print_sweep(directory, counts);
    } else if (runs.empty()) {
      fail(ExitCode::input_missing, directory + " is neither a run's directory nor one of runs; check the path");
    }
    for (const fs::path& run : runs) {
      print("{}\n", run.string());
      for (const FileCheck& check : verify_run(run)) counts.add(check);
    }
  }
  print("{} files: {} ok, {} damaged, {} missing, {} not covered\n", counts.all(), counts.of(Condition::ok),
        counts.of(Condition::damaged), counts.of(Condition::missing), counts.of(Condition::not_covered));
  if (counts.bad() == 0) return 0;
  fail(ExitCode::corrupt_data, fmt::format("{} of {} files are not what the runs wrote; the lines above say which, and "
                                           "what to do",
                                           counts.bad(), counts.all()));
}

}  // namespace

void declare_verify(Command& program, CommandCall& call) {
  const auto directories = std::make_shared<std::vector<std::string>>();
  Command verify = program.command("verify", "compare every file of runs and sweeps with what the runs recorded");
  verify.examples(
      "  crc_train verify runs/a  every file of a run\n"
      "  crc_train verify t6      of all runs of a sweep\n");
  verify.option("directories", *directories, "run or sweep directories").required();
  verify.run([directories, &call] { call.code = command_verify(*directories); });
}

}  // namespace crc::apps
