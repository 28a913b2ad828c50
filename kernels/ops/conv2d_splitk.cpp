#include "kernels/ops/conv2d_splitk.h"

#include <cmath>

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

// sums [K,R,R,C] over the positions [begin, end).
void sum_chunk(const ConvProblem& c, const float* dy, const float* x, int64_t begin, int64_t end, float* sums) {
  std::fill_n(sums, c.w_size(), 0.0f);
  for (int64_t position = begin; position < end; ++position) {
    const int64_t q = position % c.q(), p = position / c.q() % c.p(), n = position / c.q() / c.p();
    for (int64_t k = 0; k < c.k; ++k)
      for (int64_t r = 0; r < c.r; ++r)
        for (int64_t s = 0; s < c.r; ++s) {
          const int64_t row = p * c.stride + r - c.pad, column = q * c.stride + s - c.pad;
          if (row < 0 || row >= c.h || column < 0 || column >= c.w) continue;  // a zero would change nothing
          const float *from = x + ((n * c.h + row) * c.w + column) * c.c, gradient = dy[position * c.k + k];
          float* to = sums + ((k * c.r + r) * c.r + s) * c.c;
          for (int64_t i = 0; i < c.c; ++i) to[i] = fmaf(gradient, from[i], to[i]);
        }
  }
}

}  // namespace

void conv2d_weight_gradient_splitk(Cpu& cpu, View<float, 4> dw, View<const float, 4> dy, View<const float, 4> x,
                                   Conv2dConfig config) {
  const ConvProblem problem = conv_problem<float>("conv2d_weight_gradient_splitk", x, dw, dy, config);
  if (problem.n == 0) return;
  const SplitK split = split_k(problem);
  const int64_t positions = problem.terms(ConvPass::backward_weights);
  const Arena::Frame frame(cpu.scratch());
  const auto parts = cpu.scratch().take<float>({split.chunks, dw.size()}, "chunks of the weight gradient");
  for_chunks(cpu, split.chunks, 1, [&](int64_t chunk, int64_t, int64_t) {
    sum_chunk(problem, dy.data, x.data, chunk * split.length, std::min(positions, (chunk + 1) * split.length),
              &parts(chunk, 0));
  });
  const ChunkSums sums{parts.data, split.chunks, dw.size()};
  for_each(cpu, dw.size(), [&](int64_t i) {
    double total = 0;
    for (int lane = 0; lane < kChunkLanes; ++lane) total += sums.lane(i, lane);
    dw.data[i] += float(total);
  });
}

}  // namespace crc
