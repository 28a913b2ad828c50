#include "apps/rundir/state_file.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/base/json.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr int64_t kMaxBytes = 1 << 26;
constexpr std::string_view kSeal = ",\n \"xxh3\": \"";  // one space: a key of the outermost object

// The end of a text that begins with `body`; JSON like the rest of it.
std::string seal(std::string_view body) { return fmt::format("{}{}\"\n}}\n", kSeal, checksum(body)); }

bool is_whole(std::string_view text) {
  const size_t end = seal("").size();
  return text.size() > end && text.ends_with(seal(text.substr(0, text.size() - end)));
}

struct Found {
  std::string damage;  // empty: whole
  json state;
  int64_t saves = -1;
};

Found look(const fs::path& path, bool sealed) {
  if (!fs::exists(path)) return {.damage = path.string() + " is missing", .state = {}};
  const std::string text = read_file(path, kMaxBytes);
  const bool trusted = is_whole(text) || (!sealed && text.find(kSeal) == text.npos);
  json state = trusted ? read_json(text).value_or(json()) : json();
  if (!state.is_object() || state.value("schema", json()) != 1)
    return {.damage = path.string() + " is damaged", .state = {}};
  const json saves = state.value("saves", json(0));
  return {.damage = "", .state = std::move(state), .saves = saves.is_number_integer() ? saves.get<int64_t>() : 0};
}

}  // namespace

fs::path copy_of(const fs::path& file) {
  return file.parent_path() / (file.stem().string() + "-copy" + file.extension().string());
}

std::optional<json> load_state(const fs::path& file, std::vector<std::string>& notes) {
  const fs::path copy = copy_of(file);
  const bool has_copy = fs::exists(copy);
  if (!has_copy && !fs::exists(file)) return std::nullopt;
  Found first = look(file, has_copy), second = look(copy, true);
  if (second.saves > first.saves) first = look(file, true);  // a run that is going on may have saved meanwhile
  if (!first.damage.empty() && !second.damage.empty())
    fail(ExitCode::corrupt_data,
         fmt::format("{}{}; restore it from a copy", first.damage, has_copy ? " and so is " + copy.string() : ""));
  if (!first.damage.empty() || second.saves > first.saves) {
    notes.push_back(fmt::format("{}; {} serves in its place",
                                first.damage.empty() ? file.string() + " was replaced by an older one" : first.damage,
                                copy.string()));
    return std::move(second.state);
  }
  if (first.state.contains("xxh3") && !second.damage.empty()) notes.push_back(second.damage);
  return std::move(first.state);
}

void save_state(const fs::path& file, json state, int64_t saves, bool file_alone) {
  state.erase("xxh3");
  state["saves"] = saves;
  std::string text = json_text(state, 1);
  text.resize(text.size() - 2);  // "\n}"
  text += seal(text);
  commit_file(file, text);
  if (!file_alone) commit_file(copy_of(file), text);
}

void mend_state(const fs::path& file) {
  std::vector<std::string> notes;
  const fs::path copy = copy_of(file);
  const std::optional<json> state = load_state(file, notes);
  if (!state || !state->contains("xxh3")) return;
  if (fs::exists(file) && fs::exists(copy) && read_file(file, kMaxBytes) == read_file(copy, kMaxBytes)) return;
  save_state(file, *state, state->at("saves").get<int64_t>());
}

}  // namespace crc::apps
