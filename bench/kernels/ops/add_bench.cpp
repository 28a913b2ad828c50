#include "bench/cases.h"
#include "kernels/ops/add.h"

namespace crc::bench {
namespace {

template <class T> void add_sums(Suite& suite, int64_t size, int64_t channels) {
  const int64_t elements = suite.scale.batch() * size * size * channels;
  suite.add({.op = "add",
             .shape = extents(suite.scale.batch(), size, size, channels) + " " + name_of(DtypeOf<T>::value),
             .flops = double(elements),
             .bytes = 3.0 * double(elements) * sizeof(T),
             .setup = [elements](Inputs& in) {
               const auto a = in.uniform<T, 1>({elements}), b = in.uniform<T, 1>({elements});
               const auto out = in.uniform<T, 1>({elements});
               return Run([=, &context = in.context] { add(context, out, a, b); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto x = oracle.host(a), y = oracle.host(b);
                            oracle.poison(out);
                            work();
                            return oracle.compare(out, NumericClass::point,
                                                  [&](int64_t i) { return wide(x[size_t(i)]) + wide(y[size_t(i)]); });
                          });
             }});
}

}  // namespace

void add_cases(Suite& suite) {
  for (int64_t stage = 0; stage < 3; ++stage) add_sums<float>(suite, 32 >> stage, 32 << stage);
  if (suite.scale.bf16)
    for (int64_t stage = 0; stage < 3; ++stage) add_sums<bf16>(suite, 32 >> stage, 32 << stage);
}

}  // namespace crc::bench
