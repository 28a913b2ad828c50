// crc_train verify: every file of runs and sweeps, a line each.
#include "apps/verify.h"

#include <fmt/format.h>

#include <array>

#include "apps/commands/commands.h"
#include "apps/sweep.h"
#include "apps/terminal.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

// A run is itself; of a sweep or a demo, the cells that began.
std::vector<fs::path> runs_of(const fs::path& directory) {
  if (looks_like_run(directory)) return {directory};
  std::vector<fs::path> runs;
  if (!is_folder(directory)) return runs;
  for (const fs::path& path : list_folder(directory))
    if (is_folder(path) && looks_like_run(path)) runs.push_back(path);
  return runs;
}

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
    (void)Sweep::open(directory);
    counts.add({"sweep.json, recipe.toml", Condition::not_covered, "readable; each cell has its own configuration"});
  } catch (const Error& error) {
    counts.add({"sweep.json, recipe.toml", Condition::damaged, error.what()});
  }
}

}  // namespace

int command_verify(const std::vector<std::string>& directories) {
  Counts counts;
  for (const std::string& directory : directories) {
    const std::vector<fs::path> runs = runs_of(directory);
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

}  // namespace crc::apps
