// Calls that go on side by side from meeting to meeting, in one thread and in other processes: each has a stack of its
// own, and one after the other runs until it asks all of them for something (kernels/core/meeting.h). No call knows of
// it, so what a network does with its layers need not be turned inside out for layers that look at the whole batch. On
// CUDA what the calls give the device runs side by side too, each in a stream of its own, and may be captured.
#pragma once

#include <ucontext.h>

#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "kernels/core/context.h"
#include "kernels/core/meeting.h"
#include "kernels/core/ranks.h"

namespace crc::ssl {

class Lockstep : public Meeting {
 public:
  // `ranks`: the processes that have further calls, all as many; null: this one alone.
  explicit Lockstep(Ranks* ranks) : ranks_(ranks) {}

  // work(0, context), work(1, context.branch(1)), ..., `ways` of them, a power of two. What one of them throws ends all.
  void run(Context& context, int ways, const std::function<void(int, Context&)>& work);
  void merge(View<double, 1> values, Of what) override;

 private:
  class Stack;
  struct Call {
    std::shared_ptr<Stack> stack;
    ucontext_t at;
    bool ended = false;
    std::exception_ptr error = nullptr;
    View<double, 1> values = {};
    void* sanitizer = nullptr;
  };
  void run_here(Context& context, int ways, const std::function<void(int, Context&)>& work);
  static void begin();
  Context& context_of(int call) const { return call == 0 ? *context_ : context_->branch(call); }
  void resume(int call);
  void leave(bool for_good);
  void meet();
  void end_all();

  Ranks* ranks_;
  std::vector<Call> calls_;  // kept for their stacks
  int ways_ = 0, now_ = 0;
  Context* context_ = nullptr;
  const std::function<void(int, Context&)>* work_ = nullptr;
  Of what_ = Of::sums;
  bool ending_ = false;
  ucontext_t main_;
  const void* main_stack_ = nullptr;  // the sanitizer's knowledge of it
  size_t main_bytes_ = 0;
  void* main_sanitizer_ = nullptr;
};

}  // namespace crc::ssl
