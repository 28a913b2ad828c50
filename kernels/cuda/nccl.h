// NCCL: what crosses between processes with a GPU each, in the order of the stream and inside graphs. One primitive, the
// swap that processes without GPUs have too (kernels/core/ranks.h), so that sums are formed by our own kernels, in an
// order that does not depend on how many processes there are.
#pragma once

#include <span>

#include "kernels/cuda/cuda.h"

namespace crc {

// out[r] goes to process r, in[r] is filled by it: device memory; their sizes agree, and those of this process's own
// parts are 0. Error internal: join_ranks() was not called, or NCCL failed.
void nccl_swap(Cuda& cuda, std::span<const std::span<const char>> out, std::span<const std::span<char>> in);

}  // namespace crc
