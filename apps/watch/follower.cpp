#include "apps/watch/follower.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>

#include "apps/base/json.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;

template <class T> T value_at(const json& object, const char* key, T otherwise) {
  const auto at = object.find(key);
  return at != object.end() && at->is_number() ? at->template get<T>() : otherwise;
}

// Whole lines from byte `begin` on.
std::string whole_lines(const fs::path& path, int64_t begin) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(begin);
  std::string text(std::istreambuf_iterator<char>(file), {});
  text.resize(text.rfind('\n') + 1);  // npos + 1: none
  return text;
}

double seconds_between(fs::file_time_type a, fs::file_time_type b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

void Follower::look() {
  read_rounds();
  read_metrics();
  if (metrics_round_ != round()) {
    epochs_ = step_ = 0;
    step_pace_ = kNone;
  } else {
    step_ = metrics_step_;
  }
  read_checkpoints();
}

void Follower::read_rounds() try {
  const fs::path path = run_ / "rounds.csv";
  std::string text = file_exists(path) ? read_file(path) : std::string();
  if (text == rounds_text_) return;
  rows_ = text.empty() ? std::vector<RoundRow>() : rounds_from_csv(text, path.string());
  rounds_text_ = std::move(text);
} catch (const Error&) {
}

void Follower::read_metrics() {
  const fs::path path = run_ / "metrics.jsonl";
  std::error_code error;
  const auto bytes = int64_t(fs::file_size(path, error));
  if (error || bytes == metrics_read_) return;
  if (bytes < metrics_read_) *this = Follower(run_), read_rounds();  // a resume went back to its checkpoint
  const std::string text = whole_lines(path, metrics_read_);
  metrics_read_ += int64_t(text.size());
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != text.npos; begin = end + 1)
    take_line(std::string_view(text).substr(begin, end - begin));
}

void Follower::take_line(std::string_view line) {
  const json object = read_json(line).value_or(json());
  if (!object.is_object()) return;
  const auto round = value_at<int64_t>(object, "round", -1), epoch = value_at<int64_t>(object, "epoch", -1);
  if (round < 0 || epoch < 0) return;  // another kind of record
  if (round != metrics_round_) seconds_ = 0, best_ = kNone, best_epoch_ = 0;
  const double seconds = value_at(object, "seconds", kNone);
  if (seconds > seconds_ && epoch == (round == metrics_round_ ? epochs_ + 1 : 1)) epoch_pace_.took(seconds - seconds_);
  if (std::isfinite(seconds)) seconds_ = seconds;
  metrics_round_ = round;
  metrics_step_ = value_at<int64_t>(object, "step", 0);
  epochs_ = epoch;
  labels_ = value_at(object, "labels", labels_);
  accuracy_ = value_at(object, "test_acc", kNone);
  const double selecting = value_at(object, "val_acc", accuracy_);
  measured_ = measured_ || std::isfinite(selecting);
  if (std::isfinite(selecting) && !(selecting <= best_)) best_ = selecting, best_epoch_ = epoch;
}

void Follower::read_checkpoints() {
  const fs::path path = run_ / "ckpt" / "index.json";
  std::error_code error;
  const fs::file_time_type written = fs::last_write_time(path, error);
  if (error) return;
  const bool is_new = written != index_time_;
  index_time_ = written;
  if (is_new) try {
      const json index = read_json(read_file(path)).value_or(json());
      checkpoint_round_ = checkpoint_step_ = -1;
      fs::file_time_type before{};
      for (const json& entry : index.is_object() ? index.value("checkpoints", json::array()) : json::array()) {
        const auto in = value_at<int64_t>(entry, "round", -1), step = value_at<int64_t>(entry, "step", 0);
        const fs::file_time_type at = fs::last_write_time(run_ / "ckpt" / entry.value("file", ""), error);
        if (error) continue;
        if (in == checkpoint_round_ && step > checkpoint_step_)
          step_pace_ = seconds_between(before, at) / double(step - checkpoint_step_);
        checkpoint_round_ = in, checkpoint_step_ = step, before = at;
      }
    } catch (const std::exception&) {  // a damaged one is the run's to report
    }
  if (checkpoint_round_ == round()) step_ = std::max(step_, checkpoint_step_);
}

Place Follower::place(const Course& course) const {
  return {.round = round(),
          .epochs = std::max(double(epochs_), double(step_) / double(course.steps_per_epoch)),
          .since_best = best_epoch_ > 0 && epochs_ > 0 ? epochs_ - best_epoch_ + 1 : 0,
          .queries = queries_in(rows_)};
}

Course Follower::as_measured(Course course) const {
  if (!measured_ && epochs_ > 0) course.patience = 0;
  return course;
}

double Follower::accuracy() const {
  return std::isfinite(accuracy_) || rows_.empty() ? accuracy_ : rows_.back().acc_last;
}

double Follower::epoch_seconds(const Course& course) const {
  const double epoch = epoch_pace_.seconds();
  return std::isfinite(epoch) ? epoch : step_pace_ * double(course.steps_per_epoch);
}

}  // namespace crc::apps
