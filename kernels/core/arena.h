// Arena: a stack of scratch memory on one device. Ops and layers take from it and give back by frame, so that after the
// first step of a loop nothing is allocated any more; freeze() turns growth into an error that says so.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "kernels/core/trace.h"
#include "kernels/core/view.h"

namespace crc {

class Arena {
 public:
  // allocate/release work on whole blocks of the device's memory.
  struct Source {
    std::function<void*(int64_t)> allocate;
    std::function<void(void*)> release;
    Device device;
  };
  explicit Arena(Source source) : source_(std::move(source)) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Where the stack ends.
  struct Top {
    size_t block = 0;   // the block in use
    int64_t used = 0;   // bytes of it
    int64_t taken = 0;  // bytes of all arrays
  };
  // Gives back, at the end of its scope, everything taken since its creation.
  class Frame {
   public:
    explicit Frame(Arena& arena) : arena_(arena), top_(arena.top_) {}
    ~Frame() { arena_.give_back(top_); }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    Arena& arena_;
    Top top_;
  };

  // What is taken within its scope does not count for peak_bytes(): tries of what may not be used.
  class Unmeasured {
   public:
    explicit Unmeasured(Arena& arena) : arena_(arena), peak_(arena.peak_) {}
    ~Unmeasured() { arena_.peak_ = peak_; }
    Unmeasured(const Unmeasured&) = delete;
    Unmeasured& operator=(const Unmeasured&) = delete;

   private:
    Arena& arena_;
    int64_t peak_;
  };

  // An uninitialised array, 256-byte aligned, valid until the enclosing frame ends.
  template <class T, int R> View<T, R> take(const int64_t (&shape)[R], const char* name) {
    View<T, R> v{nullptr, {}, source_.device, name};
    for (int d = 0; d < R; ++d) v.shape[d] = shape[d];
    v.data = static_cast<T*>(take_bytes(v.size() * int64_t(sizeof(T)), name));
    return v;
  }
  void* take_bytes(int64_t bytes, const char* name = "workspace");

  void freeze() { frozen_ = true; }  // from now on, growing is an internal error
  void thaw() { frozen_ = false; }

  // Both need an arena from which nothing is taken. clear() gives its memory back to the device; consolidate() takes it
  // again as one block of peak_bytes(): what grew block by block has gaps.
  void clear();
  void consolidate();
  // Memory that somebody keeps addresses of (a captured graph) stays while the result lives, also after clear().
  std::vector<std::shared_ptr<void>> hold() const;

  int64_t reserved_bytes() const;               // what the arena holds of the device's memory
  int64_t peak_bytes() const { return peak_; }  // the most that was taken at once since the last clear()
  bool in_use() const { return top_.taken > 0; }
  int64_t blocks() const { return int64_t(blocks_.size()); }

  void trace_into(Trace* trace, int lane) { trace_ = trace, lane_ = lane; }

 private:
  struct Block {
    std::shared_ptr<void> data;
    int64_t bytes;
  };
  void add_block(int64_t bytes);
  void give_back(const Top& top) {
    if (trace_ && top.taken < top_.taken) trace_->given_back(lane_, top.taken);
    top_ = top;
  }

  Source source_;
  std::vector<Block> blocks_;
  Top top_;
  int64_t peak_ = 0;
  bool frozen_ = false;
  Trace* trace_ = nullptr;
  int lane_ = 0;
};

}  // namespace crc
