#include "apps/sweep/sweep_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "apps/config/config.h"
#include "apps/config/parse_toml.h"
#include "apps/rundir/rounds.h"
#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

class Reader {
 public:
  explicit Reader(std::string name) : name_(std::move(name)) {}

  [[noreturn]] void refuse(const toml::node& node, const std::string& what) const {
    fail(ExitCode::config, fmt::format("{}:{}: {}", name_, node.source().begin.line, what));
  }
  std::string text(const toml::table& table, const char* key, bool needed = false) const {
    const toml::node* node = table.get(key);
    if (!node && !needed) return "";
    if (!node || !node->is_string()) refuse(node ? *node : table, fmt::format("{} must be a text in quotes", key));
    return node->as_string()->get();
  }
  int64_t count(const toml::table& table, const char* key, int64_t otherwise, int64_t low) const {
    const toml::node* node = table.get(key);
    if (!node) return otherwise;
    if (!node->is_integer() || node->as_integer()->get() < low || node->as_integer()->get() > 1000)
      refuse(*node, fmt::format("{} must be an integer from {} to 1000", key, low));
    return node->as_integer()->get();
  }
  std::vector<std::string> texts(const toml::table& table, const char* key) const {
    std::vector<std::string> list;
    const toml::node* node = table.get(key);
    if (!node) return list;
    if (!node->is_array()) refuse(*node, fmt::format("{} must be a list of texts", key));
    for (const toml::node& item : *node->as_array()) {
      if (!item.is_string()) refuse(item, fmt::format("{} must be a list of texts", key));
      list.push_back(item.as_string()->get());
    }
    return list;
  }
  std::vector<std::string> settings(const toml::table& table) const {
    Config scratch;
    std::vector<std::string> list = texts(table, "set");
    for (const std::string& setting : list) try {
        scratch.merge_setting(setting);
      } catch (const Error& error) {
        refuse(*table.get("set"), error.what());
      }
    return list;
  }
  std::vector<const toml::table*> tables(const toml::table& table, const char* key) const {
    const toml::node* node = table.get(key);
    if (!node || !node->is_array_of_tables()) refuse(node ? *node : table, fmt::format("[[sweep.{}]] is missing", key));
    std::vector<const toml::table*> list;
    for (const toml::node& item : *node->as_array()) list.push_back(item.as_table());
    return list;
  }
  void only(const toml::table& table, std::initializer_list<std::string_view> known) const {
    for (const auto& [key, node] : table) {
      if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
      const std::string near =
          data::did_you_mean(data::nearest(std::string_view(key.str()), {known.begin(), known.end()}));
      refuse(node, fmt::format("unknown key \"{}\"{}", key.str(),
                               near.empty() ? "; apps/sweep/sweep_spec.h lists what a sweep has" : near));
    }
  }

 private:
  std::string name_;
};

SweepMethod read_method(const Reader& reader, const toml::table& table) {
  reader.only(table, {"name", "set", "paper"});
  SweepMethod method{reader.text(table, "name", true), reader.settings(table), reader.texts(table, "paper")};
  for (const std::string& number : method.paper)
    if (!number.empty() && parse_paper_number(number).mean != parse_paper_number(number).mean)
      reader.refuse(*table.get("paper"), fmt::format("\"{}\" is not of the form 78.41±3.16", number));
  return method;
}

// Nothing where the key is empty or not there.
template <Choice E> std::optional<E> choice_of(const Reader& reader, const toml::table& table, const char* key) {
  const std::string word = reader.text(table, key);
  const std::optional<E> value = find_choice<E>(word);
  if (value || word.empty()) return value;
  const std::vector<std::string> words(all_words<E>().begin(), all_words<E>().end());
  std::string list;
  for (const std::string& known : words) list += fmt::format("{}\"{}\"", list.empty() ? "" : ", ", known);
  reader.refuse(*table.get(key), fmt::format("{} = \"{}\" must be one of {}{}", key, word, list,
                                             data::did_you_mean(data::nearest_words(word, words))));
}

SweepBlock read_block(const Reader& reader, const toml::table& table, Measure measure) {
  reader.only(table, {"name", "set", "measure", "heads", "method"});
  SweepBlock block{reader.text(table, "name"),
                   reader.settings(table),
                   choice_of<Measure>(reader, table, "measure").value_or(measure),
                   reader.texts(table, "heads"),
                   {}};
  std::set<std::string> names;
  for (const toml::table* method : reader.tables(table, "method")) {
    block.methods.push_back(read_method(reader, *method));
    if (!names.insert(block.methods.back().name).second)
      reader.refuse(*method, fmt::format("two methods are called \"{}\"", block.methods.back().name));
  }
  return block;
}

}  // namespace

std::optional<SweepSpec> find_sweep(std::string_view text, const std::string& name) {
  if (!parse_toml(text, name).contains("sweep")) return std::nullopt;
  return parse_sweep(text, name);
}

SweepSpec parse_sweep(std::string_view text, const std::string& name) {
  const toml::table whole = parse_toml(text, name);
  const toml::table* table = whole["sweep"].as_table();
  if (!table)
    fail(ExitCode::config, name +
                               " has no [sweep]: it describes one run; start it with crc_train run, or name a recipe "
                               "of a table or figure (crc_train list)");
  const Reader reader(name);
  reader.only(*table, {"title", "source", "note", "figure", "measure", "trial", "trials", "initial_pools", "reconfirm",
                       "controls", "block"});
  SweepSpec spec;
  spec.title = reader.text(*table, "title", true);
  spec.source = reader.text(*table, "source");
  spec.note = reader.text(*table, "note");
  spec.figure = choice_of<SweepFigure>(reader, *table, "figure");
  spec.measure = choice_of<Measure>(reader, *table, "measure").value_or(spec.measure);
  if (const toml::node* trial = table->get("trial")) {
    spec.trial = reader.text(*table, "trial");
    if (spec.trial.empty() || spec.trial.size() > 20 ||
        !std::ranges::all_of(spec.trial, [](char c) { return c >= 'a' && c <= 'z'; }))
      reader.refuse(*trial, fmt::format("trial = \"{}\" must be one to twenty letters from a to z", spec.trial));
  }
  spec.trials = reader.count(*table, "trials", 3, 1);
  spec.initial_pools = reader.count(*table, "initial_pools", 0, 0);
  spec.reconfirm = reader.count(*table, "reconfirm", 0, 0);
  if (table->contains("controls")) spec.controls = reader.texts(*table, "controls");
  for (const toml::table* block : reader.tables(*table, "block"))
    spec.blocks.push_back(read_block(reader, *block, spec.measure));
  return spec;
}

PaperNumber parse_paper_number(const std::string& text) {
  PaperNumber number{kNone, kNone, text.ends_with("*")};
  const char *begin = text.data(), *end = begin + text.size();
  const auto [after, error] = std::from_chars(begin, end, number.mean);
  if (error != std::errc()) return {kNone, kNone, false};
  constexpr std::string_view kSign = "±";
  const size_t sign = text.find(kSign);
  if (sign != text.npos) std::from_chars(begin + sign + kSign.size(), end, number.std);
  return number;
}

}  // namespace crc::apps
