// Parallel loops on the CPU. Chunks are fixed by the problem, never by the number of threads, so results are the same
// bits for any thread count.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

#include "kernels/core/interrupt.h"
#include "kernels/cpu/cpu.h"

namespace crc {

// An exception that leaves a parallel region ends the program. This keeps the first one of a loop, so that it can be
// thrown after the region, and skips the calls that come later.
class FirstError {
 public:
  template <class F> void keep(F&& f) noexcept {
    if (failed_.load(std::memory_order_relaxed)) return;
    try {
      f();
    } catch (...) {
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::atomic<bool> failed_ = false;
  std::exception_ptr error_;
};

// f(chunk, begin, end) over [0, n) in chunks of `grain`; chunks may run in any order and on any thread. Throws the
// first exception of `f`, of whichever thread.
template <class F> void for_chunks(Cpu& cpu, int64_t n, int64_t grain, F&& f) {
  const int64_t chunks = (n + grain - 1) / grain;
  FirstError error;
#pragma omp parallel for schedule(static) num_threads(cpu.threads()) if (chunks > 1)
  for (int64_t c = 0; c < chunks; ++c)
    error.keep([&] {
      Interruptible::check();  // on the thread that began the loop, which takes part in it
      f(c, c * grain, std::min(n, (c + 1) * grain));
    });
  error.rethrow();
}

// f(task) of [0, n) for tasks of unequal weight: whichever thread is free takes the next.
template <class F> void for_tasks(Cpu& cpu, int64_t n, F&& f) {
  FirstError error;
#pragma omp parallel for schedule(dynamic) num_threads(cpu.threads()) if (n > 1)
  for (int64_t task = 0; task < n; ++task)
    error.keep([&] {
      Interruptible::check();
      f(task);
    });
  error.rethrow();
}

// f(i) for i in [0, n): the CPU's way to run a CRC_HD functor.
template <class F> void for_each(Cpu& cpu, int64_t n, const F& f) {
  constexpr int64_t kGrain = 4096;  // large enough to hide the loop's overhead, small enough to share out a batch
  for_chunks(cpu, n, kGrain, [&](int64_t, int64_t begin, int64_t end) {
    const F local = f;  // a copy the compiler can keep in registers
    for (int64_t i = begin; i < end; ++i) local(i);
  });
}

}  // namespace crc
