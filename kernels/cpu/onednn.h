// Convolutions, and matrix products of bf16, with oneDNN. The batch is cut into slices that depend on the problem alone; each slice is one oneDNN
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
bool onednn_has_bf16();        // whether this CPU has AVX512-BF16, as far as ONEDNN_MAX_CPU_ISA lets oneDNN see it

// c = alpha op(a) op(b) + beta c, row-major, dense: c [m,n], op(a) [m,k], op(b) [k,n].
struct MatmulProblem {
  int64_t m, n, k;
  bool transpose_a, transpose_b;
  float alpha, beta;
  auto operator<=>(const MatmulProblem&) const = default;
};

// Engine, stream and primitives by (pass, problem), one per Cpu backend.
class OneDnn {
 public:
  OneDnn();
  ~OneDnn();

  // x, dx, y and dy are of problem.dtype, f32 or bf16; w, bias and dw are f32. `bias` [K] belongs to the forward pass
  // and may be null. Scratch comes from the arena; the first call with a problem makes its primitives. Errors: config if
  // the CPU has no bf16; internal if oneDNN has no implementation.
  void conv(Cpu& cpu, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1, const float* bias,
            void* out);
  // m, n, k > 0. Errors as above.
  void matmul(Cpu& cpu, const MatmulProblem& problem, const bf16* a, const bf16* b, bf16* c);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crc
