#include "apps/label/statements.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr size_t kMostClasses = 100, kMostItems = 10;  // in a message

bool same(const Answer& a, const Answer& b) { return a.class_index == b.class_index && a.skip == b.skip; }

}  // namespace

LabelNames::LabelNames(const std::vector<std::string>& classes, int64_t items, const std::vector<std::string>& files)
    : classes_(classes), items_(items), files_(files) {
  for (const std::string& name : classes) indices_.emplace(name, int64_t(indices_.size()));
  for (size_t item = 0; item < files.size(); ++item)
    if (const auto [at, first] = places_.emplace(files[item], int64_t(item)); !first) at->second = -1;
}

std::optional<int64_t> LabelNames::class_of(const std::string& name) const {
  const auto at = indices_.find(name);
  return at == indices_.end() ? std::nullopt : std::optional(at->second);
}

std::optional<int64_t> LabelNames::item_of(const std::string& file) const {
  const auto at = places_.find(file);
  return at == places_.end() || at->second < 0 ? std::nullopt : std::optional(at->second);
}

std::string LabelNames::why_no_item(const std::string& file) const {
  return data::in_quotes(file) +
         (places_.contains(file) ? " stands for several training images" : " is not one of the training images");
}

std::string LabelNames::why_no_class(const std::string& name) const {
  return fmt::format("class {} is not one of {}{}", data::in_quotes(name),
                     data::join_first(data::legible(classes_), kMostClasses),
                     data::did_you_mean(data::nearest(name, classes_)));
}

std::string LabelNames::shown(const Answer& answer) const {
  if (answer.class_index >= 0) return data::legible(classes_[size_t(answer.class_index)]);
  return answer.skip.empty() ? kWithdraw : answer.skip;
}

std::string word_for_no_class(std::string_view text) {
  std::string word(text);
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  if (word == "skip" || word == kSkipped) return kSkipped;
  if (word == "none of these" || word == "not any of these") return kNoneOfThese;
  return word == kUnsure || word == kWithdraw ? word : "";
}

void Statements::add(Answer answer, std::string where, std::string there) {
  all_.push_back({std::move(answer), std::move(where), std::move(there)});
}

// Nothing: nobody decides.
const Statements::Statement* Statements::decide(const Said& said, Disagreement how) {
  const bool one = std::ranges::all_of(said, [&](const Statement* s) { return same(s->answer, said[0]->answer); });
  if (one || how == Disagreement::first) return said.front();
  if (how == Disagreement::last) return said.back();
  if (how == Disagreement::refuse) return nullptr;
  const auto votes = [&](const Statement* s) {
    return std::ranges::count_if(said, [&](const Statement* other) { return same(s->answer, other->answer); });
  };
  const Statement* most = *std::ranges::max_element(said, {}, votes);
  const bool tie = std::ranges::any_of(
      said, [&](const Statement* s) { return votes(s) == votes(most) && !same(s->answer, most->answer); });
  return tie ? nullptr : most;
}

std::string Statements::contradiction(const Said& said, Disagreement how, const LabelNames& names) {
  const auto by = [](const Statement* s) { return s->answer.who.empty() ? "" : " by " + data::legible(s->answer.who); };
  const auto other = std::ranges::find_if(said, [&](const Statement* s) { return !same(s->answer, said[0]->answer); });
  std::string words =
      fmt::format("{}: item {} is {} here{} and {} in {}{}: it stands twice", (*other)->where, said[0]->answer.item,
                  names.shown((*other)->answer), by(*other), names.shown(said[0]->answer), said[0]->there, by(said[0]));
  if (how == Disagreement::majority) words += ", and no answer has more votes than every other";
  return words;
}

std::map<int64_t, Answer> Statements::resolve(Disagreement how, const LabelNames& names, const std::string& file,
                                              const std::string& advice, std::vector<std::string>& notes) const {
  std::map<int64_t, Said> by_item;
  for (const Statement& statement : all_) by_item[statement.answer.item].push_back(&statement);
  std::map<int64_t, Answer> answers;
  std::vector<std::string> twice, decided;
  for (const auto& [item, said] : by_item) {
    const Statement* const chosen = decide(said, how);
    if (!chosen) fail(ExitCode::corrupt_data, contradiction(said, how, names) + advice);
    answers[item] = chosen->answer;
    size_t agree = 0;
    for (const Statement* s : said) agree += same(s->answer, chosen->answer);
    if (agree < said.size())
      decided.push_back(fmt::format("{} ({})", item, names.shown(chosen->answer)));
    else
      twice.insert(twice.end(), said.size() - 1, std::to_string(item));
  }
  if (!twice.empty())
    notes.push_back(fmt::format("{}: {} {}", file,
                                data::counted(int64_t(twice.size()), "row repeats an item with the same class: item",
                                              "rows repeat an item with the same class: items"),
                                data::join_first(twice, kMostItems)));
  if (!decided.empty())
    notes.push_back(fmt::format("{}: {} answers that differ, decided by {}: {}", file,
                                data::counted(int64_t(decided.size()), "item has", "items have"), word_of(how),
                                data::join_first(decided, kMostItems)));
  return answers;
}

}  // namespace crc::apps
