#include "ssl/label_loss.h"

#include <algorithm>
#include <cmath>

#include "kernels/ops/balanced_ce.h"

namespace crc::ssl {
namespace {

Tensor on_device(Context& context, const std::vector<float>& values, const char* name) {
  return Tensor::from_host(context, {int64_t(values.size())}, values.data(), name);
}

}  // namespace

std::vector<float> logit_shift(const std::vector<int64_t>& counts, double tau) {
  double all = 0;
  for (const int64_t count : counts) all += double(std::max<int64_t>(count, 1));
  std::vector<float> shift;
  for (const int64_t count : counts) shift.push_back(float(tau * std::log(double(std::max<int64_t>(count, 1)) / all)));
  return shift;
}

std::vector<float> class_weights(const std::vector<int64_t>& counts, ClassWeights rule, double beta) {
  std::vector<double> weights;
  double sum = 0;
  for (const int64_t count : counts) {
    const double n = double(std::max<int64_t>(count, 1));
    weights.push_back(rule == ClassWeights::effective ? (1 - beta) / (1 - std::pow(beta, n)) : 1 / n);
    sum += weights.back();
  }
  std::vector<float> scaled;
  for (const double weight : weights) scaled.push_back(float(weight * double(counts.size()) / sum));
  return scaled;
}

LabelLoss::LabelLoss(Context& context, const TrainConfig& config, const std::vector<int64_t>& counts) {
  std::vector<float> shift, weight;
  if (config.logit_adjustment == LogitAdjustment::loss) shift = logit_shift(counts, config.adjustment);
  if (config.class_weights != ClassWeights::none)
    weight = class_weights(counts, config.class_weights, config.class_beta);
  shift_ = on_device(context, shift, "logit adjustment");
  weight_ = on_device(context, weight, "class weights");
}

void LabelLoss::operator()(Context& context, View<float, 2> dlogits, View<float, 1> losses, View<const float, 2> logits,
                           View<const int32_t, 1> labels, float scale) const {
  if (shift_.size() == 0 && weight_.size() == 0) return softmax_ce(context, dlogits, losses, logits, labels, scale);
  balanced_ce(context, dlogits, losses, logits, labels, shift_.view<const float, 1>(), weight_.view<const float, 1>(),
              scale);
}

}  // namespace crc::ssl
