// Arena: a stack of scratch memory on one device. Ops and layers take from it and give back by frame, so that after the
// first step of a loop nothing is allocated any more; freeze() turns growth into an error that says so.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <vector>

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
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Gives back, at the end of its scope, everything taken since its creation.
  class Frame {
   public:
    explicit Frame(Arena& arena) : arena_(arena), block_(arena.block_), used_(arena.used_) {}
    ~Frame() { arena_.block_ = block_, arena_.used_ = used_; }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    Arena& arena_;
    size_t block_;
    int64_t used_;
  };

  // An uninitialised array, 256-byte aligned, valid until the enclosing frame ends.
  template <class T, int R> View<T, R> take(const int64_t (&shape)[R], const char* name) {
    View<T, R> v{nullptr, {}, source_.device, name};
    for (int d = 0; d < R; ++d) v.shape[d] = shape[d];
    v.data = static_cast<T*>(take_bytes(v.size() * int64_t(sizeof(T))));
    return v;
  }
  void* take_bytes(int64_t bytes);

  void freeze() { frozen_ = true; }  // from now on, growing is an internal error
  void thaw() { frozen_ = false; }
  int64_t reserved_bytes() const;  // what the arena holds of the device's memory
  int64_t blocks() const { return int64_t(blocks_.size()); }

 private:
  struct Block {
    void* data;
    int64_t bytes;
  };
  Source source_;
  std::vector<Block> blocks_;
  size_t block_ = 0;  // the block in use
  int64_t used_ = 0;  // bytes of it
  bool frozen_ = false;
};

}  // namespace crc
