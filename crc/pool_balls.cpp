#include "crc/pool_balls.h"

#include <algorithm>
#include <bit>

#include "kernels/cpu/lanes.h"

namespace crc::select {
namespace {

// f(j) for each bit j.
template <class F> void for_bits(std::span<const int64_t> words, const F& f) {
  for (size_t w = 0; w < words.size(); ++w)
    for (auto left = uint64_t(words[w]); left != 0; left &= left - 1)
      f(int64_t(w) * kBitsOfWord + std::countr_zero(left));
}

// Four chains in every chunk of columns, joined, as the op has them; what is not in the ball adds 0 to them.
double sum_of(std::span<const int64_t> ball, std::span<const double> current, std::span<const double> weights) {
  double total = 0;
  Lanes chains{};
  int64_t chunk = 0;
  for_bits(ball, [&](int64_t j) {
    if (j / kPairChunk != chunk) total += joined(chains), chains = Lanes{}, chunk = j / kPairChunk;
    chains[j % kLanes] += std::max(0.0, 1 - current[size_t(j)]) * weights[size_t(j)];
  });
  return total + joined(chains);
}

}  // namespace

bool PoolBalls::fit(int64_t rows) {
  constexpr int64_t kMostBytes = 64 << 20;
  return rows * words_of(rows) * int64_t(sizeof(int64_t)) <= kMostBytes;
}

PoolBalls::PoolBalls(Context& context, const PairedRows& rows, double radius)
    : rows_(rows.x.shape[0]), bits_(context, {rows_, words_of(rows_)}, Dtype::i64, "rows within the radius") {
  pairwise_within(context, bits_.view<int64_t, 2>(), rows, radius);
  if (context.device().kind != DeviceKind::cpu) copy_ = bits_.to_host<int64_t>(context), bits_ = {};
}

std::span<const int64_t> PoolBalls::ball(int64_t place) const {
  const int64_t words = words_of(rows_);
  const int64_t* all = copy_.empty() ? bits_.view<const int64_t, 2>().data : copy_.data();
  return {all + place * words, size_t(words)};
}

std::vector<double> PoolBalls::gains(std::span<const int64_t> places, std::span<const double> current,
                                     std::span<const double> weights) const {
  std::vector<double> gains;
  const bool counts = std::ranges::all_of(weights, [](double w) { return w == 1; }) &&
                      std::ranges::all_of(current, [](double c) { return c == 0 || c == 1; });
  if (!counts) {
    for (int64_t place : places) gains.push_back(sum_of(ball(place), current, weights));
    return gains;
  }
  std::vector<uint64_t> open(size_t(words_of(rows_)));
  for (size_t j = 0; j < current.size(); ++j) open[j / kBitsOfWord] |= uint64_t(current[j] == 0) << j % kBitsOfWord;
  for (int64_t place : places) {
    int64_t count = 0;
    const std::span<const int64_t> words = ball(place);
    for (size_t w = 0; w < words.size(); ++w) count += std::popcount(uint64_t(words[w]) & open[w]);
    gains.push_back(double(count));
  }
  return gains;
}

void PoolBalls::cover(std::span<double> current, std::span<const int64_t> places) const {
  for (int64_t place : places)
    for_bits(ball(place), [&](int64_t j) { current[size_t(j)] = std::max(current[size_t(j)], 1.0); });
}

}  // namespace crc::select
