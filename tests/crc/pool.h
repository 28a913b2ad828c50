// Random pools for the tests of acquisitions.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "crc/acquisition.h"
#include "tests/kernels/arrays.h"

namespace crc::test {

using select::Config;
using select::Problem;
using select::Search;
using select::Selection;
using select::Solver;

struct Pool {
  int64_t items, width, classes;
  std::vector<float> features;  // [items,width] non-negative, as after a ReLU and an average pool
  std::vector<float> logits;    // [items,classes]
  std::vector<int64_t> labeled, unlabeled;
  // What some acquisitions look at besides; may be empty.
  std::vector<double> weights = {};                     // [items]
  std::vector<int32_t> labels = {};                     // [items]
  std::vector<float> samples = {};                      // [passes,items,classes]
  std::vector<float> head_weight = {}, head_bias = {};  // [classes,width], [classes]

  // Some items are in neither list.
  static Pool random(uint32_t seed, int64_t labeled, int64_t unlabeled, int64_t width, int64_t classes = 3) {
    Pool p{labeled + unlabeled + 2, width, classes, {}, {}, {}, {}};
    p.features = uniform(p.items * width, seed, 0, 2);
    p.logits = uniform(p.items * classes, seed + 1, -3, 3);
    for (int64_t k = 0; k < labeled + unlabeled; ++k) {
      const int64_t item = permute(seed, Purpose::test, 0, uint32_t(p.items), uint32_t(k));
      (k < labeled ? p.labeled : p.unlabeled).push_back(item);
    }
    p.labels.resize(size_t(p.items));
    for (size_t k = 0; k < p.labeled.size(); ++k) p.labels[size_t(p.labeled[k])] = int32_t(k % size_t(classes));
    p.samples = uniform(3 * p.items * classes, seed + 2, -3, 3);
    p.head_weight = uniform(classes * width, seed + 3, -1, 1);
    p.head_bias = uniform(classes, seed + 4, -1, 1);
    return p;
  }
  void copy_features(int64_t to, int64_t from) {
    std::copy_n(features.begin() + from * width, width, features.begin() + to * width);
  }
  bool equal_features(int64_t a, int64_t b) const {
    return std::equal(features.begin() + a * width, features.begin() + (a + 1) * width, features.begin() + b * width);
  }
  // Paper section 3.2, by comparing every pair.
  bool degenerate(const std::vector<int64_t>& group) const {
    std::vector<int64_t> all = group;
    all.insert(all.end(), labeled.begin(), labeled.end());
    for (size_t i = 0; i < group.size(); ++i)
      for (size_t j = i + 1; j < all.size(); ++j)
        if (equal_features(all[i], all[j])) return true;
    return false;
  }

  // C (<h,h'> + 1) over the items, [n,n]: the last layer's kernel, from the equation.
  std::vector<long double> kernel(const std::vector<int64_t>& items_of) const {
    std::vector<long double> k;
    for (int64_t i : items_of)
      for (int64_t j : items_of) {
        long double total = 1;
        for (int64_t d = 0; d < width; ++d) total += (long double)features[i * width + d] * features[j * width + d];
        k.push_back(classes * total);
      }
    return k;
  }

  // What oracle is told: a function of the batch's features, whatever its order.
  double worth(std::span<const int64_t> batch) const {
    double total = 0;
    for (const int64_t item : batch) {
      double angle = 0;
      for (int64_t d = 0; d < width; ++d) angle += double(1 + d) * double(features[item * width + d]);
      total += std::sin(angle);
    }
    return total / double(batch.size());
  }

  struct Network;
  Selection select(Context& context, const Config& config) const;
};

// A network over the pool's features: the logits W h + b, and two layers below whose Jacobians are smooth functions of
// the features. It knows items by number, and counts what it is asked for.
struct Pool::Network : select::Jacobians {
  const Pool& pool;
  std::vector<select::JacobianBlock> all;
  mutable int64_t computed = 0, largest = 0;

  explicit Network(const Pool& p) : pool(p) {
    all = {{"fc.weight", p.classes * p.width, p.width},
           {"fc.bias", p.classes, 1},
           {"bn1.weight", 3, 3 * p.classes},
           {"block3.layer.0.conv1.weight", 40, 40 * p.classes}};
  }
  int64_t classes() const override { return pool.classes; }
  const std::vector<select::JacobianBlock>& blocks() const override { return all; }
  Bytes bytes(const std::vector<bool>&) const override { return {4 * pool.classes * (pool.width + 44), 1000}; }

  float entry(size_t block, int64_t item, int64_t c, int64_t k) const {
    const float* h = &pool.features[item * pool.width];
    if (block == 0) return k / pool.width == c ? h[k % pool.width] : 0.f;
    if (block == 1) return k == c ? 1.f : 0.f;
    float angle = float(k) + 0.7f * float(c) + (block == 2 ? 0.5f : 0.f);
    for (int64_t d = 0; d < pool.width; ++d) angle += std::sin(float(1 + d + 3 * k + 11 * c)) * h[d];
    return std::cos(angle);
  }
  std::vector<float> jacobian(size_t block, std::span<const int64_t> items) const {
    std::vector<float> j;
    for (int64_t item : items)
      for (int64_t c = 0; c < pool.classes; ++c)
        for (int64_t k = 0; k < all[block].parameters; ++k) j.push_back(entry(block, item, c, k));
    return j;
  }
  void compute(Context& context, std::span<const int64_t> items, const std::vector<bool>& wanted,
               const Receive& receive) const override {
    computed += int64_t(items.size());
    largest = std::max(largest, int64_t(items.size()));
    for (size_t b = 0; b < all.size(); ++b) {
      if (!wanted[b]) continue;
      const std::vector<float> host = jacobian(b, items);
      const Tensor j = Tensor::from_host(context, {int64_t(items.size()), pool.classes, all[b].parameters}, host.data(),
                                         all[b].name);
      receive(int64_t(b), j.view<const float, 3>());
      context.synchronize();
    }
  }
};

inline Selection Pool::select(Context& context, const Config& config) const {
  const Tensor h = Tensor::from_host(context, {items, width}, features.data(), "features");
  const Tensor f = Tensor::from_host(context, {items, classes}, logits.data(), "logits");
  const Network network(*this);
  std::vector<int32_t> of_labeled;
  for (size_t k = 0; k < labeled.size() && !labels.empty(); ++k)
    of_labeled.push_back(labeled[k] >= 0 && labeled[k] < items ? labels[size_t(labeled[k])] : 0);
  Problem problem{.features = h.view<const float, 2>(),
                  .logits = f.view<const float, 2>(),
                  .labeled = labeled,
                  .unlabeled = unlabeled,
                  .classes = classes,
                  .jacobians = &network,
                  .labels = of_labeled,
                  .weights = weights};
  Tensor passes, weight, bias;
  if (!samples.empty()) {
    passes = Tensor::from_host(context, {int64_t(samples.size()) / (items * classes), items, classes}, samples.data(),
                               "samples");
    problem.samples = passes.view<const float, 3>();
  }
  if (!head_weight.empty()) {
    weight = Tensor::from_host(context, {classes, width}, head_weight.data(), "weight");
    bias = Tensor::from_host(context, {classes}, head_bias.data(), "bias");
    problem.head = {weight.view<const float, 2>(), bias.view<const float, 1>()};
  }
  problem.worth = [this](std::span<const int64_t> batch) { return worth(batch); };
  return crc::select::select(context, problem, config);
}

inline std::vector<int64_t> candidate(const Selection& s, int64_t k) {
  return {s.candidates.begin() + k * s.group_size, s.candidates.begin() + (k + 1) * s.group_size};
}

// Runs f, which must fail with this code, and returns the message.
template <class F> std::string error_of(ExitCode code, F&& f) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

}  // namespace crc::test
