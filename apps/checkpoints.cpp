#include "apps/checkpoints.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/parse_json.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* kIndex = "index.json";

}  // namespace

void Checkpoints::create(const fs::path& directory) {
  make_directories(directory);
  commit_file(directory / kIndex, json{{"schema", 1}, {"checkpoints", json::array()}}.dump(1) + "\n");
}

Checkpoints::Checkpoints(const fs::path& directory) : directory_(directory) {
  const fs::path path = directory_ / kIndex;
  if (!fs::exists(path)) {
    fail(ExitCode::corrupt_data,
         path.string() + " is missing, so no checkpoint can be trusted; restore it from a copy");
  }
  const json index = parse_json(read_file(path, 1 << 24), path.string());
  try {
    if (index.at("schema") != 1) throw std::runtime_error("schema is not 1");
    for (const json& item : index.at("checkpoints")) {
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
                    .config_hash = item.at("config_hash").get<std::string>()};
      entries_.push_back(std::move(entry));
    }
  } catch (const std::exception& error) {
    fail(ExitCode::corrupt_data,
         fmt::format("{} is not a checkpoint index: {}; restore it from a copy", path.string(), error.what()));
  }
}

void Checkpoints::write_index() const {
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
                    {"config_hash", e.info.config_hash}});
  }
  commit_file(directory_ / kIndex, json{{"schema", 1}, {"checkpoints", list}}.dump(1) + "\n");
}

void Checkpoints::save(const CheckpointInfo& info, std::string_view payload) {
  // A listed file is never overwritten: until the new index is on disk it may be the only good one.
  const std::string stem = fmt::format("round-{:02}-step-{:09}", info.round, info.step);
  std::string file = stem + ".safetensors";
  for (int copy = 2; lists(file); ++copy) file = fmt::format("{}-{}.safetensors", stem, copy);
  commit_file(directory_ / file, payload);

  entries_.push_back({.info = info, .file = file, .xxh3 = checksum(payload), .bytes = int64_t(payload.size())});
  size_t newer = 0;
  std::vector<Entry> kept;
  for (auto e = entries_.rbegin(); e != entries_.rend(); ++e) {
    if (newer++ < kKeep || e->info.round_end) kept.push_back(*e);
  }
  std::reverse(kept.begin(), kept.end());
  entries_ = std::move(kept);
  write_index();
  remove_unlisted();
}

void Checkpoints::remove_unlisted() const {
  for (const auto& found : fs::directory_iterator(directory_)) {
    const std::string name = found.path().filename().string();
    if (name.starts_with("round-") && name.ends_with(".safetensors") && !lists(name)) remove_file(found.path());
  }
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

std::optional<Checkpoint> Checkpoints::load_newest(std::vector<std::string>& notes) {
  if (entries_.empty()) return std::nullopt;
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

Checkpoint Checkpoints::load_round_end(int64_t round) const {
  for (auto e = entries_.rbegin(); e != entries_.rend(); ++e) {
    if (e->info.round != round || !e->info.round_end) continue;
    Checkpoint checkpoint{.info = e->info, .file = e->file, .payload = ""};
    if (const auto why = damage(*e, &checkpoint.payload)) fail(ExitCode::corrupt_data, *why);
    return checkpoint;
  }
  fail(ExitCode::input_missing, fmt::format("{} has no checkpoint of the end of round {}", directory_.string(), round));
}

}  // namespace crc::apps
