#include "kernels/augment/augment_batch.h"
#include "kernels/augment/plan.h"
#include "kernels/augment/stats.cuh"
#include "kernels/cuda/launch.cuh"

namespace crc::augment {
namespace {

// What a block keeps in shared memory, before its two images if they fit there.
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

// Image `slot` of the batch, by one block. front, back: room for an image each.
template <class T>
__device__ void augment_image(T* y, const uint8_t* images, const int64_t* ids, int64_t slot, const StepState* state,
                              const AugmentConfig& config, int width, int height, const float* rates, Workspace* shared,
                              Pixel* front, Pixel* back) {
  const int pixels = width * height, thread = threadIdx.x, threads = blockDim.x;
  const int64_t id = ids[slot];
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

// A block for each image of the batch, both copies in shared memory.
template <class T>
__global__ void augment_kernel(T* y, const uint8_t* images, const int64_t* ids, const StepState* state,
                               AugmentConfig config, int width, int height, const float* rates) {
  CRC_DYNAMIC_SHARED(Workspace, shared);
  Pixel* front = reinterpret_cast<Pixel*>(shared + 1);
  augment_image(y, images, ids, blockIdx.x, state, config, width, height, rates, shared, front, front + width * height);
}

// Large images: blocks take them in turn, each with its two copies in `copies` [blocks,2,height,width].
template <class T>
__global__ void augment_large_kernel(T* y, const uint8_t* images, const int64_t* ids, int64_t count,
                                     const StepState* state, AugmentConfig config, int width, int height,
                                     const float* rates, Pixel* copies) {
  CRC_DYNAMIC_SHARED(Workspace, shared);
  Pixel* front = copies + 2 * int64_t(blockIdx.x) * width * height;
  for (int64_t slot = blockIdx.x; slot < count; slot += gridDim.x) {
    augment_image(y, images, ids, slot, state, config, width, height, rates, shared, front, front + width * height);
    __syncthreads();
  }
}

template <class T>
void augment(Cuda& cuda, View<T, 4> y, View<const uint8_t, 4> images, View<const int64_t, 1> ids,
             View<const StepState, 1> state, const AugmentConfig& config, View<const float, 2> rates) {
  check_augment(y, images, ids, state, config, rates);
  const int height = int(images.shape[1]), width = int(images.shape[2]);
  constexpr int kThreads = 256;  // 4 pixels per thread at 32x32; registers leave room for few blocks of more
  const int64_t pixels = int64_t(width) * height, count = ids.size();
  if (pixels <= kMostSharedPixels) {
    const size_t shared = sizeof(Workspace) + 2 * size_t(pixels) * sizeof(Pixel);
    launch(cuda, "augment_batch", augment_kernel<T>,
           {.blocks = dim3(unsigned(count)), .threads = dim3(kThreads), .shared_bytes = shared}, y.data, images.data,
           ids.data, state.data, config, width, height, rates.data);
  } else {
    constexpr int64_t kCopies = 256 << 20;  // bytes; 128 images of 512x512 at once
    const int64_t blocks = std::min({count, kCopies / (2 * pixels * int64_t(sizeof(Pixel))),
                                     resident_blocks(cuda, augment_large_kernel<T>, kThreads)});
    const Arena::Frame frame(cuda.scratch());
    const auto copies = cuda.scratch().take<Pixel>({blocks, 2, pixels}, "images under augmentation");
    launch(cuda, "augment_batch", augment_large_kernel<T>,
           {.blocks = dim3(unsigned(blocks)), .threads = dim3(kThreads), .shared_bytes = sizeof(Workspace)}, y.data,
           images.data, ids.data, count, state.data, config, width, height, rates.data, copies.data);
  }
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
