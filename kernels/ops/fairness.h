// FreeMatch's self-adaptive fairness (Wang et al. 2023, Eq. 9-11). Of the K rows that weight keeps, p = softmax of the
// strong views: m = mean of p, s = shares of the likeliest classes; q = SumNorm(m / s), a = SumNorm(model / shares),
// both 0 where the divisor is: loss = sum_c a_c log(q_c + 1e-12), divisors and a constants.
// p [M,C]; likeliest, weight (0 or 1) [M]; batch [2,C]; model, shares, pull [C]. Class: reduce.
#pragma once

#include "kernels/core/op.h"

namespace crc {

struct FairnessBatch {
  View<float, 2> batch;
  View<const float, 2> p;
  View<const int32_t, 1> likeliest;
  View<const float, 1> weight;

  void check() const {
    check_shape("fairness_batch", batch, {2, p.shape[1]});
    check_shape("fairness_batch", likeliest, {p.shape[0]});
    check_shape("fairness_batch", weight, {p.shape[0]});
  }
  template <class Lanes> CRC_HD void operator()(int64_t c, Lanes lanes) const {
    const int64_t classes = p.shape[1];
    double sum = 0, count = 0, kept = 0;
    for (int64_t n = lanes.lane; n < p.shape[0]; n += lanes.count) {
      if (weight[n] == 0) continue;
      sum += p[n * classes + c];
      count += likeliest[n] == c;
      kept += 1;
    }
    sum = lanes.sum(sum);
    count = lanes.sum(count);
    kept = lanes.sum(kept);
    if (lanes.lane != 0) return;
    batch[c] = kept > 0 ? float(sum / kept) : 0.0f;
    batch[classes + c] = kept > 0 ? float(count / kept) : 0.0f;
  }
};

struct FairnessPull {
  View<float, 1> pull;
  View<const float, 2> batch;
  View<const float, 1> model, shares;

  void check() const {
    const int64_t classes = pull.size();
    check_shape("fairness_pull", batch, {2, classes});
    check_shape("fairness_pull", model, {classes});
    check_shape("fairness_pull", shares, {classes});
  }
  CRC_HD static float over(float x, float divisor) { return divisor > 0 ? x / divisor : 0.0f; }
  template <class Lanes> CRC_HD void operator()(int64_t, Lanes lanes) const {
    constexpr double kEps = 1e-12;
    const int64_t classes = pull.size();
    double total = 0, wanted = 0, inner = 0;
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) {
      total += over(batch[c], batch[classes + c]);
      wanted += over(model[c], shares[c]);
    }
    total = lanes.sum(total);
    wanted = lanes.sum(wanted);
    const auto share = [&](int64_t c) { return over(batch[c], batch[classes + c]) / total; };
    const auto slope = [&](int64_t c) { return over(model[c], shares[c]) / wanted / (share(c) + kEps); };  // dL/dq_c
    if (total > 0 && wanted > 0)
      for (int64_t c = lanes.lane; c < classes; c += lanes.count) inner += slope(c) * share(c);
    inner = lanes.sum(inner);
    for (int64_t c = lanes.lane; c < classes; c += lanes.count)
      pull[c] = total > 0 && wanted > 0 ? over(float((slope(c) - inner) / total), batch[classes + c]) : 0.0f;
  }
};

struct FairnessRows {
  View<float, 2> dx;
  View<const float, 2> p;
  View<const float, 1> weight, pull;
  float scale;

  void check() const {
    check_shape("fairness_rows", dx, {p.shape[0], p.shape[1]});
    check_shape("fairness_rows", weight, {p.shape[0]});
    check_shape("fairness_rows", pull, {p.shape[1]});
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t classes = p.shape[1];
    if (weight[n] == 0) return;
    double kept = 0;  // every row counts anew: M numbers, of which all but the first reading are cached
    for (int64_t k = lanes.lane; k < weight.size(); k += lanes.count) kept += weight[k] != 0;
    kept = lanes.sum(kept);
    float inner = 0;
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) inner += pull[c] * p[n * classes + c];
    inner = lanes.sum(inner);
    for (int64_t c = lanes.lane; c < classes; c += lanes.count)
      dx[n * classes + c] += scale / float(kept) * p[n * classes + c] * (pull[c] - inner);
  }
};

// batch = {m, s}.
CRC_OP(void, fairness_batch,
       (View<float, 2> batch, View<const float, 2> p, View<const int32_t, 1> likeliest, View<const float, 1> weight))
// pull[c] = d loss / d m_c.
CRC_OP(void, fairness_pull,
       (View<float, 1> pull, View<const float, 2> batch, View<const float, 1> model, View<const float, 1> shares))
// dx [M,C] += scale * d loss / d logits of the strong views.
CRC_OP(void, fairness_rows,
       (View<float, 2> dx, View<const float, 2> p, View<const float, 1> weight, View<const float, 1> pull, float scale))

}  // namespace crc
