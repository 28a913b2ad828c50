// How the CPU goes through pairs of rows (kernels/ops/pairwise_tile.h), tile by tile, for whatever reduces them.
#pragma once

#include <omp.h>

#include <algorithm>

#include "kernels/cpu/ball_screen.h"
#include "kernels/cpu/for_each.h"
#include "kernels/ops/pairwise_tile.h"

namespace crc {

inline constexpr int64_t kMostRows = 96;         // that share a panel of b
inline constexpr int64_t kRowBytes = 256 << 10;  // of them, as doubles: half of an L2 cache
inline constexpr int64_t kInPlace = 3;           // columns that are not worth packing
static_assert(kPairChunk % kWideScreen == 0 && kMostRows % kDownPairs == 0);

struct Pairs {
  View<const float, 2> a, b;
  const double *a2, *b2;  // squared norms
  double scale;
};

// Valid until the caller's frame ends.
inline Pairs make_pairs(Cpu& cpu, const PairedRows& a, const PairedRows& b, const Pairing& pairing) {
  const auto norms = [&](const PairedRows& rows) {
    if (rows.squared.size() > 0) return rows.squared.data;
    const auto squared = cpu.scratch().take<double>({rows.x.shape[0]}, "squared norms");
    pairwise_norms(cpu, squared, rows.x);
    return static_cast<const double*>(squared.data);
  };
  const double* a2 = norms(a);
  return {a.x, b.x, a2, a.x.data == b.x.data && a.x.shape[0] == b.x.shape[0] ? a2 : norms(b), pair_scale(pairing)};
}

// Column j of a tile in fp32; false: a pair is in doubt.
inline bool all_sure(double (&tile)[kDownPairs][kWidePairs], int64_t j, const Pairs& p, const Ball& ball,
                     const float* const (&rows)[kDownPairs], int64_t i, int64_t count) {
  float inner[kDownPairs];
  float_products(inner, rows, p.b.data + j * p.b.shape[1], p.b.shape[1]);
  const Band column = ball.column(p.b2[j]);
  bool sure = true;
  for (int64_t r = 0; r < count; ++r) {
    const Band row = ball.row(p.a2[i + r]);
    const bool inside = inner[r] > row.high + column.high;
    tile[r][j] = inside;
    sure = sure && (inside || inner[r] < row.low + column.low);
  }
  return sure;
}

// For a few columns, as when the centres of k-means++ come one by one.
template <Measure measure, class Reduce> void sweep_in_place(Cpu& cpu, const Pairs& p, const Reduce& reduce) {
  const int64_t k = p.b.shape[0], depth = p.a.shape[1];
  const Ball ball(p.scale, depth);
  for_chunks(cpu, p.a.shape[0], kMostRows, [&](int64_t, int64_t begin, int64_t end) {
    Reduce local = reduce;
    local.start(begin, end);
    for (int64_t i = begin; i < end; i += kDownPairs) {
      const float* rows[kDownPairs];
      for (int64_t r = 0; r < kDownPairs; ++r) rows[r] = p.a.data + std::min(i + r, end - 1) * depth;
      double tile[kDownPairs][kWidePairs] = {};
      for (int64_t j = 0; j < k; ++j) {
        const int64_t rows_left = std::min(kDownPairs, end - i);
        if constexpr (measure == Measure::top_hat)
          if (all_sure(tile, j, p, ball, rows, i, rows_left)) continue;
        double inner[kDownPairs];
        multiply_row(inner, rows, p.b.data + j * depth, depth);
        for (int64_t r = 0; r < rows_left; ++r) tile[r][j] = measured<measure>(inner[r], p.a2[i + r], p.b2[j], p.scale);
      }
      for (int64_t r = 0; r < std::min(kDownPairs, end - i); ++r) local.take(i + r, i + r - begin, 0, k, tile[r]);
    }
    local.finish(begin, end);
  });
}

// Packed rows of one thread: a block of a and a panel of b, and the same in fp32 for top_hat.
struct PairMemory {
  View<double, 2> memory;
  View<float, 2> screen;
  int64_t block;

  // Blocks of `rows` rows, so many that all threads of the CPU have as many.
  PairMemory(Cpu& cpu, int64_t rows, int64_t depth, Measure measure) {
    const auto up = [](int64_t count, int64_t by) { return (count + by - 1) / by; };
    const int64_t most = std::clamp(kRowBytes / (8 * std::max<int64_t>(1, depth)) / kDownPairs * kDownPairs, kDownPairs,
                                    kMostRows),
                  share = std::max<int64_t>(1, up(rows, cpu.threads()));
    block = up(up(share, up(share, most)), kDownPairs) * kDownPairs;
    memory = cpu.scratch().take<double>({cpu.threads(), (block + kWidePairs) * depth + kWidePairs}, "tiles of rows");
    if (measure == Measure::top_hat)
      screen = cpu.scratch().take<float>({cpu.threads(), (block + kWideScreen) * depth}, "tiles of rows in fp32");
  }
};

inline constexpr double kNone[kWidePairs] = {};  // a row of a tile all outside: what sums may leave out

// Balls of rows, by panels of 48 columns: only four rows against 24 of which a pair is in doubt are multiplied in fp64.
// take(row, first column, how many, a bit for each that is inside).
template <class Take> class BallSweep {
 public:
  BallSweep(const Pairs& p, const PairMemory& pairs, Take& take)
      : p_(p),
        take_(take),
        depth_(p.a.shape[1]),
        ball_(p.scale, depth_),
        exact_panel_(&pairs.memory(omp_get_thread_num(), 0)),
        exact_rows_(exact_panel_ + kWidePairs * depth_),
        panel_(depth_ > 0 ? &pairs.screen(omp_get_thread_num(), 0) : nullptr),
        rows_(panel_ + kWideScreen * depth_) {}

  void rows(int64_t begin, int64_t end) {
    begin_ = begin, end_ = end, exact_ = 0;
    for (int64_t i = begin; i < end; i += kDownPairs)
      pack_rows<kDownPairs>(rows_ + (i - begin) * depth_, depth_, end - i,
                            [&](int64_t r) { return p_.a.data + (i + r) * depth_; });
    std::fill_n(of_rows_, kMostRows, Band{});
    for (int64_t i = begin; i < end; ++i) of_rows_[i - begin] = ball_.row(p_.a2[i]);
  }
  void columns(int64_t first, int64_t last) {
    first_ = first, last_ = last;
    pack_rows<kWideScreen>(panel_, depth_, last - first, [&](int64_t r) { return p_.b.data + (first + r) * depth_; });
    for (int64_t c = 0; c < kWideScreen; ++c) {
      const Band band = first + c < last ? ball_.column(p_.b2[first + c]) : Band{};
      low_[c] = band.low, high_[c] = band.high;
    }
    multiply_tile(tile_, rows_, end_ - begin_, panel_, last - first, depth_);
    uint64_t doubtful = 0;
    for (int64_t i = 0; i < end_ - begin_; ++i) {
      const Sides s = sides(tile_ + i * kWideScreen, of_rows_[i], low_, high_);
      inside_[i] = s.inside, doubt_[i] = ~(s.inside | s.outside) & kAll, doubtful |= doubt_[i];
    }
    for (int64_t at = 0; at < last - first; at += kWidePairs)
      if (doubtful >> at & kHalf) settle(at);
    for (int64_t i = 0; i < end_ - begin_; ++i) take_(begin_ + i, first, last - first, inside_[i]);
  }

 private:
  static constexpr uint64_t kHalf = (uint64_t(1) << kWidePairs) - 1, kAll = (uint64_t(1) << kWideScreen) - 1;

  // In fp64 those of a panel's columns [at,at+24) that are in doubt.
  void settle(int64_t at) {
    const int64_t columns = std::min(kWidePairs, last_ - first_ - at);
    pack_rows<kWidePairs>(exact_panel_, depth_, columns,
                          [&](int64_t r) { return p_.b.data + (first_ + at + r) * depth_; });
    for (int64_t i = 0; i < end_ - begin_; i += kDownPairs) {
      const int64_t rows = std::min(kDownPairs, end_ - begin_ - i);
      uint64_t doubtful = 0;
      for (int64_t r = 0; r < rows; ++r) doubtful |= doubt_[i + r];
      if (!(doubtful >> at & kHalf)) continue;
      if (const uint32_t own = uint32_t(1) << i / kDownPairs; !(exact_ & own)) {
        pack_rows<kDownPairs>(exact_rows_ + i * depth_, depth_, rows,
                              [&](int64_t r) { return p_.a.data + (begin_ + i + r) * depth_; });
        exact_ |= own;
      }
      double inner[kDownPairs * kWidePairs];
      multiply_tile(inner, exact_rows_ + i * depth_, kDownPairs, exact_panel_, columns, depth_);
      for (int64_t r = 0; r < rows; ++r) {
        inside_[i + r] &= ~(kHalf << at);
        for (int64_t c = 0; c < columns; ++c)
          inside_[i + r] |= uint64_t(measured<Measure::top_hat>(inner[r * kWidePairs + c], p_.a2[begin_ + i + r],
                                                                p_.b2[first_ + at + c], p_.scale))
                            << (at + c);
      }
    }
  }

  const Pairs& p_;
  Take& take_;
  int64_t depth_;
  Ball ball_;
  double *exact_panel_, *exact_rows_;
  float *panel_, *rows_;
  int64_t begin_ = 0, end_ = 0, first_ = 0, last_ = 0;  // of a and of b
  uint32_t exact_ = 0;                                  // fours of rows that are packed as doubles
  Band of_rows_[kMostRows];
  float low_[kWideScreen], high_[kWideScreen], tile_[kMostRows * kWideScreen];
  uint64_t inside_[kMostRows], doubt_[kMostRows];
};

// BallSweep's take for the rows [begin,end) and the columns [first,last).
template <class Take>
void sweep_balls(const Pairs& p, const PairMemory& pairs, int64_t begin, int64_t end, int64_t first, int64_t last,
                 Take&& take) {
  BallSweep<Take> ball(p, pairs, take);
  for (int64_t top = begin; top < end; top += pairs.block) {
    ball.rows(top, std::min(end, top + pairs.block));
    for (int64_t j = first; j < last; j += kWideScreen) ball.columns(j, std::min(last, j + kWideScreen));
  }
}

// values [24] = the measures of inner products, of one row against 24.
template <Measure measure> void measure_row(double* values, double a2, const double* b2, double scale) {
  for (int64_t c = 0; c < kWidePairs; ++c) values[c] = measured<measure>(values[c], a2, b2[c], scale);
}
#if defined(__AVX2__) && defined(__FMA__)
// The same operations by twice as wide registers.
template <Measure measure>
CRC_LANES_OF_8 void measure_row_wide(double* values, double a2, const double* b2, double scale) {
  for (int64_t c = 0; c < kWidePairs; ++c) values[c] = measured<measure>(values[c], a2, b2[c], scale);
}
#endif
template <Measure measure> void measure_row_of(double* values, double a2, const double* b2, double scale) {
#if defined(__AVX2__) && defined(__FMA__)
  if (kHasLanesOf8) return measure_row_wide<measure>(values, a2, b2, scale);
#endif
  measure_row<measure>(values, a2, b2, scale);
}

// take(row of a, first column, how many, values) for the rows [begin,end) and every 24 of the columns [first,last): of a
// row, columns in order; of a column, rows in order.
template <Measure measure, class Take>
void sweep_tile(const Pairs& p, const PairMemory& pairs, int64_t begin, int64_t end, int64_t first, int64_t last,
                Take&& take) {
  if constexpr (measure == Measure::top_hat)
    return sweep_balls(p, pairs, begin, end, first, last, [&](int64_t i, int64_t j, int64_t columns, uint64_t inside) {
      for (int64_t at = 0; at < columns; at += kWidePairs) {
        const uint64_t bits = inside >> at & ((uint64_t(1) << kWidePairs) - 1);
        double values[kWidePairs];
        if (bits != 0) spread(values, bits);
        take(i, j + at, std::min(kWidePairs, columns - at), bits != 0 ? values : kNone);
      }
    });
  const int64_t depth = p.a.shape[1];
  double* panel = &pairs.memory(omp_get_thread_num(), 0);
  double *b2 = panel + kWidePairs * depth, *rows = b2 + kWidePairs;
  for (int64_t top = begin; top < end; top += pairs.block) {
    const int64_t bottom = std::min(end, top + pairs.block);
    for (int64_t i = top; i < bottom; i += kDownPairs)
      pack_rows<kDownPairs>(rows + (i - top) * depth, depth, bottom - i, [&](int64_t r) { return &p.a(i + r, 0); });
    for (int64_t j = first; j < last; j += kWidePairs) {
      pack_rows<kWidePairs>(panel, depth, last - j, [&](int64_t r) { return &p.b(j + r, 0); });
      const int64_t columns = std::min(kWidePairs, last - j);
      for (int64_t c = 0; c < kWidePairs; ++c) b2[c] = c < columns ? p.b2[j + c] : 0;
      double tile[kMostRows * kWidePairs];
      multiply_tile(tile, rows, bottom - top, panel, columns, depth);
      for (int64_t i = top; i < bottom; ++i) {
        double* values = tile + (i - top) * kWidePairs;
        measure_row_of<measure>(values, p.a2[i], b2, p.scale);
        take(i, j, columns, values);
      }
    }
  }
}

// reduce.take as of sweep_tile, with the row's place in its block; start(rows begin, end) before and finish(begin, end)
// after. `Reduce` is copied for every block of rows.
template <Measure measure, class Reduce> void sweep(Cpu& cpu, const Pairs& p, const Reduce& reduce) {
  const int64_t n = p.a.shape[0], k = p.b.shape[0];
  if (k > 0 && k <= kInPlace) return sweep_in_place<measure>(cpu, p, reduce);
  const Arena::Frame frame(cpu.scratch());
  const PairMemory memory(cpu, n, p.a.shape[1], measure);
  for_chunks(cpu, n, memory.block, [&](int64_t, int64_t begin, int64_t end) {
    Reduce local = reduce;
    local.start(begin, end);
    sweep_tile<measure>(p, memory, begin, end, 0, k, [&](int64_t i, int64_t j, int64_t columns, const double* m) {
      local.take(i, i - begin, j, columns, m);
    });
    local.finish(begin, end);
  });
}

}  // namespace crc
