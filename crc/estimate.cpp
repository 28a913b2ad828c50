#include "crc/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace crc::select {
namespace {

constexpr double kFewProducts = 2e10, kFewSeconds = 5;  // below them nothing is measured, or said
constexpr int64_t kTileRows = 128, kTileColumns = 4 * kPairChunk;

// Seconds a pair, by a tile of the pool itself.
double measure(Context& context, const PoolRows& pool, Pairing pairing) {
  const int64_t n = std::min(pool.count(), kTileRows), k = std::min(pool.count(), kTileColumns);
  const auto a = pool.rows().slice(0, n), b = pool.rows().slice(0, k);
  const Tensor values(context, {n, 1}, Dtype::f64, "values of a tile"), places(context, {n, 1}, Dtype::i64, "places"),
      current(context, {k}, Dtype::f64, "coverage of a tile"),
      weights = Tensor::from_host(context, {k}, std::vector<double>(size_t(k), 1.0).data(), "weights of a tile");
  const auto run = [&] {
    const auto start = std::chrono::steady_clock::now();
    if (pairing.measure == Measure::squared)
      pairwise_least(context, values.view<double, 2>(), places.view<int64_t, 2>(), a, b, pairing);
    else
      pairwise_gain(context, values.view<double, 1>(), a, b, current.view<const double, 1>(),
                    weights.view<const double, 1>(), pairing);
    context.synchronize();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  run();  // the first time reads the file
  return run() / (double(n) * double(k));
}

std::string in_words(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  return seconds < 7200 ? fmt::format("{:.0f} min", seconds / 60) : fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

void say_estimate(Context& context, const PoolRows& pool, const Config& config, Pairing pairing, const Work& work) {
  constexpr double kGib = 1 << 30, kNumbersPerItem = 12;
  const int64_t width = pool.rows().shape[1];
  if (!config.say || work.pairs * double(width) < kFewProducts) return;
  const double seconds = work.pairs * measure(context, pool, pairing);
  if (seconds < kFewSeconds) return;
  const double bytes = double(pool.owned_bytes()) + work.copies * double(pool.count()) * double(width) * 4 +
                       double(pool.count()) * kNumbersPerItem * 8;
  config.say(fmt::format("{}: {:.2g} {} of {} numbers, about {} at {:.3g} a second; {:.1f} GiB beside the features",
                         config.name, work.pairs, work.of, width, in_words(seconds), work.pairs / seconds,
                         bytes / kGib));
}

}  // namespace crc::select
