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

template <class T>
void fill_statistics(Cuda& cuda, const char* op, const BatchNormStatistics& statistics, View<const T, 2> x) {
  if (statistics.mode == Mode::eval) {
    for_each(cuda, op, x.shape[1], statistics);
    return;
  }
  with_width<T>(
      x.shape[1],
      [&](auto width) {
        const auto kernel = batchnorm_moments_kernel<width(), T>;
        const ColumnGrid columns = column_grid(cuda, kernel, x.shape[0], x.shape[1], width);
        const Arena::Frame frame(cuda.scratch());
        const auto parts = cuda.scratch().take<double>({2, x.shape[1], columns.blocks()}, "moments");
        launch(cuda, op, kernel, columns.grid, parts, x, columns.rows_per_block);
        launch(cuda, op, batchnorm_statistics_kernel, warp_per_column(x.shape[1]), parts, x.shape[0],
               columns.rows_per_block, statistics);
      },
      x.data);
}

template <class T>
void stats(Cuda& cuda, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
           View<const T, 4> x, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_stats", x, saved, {running_mean, running_var});
  const Arena::Frame frame(cuda.scratch());
  const auto rest = cuda.scratch().take<float>({x.shape[3]}, "mean rest");
  fill_statistics(cuda, "batchnorm_stats", {saved, running_mean, running_var, rest, config, mode}, as_rows(x));
}

template <class T>
void forward(Cuda& cuda, View<T, 4> y, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
             View<const T, 4> x, View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config,
             Mode mode) {
  check_batchnorm("batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y});
  const Arena::Frame frame(cuda.scratch());
  const auto rest = cuda.scratch().take<float>({x.shape[3]}, "mean rest");
  fill_statistics(cuda, "batchnorm_act", {saved, running_mean, running_var, rest, config, mode}, as_rows(x));
  with_width<T>(
      x.shape[3],
      [&](auto width) {
        const View<const T, 2> rows = as_rows(x);
        const auto kernel = batchnorm_apply_kernel<width(), T>;
        const ColumnGrid columns = column_grid(cuda, kernel, rows.shape[0], rows.shape[1], width);
        launch(cuda, "batchnorm_act", kernel, columns.grid, as_rows(y), rows, columns.rows_per_block,
               BatchNormParameters{saved, gamma, beta, rest, config.offset}, LeakyRelu{config.slope});
      },
      x.data, y.data);
}

template <class T>
void backward(Cuda& cuda, View<T, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta, View<const T, 4> dy,
              View<const T, 4> x, View<const T, 4> plus, View<const float, 2> saved, View<const float, 1> gamma,
              View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  constexpr const char* kOp = "batchnorm_act_backward";
  check_batchnorm(kOp, x, saved, {dgamma, dbeta, gamma, beta}, {dx, dy});
  check_plus(kOp, x, plus);
  const Arena::Frame frame(cuda.scratch());
  const View<const T, 2> rows = as_rows(x);
  const int64_t channels = rows.shape[1];
  const auto line = cuda.scratch().take<float>({2, channels}, "batch terms");
  const BatchNormBackward finish{
      {saved, gamma, beta, {}, config.offset}, dgamma, dbeta, line, mode == Mode::eval ? 0 : double(rows.shape[0])};
  const LeakyReluBackward act{config.slope};
  with_width<T>(
      channels,
      [&](auto width) {
        const auto sum = batchnorm_gradient_sums_kernel<width(), T>;
        const auto apply = plus.size() > 0 ? batchnorm_apply_backward_kernel<width(), true, T>
                                           : batchnorm_apply_backward_kernel<width(), false, T>;
        const ColumnGrid to_sum = column_grid(cuda, sum, rows.shape[0], channels, width);
        const ColumnGrid to_apply = column_grid(cuda, apply, rows.shape[0], channels, width);
        const auto parts = cuda.scratch().take<double>({2, channels, to_sum.blocks()}, "gradient sums");
        launch(cuda, kOp, sum, to_sum.grid, parts, as_rows(dy), rows, to_sum.rows_per_block, finish.parameters, act);
        launch(cuda, kOp, finish_columns_kernel<2, BatchNormBackward>, warp_per_column(channels), parts, finish);
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
  forward(cuda, y, saved, running_mean, running_var, x, gamma, beta, config, mode);
}
void batchnorm_act(Cuda& cuda, View<bf16, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                   View<float, 1> running_var, View<const bf16, 4> x, View<const float, 1> gamma,
                   View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  forward(cuda, y, saved, running_mean, running_var, x, gamma, beta, config, mode);
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
