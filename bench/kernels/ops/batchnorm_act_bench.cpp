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
    batchnorm_act(context, y, saved, mean, var, View<const T, 4>(x), View<const float, 1>(gamma),
                  View<const float, 1>(beta), BatchNormConfig{}, mode);
  }
  void backward(Context& context) const {
    batchnorm_act_backward(context, y, dgamma, dbeta, View<const T, 4>(dy), View<const T, 4>(x),
                           View<const float, 2>(saved), View<const float, 1>(gamma), View<const float, 1>(beta),
                           BatchNormConfig{}, Mode::train);
  }
};

// Statistics are known only when all of x has been read, so it is read again to be normalised: what is read twice
// counts twice.
template <class T> void add_stage(Suite& suite, int64_t size, int64_t channels) {
  const int64_t n = suite.scale.batch();
  const double elements = double(n * size * size * channels), array = elements * sizeof(T);
  const auto add = [&](const char* op, double arrays, double flops, auto run) {
    suite.add({.op = op,
               .shape = extents(n, size, size, channels) + " " + name_of(DtypeOf<T>::value),
               .flops = flops * elements,
               .bytes = arrays * array,
               .setup = [=](Inputs& in) {
                 return [a = Arrays<T>(in, n, size, channels), run, &context = in.context] { run(context, a); };
               }});
  };
  using A = Arrays<T>;
  add("batchnorm_act", 3, 8, [](Context& context, const A& a) { a.forward(context, Mode::train); });
  add("batchnorm_act_eval", 2, 4, [](Context& context, const A& a) { a.forward(context, Mode::eval); });
  add("batchnorm_act_backward", 5, 13, [](Context& context, const A& a) { a.backward(context); });
}

}  // namespace

void batchnorm_act_cases(Suite& suite) {
  for (int64_t stage = 0; stage < 3; ++stage) add_stage<float>(suite, 32 >> stage, 32 << stage);
  if (!suite.scale.cuda) return;
  for (int64_t stage = 0; stage < 3; ++stage) add_stage<bf16>(suite, 32 >> stage, 32 << stage);
}

}  // namespace crc::bench
