#include "apps/train/active_run.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/config/choices.h"
#include "apps/train/plan.h"
#include "apps/train/weights_file.h"

namespace crc::apps {

using Int = int64_t;
using Clock = std::chrono::steady_clock;

ActiveRun::ActiveRun(Context& context, RunDir& directory, const data::Dataset& dataset, Progress& progress,
                     Ranks* ranks, BeforeRound ends_before)
    : run_(context, directory, dataset, progress, ranks),
      ends_before_(std::move(ends_before)),
      trainer_(run_),
      scorer_(run_) {}

// Whatever is not training may end at any moment: it is a function of what is committed, and done again.
std::optional<ExitCode> ActiveRun::run() {
  try {
    if (const std::optional<ExitCode> code = run_rounds(); code != ExitCode::preempted) return code;
  } catch (const Stopped&) {
  }
  const std::string signal = stop_signal_name();
  run_.directory.mark(Marker::preempted, "stopped by " + (signal.empty() ? "its host program" : signal));
  return ExitCode::preempted;
}

std::optional<ExitCode> ActiveRun::run_rounds() {
  RunDir& directory = run_.directory;
  directory.mark(Marker::none, "");
  const std::optional<Checkpoint> checkpoint = directory.resume();
  for (const std::string& note : directory.notes()) run_.progress.warn(note);
  const Int rounds = run_.config.get<Int>("acquisition.rounds");
  for (Int round = first_round(checkpoint); round <= rounds; ++round) {
    const bool began = checkpoint && checkpoint->info.round == round;
    if (!began && ends_before_ && ends_before_(round)) return std::nullopt;
    scorer_.forget();
    take_labels(round);
    trainer_.begin(round);
    if (began) trainer_.restore(*checkpoint);
    if (!trainer_.train()) return ExitCode::preempted;
    end_round(round);
    if (round < rounds) query(round);
  }
  return ExitCode::ok;
}

// A pool that grew did so when its round was about to begin: what came before is on disk, of a pool that is no more.
Int ActiveRun::first_round(const std::optional<Checkpoint>& checkpoint) {
  const Entry* growth = last_growth(run_.directory.ledger().entries());
  if (growth && growth->round > (checkpoint ? checkpoint->info.round : -1)) return growth->round;
  return checkpoint ? checkpoint->info.round : begin();
}

Int ActiveRun::begin() {
  const std::optional<RunStart> start = load_start(run_.config, run_.dataset);
  if (start) check_start(*start, run_.config, run_.directory.facts().start);
  run_.directory.record(0, start ? "start" : "initial", start ? start->labels : first_labels());
  if (!start || !start->with_model) return 0;
  adopt(*start);
  take_labels(0);
  if (run_.config.get<Int>("acquisition.rounds") > 0) query(0);
  return 1;
}

std::vector<Answer> ActiveRun::first_labels() {
  const std::string named = first_acquisition(run_.config);
  if (named.empty() && run_.config.choice<FirstLabels>("acquisition.first") != FirstLabels::model)
    return run_.labels.first();
  const select::Selection selection = scorer_.select_first(run_.config.get<Int>("acquisition.initial"));
  return ask({.round = 0, .folder = "rounds/first", .items = selection.picks}, selection);
}

// Of what was asked the answers, be they wrong; of all else what judges pseudo-labels.
void ActiveRun::take_labels(Int round) { run_.images.set_labels(run_.context, run_.labels.labels(round)); }

void ActiveRun::adopt(const RunStart& start) {
  for (const nlohmann::ordered_json& record : start.metrics) run_.directory.append_metrics(record);
  run_.directory.files().commit({{weights_name(0, nn::Epoch::last), start.weights},
                                 {weights_name(0, nn::Epoch::best), start.best},
                                 run_.directory.rounds_file({start.row})});
  const double best = start.row.acc_best;
  run_.progress.line(fmt::format("round 0 is that of {}: {} labels{}", run_.config.get<std::string>("start.run"),
                                 start.row.labels, std::isnan(best) ? "" : fmt::format(", best {:.2f} %", 100 * best)));
}

void ActiveRun::end_round(Int round) {
  trainer_.commit();
  std::vector<RoundRow> rows = run_.directory.read_rounds();
  std::erase_if(rows, [&](const RoundRow& row) { return row.round >= round; });
  RoundRow row = trainer_.row();
  trainer_.cross_validate(row);
  const ssl::PseudoLabels pseudo = scorer_.judge(round, run_.labels.pool(round).unlabeled());
  row.pseudo_rate = pseudo.rate;
  row.pseudo_acc = pseudo.accuracy;
  rows.push_back(row);
  run_.directory.write_rounds(rows);
  run_.progress.line(trainer_.results(row));
}

void ActiveRun::query(Int round) {
  const Clock::time_point start = Clock::now();
  trainer_.show("choosing labels");
  const data::Pool pool = run_.labels.pool(round);
  const select::Selection selection =
      scorer_.select(round, pool, [&](std::span<const Int> items) { return trainer_.worth(pool, items); });
  std::vector<RoundRow> rows = run_.directory.read_rounds();
  rows.back().query_s = seconds_since(start);
  if (selection.rank > 0 && !selection.groups.empty()) rows.back().lambda_min = selection.groups.front().score;
  const Query query{.round = round + 1, .folder = fmt::format("rounds/{:02}", round), .items = selection.picks};
  run_.directory.record(round + 1, "oracle", ask(query, selection, {run_.directory.rounds_file(rows)}));
}

std::vector<Answer> ActiveRun::ask(const Query& query, const select::Selection& selection,
                                   const std::vector<NamedFile>& more) {
  const fs::path& directory = run_.directory.path();
  std::vector<NamedFile> files =
      query_files(query.folder, selection, run_.dataset.train, run_.config.get<Int>("report.query_images"));
  if (run_.labels.lacks(query) && !run_.dataset.train.embedded()) files.push_back(label_page(query));
  files.insert(files.end(), more.begin(), more.end());
  for (const std::string& name : run_.directory.files().commit(files, query))
    run_.progress.warn(
        fmt::format("{} is not as the run wrote it and is left as it is; the items that are asked for stand in {}",
                    (directory / name).string(), RunFiles::kManifest));
  const char* before = query.round > 0                          ? ""
                       : first_acquisition(run_.config).empty() ? "first labels by a random network: "
                                                                : "first labels by the embeddings: ";
  run_.progress.line(before + selection.summary);
  if (const std::string words = query.round > 0 ? "" : unused_labels(run_.config, run_.dataset); !words.empty())
    run_.progress.line("note: " + words);
  for (const std::string& warning : selection.warnings) run_.progress.warn(warning);
  return run_.labels.answers(query);
}

NamedFile ActiveRun::label_page(const Query& query) const {
  std::map<Int, Int> classes;
  for (const Label& label : run_.directory.ledger().labels()) classes[label.item] = label.class_index;
  return label_page_file(run_.directory.path(), query, run_.dataset,
                         scorer_.hints(query.items, run_.labels.pool(query.round - 1)), classes,
                         run_.config.get<bool>("report.show_guess"), photographs_of(run_.config));
}

}  // namespace crc::apps
