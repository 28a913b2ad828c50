#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/pool.h"

namespace crc::bench {
namespace {

template <class T> void add_both(Suite& suite) {
  const int64_t n = suite.scale.batch(), size = 8, channels = kWrnFeatures;
  const double elements = double(n * size * size * channels);
  Case c{.op = "global_avg_pool",
         .shape = extents(n, size, size, channels) + " " + name_of(DtypeOf<T>::value),
         .flops = elements,
         .bytes = elements * sizeof(T) + double(n * channels) * sizeof(float),
         .setup = [=](Inputs& in) {
           const auto x = in.uniform<T, 4>({n, size, size, channels});
           const auto y = in.uniform<float, 2>({n, channels});
           return [=, &context = in.context] { global_avg_pool(context, y, View<const T, 4>(x)); };
         }};
  suite.add(c);
  c.op = "global_avg_pool_backward";
  c.setup = [=](Inputs& in) {
    const auto dx = in.uniform<T, 4>({n, size, size, channels});
    const auto dy = in.uniform<float, 2>({n, channels});
    return [=, &context = in.context] { global_avg_pool_backward(context, dx, View<const float, 2>(dy)); };
  };
  suite.add(c);
}

}  // namespace

void pool_cases(Suite& suite) {
  add_both<float>(suite);
  if (suite.scale.cuda) add_both<bf16>(suite);
}

}  // namespace crc::bench
