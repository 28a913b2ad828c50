#include "bench/cases.h"
#include "kernels/ops/judge_pseudo.h"

namespace crc::bench {

void judge_pseudo_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 16);
  suite.add({.op = "judge_pseudo", .shape = extents(m), .bytes = 20.0 * double(m), .setup = [m](Inputs& in) {
               const auto known = in.uniform<float, 1>({m}), right = in.uniform<float, 1>({m});
               const auto mask = in.uniform<float, 1>({m}, 0, 1);
               const auto pseudo = in.uniform<int32_t, 1>({m}, 0, 10), truth = in.uniform<int32_t, 1>({m}, 0, 10);
               return Run([=, &context = in.context] { judge_pseudo(context, known, right, mask, pseudo, truth); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto guess = oracle.host(pseudo), label = oracle.host(truth);
                            const auto kept = oracle.host(mask);
                            oracle.poison(right);
                            work();
                            return oracle.compare(right, NumericClass::exact, [&](int64_t i) {
                              return kept[size_t(i)] != 0 && label[size_t(i)] >= 0 &&
                                     guess[size_t(i)] == label[size_t(i)];
                            });
                          });
             }});
}

}  // namespace crc::bench
