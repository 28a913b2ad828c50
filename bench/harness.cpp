#include "bench/harness.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "bench/memory.h"

namespace crc::bench {
namespace {

double steady_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr double kCacheBytes = 64 << 20;  // above any last-level cache in use: 32 MiB here, 50 MiB on an H100
constexpr int64_t kMaxInner = 1 << 13;    // nodes of a captured graph
constexpr int64_t kMaxRepetitions = 1000;

// Runs of a case in turn over its input sets, and their clock.
class Runner {
 public:
  Runner(const Case& c, Context& context, const Settings& settings, int64_t sets)
      : context_(context), capturable_(c.capturable), now_(settings.now ? settings.now : steady_now) {
    for (int64_t s = 0; s < sets; ++s) runs_.push_back(c.setup(inputs_.emplace_back(context, uint32_t(s + 1))));
    context_.synchronize();
  }
  Accuracy accuracy() {
    if (!runs_[0].accuracy) return {};
    return runs_[0].accuracy(Oracle(context_), [this] {
      runs_[0].work();
      context_.synchronize();
    });
  }

  int64_t sets() const { return int64_t(runs_.size()); }
  // `inner` runs as one piece of work; on CUDA a captured graph, so that launches do not count.
  std::function<void()> repeated(int64_t inner) {
    const auto all = [this, inner] {
      for (int64_t i = 0; i < inner; ++i) runs_[size_t(i) % runs_.size()].work();
    };
    if (!capturable_ || inner == 1) return all;
    return context_.record(all);
  }
  double seconds(const std::function<void()>& work) {
    const double begin = now_();
    work();
    context_.synchronize();
    return now_() - begin;
  }

 private:
  Context& context_;
  bool capturable_;
  std::function<double()> now_;
  std::deque<Inputs> inputs_;
  std::vector<Run> runs_;
};

// Grows `inner` until one sample lasts long enough; always whole turns over the input sets.
std::function<void()> calibrated(Runner& runner, const Settings& settings, int64_t& inner) {
  inner = runner.sets();
  std::function<void()> work = runner.repeated(inner);
  if (settings.quick) return work;
  runner.seconds(work);  // the first replay of a graph uploads it
  for (double t = runner.seconds(work); t < settings.sample && inner < kMaxInner; t = runner.seconds(work)) {
    const double factor = t > 0 ? std::clamp(1.2 * settings.sample / t, 1.5, 64.0) : 64.0;
    const int64_t turns = int64_t(std::ceil(double(inner) * factor / double(runner.sets())));
    inner = std::min(turns * runner.sets(), kMaxInner);
    work = runner.repeated(inner);
    runner.seconds(work);
  }
  return work;
}

}  // namespace

View<const StepState, 1> Inputs::state() {
  tensors_.push_back(Tensor(context, {int64_t(sizeof(StepState))}, Dtype::u8, "step state"));
  const View<StepState, 1> view = tensors_.back().as<StepState>();
  const StepState state{.step = kStep, .learning_rate = kLearningRate, .ema_decay = kEmaDecay, .consistency_weight = 1};
  context.copy_in(view, &state);
  return view;
}

Statistics statistics(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  const size_t n = samples.size();
  double mean = 0, squares = 0;
  for (double s : samples) mean += s / double(n);
  for (double s : samples) squares += (s - mean) * (s - mean);
  const double deviation = n > 1 ? std::sqrt(squares / double(n - 1)) : 0;
  return {
      .median = (samples[(n - 1) / 2] + samples[n / 2]) / 2, .best = samples[0], .cv = mean > 0 ? deviation / mean : 0};
}

int64_t input_sets(const Case& c) {
  if (!c.rotate || c.bytes > kCacheBytes) return 1;
  return std::clamp<int64_t>(int64_t(std::ceil(kCacheBytes / std::max(c.bytes, 1.0))), 2, 4);
}

Timing measure(const Case& c, Context& context, const Settings& settings) {
  reset_peak_memory();
  Runner runner(c, context, settings, settings.quick ? 1 : input_sets(c));
  Timing timing;
  const double steps = double(c.steps);
  const double first = runner.seconds(runner.repeated(1));
  timing.first_us = 1e6 * first / steps;
  timing.accuracy = runner.accuracy();
  timing.path = c.path_taken ? c.path_taken(context) : c.path;
  if (!timing.accuracy.passed()) return timing;
  // Where a single run takes that long, runs that only calibrate would cost more than they tell.
  const bool long_run = first > settings.max_time / 4;
  if (long_run) timing.inner = 1;
  const std::function<void()> work = long_run ? runner.repeated(1) : calibrated(runner, settings, timing.inner);

  std::vector<double> samples;
  const auto enough = [&](double total) {
    const int64_t n = int64_t(samples.size());
    if (n > 0 && total >= settings.max_time) return true;
    return n >= settings.repetitions && (total >= settings.min_time || n >= kMaxRepetitions);
  };
  for (double total = 0; !enough(total);) {
    const double t = runner.seconds(work);
    total += t;
    samples.push_back(1e6 * t / double(timing.inner) / steps);
  }
  timing.samples = int64_t(samples.size());
  timing.us = statistics(std::move(samples));
  const bool cpu = context.device().kind == DeviceKind::cpu;
  timing.memory_mb = cpu ? peak_memory_mb() : double(context.scratch().reserved_bytes()) / 1e6;
  return timing;
}

}  // namespace crc::bench
