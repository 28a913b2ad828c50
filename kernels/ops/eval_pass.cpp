#include "kernels/ops/eval_pass.h"

#include "kernels/cpu/for_each.h"

namespace crc {

#define DEFINE(T)                                                                                                      \
  void norm_constants(Cpu& cpu, View<T, 2> constants, View<const float, 1> mean, View<const float, 1> var,             \
                      View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config) {                 \
    for_each(cpu, mean.size(), norm_constants_step(constants, mean, var, gamma, beta, config));                        \
  }                                                                                                                    \
  void norm_act(Cpu& cpu, View<T, 3> y, View<const T, 3> x, View<const T, 2> constants, float slope) {                 \
    for_each(cpu, y.size(), norm_act_step(y, x, constants, slope));                                                    \
  }                                                                                                                    \
  void norm_act_backward(Cpu& cpu, View<T, 3> dx, View<const T, 3> dy, View<const T, 3> x, View<const T, 2> constants, \
                         float slope) {                                                                                \
    for_each(cpu, dx.size(), norm_act_backward_step(dx, dy, x, constants, slope));                                     \
  }                                                                                                                    \
  void norm_act_params(Cpu& cpu, View<T, 2> dgamma, View<T, 2> dbeta, View<const T, 3> dy, View<const T, 3> x,         \
                       View<const T, 2> constants, float slope) {                                                      \
    for_each(cpu, dgamma.size(), norm_act_params_step(dgamma, dbeta, dy, x, constants, slope));                        \
  }                                                                                                                    \
  void position_sum(Cpu& cpu, View<T, 2> y, View<const T, 3> x, double weight) {                                       \
    for_each(cpu, y.size(), position_sum_step(y, x, weight));                                                          \
  }                                                                                                                    \
  void position_spread(Cpu& cpu, View<T, 3> dx, View<const T, 2> dy, double weight) {                                  \
    for_each(cpu, dx.size(), position_spread_step(dx, dy, weight));                                                    \
  }                                                                                                                    \
  void add_bias(Cpu& cpu, View<T, 2> y, View<const T, 1> bias) { for_each(cpu, y.size(), add_bias_step(y, bias)); }    \
  void accumulate(Cpu& cpu, View<T, 1> y, View<const T, 1> x) { for_each(cpu, y.size(), accumulate_step(y, x)); }      \
  void convert(Cpu& cpu, View<T, 1> y, View<const float, 1> x) { for_each(cpu, y.size(), convert_step(y, x)); }
DEFINE(float)
DEFINE(double)
#undef DEFINE

}  // namespace crc
