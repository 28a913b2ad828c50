#include "kernels/core/arena.h"

#include <algorithm>
#include <string>

#include "kernels/core/take_for.h"

namespace crc {
namespace {
constexpr int64_t kAlignment = 256;          // what cudaMalloc guarantees, and enough for any vector load
constexpr int64_t kBlockBytes = 16ll << 20;  // small enough for tests, large enough to hold one op's scratch
}  // namespace

void* Arena::take_bytes(int64_t bytes, const char* name) {
  bytes = (std::max<int64_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  Top top = top_;
  while (top.block < blocks_.size() && top.used + bytes > blocks_[top.block].bytes) ++top.block, top.used = 0;
  if (top.block == blocks_.size()) {
    if (frozen_)
      fail_internal("the arena on " + to_string(source_.device) + " is frozen at " + std::to_string(reserved_bytes()) +
                    " bytes, but " + std::to_string(bytes) + " more are needed: a step allocates");
    take_for(name, [&] { add_block(std::max(bytes, kBlockBytes)); });
    top.used = 0;
  }
  void* data = static_cast<char*>(blocks_[top.block].data.get()) + top.used;
  if (trace_) trace_->taken(lane_, name, data, top.taken, bytes);
  top.used += bytes;
  top.taken += bytes;
  peak_ = std::max(peak_, top.taken);
  top_ = top;
  return data;
}

void Arena::add_block(int64_t bytes) {
  blocks_.reserve(blocks_.size() + 1);  // so that nothing can fail once the block is there
  blocks_.push_back({std::shared_ptr<void>(source_.allocate(bytes), source_.release), bytes});
}

void Arena::clear() {
  if (in_use()) fail_internal("the arena on " + to_string(source_.device) + " cannot be cleared: arrays are taken");
  blocks_.clear();
  top_ = {};
  peak_ = 0;
}

void Arena::consolidate() {
  const int64_t peak = peak_;
  if (blocks() == 1 && reserved_bytes() == peak) return;
  clear();
  if (peak > 0) take_for("scratch of a step", [&] { add_block(peak); });
  peak_ = peak;
}

std::vector<std::shared_ptr<void>> Arena::hold() const {
  std::vector<std::shared_ptr<void>> held;
  for (const Block& block : blocks_) held.push_back(block.data);
  return held;
}

int64_t Arena::reserved_bytes() const {
  int64_t total = 0;
  for (const Block& block : blocks_) total += block.bytes;
  return total;
}

}  // namespace crc
