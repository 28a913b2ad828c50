// Elementwise functions of whole arrays on the CPU; kernels/cuda/map.cuh is the same for CUDA.
#pragma once

#include "kernels/core/dtype.h"
#include "kernels/core/view.h"
#include "kernels/cpu/for_each.h"

namespace crc {

// out[i] = f(in[i]...) in fp32. An input may be the output's own array, but no other part of it.
template <class T, class F, class... In> void map(Cpu& cpu, View<T, 1> out, F f, View<const In, 1>... in) {
  constexpr int64_t kGrain = 8192;
  const auto run = [](int64_t begin, int64_t end, F f, T* out, const In*... in) {
#pragma omp simd
    for (int64_t i = begin; i < end; ++i) round_to(out[i], f(float(in[i])...));
  };
  for_chunks(cpu, out.size(), kGrain,
             [&](int64_t, int64_t begin, int64_t end) { run(begin, end, f, out.data, in.data...); });
}

}  // namespace crc
