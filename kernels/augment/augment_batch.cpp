#include "kernels/augment/augment_batch.h"

#include <omp.h>

#include "kernels/augment/apply.h"
#include "kernels/augment/plan.h"
#include "kernels/cpu/for_each.h"

namespace crc::augment {
namespace {

// front, back: room for an image each.
template <class T>
void augment_image(Plan plan, const NormalizeTable& table, const uint8_t* raw, int width, int height, Pixel* front,
                   Pixel* back, T* y) {
  for (int v = 0; v < height; ++v)
    for (int u = 0; u < width; ++u) front[v * width + u] = first_pixel(plan, raw, width, height, u, v);
  for (int s = 0; s < plan.op_count; ++s) {
    apply(plan.ops[s], {front, width, height}, back);
    std::swap(front, back);
  }
  for (int v = 0; v < height; ++v)
    for (int u = 0; u < width; ++u) {
      const Pixel p = last_pixel(plan, {front, width, height}, u, v);
      for (int c = 0; c < 3; ++c) *y++ = T(table(plan, p, c));
    }
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
