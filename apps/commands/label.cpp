// crc_train label
#include <algorithm>

#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/label/label_file.h"
#include "apps/session/answers.h"
#include "data/text.h"

namespace crc::apps {
namespace {

struct LabelOptions {
  std::string directory, labels;
  std::vector<std::string> settings;
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
  for (const Answer& a : answers) ++now[size_t(a.class_index)];
  for (const Label& label : ledger.labels()) ++all[size_t(label.class_index)];
  for (size_t c = 0; c < class_names.size(); ++c)
    if (now[c] > 0) print("  {:<24} {:>6} now, {:>6} in the ledger\n", data::legible(class_names[c]), now[c], all[c]);
}

int command_label(const LabelOptions& options) {
  const auto& [path, labels, settings] = options;
  const std::string text = read_file(labels);
  WaitingRun run = open_waiting(path, settings);
  const data::Dataset& dataset = run.dataset;
  mention_changes(run.directory, run.query, labels);
  const LabelFile file = read_label_file(text, labels, dataset.class_names, dataset.train.count, dataset.train.names);
  const auto note = [](const std::string& words) { print_error("note: {}\n", words); };
  std::ranges::for_each(file.notes, note);
  const AnswerSource source{"file:" + fs::path(labels).filename().string(), labels, "the file"};
  const std::vector<Answer> given = record_answers(run, file.classes, source, note);
  accept_answers(run.directory, run.query, labels);
  mark_labelled(run);
  print("{} labels recorded, {} in the ledger; go on with: {}\n", given.size(), run.directory.ledger().size(),
        run.directory.resume_command());
  print_classes(run.directory.ledger(), given, dataset.class_names);
  return 0;
}

}  // namespace

void declare_label(Command& program, CommandCall& call) {
  const auto o = std::make_shared<LabelOptions>();
  Command label = program.command("label", "give a run that waits the labels it asked for");
  label.option("directory", o->directory, "run directory").required();
  label.option("labels", o->labels, "CSV with columns item and class: its rounds/NN/query.csv and a column more")
      .required();
  add_settings(label, o->settings);
  label.run([o, &call] { call.code = command_label(*o); });
}

}  // namespace crc::apps
