// What a training step will do on a GPU, computed from the schedule that runs (ssl/plan.h): arithmetic, traffic, kernels
// and the time that they take at a device's limits. Predictions, for bench/README.md to set beside measurements.
#pragma once

#include <string>
#include <vector>

#include "bench/ceilings.h"
#include "bench/ssl/training.h"

namespace crc::bench {

// A device's limits: data sheets and microbenchmarks, not measurements of ours.
struct Limits {
  const char* name;
  double fp32, tf32, bf16;  // FLOP/s of dense products
  double bandwidth;         // byte/s, read and written
  double launch;            // seconds between two kernels of a graph
};
Limits limits_of(const Ceilings& ceilings, bool cuda);                       // those measured here
inline constexpr Limits kH200{"h200", 60e12, 395e12, 790e12, 4.3e12, 2e-6};  // NVIDIA's data sheet; copies as measured

// All calls of one op on arrays of one size.
struct PlannedOp {
  std::string name, block;  // "conv2d", "32x32": height and width of its largest image array, or "-"
  int64_t calls = 0, kernels = 0;
  double flops = 0, bytes = 0;
  double floor = 0;      // seconds: each call at the faster of its two limits' times
  double predicted = 0;  // seconds: with what tensor cores reach at so many channels, and the gaps between kernels
};
struct StepPlan {
  std::string name;            // "fixmatch WRN-28-2 960x32x32 bf16"
  std::vector<PlannedOp> ops;  // the longest first
  PlannedOp total() const;
};
// One call.
PlannedOp plan_op(const Trace::Op& op, const Precision& precision, const Limits& limits);
void add(PlannedOp& sum, const PlannedOp& op);
// `method` as train_config has it, at the size that a GPU takes. `fused`: with every residual added on the way.
StepPlan plan_step(const std::string& method, const Precision& precision, const Limits& limits, bool fused = false);

std::string describe(const StepPlan& plan);                            // a table
std::string describe(const StepPlan& fused, const StepPlan& unfused);  // what the one saves: a line

}  // namespace crc::bench
