// SimMatch's memory of labelled images (Zheng et al. 2022, "SimMatch: Semi-supervised Learning with Similarity Matching",
// section 3): a bank [L,E] of embeddings on the unit sphere and their labels [L], -1 for a row that was never seen, which
// has no part in anything. p [M,C] are predictions of unlabelled images, similarities [M,L] inner products of their
// embeddings with the bank's rows. Sums are fp64 or of one lane's order, fixed. Class: reduce.
#pragma once

#include "kernels/core/step_state.h"
#include "kernels/ops/softmax_ce.h"
#include "kernels/ops/unit_rows.h"

namespace crc {

struct BankSimilarity {
  View<float, 2> q, strong;
  View<const float, 2> weak;
  View<const float, 1> labels;
  float temperature;

  void check() const {
    const int64_t rows = weak.shape[0], items = labels.size();
    check_shape("bank_similarity", weak, {rows, items});
    check_shape("bank_similarity", q, {rows, items});
    check_shape("bank_similarity", strong, {rows, items});
    if (!(temperature > 0))
      fail(ExitCode::config, "bank_similarity: temperature is " + std::to_string(temperature) +
                                 "; it divides the similarities and must be above 0");
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t items = labels.size(), first = n * items;
    for (int64_t i = lanes.lane; i < items; i += lanes.count) {
      const bool seen = labels[i] >= 0;
      q[first + i] = seen ? weak[first + i] : kUnseen;
      if (!seen) strong[first + i] = kUnseen;
    }
    const SoftmaxRow softmax(q.data + first, items, lanes, temperature);
    for (int64_t i = lanes.lane; i < items; i += lanes.count)
      q[first + i] = labels[i] >= 0 ? softmax(q[first + i]) : 0.0f;
  }
  static constexpr float kUnseen = -1e30f;  // no similarity: of no weight in a softmax
};

struct InstanceConfig {
  float alpha = 0.9f;  // of the prediction in its mixture with the aggregated similarities
  int64_t warmup = 0;  // until this step neither is refined, and instances do not learn
};

struct InstanceTargets {
  View<float, 2> target, mixed;
  View<float, 1> weight;
  View<const float, 2> q, p;
  View<const float, 1> labels;
  View<const StepState, 1> state;
  InstanceConfig config;

  void check() const {
    const int64_t rows = p.shape[0], items = labels.size();
    check_shape("instance_targets", q, {rows, items});
    check_shape("instance_targets", target, {rows, items});
    check_shape("instance_targets", mixed, {rows, p.shape[1]});
    check_shape("instance_targets", weight, {rows});
    check_shape("instance_targets", state, {1});
  }
  template <class Lanes> CRC_HD void operator()(int64_t n, Lanes lanes) const {
    const int64_t items = labels.size(), classes = p.shape[1], first = n * items;
    double seen = 0, all = 0;
    for (int64_t i = lanes.lane; i < items; i += lanes.count) {
      seen += double(q[first + i]);
      all += unfolded(n, i);
    }
    seen = lanes.sum(seen);
    all = lanes.sum(all);
    const bool on = state[0].step >= config.warmup && seen > 0;
    if (lanes.lane == 0) weight[n] = on ? 1.0f : 0.0f;
    for (int64_t i = lanes.lane; i < items; i += lanes.count)
      target[first + i] = !on ? 0.0f : all > 0 ? float(unfolded(n, i) / all) : q[first + i];
    for (int64_t c = lanes.lane; c < classes; c += lanes.count) {
      double aggregated = 0;
      for (int64_t i = 0; on && i < items; ++i) aggregated += labels[i] == float(c) ? double(q[first + i]) : 0.0;
      const float own = p[n * classes + c];
      mixed[n * classes + c] = on ? config.alpha * own + (1 - config.alpha) * float(aggregated) : own;
    }
  }

 private:
  CRC_HD double unfolded(int64_t n, int64_t i) const {
    if (labels[i] < 0) return 0;
    return double(q[n * labels.size() + i]) * double(p[n * p.shape[1] + int64_t(labels[i])]);
  }
};

struct RememberRows {
  View<float, 2> bank;
  View<float, 1> labels;
  View<const int64_t, 1> ids;
  View<const float, 2> z;
  View<const int64_t, 1> items;
  View<const int32_t, 1> given;
  float decay;

  void check() const {
    check_shape("remember_rows", labels, {bank.shape[0]});
    check_shape("remember_rows", ids, {bank.shape[0]});
    check_shape("remember_rows", z, {items.size(), bank.shape[1]});
    check_shape("remember_rows", given, {items.size()});
  }
  template <class Lanes> CRC_HD void operator()(int64_t r, Lanes lanes) const {
    int64_t none = 1, last = none;  // minus the row's number
    for (int64_t n = lanes.lane; n < items.size(); n += lanes.count)
      if (items[n] == ids[r]) last = -n;
    last = lanes.min(last);
    if (last == none) return;
    const int64_t columns = bank.shape[1];
    const float* now = z.data - last * columns;
    // Read by the lane that writes it: the others have no order with it.
    const float m = lanes.max(lanes.lane == 0 && labels[r] >= 0 ? decay : 0.0f);
    float* row = bank.data + r * columns;
    for (int64_t e = lanes.lane; e < columns; e += lanes.count) row[e] = m * row[e] + (1 - m) * now[e];
    const double length = sqrt(inner_product(row, row, columns, lanes));
    for (int64_t e = lanes.lane; e < columns; e += lanes.count) row[e] = length > 0 ? float(row[e] / length) : 0.0f;
    if (lanes.lane == 0) labels[r] = float(given[-last]);
  }
};

// q[n] = softmax(weak[n] / temperature) over the rows that were seen (Eq. 3), 0 for the others; of `strong` the others
// become so small that a softmax over all rows is one over those that were seen (Eq. 4).
CRC_OP(void, bank_similarity,
       (View<float, 2> q, View<float, 2> strong, View<const float, 2> weak, View<const float, 1> labels,
        float temperature))
// target[n,i] in proportion to q[n,i] * p[n, labels[i]], the sum being 1 (unfolding, Eq. 7 and 8);
// mixed[n,c] = alpha p[n,c] + (1 - alpha) * sum of q[n,i] over rows of class c (aggregation, Eq. 9 and 10).
// weight [M]: 1; before the warm-up's end, and while no row was seen, 0, and mixed = p.
CRC_OP(void, instance_targets,
       (View<float, 2> target, View<float, 2> mixed, View<float, 1> weight, View<const float, 2> q,
        View<const float, 2> p, View<const float, 1> labels, View<const StepState, 1> state, InstanceConfig config))
// The bank's row of each item of the batch follows its embedding: bank[r] = normalised (decay * bank[r] + (1 - decay) *
// z[n]), ids[r] = items[n] (Eq. 12); the first time it is z[n]; of several rows n of an item the last. ids [L] are
// different; z [B,E] on the unit sphere, items, given [B] (their labels).
CRC_OP(void, remember_rows,
       (View<float, 2> bank, View<float, 1> labels, View<const int64_t, 1> ids, View<const float, 2> z,
        View<const int64_t, 1> items, View<const int32_t, 1> given, float decay))

}  // namespace crc
