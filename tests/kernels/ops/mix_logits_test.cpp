#include "kernels/ops/mix_logits.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class MixLogits : public OnDevice {};

TEST_P(MixLogits, OneNumberForEachElementAndStep) {
  for (const int64_t rows : {0, 1, 67}) {
    const int64_t classes = 10, n = rows * classes;
    const auto a = uniform(n, 1), b = uniform(n, 2), d = uniform(n, 3);
    const Guarded<float, 2> joint(context, {rows, classes}, a), alone(context, {rows, classes}, b);
    const Guarded<float, 2> dmixed(context, {rows, classes}, d);
    Guarded<float, 2> mixed(context, {rows, classes}, uniform(n, 4)), djoint(context, {rows, classes}, uniform(n, 5)),
        dalone(context, {rows, classes}, uniform(n, 6));
    const StateOnDevice state(context, at_step(12));
    mix_logits(context, mixed.view(), joint.view(), alone.view(), state.view(), 9u);
    split_gradient(context, djoint.view(), dalone.view(), dmixed.view(), state.view(), 9u);
    std::vector<double> em, ej, ea;
    double least = 1, most = 0;
    for (int64_t i = 0; i < n; ++i) {
      const Philox4 block = philox(9, uint32_t(Purpose::interpolation), uint32_t(i), 12, 0, 0);
      const double r = double(block.v[0] >> 8) / double(1 << 24);
      least = std::min(least, r);
      most = std::max(most, r);
      em.push_back(r * a[size_t(i)] + (1 - r) * b[size_t(i)]);
      ej.push_back(r * d[size_t(i)]);
      ea.push_back((1 - r) * d[size_t(i)]);
    }
    if (rows == 67) {
      EXPECT_LT(least, 0.02);
      EXPECT_GT(most, 0.98);
    }
    expect_close(mixed.get(), em, Class::point, Dtype::f32, "mixed");
    expect_close(djoint.get(), ej, Class::point, Dtype::f32, "djoint");
    expect_close(dalone.get(), ea, Class::point, Dtype::f32, "dalone");
  }
}

CRC_ON_EACH_DEVICE(MixLogits);

}  // namespace
}  // namespace crc::test
