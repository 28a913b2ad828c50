#include "kernels/ops/batchnorm_act.h"

#include "kernels/cpu/columns.h"

namespace crc {
namespace {

// The constants of W channels, one array each so that loops over the channels vectorise.
template <int W> struct AffineTile {
  float mean[W], scale[W], shift[W];
  AffineTile(const BatchNormParameters& parameters, int64_t column) {
    for (int w = 0; w < W; ++w) {
      const BatchNormAffine a = parameters(column + w);
      mean[w] = a.mean, scale[w] = a.scale, shift[w] = a.shift;
    }
  }
  BatchNormAffine operator()(int w) const { return {mean[w], scale[w], shift[w]}; }
};

// Merges the moments of a tile of x into those of the `before` rows above it.
template <int W>
void merge_tile(const float* __restrict x, int64_t rows, int64_t stride, int64_t before, double* __restrict mean,
                double* __restrict m2) {
  float pivot[W], sum[W] = {}, squares[W] = {};
  for (int w = 0; w < W; ++w) pivot[w] = x[w];
  for (int64_t r = 0; r < rows; ++r)
    for (int w = 0; w < W; ++w) {
      const float d = x[r * stride + w] - pivot[w];
      sum[w] += d;
      squares[w] += d * d;
    }
  for (int w = 0; w < W; ++w) {
    const Moments above{double(before), mean[w], m2[w]};
    const Moments merged = above.merged(Moments::about(pivot[w], sum[w], squares[w], double(rows)));
    mean[w] = merged.mean, m2[w] = merged.m2;
  }
}

void batch_statistics(Cpu& cpu, const BatchNormStatistics& statistics, View<const float, 2> x) {
  const int64_t rows = x.shape[0], channels = x.shape[1], per_task = task_rows(channels);
  const View<double, 3> parts = cpu.scratch().take<double>({task_count(rows, channels), 2, channels}, "moments");
  for_chunks(cpu, rows, per_task, [&](int64_t task, int64_t begin, int64_t end) {
    double *mean = &parts(task, 0, 0), *m2 = &parts(task, 1, 0);
    std::fill(mean, mean + 2 * channels, 0.0);
    for_tiles(begin, end, channels, [&](auto width, int64_t row, int64_t n, int64_t c) {
      merge_tile<width()>(x.data + row * channels + c, n, channels, row - begin, mean + c, m2 + c);
    });
  });
  for (int64_t c = 0; c < channels; ++c) {
    Moments batch;
    for (int64_t task = 0; task < parts.shape[0]; ++task)
      batch = batch.merged(
          {double(std::min(per_task, rows - task * per_task)), parts(task, 0, c), parts(task, 1, c)});
    statistics(c, batch);
  }
}

// The constants of one period, one row each: mean, scale, shift.
View<float, 2> affine_period(Cpu& cpu, const BatchNormParameters& parameters, int64_t channels) {
  const View<float, 2> table = cpu.scratch().take<float>({3, period_of(channels)}, "affine map");
  for (int64_t k = 0; channels > 0 && k < table.shape[1]; ++k) {
    const BatchNormAffine a = parameters(k % channels);
    table(0, k) = a.mean, table(1, k) = a.scale, table(2, k) = a.shift;
  }
  return table;
}

void apply(float* y, const float* x, int64_t n, const float* mean, const float* scale, const float* shift,
           LeakyRelu act) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) y[k] = act(BatchNormAffine{mean[k], scale[k], shift[k]}(x[k]));
}

// Adds to sum_g and sum_gx what a tile holds.
template <int W>
void add_gradient_tile(const float* __restrict dy, const float* __restrict x, int64_t rows, int64_t stride,
                       AffineTile<W> affine, LeakyReluBackward act, double* __restrict sum_g,
                       double* __restrict sum_gx) {
  float tile_g[W] = {}, tile_gx[W] = {};
  for (int64_t r = 0; r < rows; ++r)
    for (int w = 0; w < W; ++w) {
      const float xi = x[r * stride + w];
      const float g = act(dy[r * stride + w], affine(w)(xi));
      tile_g[w] += g;
      tile_gx[w] += g * (xi - affine.mean[w]);
    }
  for (int w = 0; w < W; ++w) sum_g[w] += tile_g[w], sum_gx[w] += tile_gx[w];
}

void gradient_sums(Cpu& cpu, const BatchNormBackward& backward, View<const float, 2> dy, View<const float, 2> x,
                   LeakyReluBackward act) {
  const int64_t rows = x.shape[0], channels = x.shape[1];
  const View<double, 3> parts = cpu.scratch().take<double>({task_count(rows, channels), 2, channels}, "gradient sums");
  for_chunks(cpu, rows, task_rows(channels), [&](int64_t task, int64_t begin, int64_t end) {
    double *sum_g = &parts(task, 0, 0), *sum_gx = &parts(task, 1, 0);
    std::fill(sum_g, sum_g + 2 * channels, 0.0);
    for_tiles(begin, end, channels, [&](auto width, int64_t row, int64_t n, int64_t c) {
      const int64_t at = row * channels + c;
      const AffineTile<width()> affine(backward.parameters, c);
      add_gradient_tile(dy.data + at, x.data + at, n, channels, affine, act, sum_g + c, sum_gx + c);
    });
  });
  for (int64_t c = 0; c < channels; ++c) {
    double sum_g = 0, sum_gx = 0;
    for (int64_t task = 0; task < parts.shape[0]; ++task) sum_g += parts(task, 0, c), sum_gx += parts(task, 1, c);
    backward(c, sum_g, sum_gx);
  }
}

void apply_backward(float* dx, const float* dy, const float* x, int64_t n, const float* mean, const float* scale,
                    const float* shift, const float* constant, const float* slope, LeakyReluBackward act) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    const float g = act(dy[k], BatchNormAffine{mean[k], scale[k], shift[k]}(x[k]));
    dx[k] = BatchNormBackwardPoint{mean[k], scale[k], constant[k], slope[k]}(g, x[k]);
  }
}

void fill_statistics(Cpu& cpu, const BatchNormStatistics& statistics, View<const float, 4> x) {
  if (statistics.mode == Mode::eval)
    for_each(cpu, x.shape[3], statistics);
  else
    batch_statistics(cpu, statistics, as_rows(x));
}

}  // namespace

void batchnorm_stats(Cpu& cpu, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
                     View<const float, 4> x, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_stats", x, saved, {running_mean, running_var});
  const Arena::Frame frame(cpu.scratch());
  const auto rest = cpu.scratch().take<float>({x.shape[3]}, "mean rest");
  fill_statistics(cpu, {saved, running_mean, running_var, rest, config, mode}, x);
}

void batchnorm_act(Cpu& cpu, View<float, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                   View<float, 1> running_var, View<const float, 4> x, View<const float, 1> gamma,
                   View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y});
  const Arena::Frame frame(cpu.scratch());
  const int64_t channels = x.shape[3];
  const auto rest = cpu.scratch().take<float>({channels}, "mean rest");
  fill_statistics(cpu, {saved, running_mean, running_var, rest, config, mode}, x);

  const auto affine = affine_period(cpu, {saved, gamma, beta, rest, config.offset}, channels);
  for_periods(cpu, x.size(), channels, [&](int64_t at, int64_t n) {
    apply(y.data + at, x.data + at, n, &affine(0, 0), &affine(1, 0), &affine(2, 0), {config.slope});
  });
}

void batchnorm_act_backward(Cpu& cpu, View<float, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta,
                            View<const float, 4> dy, View<const float, 4> x, View<const float, 2> saved,
                            View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_act_backward", x, saved, {dgamma, dbeta, gamma, beta}, {dx, dy});
  const Arena::Frame frame(cpu.scratch());
  const int64_t rows = as_rows(x).shape[0], channels = x.shape[3];
  const auto line = cpu.scratch().take<float>({2, channels}, "batch terms");
  const BatchNormBackward backward{
      {saved, gamma, beta, {}, config.offset}, dgamma, dbeta, line, mode == Mode::eval ? 0 : double(rows)};
  const LeakyReluBackward act{config.slope};
  gradient_sums(cpu, backward, as_rows(dy), as_rows(x), act);
  const auto affine = affine_period(cpu, backward.parameters, channels);
  const auto terms = cpu.scratch().take<float>({2, affine.shape[1]}, "batch terms of a period");
  for (int64_t k = 0; channels > 0 && k < terms.shape[1]; ++k)
    terms(0, k) = line(0, k % channels), terms(1, k) = line(1, k % channels);
  for_periods(cpu, x.size(), channels, [&](int64_t at, int64_t n) {
    apply_backward(dx.data + at, dy.data + at, x.data + at, n, &affine(0, 0), &affine(1, 0), &affine(2, 0),
                   &terms(0, 0), &terms(1, 0), act);
  });
}

}  // namespace crc
