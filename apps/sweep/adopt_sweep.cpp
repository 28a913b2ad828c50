// A sweep taken over by the runs that are in its directory, or begun anew in their place.
#include <fmt/format.h>

#include <algorithm>

#include "apps/base/json.h"
#include "apps/rundir/run_dir.h"
#include "apps/sweep/sweep.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr std::string_view kRemoved = ".removed";

// A run that is half removed would be in the way.
fs::path removed_name(const fs::path& run) {
  return run.parent_path() / fmt::format(".{}{}", run.filename().string(), kRemoved);
}

void remove_directory(const fs::path& directory) {
  std::error_code error;
  fs::remove_all(directory, error);
  if (error) data::fail_system(Use::output, "removing", directory, error.value());
}

std::string_view without_number(std::string_view name) {
  return name.substr(0, name.find_last_not_of("0123456789") + 1);
}

// By its arguments, which nobody else gives: a sweep names its cells, and the demos of earlier versions ended in this
// way.
bool is_of_a_sweep(const fs::path& run) {
  const auto arguments = read_run_json(run).value("arguments", nlohmann::ordered_json::array());
  if (!arguments.is_array() || arguments.size() < 6) return false;
  const bool earlier = arguments[2] == "demo" && arguments[3] == "--quiet" && arguments.back() == "run.threads=1";
  return earlier ||
         std::find(arguments.begin(), arguments.end(), "run.name=" + run.filename().string()) != arguments.end();
}

}  // namespace

// Also of a trial that this sweep does not have.
bool Sweep::is_cell_name(const std::string& name) const {
  return std::ranges::any_of(cells_, [&](const SweepCell& cell) {
    const std::string_view stem = without_number(name);
    return stem.size() < name.size() && stem == without_number(cell.name);
  });
}

void Sweep::refuse_strangers() const {
  if (!file_exists(directory_, Use::output)) return;
  const auto refuse = [&](const fs::path& path, const std::string& what) {
    fail(ExitCode::output_refused, fmt::format("{} is {}; name another directory: --out DIR", path.string(), what));
  };
  if (file_exists(directory_ / "run.json")) refuse(directory_, "a run's directory");
  if (is_sweep(directory_))
    if (const std::string other = open(directory_).recipe(); other != recipe())
      refuse(directory_, "the directory of a sweep of " + other);
  for (const fs::path& entry : list_folder(directory_, Use::output))
    if (file_exists(entry / "run.json") && !(is_cell_name(entry.filename().string()) && is_of_a_sweep(entry)))
      refuse(entry, fmt::format("a run that no {} made", recipe()));
}

// What a removal left that was killed.
void Sweep::remove_removed() const {
  for (const fs::path& entry : list_folder(directory_, Use::output)) {
    const std::string name = entry.filename().string();
    if (name.starts_with('.') && name.ends_with(kRemoved) &&
        is_cell_name(name.substr(1, name.size() - 1 - kRemoved.size())))
      remove_directory(entry);
  }
}

void Sweep::remove_runs() const {
  std::vector<PlannedRun> runs;
  for (const SweepCell& cell : cells_)
    if (file_exists(path(cell) / "run.json")) runs.push_back(run_of(cell));
  await_free(runs);
  std::vector<RunLock> locks;  // all, before the first is removed
  for (const PlannedRun& run : runs) locks.emplace_back(run.directory);
  for (const PlannedRun& run : runs) {
    std::error_code error;
    fs::rename(run.directory, removed_name(run.directory), error);
    if (error) data::fail_system(Use::output, "renaming", run.directory, error.value());
    remove_directory(removed_name(run.directory));
  }
}

Sweep Sweep::adopt(const fs::path& directory, SweepOptions options, bool anew) {
  if (is_sweep(directory)) options.controls = kControls;  // those that it has
  Sweep sweep = plan(directory, options);
  sweep.refuse_strangers();  // before .lock is created in somebody's directory
  sweep.lock();
  sweep.remove_removed();
  if (anew) sweep.remove_runs();
  for (const SweepCell& cell : sweep.cells_) try {
      sweep.check(cell);
    } catch (const Error& error) {
      fail(error.code(), std::string(error.what()) + ", or train again with --fresh");
    }
  sweep.write_index();
  return sweep;
}

}  // namespace crc::apps
