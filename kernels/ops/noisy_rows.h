// Rows of a batch with noise and dropout, as looks at embeddings: of row r = ids[b] and every feature d
//   y[b,d] = drop ? 0 : (rows[r,d] + noise * e) / (1 - dropout),
// e of mean 0 and variance 1, drop with probability `dropout`, both of Draws (seed, purpose, r | b << 32, step): one
// block of four words for two features, as augment_batch's draws independent of threads, devices and the rest of the
// batch. e is the sum of a word's four bytes, centred and scaled: nearly normal (kurtosis 2.7), within 3.45, and an
// exact function of integers, which a logarithm and a cosine are not from device to device. With noise = dropout = 0
// the row itself. rows [N,D], ids [B] in [0,N), y [B,D], not aliased, state [1]. Class: exact.
#pragma once

#include <cassert>

#include "kernels/core/op.h"
#include "kernels/core/random.h"
#include "kernels/core/step_state.h"

namespace crc {

struct RowNoise {
  uint32_t seed = 0;
  Purpose purpose = Purpose::weak_augment;
  float noise = 0;    // standard deviation, in units of the features
  float dropout = 0;  // in [0,1)
};

// i: pair of features, over [B, ceil(D/2)].
struct NoisyPair {
  View<float, 2> y;
  View<const float, 2> rows;
  View<const int64_t, 1> ids;
  View<const StepState, 1> state;
  RowNoise config;

  static CRC_HD float deviation(uint32_t word) {
    const int sum = int(word & 255) + int(word >> 8 & 255) + int(word >> 16 & 255) + int(word >> 24);
    return float(sum - 510) * 6.7658751e-3f;  // 1 / sqrt(4 (256^2 - 1) / 12)
  }
  CRC_HD int64_t pairs() const { return (y.shape[1] + 1) / 2; }
  CRC_HD void operator()(int64_t i) const {
    const int64_t width = y.shape[1], b = i / pairs(), d = i % pairs() * 2, row = ids[b];
    assert(row >= 0 && row < rows.shape[0]);
    const int64_t count = width - d < 2 ? 1 : 2;
    Philox4 words{};
    if (config.noise > 0 || config.dropout > 0)
      words = philox(config.seed, uint32_t(config.purpose), uint32_t(row), uint32_t(state[0].step), uint32_t(d / 2),
                     uint32_t(b));
    for (int64_t k = 0; k < count; ++k) {
      float value = rows[row * width + d + k];
      if (config.noise > 0) value = value + config.noise * deviation(words.v[k]);
      if (config.dropout > 0)
        value = uniform_from(words.v[2 + k]) < config.dropout ? 0.0f : value / (1.0f - config.dropout);
      y[b * width + d + k] = value;
    }
  }
  void check() const {
    check_shape("noisy_rows", y, {ids.size(), rows.shape[1]});
    if (!(config.noise >= 0 && config.dropout >= 0 && config.dropout < 1))
      fail_internal("noisy_rows: noise or dropout");
  }
};

CRC_OP(void, noisy_rows,
       (View<float, 2> y, View<const float, 2> rows, View<const int64_t, 1> ids, View<const StepState, 1> state,
        RowNoise config))

}  // namespace crc
