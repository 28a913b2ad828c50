// Studies as JSON lines: results/*.jsonl.
#include <fmt/format.h>

#include <cmath>
#include <sstream>

#include "apps/base/json.h"
#include "apps/evidence/study.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

constexpr int kStudySchema = 1;
constexpr std::pair<const char*, std::string StudyRun::*> kTexts[] = {
    {"first_labels", &StudyRun::first_labels}, {"run", &StudyRun::run},       {"data", &StudyRun::data},
    {"version", &StudyRun::version},           {"commit", &StudyRun::commit}, {"device", &StudyRun::device}};

json numbers_of(const std::vector<double>& values) {
  json list = json::array();
  for (const double value : values) list.push_back(std::isfinite(value) ? json(value) : json());
  return list;
}

std::vector<double> numbers_of(const json& list) {
  std::vector<double> values;
  for (const json& value : list) values.push_back(value.is_null() ? kNone : value.get<double>());
  return values;
}

using SettingMap = std::map<std::string, std::string>;

// What all methods have.
SettingMap shared_settings(const Study& study) {
  SettingMap shared = study.methods.empty() ? SettingMap() : study.methods[0].settings;
  for (const StudyMethod& method : study.methods)
    std::erase_if(shared, [&](const auto& setting) {
      const auto own = method.settings.find(setting.first);
      return own == method.settings.end() || own->second != setting.second;
    });
  return shared;
}

json line_of(const Study& study, const StudyRun& run) {
  const StudyMethod& method = study.methods[run.method];
  json line{{"kind", "run"},      {"block", method.block}, {"method", method.name},
            {"trial", run.trial}, {"seed", run.seed},      {"labels", run.labels}};
  for (size_t k = 0; k < std::size(kMeasures); ++k) line[std::string(kMeasureWords[k])] = numbers_of(run.accuracy[k]);
  for (const auto& [key, text] : kTexts) line[key] = run.*text;
  line["seconds"] = std::round(10 * run.seconds) / 10;
  return line;
}

Measure measure_of(const json& line) {
  const std::string word = line.at("measure").get<std::string>();
  if (const std::optional<Measure> measure = find_choice<Measure>(word)) return *measure;
  fail(ExitCode::corrupt_data, "unknown measure \"" + word + "\"");
}

void read_run(Study& study, const json& line) {
  StudyRun run{.trial = line.at("trial").get<int64_t>(), .seed = line.at("seed").get<int64_t>()};
  const std::string block = line.at("block").get<std::string>(), method = line.at("method").get<std::string>();
  while (run.method < study.methods.size() &&
         (study.methods[run.method].block != block || study.methods[run.method].name != method))
    ++run.method;
  if (run.method == study.methods.size())
    fail(ExitCode::corrupt_data, fmt::format("a run of \"{}\", which no line before it describes", method));
  run.labels = numbers_of(line.at("labels"));
  for (size_t k = 0; k < std::size(kMeasures); ++k) {
    run.accuracy[k] = numbers_of(line.at(std::string(kMeasureWords[k])));
    if (run.accuracy[k].size() != run.labels.size())
      fail(ExitCode::corrupt_data, fmt::format("{} has {} numbers, and labels {}", kMeasureWords[k],
                                               run.accuracy[k].size(), run.labels.size()));
  }
  for (const auto& [key, text] : kTexts) run.*text = line.at(key).get<std::string>();
  run.seconds = line.at("seconds").get<double>();
  study.runs.push_back(std::move(run));
}

void read_line(Study& study, SettingMap& shared, const json& line) {
  const std::string kind = line.at("kind").get<std::string>();
  const auto text = [&](const char* key) { return line.at(key).get<std::string>(); };
  const auto settings = [&] { return line.at("settings").get<SettingMap>(); };
  if (kind == "study") {
    if (line.at("schema") != kStudySchema) fail(ExitCode::corrupt_data, "made by a later version, of another schema");
    study.name = text("name"), study.title = text("title"), study.source = text("source"), study.rule = text("rule");
    study.test_words = text("chosen_on_test"), study.trials = line.at("trials").get<int64_t>();
    shared = settings();
  } else if (kind == "method") {
    SettingMap all = settings();
    all.insert(shared.begin(), shared.end());
    study.methods.push_back({.block = text("block"),
                             .name = text("name"),
                             .measure = measure_of(line),
                             .points = line.at("points").get<int64_t>(),
                             .settings = std::move(all)});
  } else if (kind == "run") {
    read_run(study, line);
  } else {
    fail(ExitCode::corrupt_data, "unknown kind \"" + kind + "\"");
  }
}

}  // namespace

std::string to_jsonl(const Study& study) {
  const SettingMap shared = shared_settings(study);
  std::string text = json_text(json{{"kind", "study"},
                                    {"schema", kStudySchema},
                                    {"name", study.name},
                                    {"title", study.title},
                                    {"source", study.source},
                                    {"trials", study.trials},
                                    {"rule", study.rule},
                                    {"chosen_on_test", study.test_words},
                                    {"settings", shared}}) +
                     "\n";
  for (const StudyMethod& method : study.methods) {
    SettingMap own = method.settings;
    std::erase_if(own, [&](const auto& setting) { return shared.contains(setting.first); });
    text += json_text(json{{"kind", "method"},
                           {"block", method.block},
                           {"name", method.name},
                           {"measure", word_of(method.measure)},
                           {"points", method.points},
                           {"settings", own}}) +
            "\n";
  }
  for (const StudyRun& run : study.runs) text += json_text(line_of(study, run)) + "\n";
  return text;
}

Study read_study(std::string_view jsonl, const std::string& name) {
  Study study;
  SettingMap shared;  // of all methods, from the first line
  std::istringstream lines{std::string(jsonl)};
  std::string line;
  for (int n = 1; std::getline(lines, line); ++n) {
    const std::string where = fmt::format("{}:{}", name, n);
    const json object = parse_json(line, where);
    try {
      read_line(study, shared, object);
    } catch (const nlohmann::json::exception& error) {
      fail(ExitCode::corrupt_data,
           fmt::format("{}: {}; crc_train compare SWEEP --record FILE writes such files", where, error.what()));
    } catch (const Error& error) {
      fail(error.code(), fmt::format("{}: {}", where, error.what()));
    }
  }
  if (study.name.empty() || study.methods.empty())
    fail(ExitCode::corrupt_data, name + " describes no study; crc_train compare SWEEP --record FILE writes such files");
  return study;
}

}  // namespace crc::apps
