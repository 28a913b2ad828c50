#include "bench/cases.h"
#include "kernels/ops/judge_pseudo.h"

namespace crc::bench {

void judge_pseudo_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 16);
  suite.add({.op = "judge_pseudo",
             .shape = extents(m),
             .bytes = 20.0 * double(m),
             .setup = [m](Inputs& in) {
               const auto known = in.uniform<float, 1>({m}), right = in.uniform<float, 1>({m});
               const auto mask = in.uniform<float, 1>({m}, 0, 1);
               const auto pseudo = in.uniform<int32_t, 1>({m}, 0, 10), truth = in.uniform<int32_t, 1>({m}, 0, 10);
               return [=, &context = in.context] {
                 judge_pseudo(context, known, right, View<const float, 1>(mask), View<const int32_t, 1>(pseudo),
                              View<const int32_t, 1>(truth));
               };
             }});
}

}  // namespace crc::bench
