// The CPU backend's runtime: threads, scratch memory, the oneDNN engine with its primitive cache.
#pragma once

#include <memory>

#include "kernels/core/arena.h"
#include "kernels/core/backend.h"
#include "kernels/core/gate.h"

namespace crc {

class OneDnn;  // kernels/cpu/onednn.h

class Cpu {
 public:
  explicit Cpu(int threads);
  explicit Cpu(Cpu& parent);  // a branch
  ~Cpu();
  Arena& scratch() { return arena_; }
  Gate& gate() { return *gate_; }
  int threads() const { return threads_; }
  OneDnn& onednn();  // made at the first call

 private:
  int threads_;
  Arena arena_;
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::shared_ptr<OneDnn> onednn_;
};

}  // namespace crc
