// Random pools for the tests of acquisitions.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "crc/acquisition.h"
#include "tests/kernels/arrays.h"

namespace crc::test {

using select::Config;
using select::Problem;
using select::Selection;

struct Pool {
  int64_t items, width, classes;
  std::vector<float> features;  // [items,width] non-negative, as after a ReLU and an average pool
  std::vector<float> logits;    // [items,classes]
  std::vector<int64_t> labeled, unlabeled;

  // Some items are in neither list.
  static Pool random(uint32_t seed, int64_t labeled, int64_t unlabeled, int64_t width, int64_t classes = 3) {
    Pool p{labeled + unlabeled + 2, width, classes, {}, {}, {}, {}};
    p.features = uniform(p.items * width, seed, 0, 2);
    p.logits = uniform(p.items * classes, seed + 1, -3, 3);
    for (int64_t k = 0; k < labeled + unlabeled; ++k) {
      const int64_t item = permute(seed, Purpose::test, 0, uint32_t(p.items), uint32_t(k));
      (k < labeled ? p.labeled : p.unlabeled).push_back(item);
    }
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

  Selection select(Context& context, const Config& config) const {
    const Tensor h = Tensor::from_host(context, {items, width}, features.data(), "features");
    const Tensor f = Tensor::from_host(context, {items, classes}, logits.data(), "logits");
    return crc::select::select(
        context, Problem{h.view<const float, 2>(), f.view<const float, 2>(), labeled, unlabeled, classes}, config);
  }
};

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
