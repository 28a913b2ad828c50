// crc_train label
#include <algorithm>

#include "apps/base/outputs.h"
#include "apps/base/terminal.h"
#include "apps/commands/commands.h"
#include "apps/label/formats.h"
#include "apps/label/open_page.h"
#include "apps/session/label_desk.h"
#include "apps/session/training.h"
#include "data/text.h"

namespace crc::apps {
namespace {

constexpr size_t kShown = 10;  // items in a message

struct LabelOptions {
  std::string directory, labels, imported;
  std::vector<std::string> settings;
  std::string tool, out, annotator;
  int64_t port = 0;
  bool go_on = false, force = false;
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
[[noreturn]] void go_on_waiting(WaitingRun& run, const Recorded& recorded, const std::string& source) {
  const std::vector<int64_t>& open = recorded.open;
  const std::string at = run.directory.path().string();
  std::vector<std::string> items;
  for (const int64_t item : open) items.push_back(std::to_string(item));
  std::string words =
      fmt::format("{} of {} no label in {}: {}; ", open.size(),
                  data::counted(int64_t(run.query.items.size()), "queried item has", "queried items have"), source,
                  data::join_first(items, kShown));
  if (recorded.corrected > 0) {
    words += data::counted(recorded.corrected, "earlier answer", "earlier answers") + " corrected";
  } else if (run.journal.empty()) {
    words += "nothing was recorded";
  } else {
    words += fmt::format("the {} kept in {}",
                         data::counted(int64_t(run.query.items.size() - open.size()), "other is", "others are"),
                         run.journal.path().string());
    if (!run.dataset.train.embedded())
      words += write_open_page(run.directory, run.query, run.dataset, open)
                   ? fmt::format(", and {}/{}/label.html shows those that are open", at, run.query.folder)
                   : "";
  }
  fail(ExitCode::waiting_for_labels,
       fmt::format("{}; label these too: {}, or close them without a class: --skip-rest", words,
                   command_line("label " + at + " labels.csv", run.directory.settings())));
}

void print_recorded(WaitingRun& run, const Recorded& recorded) {
  const Ledger& ledger = run.directory.ledger();
  const int64_t labels = std::ranges::count_if(recorded.given, [](const Answer&a) { return a.class_index >= 0; }),
                skipped = int64_t(recorded.given.size()) - labels;
  if (recorded.corrected > 0)
    print("{} corrected\n", data::counted(recorded.corrected, "earlier answer", "earlier answers"));
  if (!recorded.given.empty() && skipped > 0)
    print("{} asked again (unless --ask-again)\n", data::counted(skipped, "item closed without a class; it is not",
                                                                 "items closed without a class; they are not"));
  print("{} recorded, {} in the ledger; go on with: {}\n", data::counted(labels, "label", "labels"),
        ledger.labels().size(), run.directory.resume_command());
  print_classes(ledger, recorded.given, run.dataset.class_names);
}

const auto note = [](const std::string& words) { print_error("note: {}\n", words); };

// What was given is in the journal: into the ledger, if nothing is open. Returns the exit code.
int settle(WaitingRun& run, const std::map<int64_t, Answer>& answers, const AnswerSource& source,
           const LabelOptions& options) {
  const Recorded recorded = record_answers(run, answers, source, options.rules, note);
  if (!recorded.open.empty()) go_on_waiting(run, recorded, source.name);
  if (!options.labels.empty()) accept_answers(run.directory, run.query, options.labels);
  if (!run.answered) mark_labelled(run);
  print_recorded(run, recorded);
  return 0;
}

int take_labels(const LabelOptions& options) {
  const bool corrects = options.rules.correct || options.rules.ask_again;
  const std::string text = options.labels.empty() ? "" : read_file(options.labels);
  WaitingRun run = open_waiting(options.directory, options.settings, corrects ? Wants::corrections : Wants::answers);
  if (options.labels.empty()) return settle(run, {}, {"crc_train label", "what was given", "what was given"}, options);
  mention_changes(run.directory, run.query, options.labels);
  const LabelFile file = read_labels(text, options.labels, LabelNames(run.dataset), options.on_disagreement);
  std::ranges::for_each(file.notes, note);
  return settle(run, file.answers, {"file:" + fs::path(options.labels).filename().string(), options.labels, "the file"},
                options);
}

int export_query(const LabelOptions& options) {
  const auto format = std::ranges::find(label_formats(), options.tool, &LabelFormat::name);
  WaitingRun run = open_waiting(options.directory, options.settings);
  const LabelNames names(run.dataset);
  LabelExport job{
      .title = run.query.folder, .dataset = run.dataset, .names = names, .items = run.query.items, .answers = {}};
  for (const int64_t item : job.items)
    if (const std::optional<Answer> said = run.journal.of(item);
        said && !(said->class_index < 0 && names.class_of(said->skip)))  // there the word would be that class
      job.answers.emplace(item, *said);
  std::vector<std::pair<fs::path, std::string>> files;
  for (ExportFile& file : format->write(job)) {
    fs::path path = options.out;
    if (!file.suffix.empty()) path.replace_extension().concat(file.suffix);
    files.emplace_back(path, std::move(file.content));
  }
  std::vector<fs::path> paths;
  for (const auto& [path, content] : files) paths.push_back(path);
  Outputs outputs(paths, {.force = options.force,
                          .inputs = {options.directory, run.directory.config().get<std::string>("data.dir")}});
  for (const auto& [path, content] : files) outputs.put(path, content);
  outputs.commit();
  for (const fs::path& path : paths) print("{}\n", path.string());
  return 0;
}

// Sitting after sitting, with training in between (--continue).
int serve(const LabelOptions& options) {
  const std::string token = LabelServer::new_token();
  for (int64_t port = options.port;;) {
    {
      const FinishFirst finish_first;  // whoever stops it is told what is open
      WaitingRun run = open_waiting(options.directory, options.settings);
      check_pictures(run);
      LabelServer server(int(port), token);
      print("{}\n", server.url());
      print_error("{} to label; open the address above in a browser on this machine; Ctrl-C stops\n",
                  data::counted(int64_t(run.journal.open().size()), "image", "images"));
      port = server.port();
      const bool finished = serve_query(run, server, {.who = options.annotator, .comes_back = options.go_on});
      const int code = settle(run, {}, {"page", "the page", "the page"}, options);
      if (!finished || !options.go_on) return code;
    }
    try {
      return int(continue_run(options.directory, options.settings, ProgressOptions::for_stderr(false, 0, {})));
    } catch (const Error& error) {
      if (error.code() != ExitCode::waiting_for_labels || marker_of(options.directory) != Marker::waiting) throw;
    }
  }
}

int command_label(const LabelOptions& options) {
  if (!options.tool.empty()) return export_query(options);
  if (options.labels.empty() && options.rules.correct)
    fail(ExitCode::usage, "--correct needs a file of the corrections: crc_train label RUN labels.csv --correct");
  if (options.labels.empty() && !options.rules.skip_rest && !options.rules.ask_again) return serve(options);
  return take_labels(options);
}

std::vector<std::string> tools() {
  std::vector<std::string> names;
  for (const LabelFormat& format : label_formats()) names.push_back(format.name);
  return names;
}

}  // namespace

void declare_label(Command& program, CommandCall& call) {
  const auto o = std::make_shared<LabelOptions>();
  Command label = program.command("label",
                                  "give a run that waits the labels it asked for, all or some of them; "
                                  "without a file: on a page in the browser");
  label.examples(
      "  crc_train label runs/a                          on a page in the browser, each answer recorded at once\n"
      "  crc_train label runs/a labels.csv               what the page saved, or a CSV with columns item and class\n"
      "  crc_train label runs/a --skip-rest              close what is open without a class\n"
      "  crc_train label runs/a again.csv --correct      other classes for items that were labelled before\n"
      "  crc_train label runs/a --export cvat --out tasks.xml\n"
      "  crc_train label runs/a --import annotations.xml\n");
  label.option("directory", o->directory, "run directory").required();
  CommandOption labels = label.option(
      "labels", o->labels,
      "CSV with columns item and class, as rounds/NN/query.csv and a column more, or what a tool gives back");
  CommandOption import =
      label.option("--import", o->imported, "the same: a file of Label Studio, CVAT or FiftyOne, or CSV")
          .excludes(labels);
  label.flag("--skip-rest", o->rules.skip_rest, "items that are still open get no class and are not asked again");
  label.flag("--ask-again", o->rules.ask_again, "items that were skipped may be asked again");
  label.flag("--correct", o->rules.correct,
             "rows of items that were labelled before change their label, or take it back (class: withdraw)");
  label.choice("--on-disagreement", o->on_disagreement, "which of several answers for one item counts");
  CommandOption port = label.option("--port", o->port, "of the page; default: any that is free").in(0, 65535);
  port.excludes(labels).excludes(import);
  label.flag("--continue", o->go_on, "after the page is finished: train, and show the next query")
      .excludes(labels)
      .excludes(import);
  label.option("--annotator", o->annotator, "who answers on the page, for the ledger");
  CommandOption tool = label.option("--export", o->tool, "write the query for a labelling tool").one_of(tools());
  tool.excludes(labels).excludes(import);
  CommandOption out = label.option("--out", o->out, "file of --export").needs(tool);
  tool.needs(out);
  add_force(label, o->force);
  add_settings(label, o->settings);
  label.run([o, &call] {
    if (o->labels.empty()) o->labels = o->imported;
    call.code = command_label(*o);
  });
}

}  // namespace crc::apps
