#include "apps/select/checkpoint_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/base/json.h"
#include "apps/base/terminal.h"
#include "apps/rundir/state_file.h"
#include "crc/arrays.h"
#include "data/mapped.h"
#include "kernels/core/error.h"
#include "kernels/core/mapped_pages.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr const char *kSelection = "selection.json", *kOutputs = "outputs.json", *kExtension = ".pass";
constexpr size_t kDigits = 32;  // of a checksum
constexpr int kShare = 20;      // writing takes a part of the time: one in so many
constexpr int64_t kMostBytes = int64_t(1) << 40;

std::string_view as_text(std::span<const double> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

// What differs, for a message.
std::string differences(const json& there, const json& now) {
  std::string words;
  const auto compare = [&](const std::string& name) {
    const auto of = [&](const json& facts) { return facts.value(name, std::string("none")); };
    const std::string before = of(there), after = of(now);
    if (before == after) return;
    if (!words.empty()) words += "; ";
    if (const size_t sum = before.rfind(' '); sum != before.npos && before.substr(0, sum) == after.substr(0, sum))
      words += fmt::format("{}: {}, but other numbers", name, before.substr(0, sum));
    else
      words += fmt::format("{}: {} there, {} now", name, before, after);
  };
  for (const auto& [name, value] : now.items()) compare(name);
  for (const auto& [name, value] : there.items())
    if (!now.contains(name)) compare(name);
  return words;
}

}  // namespace

std::string identity_of(const crc_active::Array& array, Ranks& ranks) {
  constexpr size_t kPiece = size_t(64) << 20;
  if (!array.data) return "none";
  const size_t bytes = size_t(select::bytes_of(array)), pieces = (bytes + kPiece - 1) / kPiece;
  const Share own(int64_t(pieces), ranks.rank(), ranks.size());
  std::string sums;
  for (int64_t piece = own.begin; piece < own.end; ++piece) {
    const char* begin = static_cast<const char*>(array.data) + size_t(piece) * kPiece;
    const std::string_view part(begin, std::min(kPiece, bytes - size_t(piece) * kPiece));
    sums += checksum(part);
    release_pages(part.data(), part.size());
  }
  const std::vector<char> all = ranks.gather(std::span<const char>(sums));
  return fmt::format("{} {}", select::describe(array), checksum({all.data(), all.size()}));
}

CheckpointFolder::CheckpointFolder(const fs::path& folder, Ranks& ranks, const Facts& selection)
    : folder_(folder),
      ranks_(ranks),
      advice_("", fmt::format("the same command goes on with what is kept in {}", folder.string())) {
  if (ranks_.rank() == 0) open(selection);
  ranks_.barrier();
}

void CheckpointFolder::open(const Facts& selection) {
  json now;
  for (const auto& [name, value] : selection) now[name] = value;
  selection_ = checksum(json_text(now, 1));
  make_directories(folder_);
  refuse_others();
  lock_.emplace(folder_);
  remove_stale_temporaries(folder_, /*earlier=*/false);
  std::vector<std::string> notes;
  const std::optional<json> there = load_state(folder_ / kSelection, notes);
  for (const std::string& note : notes) print_error("note: {}\n", note);
  if (!there) return save_state(folder_ / kSelection, {{"schema", 1}, {"selection", now}}, 0);
  if (const std::string words = differences(there->value("selection", json::object()), now); !words.empty())
    fail(ExitCode::output_refused,
         fmt::format("--checkpoint {}: keeps passes of another selection ({}); start that one again to go on with it, "
                     "name another folder, or remove this one",
                     folder_.string(), words));
  uintmax_t bytes = 0;
  const std::vector<fs::path> files = kept();
  for (const fs::path& file : files) bytes += fs::file_size(file);
  if (!files.empty())
    print_error("goes on with what is kept of this selection in {} ({:.3g} MB)\n", folder_.string(),
                double(bytes) / 1e6);
}

// A folder that is no checkpoint's, or not its alone: nothing is put into it, and nothing taken away.
void CheckpointFolder::refuse_others() const {
  const fs::path selection = folder_ / kSelection;
  const bool known = file_exists(selection) || file_exists(copy_of(selection));
  const auto ours = [&](const fs::path& file) {
    const fs::path name = file.filename();
    return name == RunLock::kName || name == kOutputs || is_temporary(file) ||
           (known && (file == selection || file == copy_of(selection) || name.extension() == kExtension));
  };
  const std::vector<fs::path> files = list_folder(folder_, Use::output);
  const auto other = std::ranges::find_if_not(files, ours);
  if (other == files.end()) return;
  fail(ExitCode::output_refused,
       fmt::format("--checkpoint {}: holds {}, which is no selection's; {}", folder_.string(),
                   other->filename().string(), known ? "move it away" : "name an empty folder, or a new one"));
}

void CheckpointFolder::announce(const OutputRules::Contents& files) {
  commit_file(folder_ / kOutputs, json_text(json(files), 1));
}

OutputRules::Contents CheckpointFolder::announced(const fs::path& folder) {
  const fs::path file = folder / kOutputs;
  if (folder.empty() || !file_exists(file)) return {};
  const json files = json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  OutputRules::Contents contents;
  for (const auto& [path, sum] : files.items())
    if (sum.is_string()) contents[path] = sum;
  return contents;
}

CheckpointFolder::~CheckpointFolder() {
  try {
    if (lock_ && kept().empty() && !file_exists(folder_ / kOutputs)) remove_all();
  } catch (const Error&) {  // it stays
  }
}

std::vector<fs::path> CheckpointFolder::kept() const {
  std::vector<fs::path> files;
  for (const fs::path& path : list_folder(folder_, Use::output))
    if (path.extension() == kExtension) files.push_back(path);
  return files;
}

// What they belong to goes last: a stop in between leaves what another start goes on from.
void CheckpointFolder::remove_all() {
  for (const fs::path& file : kept()) remove_file(file);
  remove_file(folder_ / kSelection), remove_file(copy_of(folder_ / kSelection));
  remove_file(folder_ / kOutputs), remove_file(folder_ / RunLock::kName);
  (void)::rmdir(folder_.c_str());  // stays where it holds anything else
  lock_.reset();
}

void CheckpointFolder::remove() {
  if (lock_) remove_all();
}

fs::path CheckpointFolder::file_of(const std::string& name) const {
  std::string plain = name;
  std::ranges::replace_if(
      plain, [](unsigned char c) { return !std::isalnum(c); }, '-');
  return folder_ / (plain + kExtension);
}

std::string CheckpointFolder::seal(const std::string& name, std::string_view bytes) const {
  return checksum(checksum(bytes) + name + selection_);
}

std::optional<std::vector<double>> CheckpointFolder::read(const std::string& name) const {
  const fs::path file = file_of(name);
  if (!file_exists(file)) return std::nullopt;
  const std::string content = read_file(file, kMostBytes);
  const std::string_view bytes = std::string_view(content).substr(std::min(kDigits, content.size()));
  if (content.size() < kDigits || bytes.size() % sizeof(double) != 0 ||
      content.substr(0, kDigits) != seal(name, bytes)) {
    print_error("note: {} is damaged; what it kept is done again\n", file.string());
    return std::nullopt;
  }
  std::vector<double> values(bytes.size() / sizeof(double));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::optional<std::vector<double>> CheckpointFolder::recall(const std::string& name) {
  std::vector<double> told;  // whether there are any, then they
  if (ranks_.rank() == 0) {
    std::optional<std::vector<double>> values = read(name);
    told.push_back(values.has_value());
    if (values) told.insert(told.end(), values->begin(), values->end());
  }
  told = ranks_.gather(std::span<const double>(told));
  if (told[0] == 0) return std::nullopt;
  told.erase(told.begin());
  return told;
}

void CheckpointFolder::keep(const std::string& name, std::span<const double> values) {
  if (ranks_.rank() != 0) return;
  const Clock::time_point start = Clock::now();
  data::check_mapped_files();
  std::string content = seal(name, as_text(values));
  content += as_text(values);
  commit_file(file_of(name), content);
  const Clock::time_point end = Clock::now();
  due_[name] = end + kShare * (end - start);
}

bool CheckpointFolder::due(const std::string& name) {
  std::vector<char> told;
  if (ranks_.rank() == 0) told.push_back(!due_.contains(name) || Clock::now() >= due_[name]);
  return ranks_.gather(std::span<const char>(told))[0] != 0;
}

}  // namespace crc::apps
