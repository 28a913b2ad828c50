#include "kernels/ops/normalize.h"

#include "tests/kernels/arrays.h"
#include "tests/kernels/device.h"
#include "tests/kernels/tolerance.h"

namespace crc::test {
namespace {

constexpr NormalizeConfig kCifar{{0.4914f, 0.4822f, 0.4465f}, {0.2471f, 0.2435f, 0.2616f}};

class Normalize : public OnDevice {
 protected:
  template <class T> void expect_equation(int64_t n, int64_t h, int64_t w, const std::vector<int64_t>& ids0) {
    const int64_t per_image = h * w * 3, batch = ids0.empty() ? n : int64_t(ids0.size());
    std::vector<uint8_t> images0(n * per_image);
    for (int64_t i = 0; i < n * per_image; ++i) images0[i] = uint8_t(i * 37 + i / 256);
    Guarded<uint8_t, 4> images(context, {n, h, w, 3}, images0, "images");
    Guarded<int64_t, 1> ids(context, {int64_t(ids0.size())}, ids0, "ids");
    Guarded<T, 4> y(context, {batch, h, w, 3}, std::vector<T>(batch * per_image, T(9.0f)), "y");
    normalize(context, y.view(), images.view(), ids.view(), kCifar);

    std::vector<double> expected(batch * per_image);
    for (int64_t i = 0; i < batch * per_image; ++i) {
      const int64_t b = i / per_image, image = ids0.empty() ? b : ids0[b];
      expected[i] = (images0[image * per_image + i % per_image] / 255.0 - kCifar.mean[i % 3]) / kCifar.std[i % 3];
    }
    std::vector<float> actual;
    for (T v : y.get()) actual.push_back(float(v));
    expect_close(actual, expected, Class::point, DtypeOf<T>::value, "y");
  }
  template <class T> void expect_equation() {
    expect_equation<T>(0, 4, 4, {});
    expect_equation<T>(1, 1, 1, {});
    expect_equation<T>(5, 7, 11, {});
    expect_equation<T>(5, 7, 11, {4, 0, 0, 3, 2, 4, 1});
    expect_equation<T>(3, 32, 32, {2});
  }
};

TEST_P(Normalize, EqualsTheEquation) { expect_equation<float>(); }

TEST_P(Normalize, EqualsTheEquationInBf16) { expect_equation<bf16>(); }

// torchvision's ToTensor and Normalize: an fp32 division, subtraction and division, each rounded.
TEST_P(Normalize, RoundsAsPyTorchDoes) {
  std::vector<uint8_t> images0(256 * 3);
  for (int i = 0; i < 256 * 3; ++i) images0[i] = uint8_t(i / 3);
  Guarded<uint8_t, 4> images(context, {1, 16, 16, 3}, images0, "images");
  Guarded<float, 4> y(context, {1, 16, 16, 3}, std::vector<float>(256 * 3), "y");
  normalize(context, y.view(), images.view(), View<const int64_t, 1>{}, kCifar);
  const auto actual = y.get();
  for (int i = 0; i < 256 * 3; ++i) {
    const volatile float unit = float(images0[i]) / 255.0f, centered = unit - kCifar.mean[i % 3];
    EXPECT_EQ(actual[i], centered / kCifar.std[i % 3]) << i;
  }
}

TEST_P(Normalize, NamesTheViewOfTheWrongShape) {
  Guarded<uint8_t, 4> images(context, {2, 4, 4, 3}, std::vector<uint8_t>(96), "images");
  Guarded<float, 4> y(context, {3, 4, 4, 3}, std::vector<float>(144), "y");
  EXPECT_THROW(normalize(context, y.view(), images.view(), View<const int64_t, 1>{}, kCifar), Error);
}

CRC_ON_EACH_DEVICE(Normalize);

}  // namespace
}  // namespace crc::test
