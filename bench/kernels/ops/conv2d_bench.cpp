#include "bench/cases.h"
#include "bench/nn/wrn_shapes.h"
#include "kernels/ops/conv2d.h"

namespace crc::bench {
namespace {

template <class T> struct Arrays {
  View<T, 4> x, y;
  View<float, 4> w;

  Arrays(Inputs& in, const ConvProblem& p)
      : x(in.uniform<T, 4>({p.n, p.h, p.w, p.c})),
        y(in.uniform<T, 4>({p.n, p.p(), p.q(), p.k})),
        w(in.uniform<float, 4>({p.k, p.r, p.r, p.c})) {}
};

template <class T> void add_passes(Suite& suite, const WrnConv& conv) {
  const ConvProblem p = conv.problem(suite.scale.batch(), DtypeOf<T>::value);
  const Conv2dConfig config{.stride = p.stride, .pad = p.pad};
  const double activations = double(p.x_size() + p.y_size()) * sizeof(T), weights = double(p.w_size()) * sizeof(float);
  Case c{.op = "conv2d",
         .shape = extents(p.n, p.h, p.w, p.c) + " k" + extents(p.k, p.r, p.r) + " s" + std::to_string(p.stride) + " " +
                  name_of(p.dtype),
         .flops = p.flops(),
         .bytes = activations + weights,
         .arithmetic = std::is_same_v<T, bf16> ? Arithmetic::tensor : Arithmetic::fp32,
         .setup = [p, config](Inputs& in) {
           return [a = Arrays<T>(in, p), config, &context = in.context] {
             conv2d(context, a.y, View<const T, 4>(a.x), View<const float, 4>(a.w), View<const float, 1>{}, config);
           };
         }};
  suite.add(c);

  c.op = "conv2d_backward_weights";
  c.bytes = activations + 2 * weights;  // dw += reads it too
  c.setup = [p, config](Inputs& in) {
    return [a = Arrays<T>(in, p), config, &context = in.context] {
      conv2d_backward_weights(context, a.w, View<const T, 4>(a.y), View<const T, 4>(a.x), config);
    };
  };
  suite.add(c);

  if (p.c == 3) return;  // the images need no gradient
  c.op = "conv2d_backward_data";
  c.bytes = activations + weights;
  c.setup = [p, config](Inputs& in) {
    return [a = Arrays<T>(in, p), config, &context = in.context] {
      conv2d_backward_data(context, a.x, View<const T, 4>(a.y), View<const float, 4>(a.w), config);
    };
  };
  suite.add(c);
}

}  // namespace

void conv2d_cases(Suite& suite) {
  for (const WrnConv& conv : kWrnConvs) add_passes<float>(suite, conv);
  if (!suite.scale.cuda) return;
  for (const WrnConv& conv : kWrnConvs) add_passes<bf16>(suite, conv);
}

}  // namespace crc::bench
