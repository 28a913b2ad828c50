// ALFA-Mix (Parvaneh et al. 2022, AminParvaneh/alpha_mix_active_learning): items whose prediction changes when a little
// of an anchor is mixed into their features. Anchors z* are the means of the labelled features of each class. The mix
// that raises the loss of the item's own prediction y most, to first order, has the closed form
//   alpha = eps |z* - z| g / |g| / (z* - z), element by element,   g = dl(f(z), y)/dz = W^T (p - e_y),   eps = 0.2/sqrt(D),
// so that the mixed features are alpha z* + (1 - alpha) z = z + eps |z* - z| g / |g| and the head's logits
//   f(z) + eps |z* - z| t,   t = W W^T (p - e_y) / |g|.
// They are linear in the step, which therefore changes the prediction from a length on, and for some anchor if it does
// for the farthest. The candidates, in features of unit length, are cut into as many clusters as picks by k-means
// (crc/k_means.h), and of each the item nearest to the centre is picked, the largest cluster first. What is missing is
// drawn, as the authors do, copies of labelled and picked items last; without labels that is all.
// The authors' division leaves a feature alone in which item and anchor agree; here the step is as the equation says.
// Computed in fp64. The scores are step / (step + the step that is needed): above 1/2 for candidates.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "crc/host_loop.h"
#include "crc/picker.h"
#include "crc/uncertainty.h"

namespace crc::select {
namespace {

constexpr double kEps = 0.2;

struct Fp64Head {
  std::vector<double> weight, bias, gram;  // [C,D], [C], [C,C] = W W^T
  int64_t classes, width;
};

Fp64Head read_head(Context& context, const Problem& problem, const Config& config) {
  const auto& [weight, bias] = problem.head;
  if (weight.size() == 0)
    fail(ExitCode::config,
         fmt::format("acquisition \"{}\" needs the head, the last linear layer, and none was given", config.name));
  Fp64Head head{{}, std::vector<double>(size_t(weight.shape[0]), 0.0), {}, weight.shape[0], weight.shape[1]};
  const auto read = [&](std::vector<double>& to, const auto& view) {
    std::vector<float> values(size_t(view.size()));
    context.copy_out(values.data(), view);
    to.assign(values.begin(), values.end());
    for (double v : to)
      if (!std::isfinite(v))
        fail(ExitCode::numerical, fmt::format("the head is not finite: '{}' holds {}", view.name, v));
  };
  read(head.weight, weight);
  if (bias.size() > 0) read(head.bias, bias);
  for (int64_t a = 0; a < head.classes; ++a)
    for (int64_t b = 0; b < head.classes; ++b) {
      double sum = 0;
      for (int64_t d = 0; d < head.width; ++d)
        sum += head.weight[size_t(a * head.width + d)] * head.weight[size_t(b * head.width + d)];
      head.gram.push_back(sum);
    }
  return head;
}

// Means [A,D] of the labelled features of each class that has some.
std::vector<std::vector<double>> anchors_of(const Fp32Features& features, const Problem& problem,
                                            std::span<const int32_t> labels) {
  std::map<int32_t, std::pair<std::vector<double>, int64_t>> sums;
  for (size_t k = 0; k < labels.size(); ++k) {
    auto& [sum, count] = sums[labels[k]];
    sum.resize(size_t(features.width), 0.0);
    for (size_t d = 0; d < sum.size(); ++d) sum[d] += double(features[problem.labeled[k]][d]);
    ++count;
  }
  std::vector<std::vector<double>> anchors;
  for (auto& [label, entry] : sums) {
    for (double& v : entry.first) v /= double(entry.second);
    anchors.push_back(std::move(entry.first));
  }
  return anchors;
}

// |f_y - f_c| over the speed at which c gains on y, of the class that is first there; infinite if none gains.
double needed_step(const Fp64Head& head, std::span<const float> z, int exponent) {
  std::vector<double> f;
  for (int64_t c = 0; c < head.classes; ++c) {
    double sum = 0;
    for (int64_t d = 0; d < head.width; ++d) sum += head.weight[size_t(c * head.width + d)] * double(z[size_t(d)]);
    f.push_back(std::ldexp(sum, exponent) + head.bias[size_t(c)]);
  }
  const size_t y = size_t(std::ranges::max_element(f) - f.begin());
  std::vector<double> delta = softmax(f), t;
  delta[y] -= 1;
  double square = 0;
  for (size_t a = 0; a < f.size(); ++a) {
    double sum = 0;
    for (size_t b = 0; b < f.size(); ++b) sum += head.gram[a * f.size() + b] * delta[b];
    t.push_back(sum);
    square += sum * delta[a];
  }
  double needed = INFINITY;
  for (size_t c = 0; c < f.size(); ++c)
    if (t[c] > t[y] && square > 0) needed = std::min(needed, (f[y] - f[c]) / ((t[c] - t[y]) / std::sqrt(square)));
  return needed;
}

double farthest(const std::vector<std::vector<double>>& anchors, std::span<const float> z, int exponent) {
  double most = 0;
  for (const std::vector<double>& anchor : anchors) {
    double square = 0;
    for (size_t d = 0; d < z.size(); ++d) square += (anchor[d] - double(z[d])) * (anchor[d] - double(z[d]));
    most = std::max(most, square);
  }
  return std::ldexp(std::sqrt(most), exponent);
}

}  // namespace

Selection select_alfamix(Context& context, const Problem& problem, const Config& config) {
  const size_t count = problem.unlabeled.size();
  std::vector<double> scores(count, 0.0);
  std::vector<char> changes(count, 0);
  if (!problem.labeled.empty()) {
    const std::span<const int32_t> labels = needed_labels(problem, config);
    const Fp32Features features =
        read_features(context, problem.features, config.name, {problem.labeled, problem.unlabeled});
    const Fp64Head head = read_head(context, problem, config);
    const auto anchors = anchors_of(features, problem, labels);
    const double eps = kEps / std::sqrt(double(features.width));
    each_on_host(context, int64_t(count), [&](int64_t k) {
      const std::span<const float> z = features[problem.unlabeled[size_t(k)]];
      const double needed = needed_step(head, z, features.exponent);
      const double step = eps * farthest(anchors, z, features.exponent);
      changes[size_t(k)] = step > needed;
      scores[size_t(k)] = step > 0 && std::isfinite(needed) ? step / (step + needed) : 0;
    });
  }
  const PoolRows pool(context, problem, config, Scaling::unit);
  std::vector<int64_t> candidates;
  for (size_t k = 0; k < count; ++k)
    if (changes[k]) candidates.push_back(pool.unlabeled[k]);
  Picker picker(pool, problem, config, scores);
  if (!candidates.empty()) {
    const Tensor rows = pool.gather(context, candidates);
    picker.take_centers(candidates,
                        k_means(context, rows.view<const float, 2>(), config.budget, config.seed, config.round));
  }
  picker.fill(std::vector<double>(count, 0.0));
  return picker.finish(fmt::format("alfamix: {} of {} items; mixing changes the prediction of {}", config.budget, count,
                                   candidates.size()));
}

}  // namespace crc::select
