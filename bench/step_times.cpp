#include "bench/step_times.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <span>

namespace crc::bench {
namespace {

using Key = std::pair<std::string, std::string>;  // op, size of its images

double median(std::vector<double> values) { return statistics(std::move(values)).median; }

double seconds_of_a_step(Context& context, ssl::Trainer& trainer) {
  const auto begin = std::chrono::steady_clock::now();
  trainer.train(1);
  context.synchronize();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The first step makes plans, the second a graph.
void warm_up(Context& context, ssl::Trainer& trainer) {
  trainer.train(1);
  trainer.train(1);
  context.synchronize();
}

double whole_step(Context& context, const ssl::TrainConfig& config, const Precision& precision, int64_t steps) {
  const TrainingRun run(context, config, precision);
  warm_up(context, *run.trainer);
  std::vector<double> seconds;
  for (int64_t s = 0; s < steps; ++s) seconds.push_back(seconds_of_a_step(context, *run.trainer));
  return median(std::move(seconds));
}

// Of the last step in the trace, which begins with its first op.
struct TimedOps {
  std::map<Key, PlannedOp> planned;
  std::map<Key, std::vector<double>> seconds;  // of each step

  void add_step(Context& context, std::span<const Trace::Op> ops, const Precision& precision, const Limits& limits) {
    std::map<Key, PlannedOp> sums;
    std::map<Key, double> times;
    for (const Trace::Op& op : ops) {
      if (op.waits_for >= 0) continue;
      const PlannedOp call = plan_op(op, precision, limits);
      const Key key{call.name, call.block};
      PlannedOp& sum = sums[key];
      sum.name = call.name;
      sum.block = call.block;
      add(sum, call);
      times[key] += context.seconds(op);
    }
    planned = std::move(sums);
    for (const auto& [key, time] : times) seconds[key].push_back(time);
  }
};

TimedOps timed_ops(Context& context, const ssl::TrainConfig& config, const Precision& precision, const Limits& limits,
                   int64_t steps) {
  TimedOps timed;
  Trace trace;  // outlives the graph that marks its moments
  trace.times_ops = true;
  const TrainingRun run(context, config, precision);
  run.trainer->train(1);
  context.trace_into(&trace);
  const std::shared_ptr<void> until_done(nullptr, [&context](void*) { context.trace_into(nullptr); });
  size_t begin = 0;
  for (int64_t s = 0; s <= steps; ++s) {
    const size_t before = trace.ops().size();
    run.trainer->train(1);
    context.synchronize();
    if (trace.ops().size() > before) begin = before;  // else a graph ran again that was traced when it was made
    if (s > 0) timed.add_step(context, std::span(trace.ops()).subspan(begin), precision, limits);
  }
  return timed;
}

std::string row(const std::string& name, const PlannedOp& op, double seconds, double step) {
  const std::string ratio = op.predicted > 0 ? fmt::format("{:.2f}", seconds / op.predicted) : "-";
  return fmt::format("{:<26} {:>6} {:>6} {:>8} {:>9.2f} {:>8.3f} {:>9.3f} {:>9.3f} {:>7} {:>6.1f}\n", name, op.block,
                     op.calls, op.kernels, op.flops / 1e9, op.bytes / 1e9, 1e3 * op.predicted, 1e3 * seconds, ratio,
                     100 * seconds / step);
}

PlannedOp planned_total(const MeasuredStep& step) {
  PlannedOp sum{.name = "ops together", .block = "-"};
  for (const MeasuredOp& op : step.ops) add(sum, op.planned);
  return sum;
}

}  // namespace

double MeasuredStep::in_ops() const {
  double sum = 0;
  for (const MeasuredOp& op : ops) sum += op.seconds;
  return sum;
}

MeasuredStep measure_step(Context& context, Scale scale, const std::string& method, const Precision& precision,
                          const Limits& limits, int64_t steps) {
  const ssl::TrainConfig config = train_config(scale, method);
  MeasuredStep step{
      method + " " + step_shape(config, precision), steps, whole_step(context, config, precision, steps), {}};
  TimedOps timed = timed_ops(context, config, precision, limits, steps);
  for (const auto& [key, planned] : timed.planned)
    step.ops.push_back({planned, median(std::move(timed.seconds.at(key)))});
  std::ranges::stable_sort(step.ops, std::greater<>(), &MeasuredOp::seconds);
  return step;
}

std::string describe(const MeasuredStep& step) {
  std::string text = fmt::format("{}, {} steps\n", step.name, step.steps) +
                     fmt::format("{:<26} {:>6} {:>6} {:>8} {:>9} {:>8} {:>9} {:>9} {:>7} {:>6}\n", "op", "image",
                                 "calls", "kernels", "GFLOP", "GB", "pred. ms", "ms", "/ pred.", "% step");
  for (const MeasuredOp& op : step.ops) text += row(op.planned.name, op.planned, op.seconds, step.seconds);
  text += row("ops together", planned_total(step), step.in_ops(), step.seconds);
  return text + fmt::format("the step {:.3f} ms ({:.1f} a second); {:.3f} ms of it in no op{}\n", 1e3 * step.seconds,
                            1 / step.seconds, 1e3 * (step.seconds - step.in_ops()),
                            step.in_ops() > step.seconds ? ": ops ran side by side, or waited for their clocks" : "");
}

nlohmann::json to_json(const MeasuredStep& step) {
  nlohmann::json ops = nlohmann::json::array();
  for (const MeasuredOp& op : step.ops)
    ops.push_back({{"op", op.planned.name},
                   {"image", op.planned.block},
                   {"calls", op.planned.calls},
                   {"kernels", op.planned.kernels},
                   {"flops", op.planned.flops},
                   {"bytes", op.planned.bytes},
                   {"predicted_us", 1e6 * op.planned.predicted},
                   {"time_us", 1e6 * op.seconds}});
  return {{"kind", "step"}, {"name", step.name}, {"steps", step.steps}, {"time_us", 1e6 * step.seconds}, {"ops", ops}};
}

}  // namespace crc::bench
