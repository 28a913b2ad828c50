// fp32 rounded to bf16, to the nearest, ties to even: y = bf16(x). x, y [P]. Class: exact.
#pragma once

#include "kernels/core/dtype.h"
#include "kernels/core/op.h"

namespace crc {

struct RoundToBf16 {
  bf16* to;
  const float* from;
  CRC_HD void operator()(int64_t i) const { round_to(to[i], from[i]); }
};

// For ops that move weights [P]: the new weights rounded besides, in the same pass; what convolutions in bf16 read.
template <class Step> struct ThenRound {
  Step step;
  RoundToBf16 round;
  CRC_HD void operator()(int64_t i) const {
    step(i);
    round(i);
  }
};
// run(step) where `rounded` is empty, else of the step that rounds w too.
template <class Step, class F> void then_round(View<bf16, 1> rounded, View<float, 1> w, const Step& step, F&& run) {
  if (rounded.size() == 0) return run(step);
  run(ThenRound<Step>{step, {rounded.data, w.data}});
}
// `rounded` is [P], or empty: nothing is rounded.
inline void check_rounded(const char* op, const View<bf16, 1>& rounded, int64_t size) {
  if (rounded.size() > 0) check_shape(op, rounded, {size});
}

CRC_OP(void, round_values, (View<bf16, 1> y, View<const float, 1> x))

}  // namespace crc
