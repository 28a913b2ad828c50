#include "kernels/ops/pool.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

class Pool : public OnDevice {
 protected:
  template <class T> void expect_mean_and_gradient(int64_t n, int64_t h, int64_t w, int64_t c) {
    SCOPED_TRACE(::testing::Message() << n << "," << h << "," << w << "," << c);
    const int64_t size = n * h * w * c, pixels = h * w;
    const auto x0 = cast<T>(uniform(size, 1, -1, 3));
    const auto dy0 = uniform(n * c, 2);
    Guarded<T, 4> x(context, {n, h, w, c}, x0, "x"), dx(context, {n, h, w, c}, x0, "dx");
    Guarded<float, 2> y(context, {n, c}, dy0, "y"), dy(context, {n, c}, dy0, "dy");
    global_avg_pool(context, y.view(), x.view());
    global_avg_pool_backward(context, dx.view(), dy.view());

    std::vector<double> mean(n * c), gradient(size);
    for (int64_t i = 0; i < size; ++i) {
      const int64_t feature = i / (pixels * c) * c + i % c;
      mean[feature] += double(float(x0[i])) / double(pixels);
      gradient[i] = double(dy0[feature]) / double(pixels);
    }
    std::vector<float> actual;
    for (T v : dx.get()) actual.push_back(float(v));
    expect_close(y.get(), mean, Class::reduce, Dtype::f32, "y");
    expect_close(actual, gradient, Class::reduce, DtypeOf<T>::value, "dx");
    const auto once = y.get();
    global_avg_pool(context, y.view(), x.view());
    EXPECT_EQ(y.get(), once);
  }
  template <class T> void on_awkward_shapes() {
    expect_mean_and_gradient<T>(0, 3, 3, 8);
    expect_mean_and_gradient<T>(1, 1, 1, 1);
    expect_mean_and_gradient<T>(3, 5, 7, 13);
    expect_mean_and_gradient<T>(2, 8, 8, 128);
    expect_mean_and_gradient<T>(5, 3, 2, 20);
    expect_mean_and_gradient<T>(1, 64, 33, 8);
  }
};

TEST_P(Pool, IsTheMean) { on_awkward_shapes<float>(); }

TEST_P(Pool, IsTheMeanOfBf16) { on_awkward_shapes<bf16>(); }

TEST_P(Pool, NamesTheViewOfTheWrongShape) {
  Guarded<float, 4> x(context, {2, 3, 3, 4}, uniform(72, 1), "x");
  Guarded<float, 2> y(context, {2, 5}, uniform(10, 1), "y");
  EXPECT_THROW(global_avg_pool(context, y.view(), x.view()), Error);
  EXPECT_THROW(global_avg_pool_backward(context, x.view(), y.view()), Error);
}

CRC_ON_EACH_DEVICE(Pool);

}  // namespace
}  // namespace crc::test
