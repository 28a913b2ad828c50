// How crc_bench measures. A case says what one run does and what it must cost at least; the harness repeats it until
// the samples are long enough for the clock and many enough for a median, on input sets that take turns.
//
// Not Google Benchmark: percentages of ceilings measured in the same run, rotating input sets, captured CUDA repeats,
// peak memory and --compare would each have to be built around its reporters; what would be left of it is a median.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "bench/accuracy.h"
#include "kernels/core/random.h"
#include "kernels/core/step_state.h"
#include "kernels/core/tensor.h"

namespace crc::bench {

// Makes and owns the arrays of one input set: random values, never zeros (zeros need less power, and run faster).
class Inputs {
 public:
  Inputs(Context& context, uint32_t seed) : context(context), seed_(seed) {}
  Inputs(const Inputs&) = delete;

  // Uniform in [low, high), rounded towards zero for integers.
  template <class T, int R> View<T, R> uniform(const int64_t (&shape)[R], double low = -1, double high = 1);
  View<const StepState, 1> state();
  static constexpr int64_t kStep = 1;
  static constexpr float kLearningRate = 1e-6f;  // weights stay finite however often a step is repeated
  static constexpr float kEmaDecay = 0.999f;
  // Keeps anything else alive for as long as the set.
  template <class T> T& keep(std::shared_ptr<T> object) {
    kept_.push_back(object);
    return *object;
  }

  Context& context;

 private:
  uint32_t seed_;
  std::deque<Tensor> tensors_;
  std::vector<std::shared_ptr<void>> kept_;
};

// Which of the measured rates limits a case's arithmetic.
enum class Arithmetic { fp32, fp64, tensor };

// A case on one input set: its work, and how far from fp64 that is. The latter does the work once, on poisoned outputs.
struct Run {
  using Work = std::function<void()>;
  using Check = std::function<Accuracy(const Oracle&, const Work&)>;
  template <class F> Run(F work, Check accuracy = {}) : work(std::move(work)), accuracy(std::move(accuracy)) {}

  Work work;
  Check accuracy;
};

struct Case {
  std::string op, shape;
  double flops = 0;  // of one run, multiply and add counted as two
  double bytes = 0;  // that one run has to move if nothing is cached: each input read, each output written
  Arithmetic arithmetic = Arithmetic::fp32;
  std::function<Run(Inputs&)> setup;                     // called once per input set
  bool capturable = true;                                // as a CUDA graph
  bool rotate = true;                                    // false: one input set, as in a training run
  int64_t images = 0;                                    // per run, for images/s; 0: does not apply
  std::string path = "own";                              // who computes it
  std::function<std::string(Context&)> path_taken = {};  // where only the library knows, once it ran
  int64_t steps = 1;                                     // done by one call of the work; times are of one
  std::string part_of = "";                              // the name of the case that this is a part of

  std::string name() const { return op + " " + shape; }
};

struct Settings {
  double min_time = 0.2;        // seconds of samples
  int64_t repetitions = 10;     // samples, at least
  double sample = 2e-3;         // seconds of one sample, at least
  double max_time = 10;         // seconds of samples, at most, but for the last one; at least one sample
  bool quick = false;           // every case once, at its smallest
  std::function<double()> now;  // seconds; the steady clock where empty
};

struct Statistics {
  double median = 0, best = 0;
  double cv = 0;  // standard deviation / mean
};
Statistics statistics(std::vector<double> samples);  // of at least one

struct Timing {
  Statistics us;         // per run
  double first_us = 0;   // the first run, which makes plans and grows the arena; in no sample
  int64_t samples = 0;   // repetitions
  int64_t inner = 0;     // runs per sample
  std::string path;      // Case::path, or what path_taken says
  Accuracy accuracy;     // before anything was timed; where it does not pass, nothing is
  double memory_mb = 0;  // CPU: the process's peak resident set during the case; CUDA: what the arena holds
};

// Input sets of a case: enough that no cache holds them all (64 MiB), 2 to 4; 1 where a single set does not fit.
int64_t input_sets(const Case& c);
Timing measure(const Case& c, Context& context, const Settings& settings);

template <class T, int R> View<T, R> Inputs::uniform(const int64_t (&shape)[R], double low, double high) {
  // Longer arrays repeat the first values: drawing 10^8 of them would take longer than the measurement.
  constexpr int64_t kPeriod = 1'000'003;
  int64_t n = 1;
  for (int64_t extent : shape) n *= extent;
  std::vector<T> host(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    if (i >= kPeriod) {
      host[size_t(i)] = host[size_t(i - kPeriod)];
      continue;
    }
    const double u = Draws(seed_, Purpose::bench, i, int64_t(tensors_.size())).uniform();
    host[size_t(i)] = T(float(low + (high - low) * u));
  }
  tensors_.push_back(Tensor::from_host(context, std::vector<int64_t>(shape, shape + R), host.data(), "bench input"));
  return tensors_.back().template view<T, R>();
}

}  // namespace crc::bench
