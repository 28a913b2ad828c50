#include "crc/samples.h"

#include <fmt/format.h>

#include <cmath>

#include "crc/uncertainty.h"
#include "kernels/core/host_softmax.h"

namespace crc::select {

std::vector<double> Samples::probabilities(int64_t item) const {
  std::vector<double> p;
  p.reserve(size_t(passes * classes));
  for (int64_t s = 0; s < passes; ++s) {
    const std::span<const float> logits = (*this)(s, item);
    const HostSoftmax softmax(logits);
    for (float z : logits) p.push_back(softmax.p(double(z)));
  }
  return p;
}

Samples read_samples(Context& context, const Problem& problem, const Config& config) {
  const View<const float, 3>& view = problem.samples;
  if (view.size() == 0)
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\" needs the logits of several stochastic passes, and none were given",
                     config.name));
  Samples samples{{}, {}, view.shape[0], view.shape[1], view.shape[2]};
  if (samples.classes < 2)
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\" needs samples of at least 2 classes, got {}", config.name, samples.classes));
  if (view.device.kind == DeviceKind::cpu) {
    samples.data = {view.data, size_t(view.size())};
  } else {
    samples.owned.resize(size_t(view.size()));
    context.copy_out(samples.owned.data(), view);
    samples.data = samples.owned;
  }
  for (const int64_t item : problem.unlabeled)
    for (int64_t s = 0; s < samples.passes; ++s)
      for (const float z : samples(s, item))
        if (!std::isfinite(z))
          fail(ExitCode::numerical, fmt::format("samples of item {} are not finite: pass {} has {}; was the model that "
                                                "made them trained to divergence?",
                                                item, s, z));
  return samples;
}

double mean_entropy(std::span<const double> p, int64_t classes) {
  const int64_t passes = int64_t(p.size()) / classes;
  double total = 0;
  for (int64_t s = 0; s < passes; ++s) total += entropy(p.subspan(size_t(s * classes), size_t(classes)));
  return total / double(passes);
}

}  // namespace crc::select
