#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/conv2d.h"
#include "kernels/ops/conv2d_padded.h"
#include "kernels/ops/conv2d_splitk.h"
#include "kernels/ops/tf32x3.h"

namespace crc::bench {
namespace {

template <class T> struct ConvArrays {
  ConvProblem p;
  View<T, 4> x, y;
  View<float, 4> w;

  ConvArrays(Inputs& in, const ConvProblem& p)
      : p(p),
        x(in.uniform<T, 4>({p.n, p.h, p.w, p.c})),
        y(in.uniform<T, 4>({p.n, p.p(), p.q(), p.k})),
        w(in.uniform<float, 4>({p.k, p.r, p.r, p.c})) {}
};

// The three passes in fp64, an element at a time. Weights are rounded to T, as the op does.
template <class T> struct Reference {
  ConvProblem p;
  std::vector<T> x, y;  // x or dx, y or dy
  std::vector<float> w;

  Reference(const Oracle& oracle, const ConvArrays<T>& a)
      : p(a.p), x(oracle.host(a.x)), y(oracle.host(a.y)), w(oracle.host(a.w)) {}
  double x_at(int64_t n, int64_t h, int64_t v, int64_t c) const {
    if (h < 0 || v < 0 || h >= p.h || v >= p.w) return 0;
    return wide(x[size_t(((n * p.h + h) * p.w + v) * p.c + c)]);
  }
  double y_at(int64_t n, int64_t i, int64_t j, int64_t k) const {
    return wide(y[size_t(((n * p.p() + i) * p.q() + j) * p.k + k)]);
  }
  double w_at(int64_t k, int64_t r, int64_t s, int64_t c) const {
    return wide(T(w[size_t(((k * p.r + r) * p.r + s) * p.c + c)]));
  }

  double forward(int64_t index) const {
    const int64_t k = index % p.k, j = index / p.k % p.q(), i = index / p.k / p.q() % p.p(),
                  n = index / p.k / p.q() / p.p();
    double total = 0;
    for (int64_t r = 0; r < p.r; ++r)
      for (int64_t s = 0; s < p.r; ++s)
        for (int64_t c = 0; c < p.c; ++c)
          total += x_at(n, i * p.stride + r - p.pad, j * p.stride + s - p.pad, c) * w_at(k, r, s, c);
    return total;
  }
  double backward_data(int64_t index) const {
    const int64_t c = index % p.c, v = index / p.c % p.w, h = index / p.c / p.w % p.h, n = index / p.c / p.w / p.h;
    double total = 0;
    for (int64_t r = 0; r < p.r; ++r)
      for (int64_t s = 0; s < p.r; ++s) {
        const int64_t i = h + p.pad - r, j = v + p.pad - s;  // times the stride
        if (i < 0 || j < 0 || i % p.stride || j % p.stride || i / p.stride >= p.p() || j / p.stride >= p.q()) continue;
        for (int64_t k = 0; k < p.k; ++k) total += y_at(n, i / p.stride, j / p.stride, k) * w_at(k, r, s, c);
      }
    return total;
  }
  double backward_weights(int64_t index) const {
    const int64_t c = index % p.c, s = index / p.c % p.r, r = index / p.c / p.r % p.r, k = index / p.c / p.r / p.r;
    double total = 0;
    for (int64_t n = 0; n < p.n; ++n)
      for (int64_t i = 0; i < p.p(); ++i)
        for (int64_t j = 0; j < p.q(); ++j)
          total += y_at(n, i, j, k) * x_at(n, i * p.stride + r - p.pad, j * p.stride + s - p.pad, c);
    return total;
  }
};

template <class T> void add_passes(Suite& suite, const WrnConv& conv) {
  const ConvProblem p = conv.problem(suite.scale.batch(), DtypeOf<T>::value);
  const Conv2dConfig config{.stride = p.stride, .pad = p.pad};
  const double activations = double(p.x_size() + p.y_size()) * sizeof(T), weights = double(p.w_size()) * sizeof(float);
  const auto add = [&](const char* op, std::function<std::string(Context&)> path, double bytes, auto run, auto output,
                       auto reference) {
    suite.add({.op = op,
               .shape = extents(p.n, p.h, p.w, p.c) + " k" + extents(p.k, p.r, p.r) + " s" + std::to_string(p.stride) +
                        " " + name_of(p.dtype),
               .flops = p.flops(),
               .bytes = bytes,
               .arithmetic = std::is_same_v<T, bf16> ? Arithmetic::tensor : Arithmetic::fp32,
               .setup =
                   [=](Inputs& in) {
                     const ConvArrays<T> a(in, p);
                     return Run([=, &context = in.context] { run(context, a, config); },
                                [=](const Oracle& oracle, const Run::Work& work) {
                                  const Reference<T> exact(oracle, a);
                                  output(oracle, a);
                                  work();
                                  return reference(oracle, a, exact);
                                });
                   },
               .path_taken = std::move(path)});
  };
  const auto library = [=](ConvPass pass) { return [=](Context& context) { return conv2d_path(context, pass, p); }; };
  using A = ConvArrays<T>;
  using R = Reference<T>;
  add(
      "conv2d", library(ConvPass::forward), activations + weights,
      [](Context& context, const A& a, Conv2dConfig config) {
        conv2d(context, a.y, a.x, a.w, View<const float, 1>{}, config);
      },
      [](const Oracle& oracle, const A& a) { oracle.poison(a.y); },
      [](const Oracle& oracle, const A& a, const R& exact) {
        return oracle.compare(
            a.y, NumericClass::library, [&](int64_t i) { return exact.forward(i); }, a.p.terms(ConvPass::forward));
      });
  add(
      "conv2d_backward_weights", library(ConvPass::backward_weights), activations + 2 * weights,  // dw += reads it too
      [](Context& context, const A& a, Conv2dConfig config) {
        conv2d_backward_weights(context, a.w, a.y, a.x, config);
      },
      [](const Oracle& oracle, const A& a) { oracle.zero(a.w); },
      [](const Oracle& oracle, const A& a, const R& exact) {
        return oracle.compare(
            a.w, NumericClass::library, [&](int64_t i) { return exact.backward_weights(i); },
            a.p.terms(ConvPass::backward_weights), DtypeOf<T>::value);
      });
  if constexpr (std::is_same_v<T, float>) {
    if (suite.scale.cuda) {
      add(
          "conv2d_tf32x3", nullptr, activations + weights,  // of fp32: what the parts take is its overhead
          [](Context& context, const A& a, Conv2dConfig config) { conv2d_tf32x3(context, a.y, a.x, a.w, config); },
          [](const Oracle& oracle, const A& a) { oracle.poison(a.y); },
          [](const Oracle& oracle, const A& a, const R& exact) {
            return oracle.compare(
                a.y, NumericClass::library, [&](int64_t i) { return exact.forward(i); }, a.p.terms(ConvPass::forward));
          });
      // on the CPU a plain loop, for its bits
      add(
          "conv2d_weight_gradient_splitk", nullptr, activations + 2 * weights,
          [](Context& context, const A& a, Conv2dConfig config) {
            conv2d_weight_gradient_splitk(context, a.w, a.y, a.x, config);
          },
          [](const Oracle& oracle, const A& a) { oracle.zero(a.w); },
          [](const Oracle& oracle, const A& a, const R& exact) {
            return oracle.compare(
                a.w, NumericClass::library, [&](int64_t i) { return exact.backward_weights(i); }, split_k(a.p).length);
          });
    }
  }
  if constexpr (std::is_same_v<T, bf16>) {
    if (suite.scale.cuda && may_pad(p)) {  // the CPU pads nothing
      add(
          "conv2d_padded", nullptr, activations + weights,
          [](Context& context, const A& a, Conv2dConfig config) {
            conv2d_padded(context, a.y, a.x, a.w, View<const bf16, 4>{}, config);
          },
          [](const Oracle& oracle, const A& a) { oracle.poison(a.y); },
          [](const Oracle& oracle, const A& a, const R& exact) {
            return oracle.compare(
                a.y, NumericClass::library, [&](int64_t i) { return exact.forward(i); }, a.p.terms(ConvPass::forward));
          });
      add(
          "conv2d_padded_weight_gradient", nullptr, activations + 2 * weights,
          [](Context& context, const A& a, Conv2dConfig config) {
            conv2d_padded_weight_gradient(context, a.w, a.y, a.x, config);
          },
          [](const Oracle& oracle, const A& a) { oracle.zero(a.w); },
          [](const Oracle& oracle, const A& a, const R& exact) {
            return oracle.compare(
                a.w, NumericClass::library, [&](int64_t i) { return exact.backward_weights(i); },
                a.p.terms(ConvPass::backward_weights), Dtype::bf16);
          });
    }
  }
  if (p.c == 3) return;  // the images need no gradient
  add(
      "conv2d_backward_data", library(ConvPass::backward_data), activations + weights,
      [](Context& context, const A& a, Conv2dConfig config) { conv2d_backward_data(context, a.x, a.y, a.w, config); },
      [](const Oracle& oracle, const A& a) { oracle.poison(a.x); },
      [](const Oracle& oracle, const A& a, const R& exact) {
        return oracle.compare(
            a.x, NumericClass::library, [&](int64_t i) { return exact.backward_data(i); },
            a.p.terms(ConvPass::backward_data));
      });
}

}  // namespace

void conv2d_cases(Suite& suite) {
  for (const WrnConv& conv : kWrnConvs) add_passes<float>(suite, conv);
  if (!suite.scale.bf16) return;
  for (const WrnConv& conv : kWrnConvs) add_passes<bf16>(suite, conv);
}

}  // namespace crc::bench
