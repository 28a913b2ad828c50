#include "apps/rundir/checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/rundir/state_file.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

}  // namespace

void Checkpoints::create(const fs::path& directory) {
  make_directories(directory);
  save_state(directory / kIndex, {{"schema", 1}, {"checkpoints", json::array()}}, 0);
}

Checkpoints::Checkpoints(const fs::path& directory, int64_t keep) : directory_(directory), keep_(keep) {
  const fs::path path = directory_ / kIndex;
  const std::optional<json> index = load_state(path, notes_);
  if (!index) {
    fail(ExitCode::corrupt_data,
         path.string() + " is missing, so no checkpoint can be trusted; restore it from a copy");
  }
  try {
    saves_ = index->value("saves", int64_t(0));
    for (const json& item : index->at("checkpoints")) {
      Entry entry;
      entry.file = item.at("file").get<std::string>();
      if (fs::path(entry.file).filename() != entry.file) throw std::runtime_error("a file name with a directory");
      entry.xxh3 = item.at("xxh3").get<std::string>();
      entry.bytes = item.at("bytes").get<int64_t>();
      entry.info = {.round = item.at("round").get<int64_t>(),
                    .step = item.at("step").get<int64_t>(),
                    .round_end = item.at("round_end").get<bool>(),
                    .ledger_head = item.at("ledger_head").get<std::string>(),
                    .labels = item.at("labels").get<int64_t>(),
                    .metrics_bytes = item.at("metrics_bytes").get<int64_t>(),
                    .metrics_xxh3 = item.value("metrics_xxh3", ""),
                    .config_hash = item.at("config_hash").get<std::string>()};
      entries_.push_back(std::move(entry));
    }
  } catch (const std::exception& error) {
    fail(ExitCode::corrupt_data,
         fmt::format("{} is not a checkpoint index: {}; restore it from a copy", path.string(), error.what()));
  }
}

void Checkpoints::write_index() {
  json list = json::array();
  for (const Entry& e : entries_) {
    list.push_back({{"file", e.file},
                    {"round", e.info.round},
                    {"step", e.info.step},
                    {"round_end", e.info.round_end},
                    {"bytes", e.bytes},
                    {"xxh3", e.xxh3},
                    {"ledger_head", e.info.ledger_head},
                    {"labels", e.info.labels},
                    {"metrics_bytes", e.info.metrics_bytes},
                    {"metrics_xxh3", e.info.metrics_xxh3},
                    {"config_hash", e.info.config_hash}});
  }
  save_state(directory_ / kIndex, {{"schema", 1}, {"checkpoints", list}}, ++saves_);
}

void Checkpoints::save(const CheckpointInfo& info, std::string_view payload) {
  const std::string xxh3 = checksum(payload);
  const auto same = [&](const Entry& e) { return e.info.round_end && e.info.round == info.round && e.xxh3 == xxh3; };
  if (info.round_end && std::ranges::any_of(entries_, same)) return;
  // A listed file is never overwritten: until the new index is on disk it may be the only good one.
  const std::string stem = fmt::format("round-{:02}-step-{:09}", info.round, info.step);
  std::string file = stem + ".safetensors";
  for (int copy = 2; lists(file); ++copy) file = fmt::format("{}-{}.safetensors", stem, copy);
  commit_file(directory_ / file, payload);

  entries_.push_back({.info = info, .file = file, .xxh3 = xxh3, .bytes = int64_t(payload.size())});
  int64_t newer = 0;
  std::vector<Entry> kept;
  std::set<int64_t> ended;  // rounds whose end is kept already
  for (auto e = entries_.rbegin(); e != entries_.rend(); ++e) {
    const bool last_end = e->info.round_end && ended.insert(e->info.round).second;
    if (newer++ < keep_ || last_end) kept.push_back(*e);
  }
  std::reverse(kept.begin(), kept.end());
  entries_ = std::move(kept);
  write_index();
  remove_unlisted();
}

std::vector<std::string> Checkpoints::payload_files() const {
  std::vector<std::string> names;
  for (const fs::path& found : list_folder(directory_)) {
    const std::string name = found.filename().string();
    if (name.starts_with("round-") && name.ends_with(".safetensors")) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

void Checkpoints::remove_unlisted() const {
  for (const std::string& name : payload_files())
    if (!lists(name)) remove_file(directory_ / name);
}

bool Checkpoints::lists(const std::string& name) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.file == name; });
}

std::optional<std::string> Checkpoints::damage(const Entry& entry, std::string* payload) const {
  const fs::path path = directory_ / entry.file;
  if (!fs::exists(path)) return fmt::format("{} is missing", path.string());
  if (const auto bytes = int64_t(fs::file_size(path)); bytes != entry.bytes) {
    return fmt::format("{} has {} bytes instead of {}", path.string(), bytes, entry.bytes);
  }
  *payload = read_file(path, entry.bytes);
  if (checksum(*payload) != entry.xxh3) return path.string() + " has changed since it was written (xxh3 differs)";
  return std::nullopt;
}

std::optional<std::string> Checkpoints::damage(const Entry& entry) const {
  std::string payload;
  return damage(entry, &payload);
}

std::optional<Checkpoint> Checkpoints::load_newest(std::vector<std::string>& notes) {
  notes.insert(notes.end(), notes_.begin(), notes_.end());
  if (entries_.empty()) {
    // A process that died before its index named its first checkpoint leaves one; more were listed once.
    const std::vector<std::string> lost = payload_files();
    if (lost.size() > 1)
      fail(
          ExitCode::corrupt_data,
          fmt::format("{} lists no checkpoint, but {} to {} are there ({} files); restore it from a copy, or, to begin "
                      "again, start a new run in another directory",
                      (directory_ / kIndex).string(), lost.front(), lost.back(), lost.size()));
    if (lost.size() == 1)
      notes.push_back(fmt::format("{} is not listed (killed while it was saved); the round begins anew", lost.front()));
    return std::nullopt;
  }
  std::string all_damage;
  while (!entries_.empty()) {
    const Entry& entry = entries_.back();
    std::string payload;
    const auto why = damage(entry, &payload);
    if (!why) {
      if (!all_damage.empty()) {
        notes.push_back(
            fmt::format("{}; going back to round {}, step {}", all_damage, entry.info.round, entry.info.step));
      }
      return Checkpoint{.info = entry.info, .file = entry.file, .payload = std::move(payload)};
    }
    all_damage += (all_damage.empty() ? "" : "; ") + *why;
    entries_.pop_back();  // the next save drops it from the index too
  }
  fail(ExitCode::corrupt_data,
       all_damage + ". No valid checkpoint is left; restore one from a copy, or start a new run in another directory");
}

}  // namespace crc::apps
