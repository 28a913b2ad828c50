#include "kernels/core/arena.h"

#include <algorithm>
#include <string>

namespace crc {
namespace {
constexpr int64_t kAlignment = 256;          // what cudaMalloc guarantees, and enough for any vector load
constexpr int64_t kBlockBytes = 16ll << 20;  // small enough for tests, large enough to hold one op's scratch
}  // namespace

Arena::~Arena() {
  for (const Block& block : blocks_) source_.release(block.data);
}

void* Arena::take_bytes(int64_t bytes) {
  bytes = (std::max<int64_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].bytes) ++block_, used_ = 0;
  if (block_ == blocks_.size()) {
    if (frozen_)
      fail_internal("the arena on " + to_string(source_.device) + " is frozen at " + std::to_string(reserved_bytes()) +
                    " bytes, but " + std::to_string(bytes) + " more are needed: a step allocates");
    const int64_t block_bytes = std::max(bytes, kBlockBytes);
    blocks_.push_back({source_.allocate(block_bytes), block_bytes});
    used_ = 0;
  }
  void* data = static_cast<char*>(blocks_[block_].data) + used_;
  used_ += bytes;
  return data;
}

int64_t Arena::reserved_bytes() const {
  int64_t total = 0;
  for (const Block& block : blocks_) total += block.bytes;
  return total;
}

}  // namespace crc
