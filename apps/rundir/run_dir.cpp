#include "apps/rundir/run_dir.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/base/json.h"
#include "apps/base/version.h"
#include "apps/config/choices.h"
#include "apps/rundir/state_file.h"
#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr const char *kRun = "run.json", *kConfig = "config.toml", *kLabels = "labels.jsonl",
                     *kMetrics = "metrics.jsonl", *kRounds = "rounds.csv", *kCheckpoints = "ckpt", *kLog = "log.txt",
                     *kPool = "pool";
constexpr Marker kMarkers[] = {Marker::done, Marker::waiting, Marker::preempted};

json run_json(const Config& config, const RunInfo& info) {
  json run = {{"schema", 1},
              {"created", utc_now()},
              {"version", version()},
              {"commit", commit()},
              {"compiler", compiler()},
              {"device", info.device},
              {"precision", config.get<std::string>("run.precision")},
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
              {"validation_labels", info.validation_labels},
              {"normalize", {{"mean", info.normalize.mean}, {"std", info.normalize.std}}},
              {"determinism", info.determinism},
              {"manifest", 1}};  // there is one
  if (!info.device_choice.empty()) run["device_choice"] = "auto: " + info.device_choice;
  if (!info.start.empty()) run["start"] = info.start;
  if (const double noise = config.get<double>("data.label_noise"); noise > 0) run["label_noise"] = noise;
  return run;
}

bool is_state(const fs::path& name, const char* file) { return name == file || name == copy_of(file); }

// Whether a directory holds only what a creation writes, before its run.json or with it.
bool holds_creation_only(const fs::path& directory, bool whole) {
  for (const fs::path& path : list_folder(directory, Use::output)) {
    const std::string name = path.filename().string();
    if (whole && (name == kRun || name == kLog || name == kPool)) continue;
    if (name == RunLock::kName || name == kConfig || is_state(name, RunFiles::kManifest)) continue;
    if (is_temporary(path)) continue;
    if ((name == kLabels || name == kMetrics) && fs::file_size(path) == 0) continue;
    if (name == kCheckpoints && std::ranges::all_of(list_folder(path, Use::output), [](const fs::path& p) {
          return is_state(p.filename(), Checkpoints::kIndex) || is_temporary(p);
        })) {
      continue;
    }
    return false;
  }
  return true;
}

void refuse_occupied(const fs::path& path) {
  if (holds_creation_only(path, /*whole=*/false)) return;
  fail(ExitCode::output_refused,
       fs::exists(path / kRun)
           ? fmt::format("{} holds a run already; to go on with it: crc_train resume {}; to start anew, name another "
                         "directory: --out DIR",
                         path.string(), path.string())
           : fmt::format("{} exists and is not empty; name a new directory: --out DIR", path.string()));
}

}  // namespace

std::string command_line(const std::string& words, const std::vector<std::string>& settings) {
  std::string line = "crc_train " + words;
  for (const std::string& setting : settings) {
    const bool plain = std::ranges::all_of(setting, [](unsigned char c) {
      return std::isalnum(c) || c >= 0x80 || std::string_view("=._-/:,+@%").find(char(c)) != std::string_view::npos;
    });
    line += " --set " + (plain ? setting : data::shell_quoted(setting));
  }
  return line;
}

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

Marker marker_of(const fs::path& run) {
  for (Marker marker : kMarkers) {
    if (fs::exists(run / to_string(marker))) return marker;
  }
  return Marker::none;
}

RunDir::RunDir(RunLock lock, RunFiles files, Config config, Ledger ledger, RunFacts facts)
    : path_(files.path()),
      lock_(std::move(lock)),
      files_(std::move(files)),
      config_(std::move(config)),
      ledger_(std::move(ledger)),
      checkpoints_(path_ / kCheckpoints, config_.get<int64_t>("ckpt.keep")),
      facts_(std::move(facts)) {
  lock_.include(path_ / kLabels);
}

void RunDir::check_new(const fs::path& path) {
  if (!file_exists(path, Use::output)) return;
  if (!is_folder(path, Use::output))
    fail(ExitCode::output_refused, path.string() + " is a file; name a new directory: --out DIR");
  refuse_occupied(path);
}

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
  const std::string run = json_text(run_json(config, info), 1) + "\n";
  RunFiles files = RunFiles::create_for(path);
  files.list(kConfig, config.to_toml());
  files.list(kRun, run);
  files.save();
  commit_file(path / kRun, run);  // last: from here on it is a run
  const RunFacts facts{.limits = info.limits,
                       .data_hash = info.data_hash,
                       .config_hash = config.hash(),
                       .class_names = info.class_names,
                       .start = info.start};
  return RunDir(std::move(lock), std::move(files), config, std::move(ledger), facts);
}

void RunDir::abandon(bool made) noexcept {
  try {
    if (ledger_.size() > 0 || !holds_creation_only(path_, /*whole=*/true)) return;
    std::error_code ignored;
    fs::remove(path_ / kRun, ignored);  // first: from here on it is no run
    for (const fs::path& file :
         {path_ / kConfig, path_ / kLabels, path_ / kMetrics, path_ / kLog, path_ / RunLock::kName,
          path_ / RunFiles::kManifest, copy_of(path_ / RunFiles::kManifest)})
      fs::remove(file, ignored);
    fs::remove_all(path_ / kCheckpoints, ignored);
    fs::remove_all(path_ / kPool, ignored);
    if (made) fs::remove(path_, ignored);  // if empty
  } catch (...) {
    // What is left is an unfinished creation, which a new start completes.
  }
}

RunDir RunDir::open(const fs::path& path, const std::vector<std::string>& settings) {
  read_run_json(path);  // before .lock is created in what may be no run
  RunLock lock(path);
  RunFiles files(path);
  RunState state = read_run(files);
  Ledger ledger = Ledger::open(path / kLabels, state.facts.limits);
  Config config = resume_config(state.config, settings);
  std::vector<std::string> moves = config.moves(state.config);
  RunDir run(std::move(lock), std::move(files), std::move(config), std::move(ledger), state.facts);
  run.notes_ = run.files_.notes();
  if (run.ledger_.torn_lines() > 0) run.notes_.push_back("labels.jsonl: dropped a last line torn by a crash");
  int temporaries = remove_stale_temporaries(path) + remove_stale_temporaries(path / kCheckpoints);
  if (is_folder(path / "rounds"))
    for (const fs::path& round : list_folder(path / "rounds")) temporaries += remove_stale_temporaries(round);
  if (temporaries > 0) run.notes_.push_back(fmt::format("removed {} half-written files", temporaries));
  mend_state(path / RunFiles::kManifest);
  mend_state(path / kCheckpoints / Checkpoints::kIndex);
  run.count_metrics();
  run.moves_ = std::move(moves);
  run.settings_ = settings;
  return run;
}

void RunDir::count_metrics() {
  const std::string text = files_.read(kMetrics);
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
  const std::string text = json_text(line) + "\n";
  require_size(path_ / kMetrics, metrics_bytes_);
  append_text(path_ / kMetrics, text);
  metrics_bytes_ += int64_t(text.size());
  ++metrics_lines_;
}

NamedFile RunDir::rounds_file(const std::vector<RoundRow>& rows) const {
  for (const RoundRow& row : rows) {
    const int64_t counted = labels_through(ledger_.entries(), row.round);
    if (row.labels != counted) {
      fail_internal(fmt::format("round {} reports {} labels, the ledger holds {}", row.round, row.labels, counted));
    }
  }
  return {kRounds, rounds_to_csv(rows)};
}

void RunDir::write_rounds(const std::vector<RoundRow>& rows) { files_.commit({rounds_file(rows)}); }

std::vector<RoundRow> RunDir::read_rounds() {
  return files_.has(kRounds) ? rounds_from_csv(files_.read(kRounds), (path_ / kRounds).string())
                             : std::vector<RoundRow>();
}

void RunDir::record(int64_t round, const std::string& source, std::span<const Answer> answers) {
  const std::string before = ledger_.head();
  ledger_.record(round, source, answers);
  if (ledger_.head() != before) files_.save();
}

void RunDir::correct(int64_t round, const std::string& source, std::span<const Answer> answers) {
  if (ledger_.change(round, source, answers) > 0) files_.save();
}

void RunDir::grow(int64_t round, int64_t items, const std::string& list, std::span<const Answer> answers) {
  const std::string before = ledger_.head();
  ledger_.grow(round, items, list, answers);
  if (ledger_.head() != before) files_.save();
}

void RunDir::save_checkpoint(CheckpointInfo info, std::string_view payload) {
  info.ledger_head = ledger_.head();
  info.labels = ledger_.size();
  info.metrics_bytes = metrics_bytes_;
  info.metrics_xxh3 = checksum(files_.read(kMetrics));
  info.config_hash = facts_.config_hash;
  checkpoints_.save(info, payload);
}

void RunDir::check_metrics(const Checkpoint& checkpoint) {
  const CheckpointInfo& info = checkpoint.info;
  if (info.metrics_bytes > metrics_bytes_) {
    fail(ExitCode::corrupt_data,
         fmt::format("{}: metrics.jsonl has {} bytes, the checkpoint {} was taken after {}; restore it from a copy",
                     path_.string(), metrics_bytes_, checkpoint.file, info.metrics_bytes));
  }
  const std::string text = files_.read(kMetrics);
  if (!info.metrics_xxh3.empty() && checksum(text.substr(0, size_t(info.metrics_bytes))) != info.metrics_xxh3) {
    fail(ExitCode::corrupt_data,
         fmt::format("{}: metrics.jsonl was changed after the checkpoint {} was taken; restore it from a copy",
                     path_.string(), checkpoint.file));
  }
}

std::optional<Checkpoint> RunDir::resume() {
  auto checkpoint = checkpoints_.load_newest(notes_);
  if (checkpoint) check_metrics(*checkpoint);
  // Round 0 may be another run's (start.run); every later one left a checkpoint.
  const bool adopted =
      !config_.get<std::string>("start.run").empty() && config_.choice<StartUse>("start.use") == StartUse::model;
  if (const size_t finished = read_rounds().size(); !checkpoint && finished > size_t(adopted)) {
    fail(ExitCode::corrupt_data,
         fmt::format("{}: rounds.csv has {} finished rounds, but {} lists no checkpoint; restore it from a copy",
                     path_.string(), finished, (path_ / kCheckpoints / Checkpoints::kIndex).string()));
  }
  checkpoints_.remove_unlisted();
  const int64_t seen = checkpoint ? checkpoint->info.metrics_bytes : 0;
  if (seen < metrics_bytes_) {
    files_.truncate(kMetrics, seen);
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
