#include "apps/sweep/cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "apps/base/signals.h"
#include "apps/rundir/run_dir.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr const char* kKind[] = {"data.name",   "data.dir",    "data.resize",         "model.name",
                                 "model.depth", "model.width", "ssl.method",          "ssl.batch",
                                 "ssl.mu",      "ssl.epochs",  "ssl.patience_epochs", "ssl.steps_per_epoch"};

// Cells of which an epoch takes about as long.
std::string cost_kind(const Config& config) {
  std::string kind;
  for (const char* key : kKind) kind += to_text(config.value(key)) + " ";
  return kind;
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

struct CellProgress::Cell {
  PlannedRun run;
  Course course;
  std::string kind, acquisition;
  Follower follower;
  bool ended = false, looked = false;
  int64_t done = 0;                  // optimizer steps, never less than before
  double epochs = 0, begun = 0;      // that were trained, in all and before this command
  int64_t queries = 0, asked = 0;    // the same of queries
  double gained = 0, moved = kNone;  // seconds of work by this command, and when they grew last

  int64_t first() const { return run.adopts ? 1 : 0; }  // round
  int64_t per_round() const { return course.epochs * course.steps_per_epoch; }
  int64_t steps() const { return std::max<int64_t>(1, (course.rounds - first()) * per_round()); }

  void look() {
    if (ended) return;
    ended = marker_of(run.directory) == Marker::done;  // before the files: what they say then is all
    follower.look();
    const int64_t rounds = follower.round();
    const int64_t finished = std::max<int64_t>(0, rounds - first()) * per_round();
    const int64_t seen =  // less than all before the run is marked as done
        ended ? steps() : std::min(steps() - 1, finished + std::min(per_round(), follower.step()));
    done = std::max(done, seen);
    double trained = follower.place(course).epochs;
    for (int64_t r = first(); r < rounds; ++r) trained += double(follower.finished()[size_t(r)].epochs);
    queries = queries_in(follower.finished());
    if (!looked) begun = trained, asked = queries;
    epochs = trained;
    looked = true;
  }

  Work left(double usual, double part) const {
    if (ended) return {};
    Place place = follower.place(course);
    place.round = std::max(place.round, first());
    Work work = work_left(follower.as_measured(course), place, usual);
    work.epochs = std::max(0.0, work.epochs - part);
    return work;
  }
};

CellProgress::CellProgress(std::vector<PlannedRun> cells, int64_t at_a_time) : at_a_time_(at_a_time) {
  for (PlannedRun& run : cells) {
    Cell cell{.run = run,
              .course = course_of(run.config),
              .kind = cost_kind(run.config),
              .acquisition = {},
              .follower = Follower(run.directory)};
    cell.acquisition = cell.kind + run.config.get<std::string>("acquisition.name");
    cells_.push_back(std::move(cell));
  }
}

CellProgress::~CellProgress() = default;

int64_t CellProgress::total() const {
  int64_t sum = 0;
  for (const Cell& cell : cells_) sum += cell.steps();
  return sum;
}

int64_t CellProgress::done() {
  int64_t sum = 0;
  for (Cell& cell : cells_) {
    cell.look();
    sum += cell.done;
  }
  return sum;
}

int64_t CellProgress::finished() const { return std::ranges::count_if(cells_, &Cell::ended); }

// Seconds of an epoch of every kind: of cells that this command has trained, if there are any; of other cells by their
// steps, where no cell of a kind has begun.
std::map<std::string, CellProgress::Cost> CellProgress::costs() const {
  std::map<std::string, std::vector<double>> now, ever, usual, queries;
  std::vector<double> steps, all_queries;
  for (const Cell& cell : cells_) {
    const double epoch = cell.follower.epoch_seconds(cell.course);
    ever[cell.kind].push_back(epoch);
    if (cell.epochs > cell.begun) now[cell.kind].push_back(epoch);
    steps.push_back(epoch / double(cell.course.steps_per_epoch));
    for (const RoundRow& row : cell.follower.finished()) {
      usual[cell.kind].push_back(double(row.epochs));
      queries[cell.acquisition].push_back(row.query_s);
      all_queries.push_back(row.query_s);
    }
  }
  std::map<std::string, Cost> costs;  // by acquisition
  for (const Cell& cell : cells_) {
    Cost& cost = costs[cell.acquisition];
    const auto first_known = [](std::initializer_list<double> values) {
      for (const double value : values)
        if (std::isfinite(value)) return value;
      return kNone;
    };
    cost = {.epoch = first_known({mean_of_known(now[cell.kind]), mean_of_known(ever[cell.kind]),
                                  mean_of_known(steps) * double(cell.course.steps_per_epoch)}),
            .query = first_known({mean_of_known(queries[cell.acquisition]), mean_of_known(all_queries), 0}),
            .usual = mean_of_known(usual[cell.kind])};
  }
  return costs;
}

double CellProgress::seconds_left(double now) {
  std::map<std::string, Cost> costs = this->costs();
  std::map<int, std::vector<double>> free;  // of every phase: when each place is
  double spent = 0, margin = 0;
  int working = std::numeric_limits<int>::max();  // the phase
  for (Cell& cell : cells_)
    if (!cell.ended) working = std::min(working, cell.run.phase);
  int64_t busy = 0;
  for (Cell& cell : cells_) {
    const Cost& cost = costs[cell.acquisition];
    if (!(cost.epoch > 0)) return kNone;
    const double gained = (cell.epochs - cell.begun) * cost.epoch + double(cell.queries - cell.asked) * cost.query;
    if (gained > cell.gained) cell.moved = now;
    cell.gained = gained;
    spent += gained;
    const double part = std::isnan(cell.moved) ? 0 : std::clamp((now - cell.moved) / cost.epoch, 0.0, 1.0);
    const Work work = cell.left(cost.usual, part);
    if (cell.ended) continue;
    busy += cell.run.phase == working;
    margin = std::max(margin, cost.epoch);
    std::vector<double>& places = free[cell.run.phase];
    if (places.empty()) places.assign(size_t(at_a_time_), 0.0);
    *std::ranges::min_element(places) += seconds_of(work, cost.epoch, cost.query);
  }
  if (std::isnan(last_)) last_ = now;
  worked_ += (now - last_) * double(std::min(busy, at_a_time_));
  last_ = now;
  double left = 0;
  for (const auto& [phase, places] : free) left += *std::ranges::max_element(places);
  if (left == 0) return 0;
  // What records leave out (starting, checkpoints, reports), and cores that are shared otherwise than they were.
  margin *= double(3 * at_a_time_);
  return left * std::clamp((worked_ + margin) / (spent + margin), 0.5, 10.0);
}

void await_free(const std::vector<PlannedRun>& cells) {
  using Clock = std::chrono::steady_clock;
  const auto patience = Clock::now() + std::chrono::seconds(5);
  for (const PlannedRun& cell : cells)
    while (in_use(cell.directory) && Clock::now() < patience && !stop_requested())
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

}  // namespace crc::apps
