#include "bench/cases.h"
#include "kernels/ops/unfold.h"

namespace crc::bench {

// The largest of WRN-28-2: stage 1, 32 channels.
void unfold_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(64, 1), extent = 32, channels = 32, taps = 9 * channels;
  const int64_t rows = n * extent * extent;
  const std::string shape = extents(n, extent, extent, channels) + " 3x3 f32";
  const double bytes = 4.0 * double(rows * (taps + channels));
  suite.add({.op = "unfold", .shape = shape, .bytes = bytes, .setup = [=](Inputs& in) {
               const auto columns = in.uniform<float, 2>({rows, taps});
               const auto x = in.uniform<float, 4>({n, extent, extent, channels});
               return [=, &context = in.context] { unfold(context, columns, View<const float, 4>(x), UnfoldConfig{}); };
             }});
  suite.add({.op = "fold", .shape = shape, .flops = double(rows * taps), .bytes = bytes, .setup = [=](Inputs& in) {
               const auto columns = in.uniform<float, 2>({rows, taps});
               const auto dx = in.uniform<float, 4>({n, extent, extent, channels});
               return [=, &context = in.context] { fold(context, dx, View<const float, 2>(columns), UnfoldConfig{}); };
             }});
}

}  // namespace crc::bench
