#include "ssl/lockstep.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

#include "kernels/ops/across_ranks.h"
#include "kernels/ops/merge_parts.h"

// There where the program is linked with AddressSanitizer, which must know of every change of stack.
extern "C" __attribute__((weak)) void __sanitizer_start_switch_fiber(void** fake_stack, const void* bottom,
                                                                     size_t size);
extern "C" __attribute__((weak)) void __sanitizer_finish_switch_fiber(void* fake_stack, const void** bottom,
                                                                      size_t* size);

namespace crc::ssl {
namespace {

struct Ended {};  // thrown where a call waits, when another failed

}  // namespace

// Pages that are touched alone are memory; below them is one that must not be.
class Lockstep::Stack {
 public:
  static constexpr size_t kBytes = 8 << 20, kGuard = 64 << 10;
  Stack()
      : memory_(::mmap(nullptr, kBytes + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                       -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    ::mprotect(memory_, kGuard, PROT_NONE);
  }
  ~Stack() { ::munmap(memory_, kBytes + kGuard); }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  char* bottom() const { return static_cast<char*>(memory_) + kGuard; }

 private:
  void* memory_;
};

void Lockstep::begin() {
  Lockstep& all = static_cast<Lockstep&>(*current_);
  if (__sanitizer_finish_switch_fiber) __sanitizer_finish_switch_fiber(nullptr, &all.main_stack_, &all.main_bytes_);
  const int call = all.now_;
  try {
    (*all.work_)(call, all.context_of(call));
  } catch (const Ended&) {
  } catch (...) {
    all.calls_[size_t(call)].error = std::current_exception();
  }
  all.calls_[size_t(call)].ended = true;
  all.leave(true);
}

void Lockstep::resume(int call) {
  Call& it = calls_[size_t(call)];
  if (it.ended) return;
  now_ = call;
  if (__sanitizer_start_switch_fiber)
    __sanitizer_start_switch_fiber(&main_sanitizer_, it.stack->bottom(), Stack::kBytes);
  ::swapcontext(&main_, &it.at);
  if (__sanitizer_finish_switch_fiber) __sanitizer_finish_switch_fiber(main_sanitizer_, nullptr, nullptr);
}

void Lockstep::leave(bool for_good) {
  Call& it = calls_[size_t(now_)];
  if (__sanitizer_start_switch_fiber)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &it.sanitizer, main_stack_, main_bytes_);
  ::swapcontext(&it.at, &main_);
  if (__sanitizer_finish_switch_fiber) __sanitizer_finish_switch_fiber(it.sanitizer, &main_stack_, &main_bytes_);
}

void Lockstep::merge(View<double, 1> values, Of what) {
  calls_[size_t(now_)].values = values;
  what_ = what;
  leave(false);
  if (ending_) throw Ended();
}

// Everybody waits in merge(), and what they gave the device so far comes before what is given it here.
void Lockstep::meet() {
  const View<double, 1> all = calls_.front().values;
  for (int i = 0; i < ways_; ++i)
    if (calls_[size_t(i)].ended || calls_[size_t(i)].values.size() != all.size())
      fail_internal("parts of a batch that do not meet");
  Context& context = *context_;
  const auto tree = [&](int count, const auto& part) {  // into the first
    for (int step = 1; step < count; step *= 2)
      for (int i = 0; i < count; i += 2 * step) merge_parts(context, part(i), part(i + step), what_);
  };
  for (int i = 1; i < ways_; ++i) context.wait_for(context_of(i));
  tree(ways_, [this](int i) { return calls_[size_t(i)].values; });
  if (ranks_ && ranks_->size() > 1) {
    const Arena::Frame frame(context.scratch());
    const auto parts = context.scratch().take<double, 2>({ranks_->size(), all.size()}, "parts of processes");
    gather_ranks(context, parts.flat(), all, ranks_);
    tree(ranks_->size(), [&](int r) { return parts.slice(r, r + 1).flat(); });
    context.copy(all, parts.slice(0, 1).flat());
  }
  for (int i = 1; i < ways_; ++i) context.copy(calls_[size_t(i)].values, all);
  for (int i = 1; i < ways_; ++i) context_of(i).wait_for(context);
}

// Unwinds the stacks of all that still wait.
void Lockstep::end_all() {
  ending_ = true;
  for (int i = 0; i < ways_; ++i) resume(i);
  ending_ = false;
}

void Lockstep::run(Context& context, int ways, const std::function<void(int, Context&)>& work) {
  // The thread's device is this one all the while: scopes that a call has open where it waits then change nothing.
  context.visit([&](auto&) { run_here(context, ways, work); });
}

void Lockstep::run_here(Context& context, int ways, const std::function<void(int, Context&)>& work) {
  struct Current {
    explicit Current(Meeting*& here, Meeting* meeting) : here_(here), before_(std::exchange(here, meeting)) {}
    ~Current() { here_ = before_; }
    Meeting*& here_;
    Meeting* before_;
  } current(current_, this);
  context_ = &context;
  ways_ = ways;
  work_ = &work;
  for (int i = 1; i < ways; ++i) context_of(i).wait_for(context);
  if (int(calls_.size()) < ways) calls_.resize(size_t(ways));
  for (int i = 0; i < ways; ++i) {
    Call& call = calls_[size_t(i)];
    if (!call.stack) call.stack = std::make_shared<Stack>();
    call.ended = false, call.error = nullptr;
    ::getcontext(&call.at);
    call.at.uc_stack = {.ss_sp = call.stack->bottom(), .ss_flags = 0, .ss_size = Stack::kBytes};
    call.at.uc_link = nullptr;
    ::makecontext(&call.at, begin, 0);
  }
  for (;;) {
    for (int i = 0; i < ways; ++i) resume(i);
    const auto own = std::span(calls_).first(size_t(ways));
    const auto failed = std::ranges::find_if(own, [](const Call& call) { return call.error != nullptr; });
    std::exception_ptr error = failed != own.end() ? failed->error : nullptr;
    if (!error && std::ranges::all_of(own, &Call::ended)) break;
    try {
      if (!error) meet();
    } catch (...) {
      error = std::current_exception();
    }
    if (!error) continue;
    end_all();
    std::rethrow_exception(error);
  }
  for (int i = 1; i < ways; ++i) context.wait_for(context_of(i));
}

}  // namespace crc::ssl
