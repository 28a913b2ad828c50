#include "bench/cases.h"
#include "kernels/ops/batchnorm_act.h"

namespace crc::bench {
namespace {

template <class T> struct Arrays {
  View<T, 4> x, y, dy;
  View<float, 2> saved;
  View<float, 1> mean, var, gamma, beta, dgamma, dbeta;

  Arrays(Inputs& in, int64_t n, int64_t size, int64_t channels)
      : x(in.uniform<T, 4>({n, size, size, channels})),
        y(in.uniform<T, 4>({n, size, size, channels})),
        dy(in.uniform<T, 4>({n, size, size, channels})),
        saved(in.uniform<float, 2>({2, channels}, 0.5, 2)),
        mean(in.uniform<float, 1>({channels})),
        var(in.uniform<float, 1>({channels}, 0.5, 2)),
        gamma(in.uniform<float, 1>({channels}, 0.5, 2)),
        beta(in.uniform<float, 1>({channels})),
        dgamma(in.uniform<float, 1>({channels})),
        dbeta(in.uniform<float, 1>({channels})) {}

  void forward(Context& context, Mode mode) const {
    batchnorm_act(context, y, saved, mean, var, x, gamma, beta, BatchNormConfig{}, mode);
  }
  // The residual path that joins is dy here; x grows from run to run.
  void forward_of_sum(Context& context) const {
    add_batchnorm_act(context, y, saved, mean, var, x, dy, gamma, beta, BatchNormConfig{}, Mode::train);
  }
  // The norm in fp64, with the batch's statistics, the running ones, or those saved.
  enum class Of { batch, running, saved, batch_of_sum };
  struct Exact {
    std::vector<T> x;
    std::vector<double> mean, inv_std;
    std::vector<float> gamma, beta;
    double xhat(size_t i) const { return (wide(x[i]) - mean[i % mean.size()]) * inv_std[i % mean.size()]; }
    double z(size_t i) const { return gamma[i % mean.size()] * xhat(i) + beta[i % mean.size()]; }
    double act(size_t i) const { return z(i) > 0 ? z(i) : BatchNormConfig{}.slope * z(i); }
    double gradient(size_t i, T dy) const { return (z(i) > 0 ? 1 : double(BatchNormConfig{}.slope)) * wide(dy); }
  };
  Exact exact(const Oracle& oracle, Of of) const {
    Exact e{oracle.host(x), {}, {}, oracle.host(gamma), oracle.host(beta)};
    const size_t channels = e.gamma.size(), rows = e.x.size() / channels;
    const bool of_batch = of == Of::batch || of == Of::batch_of_sum;
    if (const auto plus = oracle.host(dy); of == Of::batch_of_sum)
      for (size_t i = 0; i < e.x.size(); ++i) e.x[i] = T(Add{}(float(e.x[i]), float(plus[i])));
    const auto m = oracle.host(mean), v = oracle.host(var), s = oracle.host(saved);
    std::vector<double> sum(channels), squares(channels);
    for (size_t i = 0; i < e.x.size(); ++i) sum[i % channels] += wide(e.x[i]) / double(rows);
    for (size_t i = 0; i < e.x.size(); ++i)
      squares[i % channels] += std::pow(wide(e.x[i]) - sum[i % channels], 2) / double(rows);
    for (size_t c = 0; c < channels; ++c) {
      const double variance = of_batch ? squares[c] : double(v[c]);
      e.mean.push_back(of_batch ? sum[c] : double(of == Of::running ? m[c] : s[c]));
      e.inv_std.push_back(of == Of::saved ? double(s[channels + c])
                                          : 1 / std::sqrt(variance + double(BatchNormConfig{}.eps)));
    }
    return e;
  }
  Accuracy check_forward(const Oracle& oracle, const Run::Work& work, Of of) const {
    const Exact e = exact(oracle, of);
    oracle.poison(y);
    work();
    return oracle.compare(y, NumericClass::reduce, [&](int64_t i) { return e.act(size_t(i)); });
  }
  Accuracy check_backward(const Oracle& oracle, const Run::Work& work) const {
    const Exact e = exact(oracle, Of::saved);
    const auto d = oracle.host(dy);
    const size_t channels = e.mean.size();
    const double rows = double(e.x.size() / channels);
    std::vector<double> sum(channels), along(channels);
    for (size_t i = 0; i < e.x.size(); ++i) {
      const double g = e.gradient(i, d[i]);
      sum[i % channels] += g, along[i % channels] += g * e.xhat(i);
    }
    oracle.poison(y);
    oracle.zero(dgamma);
    work();
    const Accuracy dx = oracle.compare(y, NumericClass::reduce, [&](int64_t index) {
      const size_t i = size_t(index), c = i % channels;
      return e.gamma[c] * e.inv_std[c] * (e.gradient(i, d[i]) - (sum[c] + e.xhat(i) * along[c]) / rows);
    });
    return worse(dx, oracle.compare(dgamma, NumericClass::reduce, [&](int64_t c) { return along[size_t(c)]; }));
  }
  void backward(Context& context) const {
    batchnorm_act_backward(context, y, dgamma, dbeta, dy, x, View<const T, 4>{}, saved, gamma, beta, BatchNormConfig{},
                           Mode::train);
  }
};

// Statistics are known only when all of x has been read, so it is read again to be normalised: what is read twice
// counts twice.
template <class T> void add_stage(Suite& suite, int64_t size, int64_t channels) {
  const int64_t n = suite.scale.batch();
  const double elements = double(n * size * size * channels), array = elements * sizeof(T);
  const auto add = [&](const char* op, double arrays, double flops, auto run, auto check) {
    suite.add({.op = op,
               .shape = extents(n, size, size, channels) + " " + name_of(DtypeOf<T>::value),
               .flops = flops * elements,
               .bytes = arrays * array,
               .setup = [=](Inputs& in) {
                 const Arrays<T> a(in, n, size, channels);
                 return Run([=, &context = in.context] { run(context, a); },
                            [=](const Oracle& oracle, const Run::Work& work) { return check(a, oracle, work); });
               }});
  };
  using A = Arrays<T>;
  add(
      "batchnorm_act", 3, 8, [](Context& context, const A& a) { a.forward(context, Mode::train); },
      [](const A& a, const Oracle& oracle, const Run::Work& work) {
        return a.check_forward(oracle, work, A::Of::batch);
      });
  add(
      "add_batchnorm_act", 5, 9, [](Context& context, const A& a) { a.forward_of_sum(context); },
      [](const A& a, const Oracle& oracle, const Run::Work& work) {
        return a.check_forward(oracle, work, A::Of::batch_of_sum);
      });
  add(
      "batchnorm_act_eval", 2, 4, [](Context& context, const A& a) { a.forward(context, Mode::eval); },
      [](const A& a, const Oracle& oracle, const Run::Work& work) {
        return a.check_forward(oracle, work, A::Of::running);
      });
  add(
      "batchnorm_act_backward", 5, 13, [](Context& context, const A& a) { a.backward(context); },
      [](const A& a, const Oracle& oracle, const Run::Work& work) { return a.check_backward(oracle, work); });
}

}  // namespace

void batchnorm_act_cases(Suite& suite) {
  for (int64_t stage = 0; stage < 3; ++stage) add_stage<float>(suite, 32 >> stage, 32 << stage);
  if (!suite.scale.bf16) return;
  for (int64_t stage = 0; stage < 3; ++stage) add_stage<bf16>(suite, 32 >> stage, 32 << stage);
}

}  // namespace crc::bench
