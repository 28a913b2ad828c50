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
               return Run(
                   [=, &context = in.context] { unfold(context, columns, x, UnfoldConfig{}); },
                   [=](const Oracle& oracle, const Run::Work& work) {
                     const auto from = oracle.host(x);
                     oracle.poison(columns);
                     work();
                     return oracle.compare(columns, NumericClass::exact, [&](int64_t i) {
                       const int64_t tap = i % taps / channels, row = i / taps;
                       const int64_t h = row / extent % extent + tap / 3 - 1, w = row % extent + tap % 3 - 1;
                       if (h < 0 || w < 0 || h >= extent || w >= extent) return 0.0;
                       return double(
                           from[size_t(((row / extent / extent * extent + h) * extent + w) * channels + i % channels)]);
                     });
                   });
             }});
  suite.add({.op = "fold", .shape = shape, .flops = double(rows * taps), .bytes = bytes, .setup = [=](Inputs& in) {
               const auto columns = in.uniform<float, 2>({rows, taps});
               const auto dx = in.uniform<float, 4>({n, extent, extent, channels});
               return Run(
                   [=, &context = in.context] { fold(context, dx, columns, UnfoldConfig{}); },
                   [=](const Oracle& oracle, const Run::Work& work) {
                     const auto from = oracle.host(columns);
                     oracle.poison(dx);
                     work();
                     return oracle.compare(dx, NumericClass::point, [&](int64_t i) {
                       const int64_t w = i / channels % extent, h = i / channels / extent % extent;
                       const int64_t image = i / channels / extent / extent;
                       double total = 0;
                       for (int64_t tap = 0; tap < 9; ++tap) {
                         const int64_t p = h + 1 - tap / 3, q = w + 1 - tap % 3;
                         if (p < 0 || q < 0 || p >= extent || q >= extent) continue;
                         total +=
                             from[size_t(((image * extent + p) * extent + q) * taps + tap * channels + i % channels)];
                       }
                       return total;
                     });
                   });
             }});
}

}  // namespace crc::bench
