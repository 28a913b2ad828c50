#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/tally_pseudo.h"

namespace crc::bench {

void tally_pseudo_cases(Suite& suite) {
  const int64_t m = suite.scale.at_most(448, 16), classes = kWrnClasses;
  suite.add({.op = "tally_pseudo", .shape = extents(m), .bytes = 12.0 * double(m), .setup = [=](Inputs& in) {
               const auto tally = in.uniform<float, 2>({kTallies, classes}, 0, 1);
               const auto weight = in.uniform<float, 1>({m}, 0, 1);
               const auto label = in.uniform<int32_t, 1>({m}, 0, double(classes));
               const auto truth = in.uniform<int32_t, 1>({m}, 0, double(classes));
               const auto state = in.state();
               return Run([=, &context = in.context] { tally_pseudo(context, tally, weight, label, truth, state, 1); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto kept = oracle.host(weight);
                            const auto guess = oracle.host(label), real = oracle.host(truth);
                            work();  // the one step of an epoch
                            return oracle.compare(tally, NumericClass::exact, [&](int64_t i) {
                              const int64_t what = i / classes, c = i % classes;
                              double count = 0;
                              for (size_t n = 0; n < size_t(m); ++n) {
                                const bool claimed = kept[n] >= 0.5f && guess[n] == c;
                                count += what == kDrawn  ? 1
                                         : what == kTrue ? real[n] == c
                                                         : claimed && (what != kRight || real[n] == c);
                              }
                              return count;
                            });
                          });
             }});
}

}  // namespace crc::bench
