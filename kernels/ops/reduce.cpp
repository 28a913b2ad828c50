#include "kernels/ops/reduce.h"

#include "kernels/cpu/columns.h"

namespace crc {
namespace {

// Sum of term(x[i]) in fp64: kLanes interleaved sums per chunk, then over lanes and chunks, always in this order.
template <class Term> double total(Cpu& cpu, View<const float, 1> x, Term term) {
  constexpr int64_t kGrain = 8192;
  constexpr int kLanes = 16;
  const Arena::Frame frame(cpu.scratch());
  const View<double, 1> parts = cpu.scratch().take<double>({(x.size() + kGrain - 1) / kGrain}, "partial sums");
  for_chunks(cpu, x.size(), kGrain, [&](int64_t chunk, int64_t begin, int64_t end) {
    double lanes[kLanes] = {}, sum = 0;
    int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes)
      for (int k = 0; k < kLanes; ++k) lanes[k] += term(x[i + k]);
    for (; i < end; ++i) sum += term(x[i]);
    for (double lane : lanes) sum += lane;
    parts[chunk] = sum;
  });
  double sum = 0;
  for (int64_t i = 0; i < parts.size(); ++i) sum += parts[i];
  return sum;
}

template <class T> void add_columns(Cpu& cpu, View<float, 1> out, View<const T, 2> x) {
  check_shape("column_sum", out, {x.shape[1]});
  const Arena::Frame frame(cpu.scratch());
  const int64_t period = period_of(x.shape[1]);
  const auto totals = column_sums<1>(cpu, x.size(), x.shape[1], [&](const Tile& tile, auto& s) {
    std::fill(s[0], s[0] + tile.width, 0.0f);
    for (int64_t r = 0; r < tile.height; ++r)
      for (int64_t k = 0; k < tile.width; ++k) s[0][k] += float(x[tile.at + r * period + k]);
  });
  for (int64_t c = 0; c < out.size(); ++c) AddColumn{out}(c, totals(0, c));
}

}  // namespace

void sum(Cpu& cpu, View<float, 1> out, View<const float, 1> x) {
  check_shape("sum", out, {1});
  StoreTotal{out}(total(cpu, x, SumTerm{}));
}

void record_mean(Cpu& cpu, View<float, 2> ring, View<const float, 1> x, View<const StepState, 1> state,
                 int64_t column) {
  check_record_mean(ring, x, column);
  RecordMean{ring, state, column, x.size()}(total(cpu, x, SumTerm{}));
}

void column_sum(Cpu& cpu, View<float, 1> out, View<const float, 2> x) { add_columns(cpu, out, x); }
void column_sum(Cpu& cpu, View<float, 1> out, View<const bf16, 2> x) { add_columns(cpu, out, x); }

}  // namespace crc
