#include "ssl/temperature.h"

#include <cmath>
#include <span>

#include "kernels/core/error.h"
#include "kernels/core/host_softmax.h"

namespace crc::ssl {
namespace {

// The derivative of the mean loss by 1 / T: expected less labelled logit. It rises with 1 / T.
double slope(const std::vector<float>& logits, const std::vector<int32_t>& labels, int64_t classes, double inverse) {
  double total = 0;
  std::vector<double> scaled(static_cast<size_t>(classes));
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) continue;
    const float* row = &logits[i * size_t(classes)];
    for (int64_t c = 0; c < classes; ++c) scaled[c] = inverse * double(row[c]);
    const HostSoftmax softmax(std::span<const double>{scaled});
    for (int64_t c = 0; c < classes; ++c) total += softmax.p(scaled[c]) * double(row[c]);
    total -= double(row[labels[i]]);
  }
  return total;
}

}  // namespace

double fit_temperature(const std::vector<float>& logits, const std::vector<int32_t>& labels, int64_t classes) {
  bool known = false;
  for (const int32_t label : labels) known |= label >= 0;
  if (!known) fail(ExitCode::config, "a temperature is fitted to labels, and no item has one");
  constexpr int kHalvings = 50;                           // to a relative width of 1e-14
  double low = -std::log(kMostTemperature), high = -low;  // log of 1 / T
  for (int k = 0; k < kHalvings; ++k) {
    const double middle = (low + high) / 2;
    (slope(logits, labels, classes, std::exp(middle)) <= 0 ? low : high) = middle;
  }
  return std::exp(-(low + high) / 2);
}

std::vector<int64_t> deal_folds(const std::vector<int32_t>& labels, int64_t classes, int64_t folds) {
  std::vector<std::vector<size_t>> of_class(static_cast<size_t>(classes));
  for (size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= 0) of_class[size_t(labels[i])].push_back(i);
  std::vector<int64_t> fold(labels.size(), -1);
  int64_t next = 0;
  for (const std::vector<size_t>& items : of_class)
    for (size_t k = 0; items.size() > 1 && k < items.size(); ++k) fold[items[k]] = next++ % folds;
  return fold;
}

std::string temperature_note(double temperature) {
  const double at_an_end = 0.999 * std::log(kMostTemperature);
  return std::abs(std::log(temperature)) < at_an_end ? ""
                                                     : "; this is the end of its range: these items settle no "
                                                       "temperature, for they are too few, all right or all wrong";
}

}  // namespace crc::ssl
