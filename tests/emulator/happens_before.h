// CUDA's order of memory accesses, for the checker: what __syncthreads, __syncwarp, __threadfence and atomics order.
// Shuffles and votes order nothing. Times count the events of a launch; blocks run one after the other here, but that
// orders nothing either.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tests/emulator/clock.h"

namespace emulator {

constexpr int kManyWarps = -1;

struct Who {
  int block = -1, thread = 0;  // thread kManyWarps: several threads of several warps
  bool several = false;        // several threads of the same warp as `thread`
};

class HappensBefore {
 public:
  void begin_launch();
  void begin_block(int block);
  void set_thread(int thread) { thread_ = thread; }
  uint32_t now() const { return now_; }
  int block() const { return block_; }
  int thread() const { return thread_; }

  void block_barrier();
  void warp_barrier(int warp, unsigned lanes);
  void fence();
  void atomic(const void* address);

  // Is what `who` did at `time` visible to the current thread? A volatile access needs no fence of its own.
  bool ordered(const Who& who, uint32_t time, bool is_volatile) const;

 private:
  // An atomic that reads what another thread released makes that thread's past `pending`; a fence makes it `acquired`.
  struct Knowledge {
    Clock pending, acquired, released;
  };
  bool knows(const Clock& clock, const Who& who, uint32_t time) const;

  uint32_t now_ = 1, barrier_ = 0;
  int block_ = 0, thread_ = 0;
  // [warp][lane][other]: until when this lane knows what the other lane of its warp did.
  struct Warp {
    uint32_t known[32][32] = {};
  };
  std::unordered_map<int, Warp> warps_;           // that used __syncwarp
  std::unordered_map<int, Knowledge> knowledge_;  // of threads that used fences or atomics
  Knowledge of_block_;                            // what barriers made known to all threads of the block
  std::unordered_map<const void*, Clock> published_;
};

}  // namespace emulator
