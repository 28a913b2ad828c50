#include "ssl/evaluate.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "kernels/core/host_softmax.h"
#include "ssl/inputs.h"

namespace crc::ssl {
namespace {

class Calibration {
 public:
  void add(double confidence, bool correct) {
    const double place = std::ceil(confidence * kBins) - 1;                // (k/15, (k+1)/15]
    Bin& bin = bins_[int(std::fmin(std::fmax(place, 0.0), kBins - 1.0))];  // NaN counts as 0
    bin.confidence += confidence, bin.correct += correct;
  }
  double error(int64_t images) const {
    double gap = 0;
    for (const Bin& bin : bins_) gap += std::abs(bin.correct - bin.confidence);
    return gap / double(images);
  }

 private:
  static constexpr int kBins = 15;
  struct Bin {
    double confidence = 0, correct = 0;  // sums
  };
  Bin bins_[kBins];
};

void check_finite(const float* row, int64_t classes, size_t image) {
  for (int64_t c = 0; c < classes; ++c)
    if (!std::isfinite(row[c]))
      fail(ExitCode::numerical, "logit " + std::to_string(c) + " of image " + std::to_string(image) + " is " +
                                    std::to_string(row[c]) +
                                    ": the network overflows on it; are these its weights, wiring and normalisation?");
}

}  // namespace

Prediction predict(Context& context, const nn::Net& net, const nn::Weights& weights, const ImageSet& images,
                   const NormalizeConfig& normalize_config, int64_t batch, int64_t limit) {
  const int64_t n = limit > 0 ? std::min(limit, images.size()) : images.size();
  Prediction p{Tensor(context, {n, net.feature_dim()}, Dtype::f32, "features"),
               Tensor(context, {n, net.classes()}, Dtype::f32, "logits")};
  for (int64_t begin = 0; begin < n; begin += batch) {
    const int64_t end = std::min(begin + batch, n);
    Arena::Frame frame(context.scratch());
    const nn::Activations x = take_inputs(context, net, images, end - begin);
    show(context, x, images, begin, end, normalize_config);
    net.forward(context, weights, x, Mode::eval, p.features.view<float, 2>().slice(begin, end),
                p.logits.view<float, 2>().slice(begin, end), nullptr);
  }
  return p;
}

Evaluation evaluate(const std::vector<float>& logits, const std::vector<int32_t>& labels, int64_t classes) {
  Evaluation e;
  e.confusion.assign(classes * classes, 0);
  int64_t correct = 0;
  double loss = 0;
  Calibration calibration;
  e.predicted.assign(classes, 0);
  for (size_t i = 0; i < logits.size() / classes; ++i) {
    const float* row = logits.data() + i * classes;
    check_finite(row, classes, i);
    const HostSoftmax softmax(std::span(row, size_t(classes)));
    const int64_t predicted = softmax.argmax();
    ++e.predicted[predicted];
    e.confidence += softmax.largest();
    if (labels[i] < 0) continue;
    loss += softmax.loss(row[labels[i]]);
    correct += predicted == labels[i];
    calibration.add(softmax.largest(), predicted == labels[i]);
    ++e.confusion[labels[i] * classes + predicted];
    ++e.images;
  }
  e.confidence /= double(std::max<size_t>(logits.size() / classes, 1));
  if (e.images == 0) return e;
  e.accuracy = double(correct) / double(e.images);
  e.loss = loss / double(e.images);
  e.calibration_error = calibration.error(e.images);
  double recalls = 0;
  int64_t occurring = 0;
  for (int64_t c = 0; c < classes; ++c) {
    int64_t of_class = 0;
    for (int64_t k = 0; k < classes; ++k) of_class += e.confusion[c * classes + k];
    if (of_class == 0) continue;
    recalls += double(e.confusion[c * classes + c]) / double(of_class);
    ++occurring;
  }
  e.balanced_accuracy = recalls / double(occurring);
  return e;
}

std::vector<Mistake> find_mistakes(const std::vector<float>& logits, const std::vector<int32_t>& labels,
                                   int64_t classes) {
  std::vector<Mistake> mistakes;
  for (size_t i = 0; i < labels.size() && i * size_t(classes) < logits.size(); ++i) {
    if (labels[i] < 0) continue;
    const std::span<const float> row = std::span(logits).subspan(i * size_t(classes), size_t(classes));
    const HostSoftmax softmax(row);
    if (softmax.argmax() != labels[i])
      mistakes.push_back({int64_t(i), labels[i], int32_t(softmax.argmax()), softmax.p(double(row[size_t(labels[i])])),
                          softmax.largest()});
  }
  std::ranges::stable_sort(mistakes, {}, &Mistake::given);
  return mistakes;
}

}  // namespace crc::ssl
