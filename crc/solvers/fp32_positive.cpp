#include <algorithm>
#include <memory>

#include "crc/solvers/dense.h"

namespace crc::select {

// What a literal reading of the paper does in fp32, for ablations: the smallest eigenvalue > 0 of the n x n Gram
// matrix. Beyond the rank that is the smallest of |L|+G-r rounding errors that happens to be positive.
Scorer make_fp32_positive(Context& context, const LastLayerNtk& ntk, Items labeled, Items unlabeled) {
  const auto rows = [&](Items items) {
    const int64_t width = ntk.features() + 1;
    std::vector<double> a(width);
    std::vector<float> values;
    for (int64_t item : items) {
      ntk.row(item, a);
      values.insert(values.end(), a.begin(), a.end());
    }
    return std::make_shared<Tensor>(
        Tensor::from_host(context, {int64_t(items.size()), width}, values.data(), "fp32 features"));
  };
  return [&context, l = rows(labeled), u = rows(unlabeled)](Positions groups) {
    return by_gram(context, groups, l->view<const float, 2>(), u->view<const float, 2>(),
                   [](std::span<const float> w, Items) {
                     const auto positive = std::ranges::find_if(w, [](float v) { return v > 0; });
                     return positive == w.end() ? 0.0 : double(*positive);
                   });
  };
}

}  // namespace crc::select
