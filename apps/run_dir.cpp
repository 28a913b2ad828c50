#include "apps/run_dir.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/parse_json.h"
#include "apps/version.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr const char *kRun = "run.json", *kConfig = "config.toml", *kLabels = "labels.jsonl",
                     *kMetrics = "metrics.jsonl", *kRounds = "rounds.csv", *kCheckpoints = "ckpt";
constexpr Marker kMarkers[] = {Marker::done, Marker::waiting, Marker::preempted};

json run_json(const Config& config, const RunInfo& info) {
  return {{"schema", 1},
          {"created", utc_now()},
          {"version", version()},
          {"commit", commit()},
          {"compiler", compiler()},
          {"device", info.device},
          {"libraries", info.libraries},
          {"host", host_name()},
          {"arguments", info.arguments},
          {"seed", config.get<int64_t>("run.seed")},
          {"config_hash", config.hash()},
          {"config_file", checksum(config.to_toml())},
          {"data_hash", info.data_hash},
          {"items", info.limits.items},
          {"classes", info.limits.classes},
          {"class_names", info.class_names},
          {"determinism", info.determinism}};
}

// Whether a directory without run.json holds only what a creation writes before it.
bool is_unfinished_creation(const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name == RunLock::kName || name == kConfig || is_temporary(entry.path())) continue;
    if ((name == kLabels || name == kMetrics) && fs::file_size(entry.path()) == 0) continue;
    if (name == kCheckpoints &&
        std::all_of(fs::directory_iterator(entry.path()), fs::directory_iterator(),
                    [](auto& e) { return e.path().filename() == "index.json" || is_temporary(e.path()); })) {
      continue;
    }
    return false;
  }
  return true;
}

void refuse_occupied(const fs::path& path) {
  if (is_unfinished_creation(path)) return;
  fail(ExitCode::output_refused,
       fs::exists(path / kRun)
           ? fmt::format("{} holds a run already; to go on with it: crc_train resume {}; to start anew, name another "
                         "directory: --out DIR",
                         path.string(), path.string())
           : fmt::format("{} exists and is not empty; name a new directory: --out DIR", path.string()));
}

// The text is compared, not the values: a later version may know keys that the file does not have.
Config stored_config(const fs::path& run, const std::string& expected) {
  const std::string text = read_file(run / kConfig);
  if (checksum(text) != expected) {
    fail(ExitCode::corrupt_data,
         fmt::format(
             "{} was changed after the run started (run.json has its checksum); restore it from a copy, or start "
             "a new run with it",
             (run / kConfig).string()));
  }
  Config config;
  config.merge_toml(text, (run / kConfig).string());
  return config;
}

}  // namespace

std::string to_string(Marker marker) {
  switch (marker) {
    case Marker::done:
      return "DONE";
    case Marker::preempted:
      return "PREEMPTED";
    case Marker::waiting:
      return "WAITING";
    default:
      return "";
  }
}

fs::path round_folder(const fs::path& run, int64_t round) { return run / "rounds" / fmt::format("{:02}", round); }

Marker marker_of(const fs::path& run) {
  for (Marker marker : kMarkers) {
    if (fs::exists(run / to_string(marker))) return marker;
  }
  return Marker::none;
}

json read_run_json(const fs::path& run) {
  if (!fs::exists(run / kRun)) {
    fail(ExitCode::input_missing, fmt::format("{} is not a run's directory (it has no run.json); check the path, or "
                                              "start a run with: crc_train run CONFIG.toml --out {}",
                                              run.string(), run.string()));
  }
  json object = parse_json(read_file(run / kRun, 1 << 24), (run / kRun).string());
  if (!object.is_object() || object.value("schema", json()) != 1) {
    fail(ExitCode::corrupt_data, (run / kRun).string() + " is damaged, or of another version of this program");
  }
  return object;
}

RunDir::RunDir(const fs::path& path, RunLock lock, Config config, Ledger ledger, RunFacts facts)
    : path_(path),
      lock_(std::move(lock)),
      config_(std::move(config)),
      ledger_(std::move(ledger)),
      checkpoints_(path / kCheckpoints),
      facts_(std::move(facts)) {}

RunDir RunDir::create(const fs::path& path, const Config& config, const RunInfo& info) {
  Config().merge_toml(config.to_toml(), "the resolved configuration");  // it must read back, or no resume is possible
  make_directories(path);
  refuse_occupied(path);  // before .lock is created in somebody's directory
  RunLock lock(path);
  refuse_occupied(path);
  remove_stale_temporaries(path);
  remove_stale_temporaries(path / kCheckpoints);
  commit_file(path / kConfig, config.to_toml());
  Ledger ledger = Ledger::create(path / kLabels, info.limits);
  commit_file(path / kMetrics, "");
  Checkpoints::create(path / kCheckpoints);
  commit_file(path / kRun, run_json(config, info).dump(1) + "\n");  // last: from here on it is a run
  const RunFacts facts{.limits = info.limits, .data_hash = info.data_hash, .config_hash = config.hash()};
  return RunDir(path, std::move(lock), config, std::move(ledger), facts);
}

RunDir RunDir::open(const fs::path& path) {
  read_run_json(path);  // before .lock is created in what may be no run
  RunLock lock(path);
  const json object = read_run_json(path);
  RunFacts facts;
  std::string config_file;
  try {
    facts = {.limits = {.items = object.at("items").get<int64_t>(), .classes = object.at("classes").get<int64_t>()},
             .data_hash = object.at("data_hash").get<std::string>(),
             .config_hash = object.at("config_hash").get<std::string>()};
    config_file = object.at("config_file").get<std::string>();
  } catch (const std::exception& error) {
    fail(ExitCode::corrupt_data, fmt::format("{}: {}; restore it from a copy", (path / kRun).string(), error.what()));
  }
  Config config = stored_config(path, config_file);
  RunDir run(path, std::move(lock), std::move(config), Ledger::open(path / kLabels, facts.limits), facts);
  if (run.ledger_.torn_lines() > 0) run.notes_.push_back("labels.jsonl: dropped a last line torn by a crash");
  int temporaries = remove_stale_temporaries(path) + remove_stale_temporaries(path / kCheckpoints);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path / "rounds", ignored)) {
    temporaries += remove_stale_temporaries(entry.path());
  }
  if (temporaries > 0) run.notes_.push_back(fmt::format("removed {} half-written files", temporaries));
  run.checkpoints_.remove_unlisted();
  run.count_metrics();
  for (Marker marker : kMarkers) remove_file(path / to_string(marker));
  return run;
}

fs::path RunDir::round_path(int64_t round) {
  const fs::path path = round_folder(path_, round);
  make_directories(path);
  return path;
}

void RunDir::count_metrics() {
  const std::string text = read_file(path_ / kMetrics);
  const size_t newline = text.rfind('\n');
  metrics_bytes_ = newline == text.npos ? 0 : int64_t(newline) + 1;
  metrics_lines_ = std::count(text.begin(), text.end(), '\n');
  if (metrics_bytes_ < int64_t(text.size())) {
    truncate_file(path_ / kMetrics, metrics_bytes_);
    notes_.push_back("metrics.jsonl: dropped a last line torn by a crash");
  }
}

void RunDir::append_metrics(const json& record) {
  json line = {{"seq", metrics_lines_}};
  line.update(record);
  const std::string text = line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  append_text(path_ / kMetrics, text);
  metrics_bytes_ += int64_t(text.size());
  ++metrics_lines_;
}

void RunDir::write_rounds(const std::vector<RoundRow>& rows) {
  for (const RoundRow& row : rows) {
    const int64_t counted = labels_through(ledger_.labels(), row.round);
    if (row.labels != counted) {
      fail_internal(fmt::format("round {} reports {} labels, the ledger holds {}", row.round, row.labels, counted));
    }
  }
  commit_file(path_ / kRounds, rounds_to_csv(rows));
}

std::vector<RoundRow> RunDir::read_rounds() const {
  const fs::path path = path_ / kRounds;
  return fs::exists(path) ? rounds_from_csv(read_file(path), path.string()) : std::vector<RoundRow>();
}

void RunDir::save_checkpoint(CheckpointInfo info, std::string_view payload) {
  info.ledger_head = ledger_.head();
  info.labels = ledger_.size();
  info.metrics_bytes = metrics_bytes_;
  info.config_hash = facts_.config_hash;
  checkpoints_.save(info, payload);
}

std::optional<Checkpoint> RunDir::resume() {
  auto checkpoint = checkpoints_.load_newest(notes_);
  const CheckpointInfo info = checkpoint ? checkpoint->info : CheckpointInfo{};
  if (checkpoint) {
    const int64_t then = ledger_.size_at(info.ledger_head);
    if (then != info.labels) {
      fail(ExitCode::corrupt_data,
           fmt::format("{}: labels.jsonl is not the ledger that {} was trained with (head {}, {} labels); restore it "
                       "from a copy",
                       path_.string(), checkpoint->file, info.ledger_head, info.labels));
    }
    if (info.config_hash != facts_.config_hash) {
      fail(ExitCode::corrupt_data,
           fmt::format("{}: {} was trained with another configuration; restore config.toml from a copy", path_.string(),
                       checkpoint->file));
    }
  }
  if (info.metrics_bytes > metrics_bytes_) {
    fail(ExitCode::corrupt_data,
         fmt::format("{}: metrics.jsonl has {} bytes, the checkpoint {} was taken after {}; restore it from a copy",
                     path_.string(), metrics_bytes_, checkpoint->file, info.metrics_bytes));
  }
  if (info.metrics_bytes < metrics_bytes_) {
    truncate_file(path_ / kMetrics, info.metrics_bytes);
    count_metrics();
  }
  return checkpoint;
}

void RunDir::mark(Marker marker, const std::string& reason) {
  if (marker != Marker::none) commit_file(path_ / to_string(marker), utc_now() + " " + reason + "\n");
  for (Marker other : kMarkers) {
    if (other != marker) remove_file(path_ / to_string(other));
  }
}

}  // namespace crc::apps
