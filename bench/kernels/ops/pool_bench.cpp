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
           return Run([=, &context = in.context] { global_avg_pool(context, y, x); },
                      [=](const Oracle& oracle, const Run::Work& work) {
                        const auto values = oracle.host(x);
                        oracle.poison(y);
                        work();
                        return oracle.compare(y, NumericClass::reduce, [&](int64_t i) {
                          double total = 0;
                          for (int64_t pixel = 0; pixel < size * size; ++pixel)
                            total +=
                                wide(values[size_t((i / channels * size * size + pixel) * channels + i % channels)]);
                          return total / double(size * size);
                        });
                      });
         }};
  suite.add(c);
  c.op = "global_avg_pool_backward";
  c.setup = [=](Inputs& in) {
    const auto dx = in.uniform<T, 4>({n, size, size, channels});
    const auto dy = in.uniform<float, 2>({n, channels});
    return Run([=, &context = in.context] { global_avg_pool_backward(context, dx, dy); },
               [=](const Oracle& oracle, const Run::Work& work) {
                 const auto values = oracle.host(dy);
                 oracle.poison(dx);
                 work();
                 return oracle.compare(dx, NumericClass::reduce, [&](int64_t i) {
                   return double(values[size_t(i / channels / (size * size) * channels + i % channels)]) /
                          double(size * size);
                 });
               });
  };
  suite.add(c);
}

}  // namespace

void pool_cases(Suite& suite) {
  add_both<float>(suite);
  if (suite.scale.bf16) add_both<bf16>(suite);
}

}  // namespace crc::bench
