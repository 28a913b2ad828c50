// crc_train label
#include <algorithm>

#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/label/label_file.h"
#include "apps/label/open_page.h"
#include "apps/session/answers.h"
#include "data/text.h"

namespace crc::apps {
namespace {

constexpr size_t kShown = 10;  // items in a message

struct LabelOptions {
  std::string directory, labels;
  std::vector<std::string> settings;
  Disagreement on_disagreement = Disagreement::refuse;
  AnswerRules rules{.partial = true};
};

std::string query_csv(const Query& query) { return query.folder + "/query.csv"; }

// Whether the answers stand in the query's own file.
bool is_query_csv(const RunDir& directory, const Query& query, const fs::path& labels) {
  std::error_code ignored;
  return fs::equivalent(directory.path() / query_csv(query), labels, ignored);
}

// query.csv is a copy for people: what they made of it changes nothing, but they should know.
void mention_changes(RunDir& directory, const Query& query, const fs::path& labels) {
  if (is_query_csv(directory, query, labels)) return;
  const std::string name = query_csv(query);
  if (const auto change = directory.files().damage(name))
    print_error("crc_train: {} {}; the run asks for the {} items that {} holds\n", (directory.path() / name).string(),
                *change, query.items.size(), RunFiles::kManifest);
}

// A query.csv that was filled in where it lies is from now on the run's own.
void accept_answers(RunDir& directory, const Query& query, const fs::path& labels) {
  if (!is_query_csv(directory, query, labels)) return;
  directory.files().list(query_csv(query), read_file(labels));
  directory.files().save();
}

// Of the classes that were recorded now.
void print_classes(const Ledger& ledger, const std::vector<Answer>& answers,
                   const std::vector<std::string>& class_names) {
  std::vector<int64_t> now(class_names.size()), all(class_names.size());
  for (const Answer& a : answers)
    if (a.class_index >= 0) ++now[size_t(a.class_index)];
  for (const Label& label : ledger.labels()) ++all[size_t(label.class_index)];
  for (size_t c = 0; c < class_names.size(); ++c)
    if (now[c] > 0) print("  {:<24} {:>6} now, {:>6} in the ledger\n", data::legible(class_names[c]), now[c], all[c]);
}

// Some items are open: what became of the others, and where these are.
[[noreturn]] void go_on_waiting(WaitingRun& run, const std::vector<int64_t>& open, const std::string& source) {
  const std::string at = run.directory.path().string();
  std::vector<std::string> items;
  for (const int64_t item : open) items.push_back(std::to_string(item));
  std::string words = fmt::format("{} of {} queried items have no label in {}: {}; ", open.size(),
                                  run.query.items.size(), source, data::join_first(items, kShown));
  if (run.journal.empty()) {
    words += "nothing was recorded";
  } else {
    words +=
        fmt::format("the other {} are kept in {}", run.query.items.size() - open.size(), run.journal.path().string());
    if (!run.dataset.train.embedded())
      words += write_open_page(run.directory, run.query, run.dataset, open)
                   ? fmt::format(", and {}/{}/label.html shows those that are open", at, run.query.folder)
                   : "";
  }
  fail(ExitCode::waiting_for_labels,
       fmt::format("{}; label these too: crc_train label {} labels.csv, or close them without a class: --skip-rest",
                   words, at));
}

void print_recorded(WaitingRun& run, const Recorded& recorded) {
  const Ledger& ledger = run.directory.ledger();
  const int64_t labels = std::ranges::count_if(recorded.given, [](const Answer&a) { return a.class_index >= 0; }),
                skipped = int64_t(recorded.given.size()) - labels;
  if (recorded.corrected > 0) print("{} earlier answers corrected\n", recorded.corrected);
  if (!recorded.given.empty() && skipped > 0)
    print("{} items closed without a class; they are not asked again (unless --ask-again)\n", skipped);
  print("{} labels recorded, {} in the ledger; go on with: crc_train resume {}\n", labels, ledger.labels().size(),
        run.directory.path().string());
  print_classes(ledger, recorded.given, run.dataset.class_names);
}

int command_label(const LabelOptions& options) {
  const AnswerRules& rules = options.rules;
  if (options.labels.empty() && !rules.skip_rest && !rules.ask_again)
    fail(ExitCode::usage, "labels is required: a CSV file with columns item and class; see crc_train label --help");
  const std::string text = options.labels.empty() ? "" : read_file(options.labels);
  WaitingRun run = open_waiting(options.directory, options.settings,
                                rules.correct || rules.ask_again ? Wants::corrections : Wants::answers);
  const auto note = [](const std::string& words) { print_error("note: {}\n", words); };
  AnswerSource source{"crc_train label", "what was given", "what was given"};
  LabelFile file;
  if (!options.labels.empty()) {
    mention_changes(run.directory, run.query, options.labels);
    file = read_label_file(text, options.labels, LabelNames(run.dataset), options.on_disagreement);
    source = {"file:" + fs::path(options.labels).filename().string(), options.labels, "the file"};
  }
  std::ranges::for_each(file.notes, note);
  const Recorded recorded = record_answers(run, file.answers, source, rules, note);
  if (!recorded.open.empty()) go_on_waiting(run, recorded.open, source.name);
  if (!options.labels.empty()) accept_answers(run.directory, run.query, options.labels);
  if (!run.answered) mark_labelled(run);
  print_recorded(run, recorded);
  return 0;
}

}  // namespace

void declare_label(Command& program, CommandCall& call) {
  const auto o = std::make_shared<LabelOptions>();
  Command label = program.command("label", "give a run that waits the labels it asked for, all or some of them");
  label.option("directory", o->directory, "run directory").required();
  label.option("labels", o->labels, "CSV with columns item and class: its rounds/NN/query.csv and a column more");
  label.flag("--skip-rest", o->rules.skip_rest, "items that are still open get no class and are not asked again");
  label.flag("--ask-again", o->rules.ask_again, "items that were skipped may be asked again");
  label.flag("--correct", o->rules.correct,
             "rows of items that were labelled before change their label, or take it back (class: withdraw)");
  label.choice("--on-disagreement", o->on_disagreement, "which of several answers for one item counts");
  add_settings(label, o->settings);
  label.run([o, &call] { call.code = command_label(*o); });
}

}  // namespace crc::apps
