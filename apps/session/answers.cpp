#include "apps/session/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "apps/label/statements.h"
#include "apps/session/run_data.h"
#include "data/text.h"

namespace crc::apps {
namespace {

constexpr size_t kShown = 10;  // items in a message

using ByItem = std::map<int64_t, Answer>;
using Note = std::function<void(const std::string&)>;

void say(const Note& note, const std::vector<std::string>& items, const std::string& one, const std::string& many) {
  if (!items.empty()) note(data::counted(int64_t(items.size()), one, many) + ": " + data::join_first(items, kShown));
}

// The data set's own; -1: it has none, or people have spoken of the item.
int64_t own_label(const data::Dataset& dataset, const Ledger& ledger, int64_t item) {
  const bool told = std::ranges::any_of(ledger.entries(), [&](const Entry& entry) { return entry.item == item; });
  return told ? -1 : dataset.train.labels.at(size_t(item));
}

bool takes_back(const Answer& answer) { return answer.class_index < 0 && answer.skip.empty(); }

// What is about to be recorded.
struct Change {
  std::vector<Answer> to_ledger;   // corrections of what stands there
  std::vector<Answer> to_journal;  // as they came, where the query has a journal or needs one
  std::vector<Answer> whole;       // of the query, in its order, if nothing is open
  std::vector<int64_t> open;
};

class Recorder {
 public:
  Recorder(WaitingRun& run, const ByItem& answers, const AnswerSource& source, const AnswerRules& rules,
           const Note& note)
      : run_(run), ledger_(run.directory.ledger()), answers_(answers), source_(source), rules_(rules), note_(note) {
    if (!run.answered) asked_.insert(run.query.items.begin(), run.query.items.end());
  }

  Change plan() {
    take_others();
    if (rules_.ask_again) ask_again();
    if (!run_.answered) take_query();
    say(note_, own_, fmt::format("item is not in {} and has the label of the data set", source_.word),
        fmt::format("items are not in {} and have the label of the data set", source_.word));
    say(note_, overruled_, fmt::format("item has another class in the data set; {} counts", source_.word),
        fmt::format("items have another class in the data set; {} counts", source_.word));
    check_labels_left();
    return std::move(change_);
  }

 private:
  std::string name_of(int64_t class_index) const {
    return data::legible(run_.dataset.class_names[size_t(class_index)]);
  }
  // "dog in the file", "skipped in the ledger"
  std::string shown(int64_t class_index, const std::string& otherwise) const {
    return class_index >= 0 ? name_of(class_index) : otherwise;
  }

  // What was not asked for: corrections, or nothing but words.
  void take_others() {
    std::vector<std::string> unasked, contradicted;
    for (const auto& [item, answer] : answers_) {
      if (asked_.contains(item)) continue;
      const std::optional<int64_t> stands = ledger_.state(item);
      const bool differs = stands && (takes_back(answer) || *stands != answer.class_index);
      if (rules_.correct && stands) {
        if (differs) correct(answer);
        continue;
      }
      unasked.push_back(std::to_string(item));
      if (differs)
        contradicted.push_back(fmt::format("{} ({} in the ledger, {} in {})", item, shown(*stands, kSkipped),
                                           shown(answer.class_index, takes_back(answer) ? kWithdraw : answer.skip),
                                           source_.word));
    }
    say(note_, unasked, "labelled item was not asked for and is not recorded",
        "labelled items were not asked for and are not recorded");
    say(note_, contradicted, "of them has another class in the ledger, which stays",
        "of them have another class in the ledger, which stays");
  }

  // A word takes a label back: that item is no answer to a query of now.
  void correct(Answer answer) {
    if (answer.class_index < 0) answer.skip.clear();
    change_.to_ledger.push_back(std::move(answer));
  }

  void ask_again() {
    for (const int64_t item : standing(ledger_.entries()).skipped)
      if (!answers_.contains(item)) change_.to_ledger.push_back({item});
    for (const int64_t item : run_.query.items)
      if (const auto said = run_.journal.of(item); said && said->class_index < 0 && !answers_.contains(item))
        reopened_.insert(item);
  }

  // What is said of an item of the query after this; nothing: it is open.
  std::optional<Answer> said_of(int64_t item) {
    if (const auto at = answers_.find(item); at != answers_.end())
      return takes_back(at->second) ? std::nullopt : std::optional(at->second);
    if (reopened_.contains(item)) return std::nullopt;
    return run_.journal.of(item);
  }

  void take_query() {
    std::vector<Answer> closed;
    for (const int64_t item : run_.query.items) {
      const int64_t known = own_label(run_.dataset, ledger_, item);
      std::optional<Answer> said = said_of(item);
      if (said && known >= 0 && said->class_index != known)
        overruled_.push_back(fmt::format("{} ({} there)", item, name_of(known)));
      if (!said && known >= 0) {
        said = Answer{item, known};
        own_.push_back(std::to_string(item));
      }
      if (!said && rules_.skip_rest) closed.push_back(*(said = Answer{item, -1, kSkipped}));
      if (said)
        change_.whole.push_back(std::move(*said));
      else
        change_.open.push_back(item);
    }
    if (!change_.open.empty()) change_.whole.clear();
    for (const auto& [item, answer] : answers_)
      if (asked_.contains(item)) change_.to_journal.push_back(answer);
    for (const int64_t item : reopened_) change_.to_journal.push_back({item});
    change_.to_journal.insert(change_.to_journal.end(), closed.begin(), closed.end());
    if (run_.journal.empty() && change_.open.empty()) change_.to_journal.clear();  // the ledger says it all
  }

  void check_labels_left() const {
    if (!run_.answered && !change_.open.empty()) return;
    std::set<int64_t> labelled;
    for (const Label& label : ledger_.labels()) labelled.insert(label.item);
    const auto apply = [&](const std::vector<Answer>& answers) {
      for (const Answer& answer : answers) {
        if (answer.class_index < 0)
          labelled.erase(answer.item);
        else
          labelled.insert(answer.item);
      }
    };
    apply(change_.to_ledger);
    apply(change_.whole);
    if (labelled.empty())
      fail(ExitCode::corrupt_data, fmt::format("after {} no item would have a label, and nothing could be trained; "
                                               "nothing was recorded",
                                               source_.name));
  }

  WaitingRun& run_;
  const Ledger& ledger_;
  const ByItem& answers_;
  const AnswerSource& source_;
  const AnswerRules& rules_;
  const Note& note_;
  std::set<int64_t> asked_, reopened_;
  std::vector<std::string> own_, overruled_;
  Change change_;
};

// The first round that did not begin to train.
bool may_change(RunDir& directory, const Query& query) {
  const auto& checkpoints = directory.checkpoints().entries();
  if (!checkpoints.empty() && checkpoints.back().info.round >= query.round) return false;
  int64_t answers = 0;
  for (const Entry& entry : directory.ledger().entries())
    answers += entry.round == query.round && (entry.event == LedgerEvent::label || entry.event == LedgerEvent::skip);
  return answers == int64_t(query.items.size());
}

// What a complete journal and the data set say, in the query's order; nothing: something is open.
std::vector<Answer> whole_answers(const Journal& journal, const Query& query, const data::Dataset& dataset,
                                  const Ledger& ledger) {
  std::vector<Answer> all;
  for (const int64_t item : query.items) {
    const std::optional<Answer> said = journal.of(item);
    const int64_t known = own_label(dataset, ledger, item);
    if (!said && known < 0) return {};
    all.push_back(said ? *said : Answer{item, known});
  }
  return all;
}

}  // namespace

void settle_answers(RunDir& directory, const data::Dataset& dataset) {
  if (directory.files().queries().empty() || marker_of(directory.path()) != Marker::waiting) return;
  const Query& query = directory.files().queries().back();
  const Journal journal(directory, query);
  if (journal.empty()) return;
  const std::vector<Answer> all = whole_answers(journal, query, dataset, directory.ledger());
  if (all.empty()) return;
  directory.record(query.round, "oracle", all);
  directory.mark(Marker::preempted, "labelled");
}

WaitingRun open_waiting(const fs::path& path, const std::vector<std::string>& settings, Wants wants) {
  const auto refuse = [&] {
    read_run_json(path);  // "not a run" comes first
    if (marker_of(path) == Marker::done)
      fail(ExitCode::usage, fmt::format("{} does not wait for labels: it is done, and no round would train on another "
                                        "answer; correct the labels that the "
                                        "data set has, or begin a new run",
                                        path.string()));
    fail(ExitCode::usage, fmt::format("{} does not wait for labels; go on with: {}", path.string(),
                                      command_line("resume " + path.string(), settings)));
  };
  const Marker marker = marker_of(path);
  if (marker != Marker::waiting && (wants == Wants::answers || marker != Marker::preempted)) refuse();
  RunDir directory = RunDir::open(path, settings);
  data::Dataset dataset = load_run_data(directory).dataset;
  if (directory.files().queries().empty())
    fail(ExitCode::waiting_for_labels,
         fmt::format("{} was asked by an earlier version of this program, which did not record the items; ask again "
                     "with: {}; then label",
                     path.string(), command_line("resume " + path.string(), settings)));
  settle_answers(directory, dataset);
  const bool answered = marker_of(path) != Marker::waiting;
  Query query = directory.files().queries().back();
  if (answered && (wants == Wants::answers || !may_change(directory, query))) refuse();
  Journal journal(directory, query);
  return {std::move(directory), std::move(dataset), std::move(query), std::move(journal), answered};
}

Recorded record_answers(WaitingRun& run, const ByItem& answers, const AnswerSource& source, const AnswerRules& rules,
                        const Note& note) {
  Change change = Recorder(run, answers, source, rules, note).plan();
  if (!change.open.empty() && !rules.partial) {
    std::vector<std::string> missing;
    for (const int64_t item : change.open) missing.push_back(std::to_string(item));
    fail(ExitCode::waiting_for_labels,
         fmt::format("{} of {} no label in {}: {}; label them all, nothing was recorded", missing.size(),
                     data::counted(int64_t(run.query.items.size()), "queried item has", "queried items have"),
                     source.name, data::join_first(missing, kShown)));
  }
  run.directory.correct(run.query.round, source.ledger, change.to_ledger);
  if (!change.to_journal.empty()) {
    run.journal.record(change.to_journal, source.ledger);
    run.directory.files().list(run.journal.name(), read_file(run.journal.path()));
    run.directory.files().save();
  }
  if (!change.whole.empty()) {
    if (!run.journal.empty())  // who said what stands there
      for (Answer& answer : change.whole)
        if (const std::optional<Answer> said = run.journal.of(answer.item)) answer = *said;
    run.directory.record(run.query.round, source.ledger, change.whole);
  }
  return {std::move(change.whole), std::move(change.open), int64_t(change.to_ledger.size())};
}

void mark_labelled(WaitingRun& run) { run.directory.mark(Marker::preempted, "labelled"); }

}  // namespace crc::apps
