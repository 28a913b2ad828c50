// Trace: what a stretch of work does, in order: its ops with the arrays they are given, the scratch memory they live
// in, and the tensors made meanwhile. Context::trace_into() begins one; without it nothing is noted. With
// Context::dry() it is also a plan: of the memory and the ops of work that never ran.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/core/mode.h"
#include "kernels/core/view.h"

namespace crc {

class Trace {
 public:
  struct Tensor {
    std::string name;
    const void* data;
    int64_t bytes;
  };
  struct Scratch {
    std::string name;
    const void* data;
    int64_t offset, bytes;  // in the stack of its lane
    int lane;               // of the context whose scratch memory it is: 0, or a branch's
    int64_t begin, end;     // it is alive while ops [begin, end) run
    bool inside;            // taken by an op for itself
  };
  struct Array {
    std::string name;
    const void* data;
    int64_t bytes;
    bool written;     // the op may write it
    int64_t scratch;  // index of what it lies in, alive; -1: none
    std::vector<int64_t> shape;
  };
  struct Op {
    std::string name;
    int lane;
    std::vector<Array> arrays;
    int waits_for = -1;  // not an op: this lane waits for what that one was given so far
    bool eval = false;   // given Mode::eval
    bool fused = false;  // it said that it did what else another op would have done
    // Moments of the device's work, in a trace that times ops: Context::seconds().
    std::shared_ptr<void> begin = {}, end = {};
  };
  bool times_ops = false;  // set it before Context::trace_into; a graph recorded meanwhile needs the trace alive

  const std::vector<Op>& ops() const { return ops_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }
  const std::vector<Scratch>& scratch() const { return scratch_; }
  int64_t peak_bytes() const;  // the most scratch memory that was alive at once in each lane, summed

  // ---- for Context and Arena
  // Notes an op now, and its end when the returned object goes.
  class InOp {
   public:
    explicit InOp(Trace* trace) : trace_(trace) {}
    ~InOp() {
      if (trace_) trace_->inside_ = false;
    }
    InOp(const InOp&) = delete;
    InOp& operator=(const InOp&) = delete;

   private:
    Trace* trace_;
  };
  template <class... Args> static InOp op(Trace* trace, int lane, const char* name, const Args&... args) {
    if (trace) {
      trace->ops_.push_back({name, lane, {}});
      (trace->add(args), ...);
      trace->inside_ = true;
    }
    return InOp(trace);
  }
  void moment(std::shared_ptr<void> Op::*which, std::shared_ptr<void> moment) {
    ops_.back().*which = std::move(moment);
  }
  void fused() { ops_.back().fused = true; }
  void waits(int lane, int other) { ops_.push_back({"wait", lane, {}, other}); }
  void made(Tensor tensor) { tensors_.push_back(std::move(tensor)); }
  void taken(int lane, const char* name, const void* data, int64_t offset, int64_t bytes);
  void given_back(int lane, int64_t offset);  // all that lies there and above

 private:
  template <class T> void add(const T&) {}
  void add(const Mode& mode) { ops_.back().eval = mode == Mode::eval; }
  template <class T, int R> void add(const View<T, R>& v) {
    ops_.back().arrays.push_back({v.name,
                                  v.data,
                                  v.size() * int64_t(sizeof(T)),
                                  !std::is_const_v<T>,
                                  find(static_cast<const void*>(v.data)),
                                  {v.shape, v.shape + R}});
  }
  int64_t find(const void* data) const;

  std::vector<Op> ops_;
  std::vector<Tensor> tensors_;
  std::vector<Scratch> scratch_;
  std::vector<int64_t> alive_;  // of scratch_
  bool inside_ = false;
};

}  // namespace crc
