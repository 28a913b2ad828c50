#include "apps/sweep/cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <numeric>
#include <thread>

#include "apps/base/json.h"
#include "apps/base/signals.h"
#include "apps/rundir/run_dir.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

int64_t count(const Config& config, const char* key) { return config.get<int64_t>(key); }

int64_t steps_per_round(const Config& config) {
  return count(config, "ssl.epochs") * count(config, "ssl.steps_per_epoch");
}

int64_t steps_in_all(const PlannedRun& cell) {
  const int64_t rounds = count(cell.config, "acquisition.rounds") + (cell.adopts ? 0 : 1);
  return std::max<int64_t>(1, rounds * steps_per_round(cell.config));
}

// Of the round in hand: what the last whole line of metrics.jsonl says.
int64_t steps_in_round(const fs::path& metrics, int64_t round) {
  constexpr std::streamoff kTail = 1 << 13;
  std::ifstream file(metrics, std::ios::binary | std::ios::ate);
  if (!file) return 0;
  file.seekg(std::max<std::streamoff>(0, file.tellg() - kTail));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const size_t end = text.rfind('\n');
  if (end == text.npos || end == 0) return 0;
  const size_t before = text.rfind('\n', end - 1);
  const size_t begin = before == text.npos ? 0 : before + 1;
  const auto line = read_json(std::string_view(text).substr(begin, end - begin));
  if (!line || !line->is_object() || line->value("round", nlohmann::ordered_json()) != round) return 0;
  const auto step = line->value("step", nlohmann::ordered_json());
  return step.is_number_integer() ? step.get<int64_t>() : 0;
}

// Less than all before the run is marked as done.
int64_t steps_done(const PlannedRun& cell) {
  const int64_t per_round = steps_per_round(cell.config), all = steps_in_all(cell);
  if (marker_of(cell.directory) == Marker::done) return all;
  const fs::path file = cell.directory / "rounds.csv";
  const int64_t rounds = file_exists(file) ? int64_t(rounds_from_csv(read_file(file), file.string()).size()) : 0;
  const int64_t finished = std::max<int64_t>(0, rounds - (cell.adopts ? 1 : 0)) * per_round;
  return std::min(all - 1, finished + std::min(per_round, steps_in_round(cell.directory / "metrics.jsonl", rounds)));
}

bool in_use(const fs::path& run) {
  if (!file_exists(run / RunLock::kName)) return false;
  try {
    const RunLock probe(run);
    return false;
  } catch (const Error&) {
    return true;
  }
}

}  // namespace

// What the device took for it, or an earlier version, whose default was fp32.
static bool may_be(const std::string& precision, const std::string& taken) {
  return (precision == "auto" && taken != "tf32") || (precision == "tf32" && taken == "fp32");
}

void check_cell(const PlannedRun& cell) {
  if (!file_exists(cell.directory / "run.json")) return;
  RunFiles files(cell.directory);
  Config stored;
  stored.merge_toml(files.read("config.toml", 1 << 20), (cell.directory / "config.toml").string());
  std::string differences;
  const auto add = [&](const std::string& text) { differences += (differences.empty() ? "" : "; ") + text; };
  Config belongs = cell.config;
  const std::string taken = stored.get<std::string>("run.precision");
  if (may_be(belongs.get<std::string>("run.precision"), taken))
    belongs.merge_value("run.precision", taken, "the device");
  for (const std::string& difference : belongs.differences(stored)) add(difference);
  const fs::path expected = cell.config.get<std::string>("start.run"), began = stored.get<std::string>("start.run");
  if (!expected.empty() && expected.filename() != began.filename())
    add(fmt::format("start.run: {}, was {}", to_text(expected.string()), to_text(began.string())));
  if (differences.empty()) return;
  fail(ExitCode::corrupt_data,
       fmt::format("{} holds another run than the one that belongs there ({}); move it away, so that the right one is "
                   "trained, or name another directory",
                   cell.directory.string(), differences));
}

CellProgress::CellProgress(std::vector<PlannedRun> cells) : cells_(std::move(cells)), done_(cells_.size()) {
  for (const PlannedRun& cell : cells_) steps_.push_back(steps_in_all(cell));
}

int64_t CellProgress::total() const { return std::accumulate(steps_.begin(), steps_.end(), int64_t(0)); }

int64_t CellProgress::done() {
  for (size_t i = 0; i < cells_.size(); ++i) try {
      if (done_[i] < steps_[i]) done_[i] = std::max(done_[i], steps_done(cells_[i]));
    } catch (const Error&) {  // a damaged file is the run's to report
    }
  return std::accumulate(done_.begin(), done_.end(), int64_t(0));
}

int64_t CellProgress::finished() const {
  int64_t count = 0;
  for (size_t i = 0; i < cells_.size(); ++i) count += done_[i] == steps_[i];
  return count;
}

void await_free(const std::vector<PlannedRun>& cells) {
  using Clock = std::chrono::steady_clock;
  const auto patience = Clock::now() + std::chrono::seconds(5);
  for (const PlannedRun& cell : cells)
    while (in_use(cell.directory) && Clock::now() < patience && !stop_requested())
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

}  // namespace crc::apps
