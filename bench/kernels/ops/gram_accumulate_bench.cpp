#include "bench/cases.h"
#include "kernels/core/gate.h"
#include "kernels/ops/gram_accumulate.h"
#include "kernels/ops/gram_pairs.h"

namespace crc::bench {
namespace {

using Gram = std::function<void(Context&, View<double, 3> k, View<const float, 3> a, View<const float, 3> c)>;

// A stage-3 convolution of WRN-28-2 in the full NTK: 100 labelled items and one class against themselves.
Case gram_case(const Scale& scale, const char* op, const Gram& gram, NumericClass numeric) {
  const int64_t n = scale.at_most(100, 3), parameters = scale.at_most(9 * 128 * 128, 50);
  return {.op = op,
          .shape = extents(n, n) + " of " + extents(parameters),
          .flops = 2.0 * double(n * n * parameters),
          .bytes = 4.0 * double(n * parameters) + 16.0 * double(n * n),
          .arithmetic = Arithmetic::fp64,
          .setup = [=](Inputs& in) {
            const auto k = in.uniform<double, 3>({1, n, n});
            const auto a = in.uniform<float, 3>({1, n, parameters});
            return Run([=, &context = in.context] { gram(context, k, a, a); },
                       [=](const Oracle& oracle, const Run::Work& work) {
                         const auto rows = oracle.host(a);
                         oracle.zero(k);
                         work();
                         return oracle.compare(
                             k, numeric,
                             [&](int64_t i) {
                               const auto x = rows.begin() + i / n * parameters, y = rows.begin() + i % n * parameters;
                               long double total = 0;  // so many terms that fp64 would not be a reference
                               for (int64_t e = 0; e < parameters; ++e) total += double(x[e]) * double(y[e]);
                               return double(total);
                             },
                             parameters);
                       });
          }};
}

}  // namespace

void gram_accumulate_cases(Suite& suite) {
  Case plain = gram_case(
      suite.scale, "gram_accumulate", [](auto& context, auto k, auto a, auto c) { gram_accumulate(context, k, a, c); },
      NumericClass::library);
  if (suite.scale.cuda)
    plain.path_taken = [n = suite.scale.at_most(100, 3)](Context& context) {
      return context.gate()
          .known("gram_accumulate [1," + std::to_string(n) + "," + std::to_string(n) + "]")
          .value_or("cuBLAS");
    };
  else
    plain.path = "OpenBLAS";
  suite.add(plain);
  // Ten operations in fp32 for each product and sum; the limit named beside it is still that of fp64.
  suite.add(gram_case(
      suite.scale, "gram_pairs", [](auto& context, auto k, auto a, auto c) { gram_pairs(context, k, a, c); },
      NumericClass::pairs));
}

}  // namespace crc::bench
