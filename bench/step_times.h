// Where the time of a real training step goes, op by op and by the size of the images, beside what the plan says of it.
// On CUDA the ops of the captured step are timed by events in its graph, on the CPU by the clock.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/plan.h"

namespace crc::bench {

// All calls of one op on arrays of one size, in a step.
struct MeasuredOp {
  PlannedOp planned;
  double seconds = 0;  // median over the steps of what its calls took together
};
struct MeasuredStep {
  std::string name;             // as StepPlan has it
  int64_t steps = 0;            // that were measured
  double seconds = 0;           // a step that nothing times inside: median, from its start until the device is done
  std::vector<MeasuredOp> ops;  // the longest first
  double in_ops() const;        // more than `seconds` where branches ran side by side
};
// `method` and its batch as train_config has them for this device; each of `steps` steps twice, once without the clock
// inside. `limits` are for the predictions.
MeasuredStep measure_step(Context& context, Scale scale, const std::string& method, const Precision& precision,
                          const Limits& limits, int64_t steps);

std::string describe(const MeasuredStep& step);  // a table
nlohmann::json to_json(const MeasuredStep& step);

}  // namespace crc::bench
