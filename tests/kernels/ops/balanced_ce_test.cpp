#include "kernels/ops/balanced_ce.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/ops/rows.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class BalancedCe : public OnDevice {};

const int64_t kBalancedShapes[][2] = {{0, 10}, {1, 1}, {1, 2}, {7, 10}, {31, 32}, {33, 33}, {131, 31}, {17, 100}};

TEST_P(BalancedCe, EqualsTheEquation) {
  for (const auto& [n, classes] : kBalancedShapes)
    for (const bool shifts : {false, true})
      for (const bool weighs : {false, true}) {
        const auto x = uniform(n * classes, 1, -3, 3);
        const auto shift = uniform(shifts ? classes : 0, 2, -4, 0), weight = uniform(weighs ? classes : 0, 3, 0, 5);
        std::vector<int32_t> y;
        for (int64_t i = 0; i < n; ++i) y.push_back(i % 5 == 3 ? -1 : int32_t(i * 7 % classes));
        const float scale = 1.0f / 64;
        Guarded<float, 2> dx(context, {n, classes}, uniform(n * classes, 4), "dx"), logits(context, {n, classes}, x);
        Guarded<float, 1> losses(context, {n}, uniform(n, 5), "losses");
        const Guarded<int32_t, 1> labels(context, {n}, y, "labels");
        const Guarded<float, 1> shifted(context, {int64_t(shift.size())}, shift, "shift"),
            weights(context, {int64_t(weight.size())}, weight, "weight");
        const auto run = [&](View<float, 2> into) {
          balanced_ce(context, into, losses.view(), logits.view(), labels.view(), shifted.view(), weights.view(),
                      scale);
        };
        run(dx.view());

        std::vector<double> el, ed;
        for (int64_t i = 0; i < n; ++i) {
          const auto loss = [&](Row row) {
            if (y[i] < 0) return 0.0;
            for (size_t c = 0; shifts && c < row.size(); ++c) row[c] += double(shift[c]);
            return (weighs ? double(weight[y[i]]) : 1.0) * cross_entropy_of(row, y[i]);
          };
          el.push_back(loss(row_of(x, i, classes)));
          append_gradient(ed, loss, row_of(x, i, classes), scale);
        }
        expect_close(losses.get(), el, Class::point, Dtype::f32, "losses");
        expect_close(dx.get(), ed, Class::point, Dtype::f32, "dx");

        const auto first = dx.get(), lost = losses.get();
        run(logits.view());
        expect_close(logits.get(), first, Class::exact, Dtype::f32, "in place");
        expect_close(losses.get(), lost, Class::exact, Dtype::f32, "losses in place");
      }
}

TEST_P(BalancedCe, WithoutEitherItIsSoftmaxCe) {
  const int64_t n = 33, classes = 10;
  const auto x = uniform(n * classes, 6, -3, 3);
  std::vector<int32_t> y;
  for (int64_t i = 0; i < n; ++i) y.push_back(int32_t(i % classes));
  const Guarded<float, 2> logits(context, {n, classes}, x);
  Guarded<float, 2> dx(context, {n, classes}, x), plain(context, {n, classes}, x);
  Guarded<float, 1> losses(context, {n}, uniform(n, 5)), plainly(context, {n}, uniform(n, 7));
  const Guarded<int32_t, 1> labels(context, {n}, y);
  const View<const float, 1> none{};
  balanced_ce(context, dx.view(), losses.view(), logits.view(), labels.view(), none, none, 0.125f);
  softmax_ce(context, plain.view(), plainly.view(), logits.view(), labels.view(), 0.125f);
  EXPECT_EQ(dx.get(), plain.get());
  EXPECT_EQ(losses.get(), plainly.get());
}

TEST_P(BalancedCe, ShowsALabelOfNoClassAndRefusesWrongShapes) {
  Guarded<float, 2> x(context, {1, 3}, uniform(3, 1));
  Guarded<float, 1> losses(context, {1}, {0});
  const Guarded<int32_t, 1> labels(context, {1}, {3});
  const Guarded<float, 1> shift(context, {2}, {0, 0}, "shift");
  const View<const float, 1> none{};
  balanced_ce(context, x.view(), losses.view(), x.view(), labels.view(), none, none, 1.0f);
  EXPECT_TRUE(std::isnan(losses.get()[0]) && std::isnan(x.get()[2]));
  try {
    balanced_ce(context, x.view(), losses.view(), x.view(), labels.view(), shift.view(), none, 1.0f);
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(), "balanced_ce: 'shift' has shape [2], expected [3]");
  }
}

CRC_ON_EACH_DEVICE(BalancedCe);

}  // namespace
}  // namespace crc::test
