#include "kernels/ops/noisy_rows.h"

#include <cmath>

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"

namespace crc::test {
namespace {

class NoisyRowsOp : public OnDevice {
 protected:
  std::vector<float> look(const std::vector<float>& rows, int64_t width, const std::vector<int64_t>& ids, int64_t step,
                          RowNoise config) {
    const int64_t n = int64_t(rows.size()) / width, b = int64_t(ids.size());
    Guarded<float, 2> x(context, {n, width}, rows, "rows"),
        y(context, {b, width}, std::vector<float>(size_t(b * width), 0), "y");
    Guarded<int64_t, 1> items(context, {b}, ids, "ids");
    const StepState state{.step = step, .learning_rate = 0, .ema_decay = 0, .consistency_weight = 0};
    const Tensor held =
        Tensor::from_host(context, {int64_t(sizeof state)}, reinterpret_cast<const uint8_t*>(&state), "state");
    noisy_rows(context, y, x, items, held.as<StepState>(), config);
    return y.get();
  }
};

TEST_P(NoisyRowsOp, WithoutNoiseIsTheRowItself) {
  for (const int64_t width : {1, 2, 7, 256}) {
    const auto rows = uniform(5 * width, 1);
    const std::vector<int64_t> ids{4, 0, 0, 2};
    const auto y = look(rows, width, ids, 3, {.seed = 1});
    for (size_t b = 0; b < ids.size(); ++b)
      for (int64_t d = 0; d < width; ++d) EXPECT_EQ(y[b * width + d], rows[ids[b] * width + d]);
  }
}

// The equation, with the words written down: four for each pair of features.
TEST_P(NoisyRowsOp, EqualsTheEquation) {
  constexpr int64_t width = 5;
  const auto rows = uniform(3 * width, 2);
  const std::vector<int64_t> ids{2, 1};
  const RowNoise config{.seed = 7, .purpose = Purpose::strong_augment, .noise = 0.5f, .dropout = 0.25f};
  const auto y = look(rows, width, ids, 11, config);
  for (size_t b = 0; b < ids.size(); ++b)
    for (int64_t d = 0; d < width; ++d) {
      const Philox4 w =
          philox(7, uint32_t(Purpose::strong_augment), uint32_t(ids[b]), 11, uint32_t(d / 2), uint32_t(b));
      const uint32_t bits = w.v[d % 2];
      double sum = 0;
      for (int byte = 0; byte < 4; ++byte) sum += double(bits >> (8 * byte) & 255) - 127.5;
      const double e = sum / std::sqrt(4 * (256.0 * 256.0 - 1) / 12);
      const bool drop = uniform_from(w.v[2 + d % 2]) < 0.25f;
      const double expected = drop ? 0 : (double(rows[ids[b] * width + d]) + 0.5 * e) / 0.75;
      EXPECT_NEAR(y[b * width + d], expected, 1e-6) << b << " " << d;
    }
  EXPECT_EQ(look(rows, width, ids, 11, config), y);
  EXPECT_NE(look(rows, width, ids, 12, config), y);
}

TEST_P(NoisyRowsOp, HasTheMomentsItSays) {
  constexpr int64_t width = 1000;
  const std::vector<float> rows(width, 2.0f);
  const auto y = look(rows, width, std::vector<int64_t>(50, 0), 0, {.seed = 3, .noise = 1});
  double mean = 0, square = 0;
  for (const float v : y) mean += (v - 2.0) / double(y.size()), square += (v - 2.0) * (v - 2.0) / double(y.size());
  EXPECT_NEAR(mean, 0, 0.02);
  EXPECT_NEAR(square, 1, 0.03);
  const auto dropped = look(rows, width, std::vector<int64_t>(50, 0), 0, {.seed = 3, .dropout = 0.3f});
  double kept = 0;
  for (const float v : dropped) kept += v != 0;
  EXPECT_NEAR(kept / double(y.size()), 0.7, 0.01);
}

TEST_P(NoisyRowsOp, RefusesOtherShapes) {
  Guarded<float, 2> x(context, {2, 3}, uniform(6, 1), "x"), y(context, {2, 2}, uniform(4, 1), "y");
  Guarded<int64_t, 1> ids(context, {2}, {0, 1}, "ids");
  const Tensor state(context, {int64_t(sizeof(StepState))}, Dtype::u8, "state");
  EXPECT_THROW(noisy_rows(context, y, x, ids, state.as<StepState>(), RowNoise{}), Error);
  Guarded<float, 2> same(context, {2, 3}, uniform(6, 1), "same");
  EXPECT_THROW(noisy_rows(context, same, x, ids, state.as<StepState>(), RowNoise{.dropout = 1}), Error);
}

CRC_ON_EACH_DEVICE(NoisyRowsOp);

}  // namespace
}  // namespace crc::test
