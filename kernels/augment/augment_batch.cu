#include "kernels/augment/augment_batch.h"
#include "kernels/augment/plan.h"
#include "kernels/augment/stats.cuh"
#include "kernels/cuda/launch.cuh"

namespace crc::augment {
namespace {

// What a block keeps in shared memory, before its two images.
struct Workspace {
  Plan plan;
  Stats stats;
  NormalizeTable table;
};

template <class Op> __device__ void run(const PlannedOp& planned, const Image& image, Pixel* out, Stats& stats) {
  measure<Op::needs>(image, stats);
  const MixedOp<Op> op(planned, image, stats);
  for (int i = threadIdx.x; i < image.width * image.height; i += blockDim.x)
    out[i] = op(image, i % image.width, i / image.width);
}

__device__ void apply_op(const PlannedOp& planned, const Image& image, Pixel* out, Stats& stats) {
  switch (planned.op) {
#define CRC_AUGMENT_OP(name, Type)         \
  case OpId::name:                         \
    run<Type>(planned, image, out, stats); \
    break;
#include "kernels/augment/registry.def"
#undef CRC_AUGMENT_OP
  }
}

// One block per image.
template <class T>
__global__ void augment_kernel(T* y, const uint8_t* images, const int64_t* ids, const StepState* state,
                               AugmentConfig config, int width, int height, const float* rates) {
  CRC_DYNAMIC_SHARED(Workspace, shared);
  const int pixels = width * height, thread = threadIdx.x, threads = blockDim.x;
  Pixel* front = reinterpret_cast<Pixel*>(shared + 1);
  Pixel* back = front + pixels;
  const int64_t slot = blockIdx.x, id = ids[slot];
  if (thread == 0) shared->plan = draw_plan(config, id, slot, state->step, width, height, rates);
  for (int i = thread; i < 3 * NormalizeTable::kValues; i += threads) shared->table.fill(config.normalize, i);
  __syncthreads();

  const Plan& plan = shared->plan;
  const uint8_t* raw = images + id * pixels * 3;
  for (int i = thread; i < pixels; i += threads) front[i] = first_pixel(plan, raw, width, height, i % width, i / width);
  __syncthreads();
  for (int s = 0; s < plan.op_count; ++s) {
    apply_op(plan.ops[s], {front, width, height}, back, shared->stats);
    Pixel* const done = back;
    back = front, front = done;
    __syncthreads();
  }
  // By element, so that neighbouring threads write neighbouring addresses.
  for (int e = thread; e < 3 * pixels; e += threads) {
    const int i = e / 3;
    const Pixel p = last_pixel(plan, {front, width, height}, i % width, i / width);
    y[slot * pixels * 3 + e] = T(shared->table(plan, p, e % 3));
  }
}

template <class T>
void augment(Cuda& cuda, View<T, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
             View<const StepState, 1> state, const AugmentConfig& config, View<const float, 2> rates) {
  check_augment(y, images, ids, state, config, rates);
  const int height = int(images.shape[1]), width = int(images.shape[2]);
  constexpr int kThreads = 256;  // 4 pixels per thread at 32x32; registers leave room for few blocks of more
  const size_t shared = sizeof(Workspace) + 2 * size_t(width) * height * sizeof(Pixel);
  launch(cuda, "augment_batch", augment_kernel<T>,
         {.blocks = dim3(unsigned(ids.size())), .threads = dim3(kThreads), .shared_bytes = shared}, y.data, images.data,
         ids.data, state.data, config, width, height, rates.data);
}

}  // namespace

void augment_batch(Cuda& cuda, View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
                   View<const StepState, 1> state, AugmentConfig config, View<const float, 2> rates) {
  augment(cuda, y, images, ids, state, config, rates);
}
void augment_batch(Cuda& cuda, View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
                   View<const StepState, 1> state, AugmentConfig config, View<const float, 2> rates) {
  augment(cuda, y, images, ids, state, config, rates);
}
void augment_batch(Cuda& cuda, View<float, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
                   View<const StepState, 1> state, AugmentConfig config) {
  augment(cuda, y, images, ids, state, config, {});
}
void augment_batch(Cuda& cuda, View<bf16, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
                   View<const StepState, 1> state, AugmentConfig config) {
  augment(cuda, y, images, ids, state, config, {});
}

}  // namespace crc::augment
