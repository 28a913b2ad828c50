#include "kernels/core/meeting.h"
#include "kernels/ops/batchnorm_act.cuh"

namespace crc {
namespace {

template <class T> View<T, 2> as_rows(View<T, 4> v) {
  return {v.data, {v.shape[0] * v.shape[1] * v.shape[2], v.shape[3]}, v.device, v.name};
}

// Calls f with the width, a compile-time constant, that the arrays allow.
template <class T, class F, class... Data> void with_width(int64_t channels, F&& f, const Data*... data) {
  if (channels % kPackWidth<T> == 0 && aligned_for_packs(data...))
    f(std::integral_constant<int, kPackWidth<T>>{});
  else
    f(std::integral_constant<int, 1>{});
}

// Of no rows, for which no kernel gets a block.
struct StatisticsOfNothing {
  BatchNormStatistics statistics;
  CRC_HD void operator()(int64_t c) const { statistics(c, Moments{}); }
};

template <class T, bool kPlus>
void fill_statistics(Cuda& cuda, const char* op, BatchNormStatistics statistics, InputRows<T, kPlus> in) {
  const int64_t rows = in.x.shape[0], channels = in.x.shape[1];
  if (statistics.mode == Mode::eval) return for_each(cuda, op, channels, statistics);
  const Arena::Frame frame(cuda.scratch());
  Meeting* const all = Meeting::current();
  if (all) statistics.meeting = cuda.scratch().take<double>({3, channels}, "moments of the batch");
  if (rows == 0) for_each(cuda, op, channels, StatisticsOfNothing{statistics});
  with_width<T>(
      channels,
      [&](auto width) {
        if (rows == 0) return;
        const auto kernel = batchnorm_moments_kernel<width(), kPlus, T>;
        const ColumnGrid columns = column_grid(cuda, kernel, rows, channels, width);
        const Arena::Frame of_blocks(cuda.scratch());
        const auto parts = cuda.scratch().take<double>({2, channels, columns.blocks()}, "moments");
        launch(cuda, op, kernel, columns.grid, parts, in, columns.rows_per_block, statistics,
               tickets_of(cuda, columns));
      },
      in.x.data, in.plus);
  if (!all) return;
  all->merge(statistics.meeting.flat(), Meeting::Of::moments);
  for_each(cuda, op, channels, FinishStatistics{statistics});
}

template <class T>
void stats(Cuda& cuda, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
           View<const T, 4> x, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_stats", x, saved, {running_mean, running_var});
  const Arena::Frame frame(cuda.scratch());
  const auto rest = cuda.scratch().take<float>({x.shape[3]}, "mean rest");
  fill_statistics(cuda, "batchnorm_stats", {saved, running_mean, running_var, rest, config, mode},
                  InputRows<T, false>{as_rows(x)});
}

template <class T, bool kPlus>
void apply(Cuda& cuda, const char* op, View<T, 2> y, InputRows<T, kPlus> in, const BatchNormParameters& parameters,
           LeakyRelu act) {
  with_width<T>(
      y.shape[1],
      [&](auto width) {
        const auto kernel = batchnorm_apply_kernel<width(), kPlus, T>;
        const ColumnGrid columns = column_grid(cuda, kernel, y.shape[0], y.shape[1], width);
        launch(cuda, op, kernel, columns.grid, y, in, columns.rows_per_block, parameters, act);
      },
      in.x.data, in.plus, y.data);
}

template <class T, bool kPlus>
void forward(Cuda& cuda, const char* op, View<T, 2> y, View<float, 2> saved, View<float, 1> running_mean,
             View<float, 1> running_var, InputRows<T, kPlus> in, View<const float, 1> gamma, View<const float, 1> beta,
             BatchNormConfig config, Mode mode) {
  const Arena::Frame frame(cuda.scratch());
  const auto rest = cuda.scratch().take<float>({y.shape[1]}, "mean rest");
  fill_statistics(cuda, op, {saved, running_mean, running_var, rest, config, mode}, in);
  const BatchNormParameters parameters{saved, gamma, beta, rest, config.offset};
  if (kPlus && mode != Mode::eval)
    apply(cuda, op, y, InputRows<T, false>{in.x}, parameters, {config.slope});  // the statistics' pass has added
  else
    apply(cuda, op, y, in, parameters, {config.slope});
}

template <class T>
void backward(Cuda& cuda, View<T, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta, View<const T, 4> dy,
              View<const T, 4> x, View<const T, 4> plus, View<const float, 2> saved, View<const float, 1> gamma,
              View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  constexpr const char* kOp = "batchnorm_act_backward";
  check_batchnorm(kOp, x, saved, {dgamma, dbeta, gamma, beta}, {dx, dy});
  check_plus(kOp, x, plus);
  if (x.size() == 0) return;
  const Arena::Frame frame(cuda.scratch());
  const View<const T, 2> rows = as_rows(x);
  const int64_t channels = rows.shape[1];
  const auto line = cuda.scratch().take<float>({2, channels}, "batch terms");
  BatchNormBackward finish{
      {saved, gamma, beta, {}, config.offset}, dgamma, dbeta, line, mode == Mode::eval ? 0 : double(rows.shape[0])};
  const LeakyReluBackward act{config.slope};
  Meeting* const all = mode == Mode::eval ? nullptr : Meeting::current();
  if (all) finish.meeting = cuda.scratch().take<double, 1>({2 * channels + 1}, "sums of the batch");
  with_width<T>(
      channels,
      [&](auto width) {
        const auto sum = batchnorm_gradient_sums_kernel<width(), T>;
        const auto apply = plus.size() > 0 ? batchnorm_apply_backward_kernel<width(), true, T>
                                           : batchnorm_apply_backward_kernel<width(), false, T>;
        const ColumnGrid to_sum = column_grid(cuda, sum, rows.shape[0], channels, width);
        const ColumnGrid to_apply = column_grid(cuda, apply, rows.shape[0], channels, width);
        const auto parts = cuda.scratch().take<double>({2, channels, to_sum.blocks()}, "gradient sums");
        launch(cuda, kOp, sum, to_sum.grid, parts, as_rows(dy), rows, to_sum.rows_per_block, finish, act,
               tickets_of(cuda, to_sum));
        if (all) {
          all->merge(finish.meeting, Meeting::Of::sums);
          for_each(cuda, kOp, channels, FinishBackward{finish});
        }
        launch(cuda, kOp, apply, to_apply.grid, as_rows(dx), as_rows(dy), rows, plus.data, to_apply.rows_per_block,
               finish.parameters, line, act);
      },
      x.data, dy.data, dx.data, plus.data);
}

}  // namespace

void batchnorm_stats(Cuda& cuda, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
                     View<const float, 4> x, BatchNormConfig config, Mode mode) {
  stats(cuda, saved, running_mean, running_var, x, config, mode);
}
void batchnorm_stats(Cuda& cuda, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
                     View<const bf16, 4> x, BatchNormConfig config, Mode mode) {
  stats(cuda, saved, running_mean, running_var, x, config, mode);
}

void batchnorm_act(Cuda& cuda, View<float, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                   View<float, 1> running_var, View<const float, 4> x, View<const float, 1> gamma,
                   View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y});
  forward(cuda, "batchnorm_act", as_rows(y), saved, running_mean, running_var, InputRows<float, false>{as_rows(x)},
          gamma, beta, config, mode);
}
void batchnorm_act(Cuda& cuda, View<bf16, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                   View<float, 1> running_var, View<const bf16, 4> x, View<const float, 1> gamma,
                   View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y});
  forward(cuda, "batchnorm_act", as_rows(y), saved, running_mean, running_var, InputRows<bf16, false>{as_rows(x)},
          gamma, beta, config, mode);
}

void add_batchnorm_act(Cuda& cuda, View<float, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                       View<float, 1> running_var, View<float, 4> x, View<const float, 4> plus,
                       View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm<float>("add_batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y, plus});
  forward(cuda, "add_batchnorm_act", as_rows(y), saved, running_mean, running_var,
          InputRows<float, true>{as_rows(x), plus.data}, gamma, beta, config, mode);
}
void add_batchnorm_act(Cuda& cuda, View<bf16, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                       View<float, 1> running_var, View<bf16, 4> x, View<const bf16, 4> plus,
                       View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm<bf16>("add_batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y, plus});
  forward(cuda, "add_batchnorm_act", as_rows(y), saved, running_mean, running_var,
          InputRows<bf16, true>{as_rows(x), plus.data}, gamma, beta, config, mode);
}

void batchnorm_act_backward(Cuda& cuda, View<float, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta,
                            View<const float, 4> dy, View<const float, 4> x, View<const float, 4> plus,
                            View<const float, 2> saved, View<const float, 1> gamma, View<const float, 1> beta,
                            BatchNormConfig config, Mode mode) {
  backward(cuda, dx, dgamma, dbeta, dy, x, plus, saved, gamma, beta, config, mode);
}
void batchnorm_act_backward(Cuda& cuda, View<bf16, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta,
                            View<const bf16, 4> dy, View<const bf16, 4> x, View<const bf16, 4> plus,
                            View<const float, 2> saved, View<const float, 1> gamma, View<const float, 1> beta,
                            BatchNormConfig config, Mode mode) {
  backward(cuda, dx, dgamma, dbeta, dy, x, plus, saved, gamma, beta, config, mode);
}

}  // namespace crc
