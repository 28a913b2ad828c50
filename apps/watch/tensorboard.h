// metrics.jsonl as TensorBoard's scalars, in the run's folder tensorboard/. Every line is one event, so what the file
// should hold is known at every moment, whatever a kill left of it: a torn tail, or events of lines that a resume took
// back, are cut off, and what is missing is written.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "apps/base/files.h"
#include "apps/watch/event_file.h"

namespace crc::apps {

// The numbers of one line, with TensorBoard's sections as first parts of their names ("accuracy/test_acc"); of lists
// their means over what is known. What is null is left out.
std::vector<Scalar> scalars_of(const nlohmann::ordered_json& line);

class EventLog {
 public:
  explicit EventLog(const fs::path& run);
  void follow();  // events for all lines of metrics.jsonl. Errors of files.h

  static constexpr const char* kFile = "tensorboard/events.out.tfevents.crc";  // TensorBoard looks for "tfevents"

 private:
  std::vector<std::string> new_events();
  void open();
  fs::path metrics_, file_;
  int64_t metrics_read_ = 0;                  // bytes
  int64_t round_ = -1, step_ = 0, base_ = 0;  // of the last line, and steps of the rounds before it
  bool opened_ = false;
};

}  // namespace crc::apps
