#include "bench/cases.h"
#include "kernels/ops/normalize.h"

namespace crc::bench {
namespace {

template <class T> void add_batch(Suite& suite) {
  const int64_t n = suite.scale.batch(), pool = suite.scale.at_most(10000, 10), size = 32;
  const double elements = double(n * size * size * 3);
  suite.add({.op = "normalize",
             .shape = extents(n, size, size, 3) + " " + name_of(DtypeOf<T>::value),
             .flops = 3 * elements,
             .bytes = elements * (1 + sizeof(T)),
             .setup = [=](Inputs& in) {
               const auto images = in.uniform<uint8_t, 4>({pool, size, size, 3}, 0, 256);
               const auto ids = in.uniform<int64_t, 1>({n}, 0, double(pool));
               const auto y = in.uniform<T, 4>({n, size, size, 3});
               return Run([=, &context = in.context] { normalize(context, y, images, ids, NormalizeConfig{}); },
                          [=](const Oracle& oracle, const Run::Work& work) {
                            const auto pixels = oracle.host(images);
                            const auto id = oracle.host(ids);
                            const int64_t image = size * size * 3;
                            oracle.poison(y);
                            work();
                            return oracle.compare(y, NumericClass::point, [&](int64_t i) {
                              return (pixels[size_t(id[size_t(i / image)] * image + i % image)] / 255.0 -
                                      double(NormalizeConfig{}.mean[i % 3])) /
                                     double(NormalizeConfig{}.std[i % 3]);
                            });
                          });
             }});
}

}  // namespace

void normalize_cases(Suite& suite) {
  add_batch<float>(suite);
  if (suite.scale.bf16) add_batch<bf16>(suite);
}

}  // namespace crc::bench
