#include "bench/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "bench/plan_costs.h"
#include "ssl/plan.h"

namespace crc::bench {
namespace {

bool is_convolution(const Trace::Op& op) { return op.name.starts_with("conv2d"); }

// The weights [K,R,R,C] (or their gradient), and the side of the K channels [N,P,Q,K]: places among the arrays.
std::pair<size_t, size_t> places(const std::string& convolution) {
  if (convolution == "conv2d" || convolution == "conv2d_join") return {2, 0};
  if (convolution.starts_with("conv2d_backward_data")) return {2, 1};
  return {0, 1};  // backward_weights
}

double flops(const Trace::Op& op) {
  if (is_convolution(op)) {
    const auto [weights, outer] = places(op.name);
    const Trace::Array &w = op.arrays[weights], &y = op.arrays[outer];
    return 2.0 * double(count(y)) * double(count(w)) / double(w.shape[0]);
  }
  if (op.name == "linear")  // y [N,C], x [N,D]
    return 2.0 * double(count(op.arrays[0])) * double(op.arrays[1].shape[1]);
  if (op.name == "linear_backward")  // dx [N,D], dw [C,D]: two products
    return 4.0 * double(count(op.arrays[0])) * double(op.arrays[1].shape[0]);
  return 0;
}

double bytes(const Trace::Op& op) {
  const int64_t reads = reads_of(op);
  double sum = 0;
  for (const Trace::Array& array : op.arrays) sum += double(array.bytes) * double(array.written ? 1 : reads);
  if (op.name == "batchnorm_act_backward")
    sum -= double(op.arrays[5].bytes) * double(reads - 1);  // plus: in one kernel
  if (op.name == "add_batchnorm_act")
    sum += double(op.arrays[4].bytes) * (op.eval ? 1 : 2);               // the sum in place of x: read, and read again
  if (may_join(op) && !op.fused) sum -= double(op.arrays.back().bytes);  // plus: who adds it reads it
  if (has_rounded(op)) sum -= double(op.arrays[2].bytes);                // the weights in fp32
  if (op.name == "augment_batch") sum -= double(op.arrays[1].bytes) - double(count(op.arrays[0]));  // not the whole set
  return sum;
}

std::string block_of(const Trace::Op& op) {
  const Trace::Array* largest = nullptr;
  for (size_t i = 0; i < op.arrays.size(); ++i) {
    const Trace::Array& array = op.arrays[i];
    const bool weights = is_convolution(op) && (i == places(op.name).first || i > 2);
    if (array.shape.size() == 4 && !weights && (!largest || count(array) > count(*largest))) largest = &array;
  }
  return largest ? extents(largest->shape[1], largest->shape[2]) : "-";
}

// The share of the rate that convolutions reach, by their channels on tensor cores: estimates.
double efficiency(const Trace::Op& op, const Precision& precision) {
  if (precision.dtype == Dtype::f32 && !precision.tf32) return 0.7;
  const auto [weights, outer] = places(op.name);
  const int64_t channels = std::min(op.arrays[weights].shape[0], op.arrays[weights].shape[3]);
  return channels < 32 ? 0.25 : channels < 64 ? 0.42 : channels < 128 ? 0.60 : 0.65;
}

double rate(const Trace::Op& op, const Precision& precision, const Limits& limits) {
  if (!is_convolution(op)) return limits.fp32;
  return precision.dtype == Dtype::bf16 ? limits.bf16 : precision.tf32 ? limits.tf32 : limits.fp32;
}

std::string row(const PlannedOp& op) {
  return fmt::format("{:<26} {:>6} {:>6} {:>8} {:>10.2f} {:>9.3f} {:>9.3f} {:>9.3f}\n", op.name, op.block, op.calls,
                     op.kernels, op.flops / 1e9, op.bytes / 1e9, 1e3 * op.floor, 1e3 * op.predicted);
}

}  // namespace

Limits limits_of(const Ceilings& ceilings, bool cuda) {
  const double tensor = ceilings.tensor > 0 ? ceilings.tensor : ceilings.fp32;
  constexpr double kHalf = 0.5;  // of the rate in bf16: tf32's, on all GPUs that have both
  return {"measured here", ceilings.fp32,      cuda ? kHalf * tensor : ceilings.fp32,
          tensor,          ceilings.bandwidth, cuda ? kH200.launch : 0};
}

PlannedOp StepPlan::total() const {
  PlannedOp sum{.name = "step", .block = "-"};
  for (const PlannedOp& op : ops) add(sum, op);
  return sum;
}

void add(PlannedOp& sum, const PlannedOp& op) {
  sum.calls += op.calls;
  sum.kernels += op.kernels;
  sum.flops += op.flops;
  sum.bytes += op.bytes;
  sum.floor += op.floor;
  sum.predicted += op.predicted;
}

PlannedOp plan_op(const Trace::Op& op, const Precision& precision, const Limits& limits) {
  PlannedOp call{.name = op.name,
                 .block = block_of(op),
                 .calls = 1,
                 .kernels = kernels_of(op),
                 .flops = flops(op),
                 .bytes = bytes(op)};
  const double arithmetic = call.flops / rate(op, precision, limits), traffic = call.bytes / limits.bandwidth;
  const double reached = is_convolution(op) ? arithmetic / efficiency(op, precision) : arithmetic;
  call.floor = std::max(arithmetic, traffic);
  call.predicted = std::max(reached, traffic) + double(std::max<int64_t>(1, call.kernels)) * limits.launch;
  return call;
}

StepPlan plan_step(const std::string& method, const Precision& precision, const Limits& limits, bool fused) {
  const ssl::TrainConfig config = train_config({.cuda = true, .quick = false}, method);
  const ssl::DataSize cifar10{50000, kImageSize, kImageSize, 250, 50000};
  const Trace trace = ssl::plan_training(*precision.make_net(), cifar10, config, fused);
  // What comes before the step's state is set prepares the first.
  const auto set = std::ranges::find(trace.ops().rbegin(), trace.ops().rend(), "set_step", &Trace::Op::name).base();
  std::map<std::pair<std::string, std::string>, PlannedOp> ops;
  for (const Trace::Op& op : std::span(set, trace.ops().end())) {
    if (op.waits_for >= 0) continue;
    const PlannedOp call = plan_op(op, precision, limits);
    PlannedOp& sum = ops[{call.name, call.block}];
    sum.name = call.name;
    sum.block = call.block;
    add(sum, call);
  }
  StepPlan plan{method + " " + step_shape(config, precision), {}};
  for (const auto& [key, op] : ops) plan.ops.push_back(op);
  std::ranges::stable_sort(plan.ops, std::greater<>(), &PlannedOp::predicted);
  return plan;
}

std::string describe(const StepPlan& plan) {
  std::string text = plan.name + "\n" +
                     fmt::format("{:<26} {:>6} {:>6} {:>8} {:>10} {:>9} {:>9} {:>9}\n", "op", "image", "calls",
                                 "kernels", "GFLOP", "GB", "floor ms", "pred. ms");
  for (const PlannedOp& op : plan.ops) text += row(op);
  const PlannedOp total = plan.total();
  return text + row(total) +
         fmt::format("at most {:.0f} steps/s, predicted {:.0f}\n", 1 / total.floor, 1 / total.predicted);
}

std::string describe(const StepPlan& fused, const StepPlan& unfused) {
  const PlannedOp with = fused.total(), without = unfused.total();
  return fmt::format(
      "where cuDNN adds residuals on the way (docs/gate.md): {} kernels instead of {}, {:.2f} GB instead of {:.2f}, "
      "predicted {:.0f} steps/s\n",
      with.kernels, without.kernels, with.bytes / 1e9, without.bytes / 1e9, 1 / with.predicted);
}

}  // namespace crc::bench
