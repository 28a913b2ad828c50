// What a file of answers says, whichever tool wrote it: statements about items, each with its place in the file, and
// one answer for each item made of them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apps/rundir/ledger.h"
#include "data/dataset.h"
#include "kernels/core/choice.h"

namespace crc::apps {

// What answers are about. Holds references.
class LabelNames {
 public:
  // `files` [items] or empty.
  LabelNames(const std::vector<std::string>& classes, int64_t items, const std::vector<std::string>& files);
  explicit LabelNames(const data::Dataset& dataset)
      : LabelNames(dataset.class_names, dataset.train.count, dataset.train.names) {}

  std::optional<int64_t> class_of(const std::string& name) const;
  std::optional<int64_t> item_of(const std::string& file) const;  // the only training image of this name
  std::string why_no_item(const std::string& file) const;         // "x.png is not one of the training images"
  std::string why_no_class(const std::string& name) const;        // "class "dgo" is not one of ...; did you mean dog?"
  std::string shown(const Answer& answer) const;                  // its class, or its word

  const std::vector<std::string>& classes() const { return classes_; }
  int64_t items() const { return items_; }
  const std::vector<std::string>& files() const { return files_; }

 private:
  const std::vector<std::string>& classes_;
  int64_t items_;
  const std::vector<std::string>& files_;
  std::map<std::string, int64_t> indices_, places_;
};

// Why an item has no class, as the ledger and the page say it.
inline constexpr const char *kUnsure = "unsure", *kNoneOfThese = "none of these", *kSkipped = "skipped";
inline constexpr const char* kWithdraw = "withdraw";  // what was said is taken back
// One of these, of a word that people write for it ("Skip", "not any of these"); empty: it is none.
std::string word_for_no_class(std::string_view text);

CRC_CHOICE(Disagreement, refuse, first, last, majority)

class Statements {
 public:
  // `where` begins a message about it ("labels.csv:4"), `there` names it in one about another ("line 4").
  void add(Answer answer, std::string where, std::string there);

  // Error 65: statements about one item that differ, and nothing decides between them. `notes`: what repeats another.
  std::map<int64_t, Answer> resolve(Disagreement how, const LabelNames& names, const std::string& file,
                                    const std::string& advice, std::vector<std::string>& notes) const;

 private:
  struct Statement {
    Answer answer;
    std::string where, there;
  };
  using Said = std::vector<const Statement*>;  // about one item, in the file's order
  static const Statement* decide(const Said& said, Disagreement how);
  static std::string contradiction(const Said& said, Disagreement how, const LabelNames& names);

  std::vector<Statement> all_;
};

}  // namespace crc::apps
