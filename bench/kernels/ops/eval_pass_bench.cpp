#include <cmath>

#include "bench/cases.h"
#include "kernels/ops/eval_pass.h"

namespace crc::bench {
namespace {

// Activations of stage 1 as Jacobians see them: samples, positions, channels; one cotangent per sample.
struct PassArrays {
  int64_t samples, positions, channels;
  View<float, 3> x, y;
  View<float, 2> constants, dgamma, dbeta, sums;

  PassArrays(Inputs& in, int64_t n, int64_t s, int64_t c)
      : samples(n),
        positions(s),
        channels(c),
        x(in.uniform<float, 3>({n, s, c})),
        y(in.uniform<float, 3>({n, s, c})),
        constants(in.uniform<float, 2>({4, c}, 0.5, 2)),
        dgamma(in.uniform<float, 2>({n, c})),
        dbeta(in.uniform<float, 2>({n, c})),
        sums(in.uniform<float, 2>({n, c})) {}
};
constexpr float kSlope = 0.1f;

// z of element i, and the derivative of its activation.
struct Exact {
  std::vector<float> x, constants;
  int64_t channels;
  double centred(int64_t i) const { return double(x[size_t(i)]) - constants[size_t(i % channels)]; }
  double z(int64_t i) const {
    return centred(i) * constants[size_t(2 * channels + i % channels)] + constants[size_t(3 * channels + i % channels)];
  }
  double slope(int64_t i) const { return z(i) > 0 ? 1 : double(kSlope); }
};
Exact exact(const Oracle& oracle, const PassArrays& a) {
  return {oracle.host(a.x), oracle.host(a.constants), a.channels};
}

}  // namespace

void eval_pass_cases(Suite& suite) {
  const int64_t n = suite.scale.at_most(64, 2), s = suite.scale.at_most(1024, 3), c = 32;
  const double array = 4.0 * double(n * s * c), elements = double(n * s * c);
  const auto add = [&](const char* op, double arrays, double flops, auto run, auto check) {
    suite.add({.op = op,
               .shape = extents(n, s, c) + " f32",
               .flops = flops * elements,
               .bytes = arrays * array,
               .setup = [=](Inputs& in) {
                 const PassArrays a(in, n, s, c);
                 return Run([=, &context = in.context] { run(context, a); },
                            [=](const Oracle& oracle, const Run::Work& work) { return check(oracle, a, work); });
               }});
  };
  add(
      "norm_act", 2, 4, [](Context& context, const PassArrays& a) { norm_act(context, a.y, a.x, a.constants, kSlope); },
      [](const Oracle& oracle, const PassArrays& a, const Run::Work& work) {
        const Exact e = exact(oracle, a);
        oracle.poison(a.y);
        work();
        return oracle.compare(a.y, NumericClass::point, [&](int64_t i) { return e.slope(i) * e.z(i); });
      });
  add(
      "norm_act_backward", 3, 6,
      [](Context& context, const PassArrays& a) { norm_act_backward(context, a.y, a.y, a.x, a.constants, kSlope); },
      [](const Oracle& oracle, const PassArrays& a, const Run::Work& work) {
        const Exact e = exact(oracle, a);
        const auto dy = oracle.host(a.y);
        work();
        return oracle.compare(a.y, NumericClass::point, [&](int64_t i) {
          return e.slope(i) * dy[size_t(i)] * e.constants[size_t(2 * a.channels + i % a.channels)];
        });
      });
  add(
      "norm_act_params", 2, 6,
      [](Context& context, const PassArrays& a) {
        norm_act_params(context, a.dgamma, a.dbeta, a.y, a.x, a.constants, kSlope);
      },
      [](const Oracle& oracle, const PassArrays& a, const Run::Work& work) {
        const Exact e = exact(oracle, a);
        const auto dy = oracle.host(a.y);
        oracle.poison(a.dgamma);
        work();
        return oracle.compare(a.dgamma, NumericClass::reduce, [&](int64_t i) {
          double total = 0;
          for (int64_t p = 0; p < a.positions; ++p) {
            const int64_t at = (i / a.channels * a.positions + p) * a.channels + i % a.channels;
            total += e.slope(at) * dy[size_t(at)] * e.centred(at);
          }
          return total * e.constants[size_t(a.channels + i % a.channels)];
        });
      });
  add(
      "position_sum", 1, 1, [](Context& context, const PassArrays& a) { position_sum(context, a.sums, a.x, 1.0); },
      [](const Oracle& oracle, const PassArrays& a, const Run::Work& work) {
        const auto x = oracle.host(a.x);
        oracle.poison(a.sums);
        work();
        return oracle.compare(a.sums, NumericClass::reduce, [&](int64_t i) {
          double total = 0;
          for (int64_t p = 0; p < a.positions; ++p)
            total += x[size_t((i / a.channels * a.positions + p) * a.channels + i % a.channels)];
          return total;
        });
      });
}

}  // namespace crc::bench
