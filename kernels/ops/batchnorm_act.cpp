#include "kernels/ops/batchnorm_act.h"

#include "kernels/core/meeting.h"
#include "kernels/cpu/columns.h"

namespace crc {
namespace {

// x, to which plus is added first where there is one (kPlus). The views have one shape.
template <class T, bool kPlus> struct Input {
  std::conditional_t<kPlus, T*, const T*> x;
  const T* plus = nullptr;

  Input at(int64_t place) const { return {x + place, kPlus ? plus + place : nullptr}; }
  float read(int64_t k) const {
    if constexpr (!kPlus) return float(x[k]);
    T sum;
    round_to(sum, Add{}(float(x[k]), float(plus[k])));
    return float(sum);
  }
  // For each element once: what was added is written.
  float take(int64_t k) const {
    const float value = read(k);
    if constexpr (kPlus) round_to(x[k], value);
    return value;
  }
};

// Merges the moments of a tile of the input into those of the periods above it.
template <class T, bool kPlus>
void merge_tile(Input<T, kPlus> in, const Tile& tile, int64_t period, double* __restrict mean, double* __restrict m2) {
  float pivot[kTileWidth], sum[kTileWidth] = {}, squares[kTileWidth] = {};
  const int64_t width = tile.width;
  for (int64_t k = 0; k < width; ++k) pivot[k] = in.read(k);
  for (int64_t r = 0; r < tile.height; ++r) {
    const Input<T, kPlus> row = in.at(r * period);
#pragma omp simd
    for (int64_t k = 0; k < width; ++k) {
      const float d = row.take(k) - pivot[k];
      sum[k] += d;
      squares[k] += d * d;
    }
  }
  for (int64_t k = 0; k < width; ++k) {
    const Moments above{double(tile.above), mean[k], m2[k]};
    const Moments merged = above.merged(Moments::about(pivot[k], sum[k], squares[k], double(tile.height)));
    mean[k] = merged.mean, m2[k] = merged.m2;
  }
}

// Merges the columns of a piece of n elements that belong to the same channel, into the first of them.
void merge_period(int64_t n, int64_t period, int64_t channels, double* mean, double* m2) {
  const auto count = [&](int64_t k) { return double(n / period + (k < n % period)); };
  double rows = count(0);
  for (int64_t k = channels; k < period; rows += count(k), k += channels)
    for (int64_t c = 0; c < channels; ++c) {
      const Moments merged = Moments{rows, mean[c], m2[c]}.merged({count(k), mean[k + c], m2[k + c]});
      mean[c] = merged.mean, m2[c] = merged.m2;
    }
}

template <class T, bool kPlus>
void batch_statistics(Cpu& cpu, BatchNormStatistics statistics, Input<T, kPlus> in, int64_t size, int64_t channels) {
  const int64_t period = period_of(channels), piece = piece_of(channels), pieces = (size + piece - 1) / piece;
  const View<double, 3> parts = cpu.scratch().take<double>({pieces, 2, period}, "moments");
  for_chunks(cpu, size, piece, [&](int64_t p, int64_t begin, int64_t end) {
    double *mean = &parts(p, 0, 0), *m2 = &parts(p, 1, 0);
    std::fill(mean, mean + 2 * period, 0.0);
    for_tiles(begin, end, period,
              [&](const Tile& tile) { merge_tile(in.at(tile.at), tile, period, mean + tile.first, m2 + tile.first); });
    merge_period(end - begin, period, channels, mean, m2);
  });
  Meeting* const all = Meeting::current();
  if (all) statistics.meeting = cpu.scratch().take<double>({3, channels}, "moments of the batch");
  for (int64_t c = 0; c < channels; ++c) {
    Moments merged;
    for (int64_t p = 0; p < pieces; ++p) {
      const double rows = double(std::min(piece, size - p * piece) / channels);
      merged = merged.merged({rows, parts(p, 0, c), parts(p, 1, c)});
    }
    statistics(c, merged);
  }
  if (!all) return;
  all->merge(statistics.meeting.flat(), Meeting::Of::moments);
  for_each(cpu, channels, FinishStatistics{statistics});
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

template <class T, bool kPlus>
void apply(T* y, Input<T, kPlus> in, int64_t n, const float* mean, const float* scale, const float* shift,
           LeakyRelu act) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) round_to(y[k], act(BatchNormAffine{mean[k], scale[k], shift[k]}(in.take(k))));
}

// The sums over a tile of the gradient g of z, and of g * (x - mean).
template <class T>
void sum_gradients(const T* __restrict dy, const T* __restrict x, const Tile& tile, int64_t period,
                   const float* __restrict mean, const float* __restrict scale, const float* __restrict shift,
                   LeakyReluBackward act, float* __restrict sum_g, float* __restrict sum_gx) {
  const int64_t width = tile.width;
  std::fill(sum_g, sum_g + width, 0.0f);
  std::fill(sum_gx, sum_gx + width, 0.0f);
  for (int64_t r = 0; r < tile.height; ++r)
    for (int64_t k = 0; k < width; ++k) {
      const float xi = float(x[r * period + k]);
      const float g = act(float(dy[r * period + k]), BatchNormAffine{mean[k], scale[k], shift[k]}(xi));
      sum_g[k] += g;
      sum_gx[k] += g * (xi - mean[k]);
    }
}

// plus: what is added to dx, or null.
template <bool kPlus, class T>
void apply_backward(T* dx, const T* dy, const T* x, const T* plus, int64_t n, const float* mean, const float* scale,
                    const float* shift, const float* constant, const float* slope, LeakyReluBackward act) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) {
    const float xi = float(x[k]), g = act(float(dy[k]), BatchNormAffine{mean[k], scale[k], shift[k]}(xi));
    const float gradient = BatchNormBackwardPoint{mean[k], scale[k], constant[k], slope[k]}(g, xi);
    round_to(dx[k], kPlus ? gradient + float(plus[k]) : gradient);
  }
}

template <class T, bool kPlus>
void fill_statistics(Cpu& cpu, const BatchNormStatistics& statistics, Input<T, kPlus> in, int64_t size,
                     int64_t channels) {
  if (statistics.mode == Mode::eval)
    for_each(cpu, channels, statistics);
  else
    batch_statistics(cpu, statistics, in, size, channels);
}

template <class T>
void stats(Cpu& cpu, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var, View<const T, 4> x,
           BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_stats", x, saved, {running_mean, running_var});
  const Arena::Frame frame(cpu.scratch());
  const auto rest = cpu.scratch().take<float>({x.shape[3]}, "mean rest");
  fill_statistics(cpu, {saved, running_mean, running_var, rest, config, mode}, Input<T, false>{x.data}, x.size(),
                  x.shape[3]);
}

template <class T, bool kPlus>
void forward(Cpu& cpu, View<T, 4> y, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
             Input<T, kPlus> in, View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config,
             Mode mode) {
  const Arena::Frame frame(cpu.scratch());
  const int64_t size = y.size(), channels = y.shape[3];
  const auto rest = cpu.scratch().take<float>({channels}, "mean rest");
  fill_statistics(cpu, {saved, running_mean, running_var, rest, config, mode}, in, size, channels);

  const auto affine = affine_period(cpu, {saved, gamma, beta, rest, config.offset}, channels);
  const auto apply_to = [&](auto from) {
    for_periods(cpu, size, channels, [&](int64_t at, int64_t n) {
      apply(y.data + at, from.at(at), n, &affine(0, 0), &affine(1, 0), &affine(2, 0), {config.slope});
    });
  };
  if (mode == Mode::eval)
    apply_to(in);
  else
    apply_to(Input<T, false>{in.x});  // the statistics' pass has added
}

template <class T>
void backward(Cpu& cpu, View<T, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta, View<const T, 4> dy,
              View<const T, 4> x, View<const T, 4> plus, View<const float, 2> saved, View<const float, 1> gamma,
              View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_act_backward", x, saved, {dgamma, dbeta, gamma, beta}, {dx, dy});
  check_plus("batchnorm_act_backward", x, plus);
  const Arena::Frame frame(cpu.scratch());
  const int64_t channels = x.shape[3];
  const double rows = mode == Mode::eval || channels == 0 ? 0 : double(x.size() / channels);
  const auto line = cpu.scratch().take<float>({2, channels}, "batch terms");
  BatchNormBackward finish{{saved, gamma, beta, {}, config.offset}, dgamma, dbeta, line, rows};
  const LeakyReluBackward act{config.slope};
  const auto affine = affine_period(cpu, finish.parameters, channels);
  const auto sums = column_sums<2>(cpu, x.size(), channels, [&](const Tile& tile, auto& s) {
    sum_gradients(dy.data + tile.at, x.data + tile.at, tile, affine.shape[1], &affine(0, tile.first),
                  &affine(1, tile.first), &affine(2, tile.first), act, s[0], s[1]);
  });
  Meeting* const all = mode == Mode::eval ? nullptr : Meeting::current();
  if (all) finish.meeting = cpu.scratch().take<double, 1>({2 * channels + 1}, "sums of the batch");
  for (int64_t c = 0; c < channels; ++c) finish(c, sums(0, c), sums(1, c));
  if (all) {
    all->merge(finish.meeting, Meeting::Of::sums);
    for_each(cpu, channels, FinishBackward{finish});
  }

  const auto terms = cpu.scratch().take<float>({2, affine.shape[1]}, "batch terms of a period");
  for (int64_t k = 0; channels > 0 && k < terms.shape[1]; ++k)
    terms(0, k) = line(0, k % channels), terms(1, k) = line(1, k % channels);
  const auto apply = plus.size() > 0 ? apply_backward<true, T> : apply_backward<false, T>;
  for_periods(cpu, x.size(), channels, [&](int64_t at, int64_t n) {
    apply(dx.data + at, dy.data + at, x.data + at, plus.data + at, n, &affine(0, 0), &affine(1, 0), &affine(2, 0),
          &terms(0, 0), &terms(1, 0), act);
  });
}

}  // namespace

void batchnorm_stats(Cpu& cpu, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
                     View<const float, 4> x, BatchNormConfig config, Mode mode) {
  stats(cpu, saved, running_mean, running_var, x, config, mode);
}
void batchnorm_stats(Cpu& cpu, View<float, 2> saved, View<float, 1> running_mean, View<float, 1> running_var,
                     View<const bf16, 4> x, BatchNormConfig config, Mode mode) {
  stats(cpu, saved, running_mean, running_var, x, config, mode);
}

void batchnorm_act(Cpu& cpu, View<float, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                   View<float, 1> running_var, View<const float, 4> x, View<const float, 1> gamma,
                   View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y});
  forward(cpu, y, saved, running_mean, running_var, Input<float, false>{x.data}, gamma, beta, config, mode);
}
void batchnorm_act(Cpu& cpu, View<bf16, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                   View<float, 1> running_var, View<const bf16, 4> x, View<const float, 1> gamma,
                   View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm("batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y});
  forward(cpu, y, saved, running_mean, running_var, Input<bf16, false>{x.data}, gamma, beta, config, mode);
}

void add_batchnorm_act(Cpu& cpu, View<float, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                       View<float, 1> running_var, View<float, 4> x, View<const float, 4> plus,
                       View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm<float>("add_batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y, plus});
  forward(cpu, y, saved, running_mean, running_var, Input<float, true>{x.data, plus.data}, gamma, beta, config, mode);
}
void add_batchnorm_act(Cpu& cpu, View<bf16, 4> y, View<float, 2> saved, View<float, 1> running_mean,
                       View<float, 1> running_var, View<bf16, 4> x, View<const bf16, 4> plus,
                       View<const float, 1> gamma, View<const float, 1> beta, BatchNormConfig config, Mode mode) {
  check_batchnorm<bf16>("add_batchnorm_act", x, saved, {running_mean, running_var, gamma, beta}, {y, plus});
  forward(cpu, y, saved, running_mean, running_var, Input<bf16, true>{x.data, plus.data}, gamma, beta, config, mode);
}

void batchnorm_act_backward(Cpu& cpu, View<float, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta,
                            View<const float, 4> dy, View<const float, 4> x, View<const float, 4> plus,
                            View<const float, 2> saved, View<const float, 1> gamma, View<const float, 1> beta,
                            BatchNormConfig config, Mode mode) {
  backward(cpu, dx, dgamma, dbeta, dy, x, plus, saved, gamma, beta, config, mode);
}
void batchnorm_act_backward(Cpu& cpu, View<bf16, 4> dx, View<float, 1> dgamma, View<float, 1> dbeta,
                            View<const bf16, 4> dy, View<const bf16, 4> x, View<const bf16, 4> plus,
                            View<const float, 2> saved, View<const float, 1> gamma, View<const float, 1> beta,
                            BatchNormConfig config, Mode mode) {
  backward(cpu, dx, dgamma, dbeta, dy, x, plus, saved, gamma, beta, config, mode);
}

}  // namespace crc
