// What one CUDA thread knows of others through fences and atomics: a sparse vector clock.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

namespace emulator {

class Clock {
 public:
  bool empty() const { return blocks_.empty() && threads_.empty(); }
  void learn_block(int block, uint32_t time) { raise(blocks_[block], time); }
  void learn_thread(int block, int thread, uint32_t time) { raise(threads_[{block, thread}], time); }
  void join(const Clock& other) {
    for (const auto& [block, time] : other.blocks_) raise(blocks_[block], time);
    for (const auto& [thread, time] : other.threads_) raise(threads_[thread], time);
  }
  // Everything that any thread of the block did at `time`.
  bool knows_block(int block, uint32_t time) const {
    const auto found = blocks_.find(block);
    return found != blocks_.end() && found->second > time;
  }
  bool knows_thread(int block, int thread, uint32_t time) const {
    if (knows_block(block, time)) return true;
    const auto found = threads_.find({block, thread});
    return found != threads_.end() && found->second > time;
  }

 private:
  static void raise(uint32_t& known, uint32_t time) {
    if (time > known) known = time;
  }
  std::map<int, uint32_t> blocks_;
  std::map<std::pair<int, int>, uint32_t> threads_;
};

}  // namespace emulator
