// The kernels of batchnorm_act.cu. x, y, dy, dx are rows of channels; a thread keeps the constants of its kWidth
// channels in registers and walks down the rows of its block. dx may be dy, and y may be x: neither is __restrict__.
#pragma once

#include "kernels/cuda/columns.cuh"
#include "kernels/ops/batchnorm_act.h"

namespace crc {

// Rows whose loads are under way at once: four accesses of 16 bytes per thread, of one array or of two.
inline constexpr int kRowsAhead = 4, kPairsAhead = 2;

template <int kWidth, class T> struct RowPair { RawPack<kWidth, T> in, gradient; };

// x as a kernel meets it: as it is, or (kPlus) with plus added first and written back.
template <class T, bool kPlus> struct InputRows {
  View<std::conditional_t<kPlus, T, const T>, 2> x;
  const T* plus = nullptr;

  template <int kWidth> struct Raw {
    RawPack<kWidth, T> in;
    std::conditional_t<kPlus, RawPack<kWidth, T>, int> plus;

    __device__ __forceinline__ Pack<kWidth> unpacked() const {
      Pack<kWidth> pack = in.unpacked();
      if constexpr (kPlus) {
        const Pack<kWidth> more = plus.unpacked();
        for (int k = 0; k < kWidth; ++k) {
          T sum;
          round_to(sum, Add{}(pack.value[k], more.value[k]));
          pack.value[k] = float(sum);
        }
      }
      return pack;
    }
  };
  template <int kWidth> __device__ __forceinline__ Raw<kWidth> load(int64_t row, int64_t column) const {
    Raw<kWidth> raw;
    raw.in = load_raw<kWidth>(static_cast<const T*>(&x(row, column)));
    if constexpr (kPlus) raw.plus = load_raw<kWidth>(plus + row * x.shape[1] + column);
    return raw;
  }
  template <int kWidth>
  __device__ __forceinline__ Pack<kWidth> take(const Raw<kWidth>& raw, int64_t row, int64_t column) const {
    const Pack<kWidth> pack = raw.unpacked();
    if constexpr (kPlus) store(&x(row, column), pack);
    return pack;
  }
};

// In the last block: merges the blocks' moments, and finishes the channels.
static __device__ __forceinline__ void finish_statistics(const View<double, 3>& parts, int64_t rows,
                                                         int64_t rows_per_block, int width,
                                                         const BatchNormStatistics& statistics) {
  constexpr unsigned kAll = 0xffffffffu;
  for_warp_columns(parts.shape[1], width, [&](int64_t column, int channels, int lane) {
    Moments batch[kTogether];
    const auto merge = [&](double count, const auto& others) {  // a division for all of them
      const double n = batch[0].count + count, weight = n > 0 ? count / n : 0;
#pragma unroll
      for (int j = 0; j < kTogether; ++j) batch[j] = batch[j].merged(others(j), n, weight);
    };
    for (int64_t block = lane; block < parts.shape[2]; block += 32) {
      const int64_t left = rows - block * rows_per_block;
      const double count = double(left < rows_per_block ? left : rows_per_block);
      merge(count, [&](int j) -> Moments {
        const int64_t c = j < channels ? column + j : column;
        return {count, parts(0, c, block), parts(1, c, block)};
      });
    }
    for (int offset = 16; offset > 0; offset /= 2) {
      const double count = __shfl_down_sync(kAll, batch[0].count, offset);
      merge(count, [&](int j) -> Moments {
        return {count, __shfl_down_sync(kAll, batch[j].mean, offset), __shfl_down_sync(kAll, batch[j].m2, offset)};
      });
    }
#pragma unroll
    for (int j = 0; j < kTogether; ++j) {  // lane 0 has the results; a lane each finishes them
      const Moments all{__shfl_sync(kAll, batch[j].count, 0), __shfl_sync(kAll, batch[j].mean, 0),
                        __shfl_sync(kAll, batch[j].m2, 0)};
      if (lane == j && j < channels) statistics(column + j, all);
    }
  });
}

// parts [2, C, blocks]: mean and sum of squared deviations of a block's rows, which the last block merges.
template <int kWidth, bool kPlus, class T>
__global__ void batchnorm_moments_kernel(View<double, 3> parts, InputRows<T, kPlus> in, int64_t rows_per_block,
                                         BatchNormStatistics statistics, unsigned* tickets) {
  const auto& x = in.x;
  const int64_t rows = x.shape[0], channels = x.shape[1];
  const ColumnPlace place(rows, rows_per_block, kWidth);
  using Raw = typename InputRows<T, kPlus>::template Raw<kWidth>;
  constexpr int kAhead = kPlus ? kPairsAhead : kRowsAhead;
  float sums[2][kWidth] = {};
  Pack<kWidth> pivot{};
  if (place.column < channels) pivot = in.template load<kWidth>(place.top, place.column).unpacked();
  if constexpr (kPlus) __syncthreads();  // all have the pivot before it is overwritten
  if (place.column < channels)
    for_rows<kAhead>(
        place, [&](int64_t row) { return in.template load<kWidth>(row, place.column); },
        [&](int64_t row, const Raw& raw) {
          const Pack<kWidth> pack = in.template take<kWidth>(raw, row, place.column);
          for (int k = 0; k < kWidth; ++k) {
            const float d = pack.value[k] - pivot.value[k];
            sums[0][k] += d;
            sums[1][k] += d * d;
          }
        });
  double total[2];
  sum_over_rows(sums, total);
  if (const int64_t c = total_column(channels, kWidth); c >= 0) {
    const Moments block = Moments::about(float(x(place.top, c)), total[0], total[1], double(place.end - place.top));
    parts(0, c, blockIdx.x) = block.mean;
    parts(1, c, blockIdx.x) = block.m2;
  }
  if (is_last_block(tickets)) finish_statistics(parts, rows, rows_per_block, kWidth, statistics);
}

template <int kWidth, bool kPlus, class T>
__global__ void batchnorm_apply_kernel(View<T, 2> y, InputRows<T, kPlus> in, int64_t rows_per_block,
                                       BatchNormParameters parameters, LeakyRelu act) {
  using Raw = typename InputRows<T, kPlus>::template Raw<kWidth>;
  constexpr int kAhead = kPlus ? kPairsAhead : kRowsAhead;
  const ColumnPlace place(in.x.shape[0], rows_per_block, kWidth);
  if (place.column >= in.x.shape[1]) return;
  BatchNormAffine affine[kWidth];
  for (int k = 0; k < kWidth; ++k) affine[k] = parameters(place.column + k);
  for_rows<kAhead>(
      place, [&](int64_t row) { return in.template load<kWidth>(row, place.column); },
      [&](int64_t row, const Raw& raw) {
        Pack<kWidth> pack = in.template take<kWidth>(raw, row, place.column);
        for (int k = 0; k < kWidth; ++k) pack.value[k] = act(affine[k](pack.value[k]));
        store(&y(row, place.column), pack);
      });
}

// parts [2, C, blocks]: sums over a block's rows of g, the gradient of z, and of g * (x - mean), which the last block
// adds up.
template <int kWidth, class T>
__global__ void batchnorm_gradient_sums_kernel(View<double, 3> parts, View<const T, 2> dy, View<const T, 2> x,
                                               int64_t rows_per_block, BatchNormBackward finish, LeakyReluBackward act,
                                               unsigned* tickets) {
  const int64_t channels = x.shape[1];
  const ColumnPlace place(x.shape[0], rows_per_block, kWidth);
  float sums[2][kWidth] = {};
  if (place.column < channels) {
    BatchNormAffine affine[kWidth];
    for (int k = 0; k < kWidth; ++k) affine[k] = finish.parameters(place.column + k);
    for_rows<kPairsAhead>(
        place,
        [&](int64_t row) {
          return RowPair<kWidth, T>{load_raw<kWidth>(&x(row, place.column)), load_raw<kWidth>(&dy(row, place.column))};
        },
        [&](int64_t, const RowPair<kWidth, T>& raw) {
          const Pack<kWidth> in = raw.in.unpacked(), gradient = raw.gradient.unpacked();
          for (int k = 0; k < kWidth; ++k) {
            const float g = act(gradient.value[k], affine[k](in.value[k]));
            sums[0][k] += g;
            sums[1][k] += g * (in.value[k] - affine[k].mean);
          }
        });
  }
  double total[2];
  sum_over_rows(sums, total);
  if (const int64_t c = total_column(channels, kWidth); c >= 0) {
    parts(0, c, blockIdx.x) = total[0];
    parts(1, c, blockIdx.x) = total[1];
  }
  if (is_last_block(tickets)) finish_columns<2>(parts, kWidth, finish);
}

// plus: the array that is added to dx, if there is one (kPlus).
template <int kWidth, bool kPlus, class T>
__global__ void batchnorm_apply_backward_kernel(View<T, 2> dx, View<const T, 2> dy, View<const T, 2> x, const T* plus,
                                                int64_t rows_per_block, BatchNormParameters parameters,
                                                View<const float, 2> line, LeakyReluBackward act) {
  const ColumnPlace place(x.shape[0], rows_per_block, kWidth);
  const int64_t channels = x.shape[1];
  if (place.column >= channels) return;
  BatchNormAffine affine[kWidth];
  float constant[kWidth], slope[kWidth];
  for (int k = 0; k < kWidth; ++k) {
    affine[k] = parameters(place.column + k);
    constant[k] = line(0, place.column + k), slope[k] = line(1, place.column + k);
  }
  struct Row : RowPair<kWidth, T> {
    std::conditional_t<kPlus, RawPack<kWidth, T>, int> plus;
  };
  for_rows<kPairsAhead>(
      place,
      [&](int64_t row) {
        Row loaded;
        loaded.in = load_raw<kWidth>(&x(row, place.column)), loaded.gradient = load_raw<kWidth>(&dy(row, place.column));
        if constexpr (kPlus) loaded.plus = load_raw<kWidth>(plus + row * channels + place.column);
        return loaded;
      },
      [&](int64_t row, const Row& raw) {
        const Pack<kWidth> in = raw.in.unpacked(), gradient = raw.gradient.unpacked();
        Pack<kWidth> out;
        for (int k = 0; k < kWidth; ++k) {
          const float xi = in.value[k], g = act(gradient.value[k], affine[k](xi));
          out.value[k] = BatchNormBackwardPoint{affine[k].mean, affine[k].scale, constant[k], slope[k]}(g, xi);
        }
        if constexpr (kPlus) {
          const Pack<kWidth> more = raw.plus.unpacked();
          for (int k = 0; k < kWidth; ++k) out.value[k] += more.value[k];
        }
        store(&dx(row, place.column), out);
      });
}

}  // namespace crc
