#include "apps/rundir/run_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/rundir/state_file.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr const char* kGrowing[] = {"labels.jsonl", "metrics.jsonl"};

FileSum sum_of(std::string_view content) { return {int64_t(content.size()), checksum(content)}; }

bool only_grows(const std::string& name) {
  return std::ranges::count(kGrowing, name) || fs::path(name).filename() == RunFiles::kAnswers;
}

bool fits(const FileSum& sum, bool grows, std::string_view content) {
  if (grows && int64_t(content.size()) > sum.bytes) content = content.substr(0, size_t(sum.bytes));
  return int64_t(content.size()) == sum.bytes && checksum(content) == sum.xxh3;
}

}  // namespace

std::string remedy(const std::string& name) {
  const std::string file = fs::path(name).filename().string();
  if (file == "config.toml") return "restore it from a copy, or start a new run with it";
  if (file == "rounds.csv")
    return "restore it from a copy; labels.jsonl and metrics.jsonl hold its labels, accuracies and losses";
  if (file == "weights.safetensors" || file == "best.safetensors")
    return "restore it from a copy; of the last round, crc_train resume writes it again if the run is not done, and "
           "the checkpoint of each round's end (ckpt/) holds the same values";
  if (file == "query.csv") return "nothing depends on it: manifest.json holds the items that were asked for";
  if (file == "query.png" || file.starts_with("scores.") || file.starts_with("mistakes."))
    return "restore it from a copy; of the last query, crc_train resume writes it again if the run is not done";
  if (file == "report.html") return "crc_train report writes it";
  return "restore it from a copy";
}

std::string round_name(int64_t round, const std::string& file) { return fmt::format("rounds/{:02}/{}", round, file); }

std::string read_named_file(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(path, error);
  for (const fs::path& run : {whole.parent_path(), whole.parent_path().parent_path().parent_path()})  // or rounds/NN/
    if (!run.empty() && fs::exists(run / RunFiles::kManifest, error))
      return RunFiles(run).read(whole.lexically_relative(run).string());
  return read_file(path);
}

RunFiles::RunFiles(fs::path run) : path_(std::move(run)) {
  const std::optional<json> state = load_state(path_ / kManifest, notes_);
  if (!state) return;
  try {
    saves_ = state->at("saves").get<int64_t>();
    for (const auto& [name, sums] : state->at("files").items())
      for (const json& sum : sums)
        files_[name].push_back({sum.at("bytes").get<int64_t>(), sum.at("xxh3").get<std::string>()});
    for (const json& query : state->at("queries"))
      queries_.push_back({query.at("round").get<int64_t>(), query.at("folder").get<std::string>(),
                          query.at("items").get<std::vector<int64_t>>()});
  } catch (const std::exception& error) {
    fail(ExitCode::corrupt_data,
         fmt::format("{}: {}; restore it from a copy", (path_ / kManifest).string(), error.what()));
  }
}

bool RunFiles::reload() {
  RunFiles now(path_);
  if (now.saves_ == saves_) return false;
  *this = std::move(now);
  return true;
}

std::vector<std::string> RunFiles::listed() const {
  std::vector<std::string> names;
  for (const auto& [name, sums] : files_) names.push_back(name);
  return names;
}

std::optional<std::string> RunFiles::look(const std::string& name, std::string* content, int64_t max_bytes) {
  do {
    const auto known = files_.find(name);
    const bool there = fs::exists(path_ / name);
    if (there || known == files_.end()) *content = read_file(path_ / name, max_bytes);
    if (known == files_.end()) return std::nullopt;
    const bool grows = only_grows(name) && !fs::exists(path_ / "DONE");
    const auto fitting = [&](const FileSum& sum) { return fits(sum, grows, *content); };
    if (there && std::ranges::any_of(known->second, fitting)) return std::nullopt;
    if (reload()) continue;  // the run went on between our two looks
    if (!there) return "is missing";
    const FileSum& newest = known->second.back();
    return int64_t(content->size()) == newest.bytes || grows
               ? fmt::format("was changed after the run wrote it (its checksum is not that of {})", kManifest)
               : fmt::format("was changed after the run wrote it ({} bytes instead of {})", content->size(),
                             newest.bytes);
  } while (true);
}

std::string RunFiles::read(const std::string& name, int64_t max_bytes) {
  std::string content;
  if (const auto why = look(name, &content, max_bytes))
    fail(ExitCode::corrupt_data, fmt::format("{} {}; {}", (path_ / name).string(), *why, remedy(name)));
  return content;
}

bool RunFiles::has(const std::string& name) {
  if (fs::exists(path_ / name)) return true;
  if (!files_.contains(name)) return false;
  (void)read(name);  // refuses, or finds it if it came back
  return true;
}

std::optional<std::string> RunFiles::damage(const std::string& name) {
  std::string content;
  if (!files_.contains(name)) return std::nullopt;
  return look(name, &content, int64_t(1) << 40);
}

void RunFiles::list(const std::string& name, std::string_view content) { files_[name] = {sum_of(content)}; }

std::vector<std::string> RunFiles::commit(const std::vector<NamedFile>& files, const std::optional<Query>& query) {
  const bool again = query && std::ranges::count(queries_, *query);
  std::vector<std::string> changed;
  std::vector<const NamedFile*> written;
  bool replaces = false;
  for (const NamedFile& file : files) {
    const bool edited = file.for_people && fs::exists(path_ / file.name) &&
                        (!files_.contains(file.name) || damage(file.name)) &&
                        read_file(path_ / file.name) != file.content;
    if (edited) changed.push_back(file.name);
    if (edited || (file.for_people && again && fs::exists(path_ / file.name))) continue;
    written.push_back(&file);
    const auto known = files_.find(file.name);
    if (known == files_.end() || std::ranges::count(known->second, sum_of(file.content))) continue;
    known->second.push_back(sum_of(file.content));
    replaces = true;
  }
  if (replaces) write_manifest(/*file_alone=*/true);
  for (const NamedFile* file : written) {
    make_directories((path_ / file->name).parent_path());
    commit_file(path_ / file->name, file->content);
  }
  for (const NamedFile* file : written) list(file->name, file->content);
  if (query) {
    std::erase_if(queries_, [&](const Query& q) { return q.round >= query->round; });
    queries_.push_back(*query);
  }
  save();
  return changed;
}

void RunFiles::save() {
  for (const char* name : kGrowing) list(name, read(name));
  write_manifest();
}

void RunFiles::truncate(const std::string& name, int64_t bytes) {
  const auto known = files_.find(name);
  if (known != files_.end() && known->second.back().bytes > bytes) {
    list(name, std::string_view(read(name)).substr(0, size_t(bytes)));
    write_manifest();
  }
  truncate_file(path_ / name, bytes);
}

void RunFiles::write_manifest(bool file_alone) {
  json files = json::object(), queries = json::array();
  for (const auto& [name, sums] : files_) {
    json list = json::array();  // a null that becomes an array ends the program where memory is short
    for (const FileSum& sum : sums) list.push_back({{"bytes", sum.bytes}, {"xxh3", sum.xxh3}});
    files[name] = std::move(list);
  }
  for (const Query& query : queries_)
    queries.push_back({{"round", query.round}, {"folder", query.folder}, {"items", query.items}});
  save_state(path_ / kManifest, {{"schema", 1}, {"files", files}, {"queries", queries}}, ++saves_, file_alone);
}

}  // namespace crc::apps
