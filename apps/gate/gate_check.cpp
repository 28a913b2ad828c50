#include "apps/gate/gate_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "kernels/core/error.h"
#include "kernels/core/gate.h"
#include "kernels/core/random.h"
#include "kernels/core/tensor.h"
#include "kernels/ops/pairwise_tile.h"
#include "nn/init.h"
#include "nn/jacobian.h"
#include "ssl/evaluate.h"
#include "ssl/trainer.h"

namespace crc::apps {
namespace {

struct NamedPrecision {
  const char* name;
  Dtype dtype;
  bool tf32;
};

void train_a_step(Context& context, const ssl::ImageSet& images, const GateCheck& check,
                  const NamedPrecision& precision, GateReport& report) {
  constexpr int64_t kFewest = 8;  // labelled images
  nn::WrnConfig config = check.net;
  config.precision = precision.dtype, config.tf32 = precision.tf32;
  const auto net = nn::make_wrn(config);
  std::vector<int64_t> all(size_t(images.size()));
  std::iota(all.begin(), all.end(), 0);
  ssl::TrainConfig training = check.training;
  for (;; training.batch /= 2) {
    try {
      ssl::Trainer(context, *net, images, all, all, training).train(1);
      context.synchronize();
      break;
    } catch (const Error& error) {
      context.for_each_scratch([](Arena& arena) { arena.thaw(); });
      if (error.code() != ExitCode::out_of_memory || training.batch <= kFewest) throw;
    }
    context.for_each_scratch([](Arena& arena) { arena.clear(); });
  }
  context.for_each_scratch([](Arena& arena) { arena.clear(); });
  if (training.batch != check.training.batch)
    report.notes.push_back(fmt::format("a {} step of {} + {} images needs too much memory; tried with {} + {}",
                                       precision.name, check.training.batch, 2 * check.training.batch * training.mu,
                                       training.batch, 2 * training.batch * training.mu));
}

// Features and Jacobians of a few images, as acquisitions see them: in fp32, or as accurate (kernels/ops/tf32x3.h).
void score_images(Context& context, const ssl::ImageSet& images, const GateCheck& check) {
  constexpr int64_t kJacobians = 8;
  nn::WrnConfig config = check.net;
  config.precision = Dtype::f32, config.tf32 = false, config.tf32x3 = true;
  const auto net = nn::make_wrn(config);
  const nn::WeightBuffers weights(context, net->layout(), "weights");
  nn::initialize(context, net->layout(), weights.weights(), 1);
  (void)ssl::predict(context, *net, weights.weights(), images, {}, std::min<int64_t>(images.size(), check.scored));
  const int64_t shape[] = {kJacobians, images.height(), images.width(), 3};
  std::vector<float> values(size_t(shape[0] * shape[1] * shape[2] * shape[3]));
  for (size_t i = 0; i < values.size(); ++i) values[i] = Draws(1, Purpose::test, int64_t(i), 1).uniform(-1, 1);
  const Tensor x = Tensor::from_host(context, {shape[0], shape[1], shape[2], shape[3]}, values.data(), "images");
  const nn::Jacobian<float> jacobian(*net);
  std::vector<bool> all(net->layout().params().size(), false);
  for (const int param : jacobian.params()) all[size_t(param)] = true;
  jacobian.compute(context, weights.weights(), x.view<const float, 4>(), all, [](int, View<const float, 3>) {});
  context.synchronize();
  context.for_each_scratch([](Arena& arena) { arena.clear(); });
}

// The ops of kernels/ops/pairwise_tile.h, on rows of unit length.
void compare_pairs(Context& context, const GateCheck& check) {
  const int64_t n = check.items, width = check.features;
  std::vector<float> values(size_t(n * width));
  for (size_t i = 0; i < values.size(); ++i) values[i] = Draws(1, Purpose::test, int64_t(i), 0).uniform(-1, 1);
  const Tensor x = Tensor::from_host(context, {n, width}, values.data(), "rows");
  const std::vector<double> ones(size_t(n), 1.0), zeros(size_t(n), 0.0);
  const Tensor weights = Tensor::from_host(context, {n}, ones.data(), "weights"),
               current = Tensor::from_host(context, {n}, zeros.data(), "current");
  const Tensor sums(context, {n}, Dtype::f64, "sums"), least(context, {n, 1}, Dtype::f64, "least"),
      places(context, {n, 1}, Dtype::i64, "places");
  const auto rows = x.view<const float, 2>();
  for (const crc::Measure measure : {crc::Measure::squared, crc::Measure::cosine, crc::Measure::rbf}) {
    const Pairing pairing{.measure = measure};
    pairwise_least(context, least.view<double, 2>(), places.view<int64_t, 2>(), rows, rows, pairing);
    pairwise_most(context, sums.view<double, 1>(), rows, rows, pairing);
    pairwise_gain(context, sums.view<double, 1>(), rows, rows, current.view<const double, 1>(),
                  weights.view<const double, 1>(), pairing);
  }
  context.synchronize();
}

}  // namespace

GateReport check_gate(Context& context, const ssl::ImageSet& images, const GateCheck& check) {
  GateReport report;
  const size_t before = context.gate().verdicts().size();
  std::vector<NamedPrecision> precisions{{"fp32", Dtype::f32, false}};
  if (context.has_tf32_and_bf16())
    precisions.insert(precisions.end(), {{"tf32", Dtype::f32, true}, {"bf16", Dtype::bf16, false}});
  for (const NamedPrecision& precision : precisions) train_a_step(context, images, check, precision, report);
  score_images(context, images, check);
  compare_pairs(context, check);
  const auto& verdicts = context.gate().verdicts();
  for (size_t i = before; i < verdicts.size(); ++i) {
    const Gate::Verdict& v = verdicts[i];
    ++report.contests;
    report.taken += v.choice.way != v.choice.plain;
    report.plain_seconds += v.choice.plain_seconds, report.seconds += v.choice.seconds;
    for (const Tried& tried : v.tried)
      if (tried.wrong()) {
        ++report.refused;
        report.refusals.push_back(v.key + ": " + tried.name + " " + tried.refused);
      }
  }
  return report;
}

std::string GateReport::verdict() const {
  return fmt::format("{} ops and shapes, {} not by the plain way: {:.2f} ms instead of {:.2f}; {}", contests, taken,
                     1e3 * seconds, 1e3 * plain_seconds,
                     refused == 0 ? "nothing computes wrong"
                                  : fmt::format("{} ways compute WRONG or fail and are never used", refused));
}

}  // namespace crc::apps
