#include "bench/cases.h"
#include "kernels/augment/augment_batch.h"

namespace crc::bench {
namespace {

template <class T> void add_policy(Suite& suite, const char* policy_name, augment::Policy policy) {
  const int64_t n = suite.scale.at_most(448, 2), pool = suite.scale.at_most(10000, 10), size = 32;
  const double elements = double(n * size * size * 3);
  suite.add({.op = std::string("augment_batch ") + policy_name,
             .shape = extents(n, size, size, 3) + " " + name_of(DtypeOf<T>::value),
             .bytes = elements * (1 + sizeof(T)),
             .setup =
                 [=](Inputs& in) {
                   const auto images = in.uniform<uint8_t, 4>({pool, size, size, 3}, 0, 256);
                   const auto ids = in.uniform<int64_t, 1>({n}, 0, double(pool));
                   const auto y = in.uniform<T, 4>({n, size, size, 3});
                   const auto rates = in.uniform<float, 2>({augment::kCtRows, augment::kCtBins}, 0.5, 1);
                   return [=, state = in.state(), &context = in.context] {
                     augment_batch(context, y, images, ids, state, augment::AugmentConfig{.seed = 1, .strong = policy},
                                   rates);
                   };
                 },
             .images = n});
}

template <class T> void add_policies(Suite& suite) {
  add_policy<T>(suite, "weak", augment::Policy::none);
  add_policy<T>(suite, "kekmodel", augment::Policy::randaugment_kekmodel);
  add_policy<T>(suite, "ctaugment", augment::Policy::ctaugment);
}

}  // namespace

void augment_batch_cases(Suite& suite) {
  add_policies<float>(suite);
  if (suite.scale.bf16) add_policies<bf16>(suite);
}

}  // namespace crc::bench
