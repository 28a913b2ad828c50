#include "apps/evidence/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "apps/config/choices.h"
#include "apps/evidence/stop_rule.h"
#include "apps/train/experiment.h"
#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

std::map<std::string, std::string> settings_of(const Config& config) {
  static const std::set<std::string> kOwn{"run.seed", "run.name", "start.run"};
  std::map<std::string, std::string> settings;
  for (const ConfigKey& key : config_schema())
    if (config.decides(key) && !kOwn.contains(key.path)) settings[key.path] = to_text(config.value(key.path));
  return settings;
}

StudyRun run_of(const RunRecord& record, size_t method, int64_t trial, int64_t first_round) {
  StudyRun run{.method = method, .trial = trial, .seed = record.seed};
  std::string first;
  for (const Label& label : record.labels)
    if (label.round == 0) first += fmt::format("{} ", label.item);
  run.first_labels = first.empty() ? "" : checksum(first);
  run.run = checksum(record.ledger_head + "\n" + rounds_to_csv(record.rounds));
  run.data = record.data_hash;
  for (const auto& [key, value] : record.facts)
    (key == "version" ? run.version : key == "commit" ? run.commit : key == "device" ? run.device : first) = value;
  for (const RoundRow& row : record.rounds) {
    for (const double seconds : {row.train_s, row.query_s}) run.seconds += std::isfinite(seconds) ? seconds : 0;
    if (row.round < first_round) continue;
    run.labels.push_back(double(row.labels));
    for (size_t k = 0; k < std::size(kMeasures); ++k) run.accuracy[k].push_back(row.*kMeasures[k].column);
  }
  return run;
}

// The curve of a whole run by its method's measure.
const std::vector<double>* whole(const Study& study, const StudyRun& run) {
  const StudyMethod& method = study.methods[run.method];
  const std::vector<double>& accuracy = run.accuracy[size_t(method.measure)];
  const bool measured = std::ranges::all_of(accuracy, [](double a) { return std::isfinite(a); });
  return measured && int64_t(accuracy.size()) == method.points && !accuracy.empty() ? &accuracy : nullptr;
}

// Of the label counts of whole runs: those that every method of the block has.
std::vector<double> common_labels(const Study& study, const std::string& block) {
  std::optional<std::set<double>> common;
  std::set<size_t> seen;
  for (const StudyRun& run : study.runs) {
    if (study.methods[run.method].block != block || !whole(study, run) || !seen.insert(run.method).second) continue;
    const std::set<double> own(run.labels.begin(), run.labels.end());
    if (!common) common = own;
    std::erase_if(*common, [&](double count) { return !own.contains(count); });
  }
  return common ? std::vector<double>(common->begin(), common->end()) : std::vector<double>();
}

PairedBlock paired_block(const Study& study, const std::string& block) {
  PairedBlock result{.name = block, .trials = study.trials, .labels = common_labels(study, block)};
  std::map<size_t, MethodAreas> areas;
  for (size_t m = 0; m < study.methods.size(); ++m)
    if (study.methods[m].block == block) {
      if (areas.empty()) result.measure = study.methods[m].measure;
      areas[m].name = study.methods[m].name;
    }
  std::map<int64_t, std::string> starts;
  for (const StudyRun& run : study.runs) {
    const auto method = areas.find(run.method);
    const std::vector<double>* accuracy = whole(study, run);
    if (method == areas.end() || !accuracy) continue;
    std::vector<double> curve;
    for (const double count : result.labels)
      if (const auto at = std::ranges::find(run.labels, count); at != run.labels.end())
        curve.push_back(100 * (*accuracy)[size_t(at - run.labels.begin())]);
    if (curve.size() != result.labels.size() || curve.empty()) continue;
    method->second.by_trial[run.trial] = area_under(result.labels, curve);
    method->second.curves[run.trial] = std::move(curve);
    if (starts.emplace(run.trial, run.first_labels).first->second != run.first_labels) result.same_start = false;
  }
  std::vector<MethodAreas> methods;
  for (auto& [place, method] : areas) {
    if (method.by_trial.empty())
      result.without.push_back(method.name);
    else
      methods.push_back(std::move(method));
  }
  if (!methods.empty()) result.comparison = compare(std::move(methods), study.trials, result.labels);
  return result;
}

void put_name(Study& study, const std::string& name) {
  for (StudyMethod& method : study.methods) method.name = name + ": " + method.name;
}

bool names_meet(const std::vector<Study>& studies) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const Study& study : studies)
    for (const StudyMethod& method : study.methods)
      if (!seen.emplace(method.block, method.name).second) return true;
  return false;
}

// What a reader should know of a method's numbers before any of them.
std::string caveats(const Config& config, Measure measure, bool pools) {
  std::string words = chosen_on_test(config, measure, pools);
  if (const double noise = config.get<double>("data.label_noise"); noise > 0)
    words +=
        fmt::format("{}The simulated annotator errs on {:.4g} % of images (data.label_noise); test labels are true.",
                    words.empty() ? "" : " ", 100 * noise);
  return words;
}

std::vector<std::string> blocks_of(const Study& study) {
  std::vector<std::string> blocks;
  for (const StudyMethod& method : study.methods)
    if (std::ranges::find(blocks, method.block) == blocks.end()) blocks.push_back(method.block);
  return blocks;
}

}  // namespace

Study study_of(const Sweep& sweep, const std::vector<SweepRun>& runs, std::optional<Measure> measure) {
  const SweepSpec& spec = sweep.spec();
  Study study{.name = fs::path(sweep.recipe()).stem().string(),
              .title = spec.title,
              .source = spec.source,
              .trials = spec.trials,
              .rule = rule_words(sweep),
              .test_words = {},
              .methods = {},
              .runs = {}};
  const int64_t begin = spec.initial_pools > 0 ? 1 : 0;  // the shared model is no result of a method
  std::vector<size_t> first;                             // of each block's methods
  std::set<std::string> names;
  std::map<std::string, std::set<std::string>> chosen;  // caveats: of which blocks
  for (size_t b = 0; b < spec.blocks.size(); ++b) {
    first.push_back(study.methods.size());
    std::string block = spec.blocks[b].name;
    if (!names.insert(block).second) names.insert(block += fmt::format("{}block {}", block.empty() ? "" : ", ", b + 1));
    for (size_t m = 0; m < spec.blocks[b].methods.size(); ++m) {
      const Config config = sweep.config({.name = {}, .block = b, .method = m});
      study.methods.push_back({.block = block,
                               .name = spec.blocks[b].methods[m].name,
                               .measure = measure.value_or(spec.blocks[b].measure),
                               .points = config.get<int64_t>("acquisition.rounds") + 1 - begin,
                               .settings = settings_of(config)});
      if (std::ranges::any_of(runs, [&](const SweepRun& r) { return r.cell->block == b && r.cell->method == m; }))
        chosen[caveats(config, study.methods.back().measure, spec.initial_pools > 0)].insert(block);
    }
  }
  for (const auto& [words, blocks] : chosen)
    if (!words.empty())
      study.test_words +=
          fmt::format("{}{}{}", study.test_words.empty() ? "" : " ",
                      chosen.size() > 1 ? data::join({blocks.begin(), blocks.end()}) + ": " : "", words);
  for (const SweepRun& run : runs)
    if (run.cell->phase == Phase::trial)
      study.runs.push_back(run_of(run.record, first[run.cell->block] + run.cell->method, run.cell->index, begin));
  return study;
}

Study study_of(const std::vector<RunRecord>& records, Measure measure, const std::string& name) {
  Study study{
      .name = name, .title = name, .source = {}, .trials = 0, .rule = {}, .test_words = {}, .methods = {}, .runs = {}};
  std::set<int64_t> trials;
  for (const RunGroup& group : group_runs(records)) {
    const Config& config = group.runs[0]->config;
    StudyMethod& method = study.methods.emplace_back(
        StudyMethod{.block = {}, .name = group.name, .measure = measure, .points = 0, .settings = settings_of(config)});
    if (study.test_words.empty()) study.test_words = caveats(config, measure, false);
    std::map<int64_t, fs::path> seeds;
    for (const RunRecord* record : group.runs) {
      if (const auto [at, added] = seeds.emplace(record->seed, record->path); !added)
        fail(ExitCode::usage,
             fmt::format("{} and {} have the same settings and the same seed ({}): which of them is the "
                         "other methods' pair? name one",
                         at->second.string(), record->path.string(), record->seed));
      trials.insert(record->seed);
      study.runs.push_back(run_of(*record, study.methods.size() - 1, record->seed, 0));
      method.points = std::max(method.points, int64_t(study.runs.back().labels.size()));
    }
  }
  study.trials = int64_t(trials.size());
  return study;
}

Study merge(std::vector<Study> studies) {
  if (studies.size() == 1) return std::move(studies[0]);
  const bool single = std::ranges::all_of(studies, [](const Study& s) { return blocks_of(s).size() <= 1; });
  if (single)
    for (Study& study : studies)
      for (StudyMethod& method : study.methods) method.block.clear();
  if (names_meet(studies))
    for (Study& study : studies) put_name(study, study.name);
  Study all;
  std::set<int64_t> trials;
  for (Study& study : studies) {
    all.name += (all.name.empty() ? "" : ", ") + study.name;
    if (all.test_words.empty()) all.test_words = study.test_words;
    if (!study.rule.empty()) all.rule += fmt::format("{}{}: {}", all.rule.empty() ? "" : " ", study.name, study.rule);
    for (StudyRun& run : study.runs) {
      run.method += all.methods.size();
      trials.insert(run.trial);
      all.runs.push_back(std::move(run));
    }
    all.methods.insert(all.methods.end(), study.methods.begin(), study.methods.end());
  }
  all.title = all.name;
  all.trials = int64_t(trials.size());
  return all;
}

std::vector<PairedBlock> paired_blocks(const Study& study) {
  std::vector<PairedBlock> blocks;
  for (const std::string& block : blocks_of(study)) blocks.push_back(paired_block(study, block));
  return blocks;
}

std::vector<std::pair<std::string, std::string>> differences(const Study& study, std::string_view block) {
  std::map<std::string, std::map<std::string, std::vector<std::string>>> by_key;  // key, value, methods
  size_t methods = 0;
  std::set<std::string> keys;
  for (const StudyMethod& method : study.methods)
    for (const auto& [key, value] : method.settings) keys.insert(key);
  keys.erase("acquisition.name");
  for (const StudyMethod& method : study.methods) {
    if (method.block != block) continue;
    ++methods;
    for (const std::string& key : keys) {
      const auto at = method.settings.find(key);
      by_key[key][at == method.settings.end() ? "not in its version, or without effect" : at->second].push_back(
          method.name);
    }
  }
  std::vector<std::pair<std::string, std::string>> list;
  for (const auto& [key, values] : by_key) {
    if (values.size() < 2) continue;
    std::string text;
    for (const auto& [value, names] : values)
      text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", value, data::join_first(names, 6));
    list.emplace_back(key, text);
  }
  return methods < 2 ? decltype(list)() : list;
}

std::string chosen_on_test(const Config& config, Measure measure, bool pools) {
  const bool held_out = config.get<int64_t>("data.validation_size") > 0,
             one = config.get<int64_t>("ssl.epochs") == 1 ||  // evaluation a round: nothing to choose from
                   config.get<std::string>("ssl.method") == "label_propagation";
  std::vector<std::string> chosen;
  if (measure == Measure::best && !one) chosen.emplace_back("the epoch whose accuracy is shown");
  if (!held_out && !one && config.get<int64_t>("ssl.patience_epochs") > 0) chosen.emplace_back("when a round ends");
  if (!held_out && !one && config.get<std::string>("acquisition.model") == "best" &&
      config.get<int64_t>("acquisition.rounds") > 0)
    chosen.emplace_back("the model that asks for labels");
  if (asks_by_test(config))
    chosen.emplace_back("the labels that " + config.get<std::string>("acquisition.name") + " asks for");
  if (pools) chosen.emplace_back("the initial pool");
  if (chosen.empty()) return "";
  return fmt::format(
      "Test accuracy was used for choices: {}. Numbers are comparable with those that were made so, and "
      "better than what to expect of new data.",
      data::join(chosen));
}

}  // namespace crc::apps
