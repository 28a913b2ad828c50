#include "bench/cases.h"
#include "kernels/augment/ctaugment_update.h"

namespace crc::bench {

void ctaugment_update_cases(Suite& suite) {
  using namespace augment;
  const int64_t b = suite.scale.at_most(64, 4), classes = 10;
  suite.add({.op = "ctaugment_update",
             .shape = extents(b, classes),
             .bytes = double(b) * (4.0 * double(classes) + 12) + 8.0 * kCtRows * kCtBins,
             .setup =
                 [=](Inputs& in) {
                   const auto rates = in.uniform<float, 2>({kCtRows, kCtBins}, 0.5f, 1.0f);
                   const auto p = in.uniform<float, 2>({b, classes}, 0, 1);
                   const auto labels = in.uniform<int32_t, 1>({b}, 0, double(classes));
                   const auto ids = in.uniform<int64_t, 1>({b}, 0, 10000);
                   return [=, state = in.state(), &context = in.context] {
                     ctaugment_update(context, rates, p, labels, ids, state,
                                      AugmentConfig{.seed = 1, .strong = Policy::ctaugment_probe});
                   };
                 },
             .images = b});
}

}  // namespace crc::bench
