// Convolution with oneDNN. The batch is cut into slices that depend on the problem alone; each slice is one oneDNN
// primitive made for one thread, and for_chunks() shares the slices out. Left to itself oneDNN would cut the sum over
// images in the weight gradient by the number of threads, and the bits would follow.
#pragma once

#include <memory>
#include <string>

#include "kernels/core/conv_problem.h"

namespace crc {

class Cpu;

// Whether this thread is inside of oneDNN, which does not check all its allocations: a null pointer that is followed
// there means that there is no memory. May be called in a signal handler.
bool inside_onednn();
std::string onednn_version();  // "2.7.5", of the library found at run time

// Engine, stream and primitives by (pass, problem), one per Cpu backend.
class OneDnn {
 public:
  OneDnn();
  ~OneDnn();

  // `problem.dtype` is f32; `bias` [K] belongs to the forward pass and may be null. Scratch comes from the arena; the
  // first call with a problem makes its primitives. Error internal if oneDNN has no implementation.
  void conv(Cpu& cpu, ConvPass pass, const ConvProblem& problem, const float* in0, const float* in1, const float* bias,
            float* out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crc
