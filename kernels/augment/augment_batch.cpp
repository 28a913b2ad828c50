#include "kernels/augment/augment_batch.h"

#include <omp.h>

#include <algorithm>

#include "kernels/augment/apply.h"
#include "kernels/augment/plan.h"
#include "kernels/cpu/for_each.h"

namespace crc::augment {
namespace {

// The first buffer; between the borders of a crop a row of it is one run of `raw`.
void first_image(const Plan& plan, const uint8_t* raw, int width, int height, Pixel* __restrict out) {
  const Window window = plan.window_last ? Window{} : plan.window;
  const int begin = std::clamp(-window.dx, 0, width), end = std::clamp(width - window.dx, begin, width);
  for (int v = 0; v < height; ++v, out += width) {
    for (int u = 0; u < begin; ++u) out[u] = first_pixel(plan, raw, width, height, u, v);
    for (int u = end; u < width; ++u) out[u] = first_pixel(plan, raw, width, height, u, v);
    int x = begin, y = v;
    if (begin == end || !window.source(x, y, width, height)) {
      std::fill(out + begin, out + end, Pixel{{0, 0, 0}, 255});
      continue;
    }
    const uint8_t* p = raw + (int64_t(y) * width + x) * 3;
    for (int u = begin; u < end; ++u, p += window.flip ? -3 : 3) out[u] = {{p[0], p[1], p[2]}, 255};
  }
}

// What is written is nobody else's, or the plan, of bytes and numbers, is read again for every pixel.
template <class T> void last_image(Plan plan, const NormalizeTable& table, const Image& image, T* __restrict out) {
  for (int v = 0; v < image.height; ++v)
    for (int u = 0; u < image.width; ++u) {
      const Pixel p = last_pixel(plan, image, u, v);
      for (int c = 0; c < 3; ++c) *out++ = T(table(plan, p, c));
    }
}

// front, back: room for an image each.
template <class T>
void augment_image(const Plan& plan, const NormalizeTable& table, const uint8_t* raw, int width, int height,
                   Pixel* front, Pixel* back, T* y) {
  first_image(plan, raw, width, height, front);
  for (int s = 0; s < plan.op_count; ++s) {
    apply(plan.ops[s], {front, width, height}, back);
    std::swap(front, back);
  }
  last_image(plan, table, {front, width, height}, y);
}

template <class T>
void augment(Cpu& cpu, View<T, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
             View<const StepState, 1> state, const AugmentConfig& config, View<const float, 2> rates) {
  check_augment(y, images, ids, state, config, rates);
  const int height = int(images.shape[1]), width = int(images.shape[2]);
  const int64_t bytes = int64_t(height) * width * 3;
  const Arena::Frame frame(cpu.scratch());
  const auto buffers = cpu.scratch().take<Pixel>({cpu.threads(), 2, height * width}, "images under augmentation");
  constexpr int64_t kGrain = 16;  // images per chunk: makes the table cheap and still shares out a batch
  for_chunks(cpu, ids.size(), kGrain, [&](int64_t, int64_t begin, int64_t end) {
    NormalizeTable table;
    for (int i = 0; i < 3 * NormalizeTable::kValues; ++i) table.fill(config.normalize, i);
    for (int64_t i = begin; i < end; ++i) {
      const Plan plan = draw_plan(config, ids[i], i, state[0].step, width, height, rates.data);
      augment_image(plan, table, images.data + ids[i] * bytes, width, height, &buffers(omp_get_thread_num(), 0, 0),
                    &buffers(omp_get_thread_num(), 1, 0), y.data + i * bytes);
    }
  });
}

}  // namespace

void augment_batch(Cpu& cpu, View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
                   View<const StepState, 1> state, AugmentConfig config, View<const float, 2> rates) {
  augment(cpu, y, images, ids, state, config, rates);
}
void augment_batch(Cpu& cpu, View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
                   View<const StepState, 1> state, AugmentConfig config, View<const float, 2> rates) {
  augment(cpu, y, images, ids, state, config, rates);
}
void augment_batch(Cpu& cpu, View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
                   View<const StepState, 1> state, AugmentConfig config) {
  augment(cpu, y, images, ids, state, config, {});
}
void augment_batch(Cpu& cpu, View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
                   View<const StepState, 1> state, AugmentConfig config) {
  augment(cpu, y, images, ids, state, config, {});
}

}  // namespace crc::augment
