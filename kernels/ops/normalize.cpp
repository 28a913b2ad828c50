#include "kernels/ops/normalize.h"

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

template <class T>
void run(Cpu& cpu, View<T, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids, NormalizeConfig config) {
  check_normalize(y, images, ids);
  // Two divisions per element are what costs: there are only 256 pixels.
  T table[3][256];
  for (int c = 0; c < 3; ++c)
    for (int pixel = 0; pixel < 256; ++pixel) table[c][pixel] = T(config(uint8_t(pixel), c));
  const int64_t per_image = y.shape[1] * y.shape[2] * 3;
  for_chunks(cpu, y.shape[0], 1, [&](int64_t, int64_t b, int64_t) {
    const uint8_t* from = images.data + (ids.shape[0] > 0 ? ids[b] : b) * per_image;
    T* to = y.data + b * per_image;
    for (int64_t i = 0; i < per_image; i += 3)
      for (int c = 0; c < 3; ++c) to[i + c] = table[c][from[i + c]];
  });
}

}  // namespace

void normalize(Cpu& cpu, View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
               NormalizeConfig config) {
  run(cpu, y, images, ids, config);
}
void normalize(Cpu& cpu, View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
               NormalizeConfig config) {
  run(cpu, y, images, ids, config);
}

}  // namespace crc
