// Elementwise functions of whole arrays on the GPU; kernels/cpu/map.h is the same for the CPU.
#pragma once

#include "kernels/core/view.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/pack.cuh"

namespace crc {

template <int kWidth, class F, class... In>
__device__ __forceinline__ Pack<kWidth> map_pack(const F& f, const In&... in) {
  Pack<kWidth> out;
  for (int k = 0; k < kWidth; ++k) out.value[k] = f(in.value[k]...);
  return out;
}

// Of size elements; the grid covers the packs, and the last few elements go one by one.
template <int kWidth, class T, class F, class... In>
__global__ void map_kernel(int64_t size, F f, T* out, const In*... in) {
  const int64_t packs = size / kWidth, stride = int64_t(gridDim.x) * blockDim.x;
  const int64_t thread = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
  for (int64_t i = thread; i < packs; i += stride)
    store(out + i * kWidth, map_pack<kWidth>(f, load<kWidth>(in + i * kWidth)...));
  for (int64_t i = packs * kWidth + thread; i < size; i += stride) store(out + i, map_pack<1>(f, load<1>(in + i)...));
}

// out[i] = f(in[i]...) in fp32. An input may be the output's own array, but no other part of it.
template <class T, class F, class... In>
void map(Cuda& cuda, const char* name, View<T, 1> out, F f, View<const In, 1>... in) {
  constexpr int kThreads = 256;  // full occupancy for kernels this light
  const auto run = [&](auto kernel, int64_t width) {
    const int64_t work = (out.size() + width - 1) / width;
    const int64_t blocks = std::min((work + kThreads - 1) / kThreads, resident_blocks(cuda, kernel, kThreads));
    launch(cuda, name, kernel, {.blocks = dim3(unsigned(blocks)), .threads = dim3(kThreads)}, out.size(), f, out.data,
           in.data...);
  };
  if (aligned_for_packs(out.data, in.data...))
    run(map_kernel<kPackWidth<T>, T, F, In...>, kPackWidth<T>);
  else
    run(map_kernel<1, T, F, In...>, 1);
}

}  // namespace crc
