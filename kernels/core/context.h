// Context: the device that ops run on, with its scratch memory. The first argument of every op.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/arena.h"
#include "kernels/core/backend.h"
#include "kernels/core/interrupt.h"

namespace crc {

class Context {
 public:
  static Context cpu(int threads = 0) { return Context(make_cpu(threads), nullptr); }
  static Context cuda(int index = 0);  // Error device_unavailable: no such device, or it cannot run this build
  // "cpu", "cuda", "cuda:1" or "auto": cuda where that works, else the CPU; choice() says which and why. "cuda" and
  // "auto" mean GPU number `gpu`. For training, its libraries are opened now. Error device_unavailable; config: no such
  // name.
  enum class For { training, selection };
  static Context from_name(const std::string& name, For use = For::training, int gpu = 0);
  static int gpus();                            // that this process sees; 0: none, no driver, or a CPU-only build
  static std::vector<std::string> gpu_names();  // each one's own in the world (UUID), in their order
  // Runs nothing and holds no memory: what is called with it is only noted (trace_into), so that work of any size and
  // precision can be planned anywhere. Its addresses are not memory. `fused`: as where the gate takes every fused way.
  static Context dry(bool fused = false);

  Device device() const { return device_; }
  Arena& scratch() const { return *scratch_; }
  Gate& gate();  // what chooses between ways to compute (kernels/core/gate.h); shared by branches and copies
  std::string describe() const;
  // What "auto" took, and for the CPU why; empty where the device was named.
  const std::string& choice() const { return choice_; }
  // For convolutions in bf16: tensor cores, or a CPU with AVX512-BF16.
  bool has_bf16() const;
  // Tensor cores for both: GPUs from sm_80 on.
  bool has_tf32_and_bf16() const { return device_.kind == DeviceKind::cuda && has_bf16(); }
  void synchronize();
  // See open_exchange(), join_ranks() and leave_ranks() in backend.h.
  void open_exchange();
  void join_ranks(Ranks& ranks);
  void leave_ranks();
  // See record() in backend.h: the first call of the result may already replay.
  std::function<void()> record(std::function<void()> work);

  // Zero-filled device memory that frees itself; it keeps the backend alive.
  std::shared_ptr<void> allocate(int64_t bytes, const std::string& name = "array");

  // From now on, notes everything in `trace`, until called with null.
  void trace_into(Trace* trace);
  // What an op of a trace that times ops took on the device when it last ran. Synchronise first; ops that ran side by
  // side count each in full.
  double seconds(const Trace::Op& op);

  // A context of the same device with scratch memory of its own and, on CUDA, a stream of its own. Made at the first
  // call, kept, and shared by copies of this context.
  Context& branch(int i);  // 1, 2, ...
  // What this is given from now on comes after what `other`, a branch of it or of what it branched from, was given so far.
  void wait_for(Context& other);
  // Calls work(0, *this), work(1, branch(1)), ... `ways` calls in all. On CUDA their work may run side by side: after
  // what this context was given before, and before what it is given next. None may write what another touches. On the
  // CPU they run one after another. Arrays that a branch takes stay until a frame of its scratch memory ends.
  void side_by_side(int ways, const std::function<void(int, Context&)>& work);
  // Of this context and its branches.
  void for_each_scratch(const std::function<void(Arena&)>& visit);

  // Calls f(Cpu&) or f(Cuda&).
  template <class F> decltype(auto) visit(F&& f) {
    if constexpr (kCudaBuild) {
      if (cuda_) {
        const DeviceScope here(*cuda_);
        return f(*cuda_);
      }
    }
    return f(*cpu_);
  }

  // Calls f(Cpu&) or f(Cuda&) as the op `name`, whose arguments are given to be noted.
  template <class F, class... Args> void run(const char* name, F&& f, const Args&... args) {
    Interruptible::check();
    const Trace::InOp noted = Trace::op(trace_, lane_, name, args...);
    if (dry_) return;
    mark(&Trace::Op::begin);
    visit(f);
    mark(&Trace::Op::end);
  }

  // What an op says that has just run: whether it has fused. Notes it; a dry context says what it is to assume.
  bool fused(bool said);

  // Array transfers between host memory and this device; complete on return.
  template <class T, int R> void copy_in(View<T, R> to, const T* host) {
    run(
        "copy in", [&](auto& b) { crc::copy_in(b, to.data, host, to.size() * int64_t(sizeof(T))); }, to);
  }
  template <class T, int R> void copy_out(std::remove_const_t<T>* host, View<T, R> from) {
    const View<const std::remove_const_t<T>, R> read = from;
    run(
        "copy out", [&](auto& b) { crc::copy_out(b, host, read.data, read.size() * int64_t(sizeof(T))); }, read);
  }
  template <class T, int R> void copy(View<T, R> to, std::type_identity_t<View<const T, R>> from) {
    run(
        "copy", [&](auto& b) { crc::copy_within(b, to.data, from.data, from.size() * int64_t(sizeof(T))); }, to, from);
  }
  template <class T, int R> void set_zero(View<T, R> v) {
    run(
        "set zero", [&](auto& b) { crc::set_zero(b, v.data, v.size() * int64_t(sizeof(T))); }, v);
  }

 private:
  struct Dry;
  using Branches = std::vector<std::unique_ptr<Context>>;
  void mark(std::shared_ptr<void> Trace::Op::*moment) {
    if (trace_ && trace_->times_ops) trace_->moment(moment, visit([](auto& b) { return mark_moment(b); }));
  }
  Context make_branch();
  Context(std::shared_ptr<Cpu> cpu, std::shared_ptr<Cuda> cuda);
  std::shared_ptr<Cpu> cpu_;
  std::shared_ptr<Cuda> cuda_;
  std::shared_ptr<Dry> dry_;
  Device device_;
  std::string choice_;
  Arena* scratch_;
  std::shared_ptr<Branches> branches_;
  Trace* trace_ = nullptr;
  int lane_ = 0;
};

}  // namespace crc
