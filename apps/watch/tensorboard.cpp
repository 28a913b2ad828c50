#include "apps/watch/tensorboard.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <map>

#include "apps/base/json.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string tag_section(const std::string& key) {
  static const std::map<std::string, std::string> sections = {{"loss_x", "loss"},
                                                              {"loss_u", "loss"},
                                                              {"test_loss", "loss"},
                                                              {"test_acc", "accuracy"},
                                                              {"val_acc", "accuracy"},
                                                              {"ece", "accuracy"},
                                                              {"balanced_acc", "accuracy"},
                                                              {"mask_rate", "pseudo"},
                                                              {"unclaimed", "pseudo"},
                                                              {"labels", "run"},
                                                              {"round", "run"},
                                                              {"epoch", "run"},
                                                              {"seconds", "run"}};
  if (const auto at = sections.find(key); at != sections.end()) return at->second + "/";
  return key.starts_with("pseudo_") ? "pseudo/" : key.starts_with("running.") ? "method/" : "other/";
}

double mean_of_list(const json& list) {
  double sum = 0, count = 0;
  for (const json& value : list)
    if (value.is_number()) sum += value.get<double>(), ++count;
  return count > 0 ? sum / count : std::nan("");
}

int64_t integer_at(const json& line, const char* key) {
  const auto at = line.find(key);
  return at != line.end() && at->is_number_integer() ? at->get<int64_t>() : 0;
}

}  // namespace

std::vector<Scalar> scalars_of(const json& line) {
  std::vector<Scalar> scalars;
  for (const auto& [key, value] : line.items()) {
    if (key == "seq" || key == "step") continue;
    const double number = value.is_number()  ? value.get<double>()
                          : value.is_array() ? mean_of_list(value)
                                             : std::nan("");
    if (std::isfinite(number)) scalars.push_back({tag_section(key) + key, float(number)});
  }
  return scalars;
}

EventLog::EventLog(const fs::path& run) : metrics_(run / "metrics.jsonl"), file_(run / kFile) {}

// Of the lines that were not read yet.
std::vector<std::string> EventLog::new_events() {
  std::vector<std::string> events;
  const std::string text = read_file(metrics_);
  size_t begin = size_t(metrics_read_);
  for (size_t end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
    const json line = read_json(std::string_view(text).substr(begin, end - begin)).value_or(json::object());
    const json object = line.is_object() ? line : json::object();
    if (const int64_t round = integer_at(object, "round"); round != round_) {
      base_ += round_ < 0 ? 0 : step_;  // every round counts its steps anew
      round_ = round;
    }
    step_ = integer_at(object, "step");
    events.push_back(scalar_event(wall_time(), base_ + step_, scalars_of(object)));
  }
  metrics_read_ = int64_t(begin);
  return events;
}

// What the file holds of the events that it should, and no more.
void EventLog::open() {
  opened_ = true;
  make_directories(file_.parent_path());
  remove_stale_temporaries(file_.parent_path());
  if (!file_exists(file_)) commit_file(file_, tf_record(version_event(wall_time())));
  const std::string content = read_file(file_);
  const Records records = read_records(content);
  std::vector<std::string> events = new_events();
  size_t kept = 0;  // records
  const std::string version = version_event(0);
  if (!records.payloads.empty() && without_time(records.payloads[0]) == without_time(version)) kept = 1;
  while (kept > 0 && kept < records.payloads.size() && kept <= events.size() &&
         without_time(records.payloads[kept]) == without_time(events[kept - 1]))
    ++kept;
  if (kept == 0) {  // not a file of ours, or damaged from its first byte on
    commit_file(file_, tf_record(version_event(wall_time())));
    kept = 1;
  } else if (records.ends[kept - 1] < content.size()) {
    truncate_file(file_, int64_t(records.ends[kept - 1]));
  }
  std::string missing;
  for (size_t i = kept - 1; i < events.size(); ++i) missing += tf_record(events[i]);
  if (!missing.empty()) append_text(file_, missing, Durable::no);
}

void EventLog::follow() {
  if (!opened_) return open();
  std::string text;
  for (const std::string& event : new_events()) text += tf_record(event);
  if (!text.empty()) append_text(file_, text, Durable::no);
}

}  // namespace crc::apps
