#include "kernels/ops/outer_distance.h"

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

constexpr int64_t kGrain = 64;  // rows of hundreds of numbers

template <class F> void for_rows(Cpu& cpu, int64_t n, const F& step) {
  for_chunks(cpu, n, kGrain, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) step(i);
  });
}

}  // namespace

void outer_norms(Cpu& cpu, View<double, 1> squared, View<const float, 2> delta, View<const float, 2> h) {
  for_rows(cpu, squared.size(), OuterNorm{squared.data, outer_rows("outer_norms", squared.size(), delta, h)});
}

void min_outer_distance(Cpu& cpu, View<double, 1> nearest, View<const double, 1> squared, View<const float, 2> delta,
                        View<const float, 2> h, View<const double, 1> center_squared, View<const float, 2> center_delta,
                        View<const float, 2> center_h) {
  for_rows(cpu, nearest.size(),
           min_outer_distance_step(nearest, squared, delta, h, center_squared, center_delta, center_h));
}

}  // namespace crc
