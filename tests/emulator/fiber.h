// A CUDA thread's own stack, and the switch between it and the scheduler's.
#pragma once

#include <cstddef>

namespace emulator {

class Fiber {
 public:
  void start(void (*entry)());  // `entry` runs at the first resume(); it ends with finish() and never returns
  void resume();                // called by the scheduler: until the fiber suspends or finishes
  void suspend();               // called by the fiber
  [[noreturn]] void finish();
  bool started() const { return stack_ != nullptr; }
  const char* stack_begin() const { return stack_; }
  const char* stack_end() const { return stack_ + kStackBytes; }
  // Is this address in the guard page below some fiber's stack?
  static bool is_overflow(const void* address);

 private:
  static constexpr size_t kStackBytes = 256 << 10, kGuardBytes = 4096;
  static char* take_stack();
  static void entry_point();
  void leave(bool for_good);

  void* context_ = nullptr;     // of the fiber, while it is suspended
  void* fake_stack_ = nullptr;  // AddressSanitizer's
  char* stack_ = nullptr;
  void (*entry_)() = nullptr;
};

}  // namespace emulator
