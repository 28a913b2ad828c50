// The weight gradient of conv2d (conv2d.h) in fp32 by a kernel of this project: many blocks, and one order of summation.
//   dw[k,r,s,c] += sum_{n,p,q} dy[n,p,q,k] * x[n, p*stride + r - pad, q*stride + s - pad, c]
// x [N,H,W,C]  dy [N,P,Q,K]  dw [K,R,R,C].
// The positions (n,p,q) are cut into chunks by the shape alone (split_k). A chunk's sum is one chain of fused
// multiply-adds over its positions in order; the chunks' sums are added in fp64, in kChunkLanes chains over chunk mod
// kChunkLanes that are joined in order, and rounded once. So the bits are the same on every device, for any number of
// blocks and threads; there is nothing atomic.
// Why: cuDNN splits this sum only by atomics or with tf32. In strict fp32 it leaves all positions to a few blocks.
// Scratch: chunks x w_size floats. Class: library with the length of a chunk. No aliasing. Errors: internal for shapes
// that do not fit. conv2d_backward_weights takes it on a GPU where it wins at the gate (kernels/core/gate.h).
#pragma once

#include "kernels/ops/conv2d.h"

namespace crc {

CRC_OP(void, conv2d_weight_gradient_splitk,
       (View<float, 4> dw, View<const float, 4> dy, View<const float, 4> x, Conv2dConfig config))

// A block of the GPU sums a tile of dw over a chunk: rows are k, columns (r,s,c).
inline constexpr int kSplitColumns = 96;  // 3 x 3 x 32, 16 and 64 channels fill most of their tiles
inline constexpr int kSplitDepth = 16;    // positions between two barriers
inline int64_t split_rows(const ConvProblem& p) { return p.k <= 16 ? 16 : p.k <= 32 ? 32 : 64; }

struct SplitK {
  int64_t row_tiles, column_tiles;  // of dw
  int64_t chunks, length;           // chunks of `length` positions each, but for the last
  int64_t blocks() const { return row_tiles * column_tiles * chunks; }
};

inline SplitK split_k(const ConvProblem& p) {
  constexpr int64_t kBlocks = 2048;  // several rounds of blocks on the largest GPU, so that the last one costs little
  constexpr int64_t kLeast = 256;    // positions: of fewer, adding up a chunk's tile costs as much as the tile
  const auto parts = [](int64_t n, int64_t size) { return (n + size - 1) / size; };
  const int64_t positions = p.n * p.p() * p.q();
  const int64_t rows = parts(p.k, split_rows(p)), columns = parts(p.r * p.r * p.c, kSplitColumns);
  const int64_t chunks =
      std::clamp<int64_t>(kBlocks / (rows * columns), 1, std::max<int64_t>(1, parts(positions, kLeast)));
  const int64_t length = parts(parts(positions, chunks), kSplitDepth) * kSplitDepth;
  return {rows, columns, length == 0 ? 0 : parts(positions, length), length};
}

// Adds up what the chunks left in parts [chunks, outputs].
inline constexpr int kChunkLanes = 8;
struct ChunkSums {
  const float* parts;
  int64_t chunks, outputs;
  CRC_HD double lane(int64_t output, int lane) const {
    double sum = 0;
    for (int64_t chunk = lane; chunk < chunks; chunk += kChunkLanes) sum += double(parts[chunk * outputs + output]);
    return sum;
  }
};

}  // namespace crc
