#include "crc/estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace crc::select {
namespace {

constexpr double kFewProducts = 2e10, kFewSeconds = 5;  // below them nothing is measured, or said
constexpr int64_t kTileRows = 128, kTileColumns = 4 * kPairChunk;

// Seconds a pair, by a tile of rows.
double measure(Context& context, View<const float, 2> rows, Pairing pairing) {
  const int64_t n = std::min(rows.shape[0], kTileRows), k = std::min(rows.shape[0], kTileColumns);
  const auto a = rows.slice(0, n), b = rows.slice(0, k);
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

// By the first rows that this process holds; 0 where it holds none.
double measure(Context& context, const PoolBlocks& pool, Pairing pairing) {
  if (pool.whole()) return measure(context, pool.whole()->rows(), pairing);
  double seconds = 0;
  const size_t some = std::min(pool.items().size(), size_t(kTileColumns));
  pool.each_of(pool.items().first(some), [&](int64_t begin, View<const float, 2> rows) {
    if (begin == 0) seconds = measure(context, rows, pairing);
  });
  return seconds;
}

std::string in_words(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  return seconds < 7200 ? fmt::format("{:.0f} min", seconds / 60) : fmt::format("{:.1f} h", seconds / 3600);
}

}  // namespace

double square_pairs(const PoolBlocks& pool) {
  const double m = double(pool.index().count());
  return pool.whole() ? 0.5 * m * m : m * m;
}

void say_pace(const Config& config, double seconds, int64_t done, int64_t total, const std::string& of, int processes) {
  const double each = seconds / double(done), all = each * double(total);
  if (!config.say || all < kFewSeconds) return;
  config.say(fmt::format("{}: {} {}, about {} at {:.3g} a second{}", config.name, total, of, in_words(all), 1 / each,
                         processes > 1 ? fmt::format(" in {} processes, with what they send", processes) : ""));
}

void say_estimate(Context& context, const PoolBlocks& pool, const Config& config, Pairing pairing, const Work& work) {
  constexpr double kGib = 1 << 30, kNumbersPerItem = 12;
  const int64_t width = pool.width();
  if (!config.say || work.pairs * double(width) < kFewProducts) return;
  const double own = work.pairs / double(pool.ranks().size()), seconds = own * measure(context, pool, pairing);
  if (seconds < kFewSeconds) return;
  std::string words = fmt::format("{}: {:.2g} {} of {} numbers, about {} at {:.3g} a second", config.name, work.pairs,
                                  work.of, width, in_words(seconds), work.pairs / seconds);
  if (const PoolRows* rows = pool.whole()) {  // of several, the processes said what each takes
    const double bytes = double(rows->owned_bytes()) + work.copies * double(rows->count()) * double(width) * 4 +
                         double(rows->count()) * kNumbersPerItem * 8;
    words += fmt::format("; {:.1f} GiB beside the features", bytes / kGib);
  }
  config.say(words);
}

}  // namespace crc::select
