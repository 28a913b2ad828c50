#include "crc/pool_pairs.h"

#include <algorithm>

#include "crc/checkpoint.h"

namespace crc::select {
namespace {

Tensor norms_of(Context& context, View<const float, 2> rows) {
  Tensor norms(context, {rows.shape[0]}, Dtype::f64, "squared norms");
  pairwise_norms(context, norms.view<double, 1>(), rows);
  return norms;
}

Tensor numbers(Context& context, std::span<const double> values, const char* name) {
  return Tensor::from_host(context, {int64_t(values.size())}, values.data(), name);
}

}  // namespace

PoolPairs::PoolPairs(Context& context, const PoolBlocks& pool, Pairing pairing)
    : context_(context), pool_(pool), pairing_(pairing) {
  if (pool.whole()) norms_ = norms_of(context, pool.whole()->rows());
}

bool PoolPairs::measure_now() {
  const PoolRows* whole = pool_.whole();
  if (!whole || pairing_.measure != Measure::top_hat || !PoolBalls::fit(whole->count())) return false;
  balls_.emplace(context_, PairedRows(whole->rows(), norms_.view<const double, 1>()), pairing_.radius);
  return true;
}

Tensor PoolPairs::own(std::span<const double> all) const {
  return numbers(context_, all.subspan(size_t(pool_.first()), pool_.items().size()), "numbers of rows");
}

std::vector<double> PoolPairs::all(const Tensor& own) const {
  return pool_.ranks().gather(std::span<const double>(own.to_host<double>(context_)));
}

void PoolPairs::each(const std::function<void(int64_t, const PairedRows&)>& f) const {
  pool_.each([&](int64_t begin, View<const float, 2> rows) {
    if (pool_.whole()) return f(begin, {rows, norms_.view<const double, 1>()});
    const Tensor norms = norms_of(context_, rows);
    f(begin, {rows, norms.view<const double, 1>()});
  });
}

void PoolPairs::add_most(const Tensor& most, std::span<const int64_t> places) const {
  if (balls_ && context_.device().kind == DeviceKind::cpu) {
    const View<double, 1> current = most.view<double, 1>();
    return balls_->cover({current.data, size_t(current.size())}, places);
  }
  const Tensor rows = pool_.at(places);
  each([&](int64_t begin, const PairedRows& a) {
    pairwise_most(context_, most.view<double, 1>().slice(begin, begin + a.x.shape[0]), a, rows.view<const float, 2>(),
                  pairing_);
    context_.synchronize();
  });
}

std::vector<double> PoolPairs::gains(std::span<const int64_t> places, const Tensor& current,
                                     const Tensor& weights) const {
  if (balls_) return balls_->gains(places, current.to_host<double>(context_), weights.to_host<double>(context_));
  const int64_t few = int64_t(places.size());
  const Tensor rows = pool_.at(places);
  const auto candidates = rows.view<const float, 2>();
  if (pool_.whole()) {
    const Tensor gain(context_, {few}, Dtype::f64, "gains");
    each([&](int64_t, const PairedRows& b) {
      pairwise_gain(context_, gain.view<double, 1>(), candidates, b, current.view<const double, 1>(),
                    weights.view<const double, 1>(), pairing_);
    });
    return gain.to_host<double>(context_);
  }
  std::vector<double> sums;  // [chunks of this process, few]
  each([&](int64_t begin, const PairedRows& b) {
    const int64_t end = begin + b.x.shape[0];
    const Tensor some(context_, {pair_chunks(end - begin), few}, Dtype::f64, "sums of chunks");
    pairwise_gain_sums(context_, some.view<double, 2>(), candidates, b,
                       current.view<const double, 1>().slice(begin, end),
                       weights.view<const double, 1>().slice(begin, end), pairing_);
    const std::vector<double> values = some.to_host<double>(context_);
    sums.insert(sums.end(), values.begin(), values.end());
  });
  std::vector<double> gain(size_t(few), 0.0);
  chain(pool_.ranks(), gain, [&](std::vector<double>& total) {
    for (size_t k = 0; k < sums.size(); ++k) total[k % size_t(few)] += sums[k];
  });
  return gain;
}

int64_t PoolPairs::gains_at_once() const {
  constexpr int64_t kMost = 1 << 12, kLeast = 64, kSumBytes = 64 << 20;
  if (pool_.whole()) return kMost;
  const int64_t chunks = pair_chunks(pool_.index().count()) / pool_.ranks().size() + 1;
  return std::clamp(kSumBytes / (8 * chunks), kLeast, kMost);
}

// Of a gain over all columns, in their order. In one process pairs are measured from both sides at once, so that rows
// that have met all others are complete; in several, all rows have met the same columns. Either goes on from the other.
struct PoolPairs::SquareSoFar {
  int64_t columns = 0, complete = 0;  // that every row has met; first rows that have met all
  std::vector<double> gains;          // of this process

  std::vector<double> kept(Ranks& ranks) const {
    std::vector<double> values{double(columns), double(complete)};
    const std::vector<double> all = ranks.gather(std::span<const double>(gains));
    values.insert(values.end(), all.begin(), all.end());
    return values;
  }
};

// All rows meet the columns from number `first` on, chunk by chunk.
void PoolPairs::meet(SquareSoFar& so_far, int64_t first, const PairedRows& columns, View<const double, 1> current,
                     View<const double, 1> weights) const {
  const int64_t count = columns.x.shape[0];
  each([&](int64_t begin, const PairedRows& block) {
    const int64_t skip = std::clamp<int64_t>(so_far.complete - pool_.first() - begin, 0, block.x.shape[0]);
    const PairedRows a = block.slice(skip, block.x.shape[0]);
    const int64_t n = a.x.shape[0];
    if (n == 0) return;
    const Tensor sum(context_, {n}, Dtype::f64, "sums of a chunk");
    for (int64_t chunk = 0; chunk < count; chunk += kPairChunk) {
      const int64_t end = std::min(count, chunk + kPairChunk);
      pairwise_gain(context_, sum.view<double, 1>(), a, columns.slice(chunk, end), current.slice(chunk, end),
                    weights.slice(chunk, end), pairing_);
      const std::vector<double> more = sum.to_host<double>(context_);
      for (int64_t i = 0; i < n; ++i) so_far.gains[size_t(begin + skip + i)] += more[size_t(i)];
    }
  });
  so_far.columns = first + count;
}

std::vector<double> PoolPairs::square_gains(const Tensor& current, const Tensor& weights, const Config& config) const {
  constexpr const char* kName = "pairs of the pool";
  constexpr int64_t kStep = 4 * kPairChunk;
  const int64_t m = pool_.index().count();
  const PoolRows* whole = pool_.whole();
  SquareSoFar so_far{.gains = std::vector<double>(pool_.items().size(), 0.0)};
  if (const std::vector<double> kept = recalled(config, kName); !kept.empty()) {
    so_far.columns = int64_t(kept[0]), so_far.complete = int64_t(kept[1]);
    std::copy_n(kept.begin() + 2 + pool_.first(), so_far.gains.size(), so_far.gains.begin());
    say_goes_on(config, fmt::format("{} of {} rows of the pass over all pairs", so_far.columns, m));
  }
  const bool triangle = whole && so_far.columns == so_far.complete;
  if (so_far.columns == m) return pool_.ranks().gather(std::span<const double>(so_far.gains));
  if (triangle) {
    const PairedRows rows(whole->rows(), norms_.view<const double, 1>());
    const Tensor gain = numbers(context_, so_far.gains, "gains of the pool");
    for (int64_t begin = so_far.columns; begin < m; begin += kStep) {
      const double left = double(m - begin) / double(m);  // of the triangle of pairs the square of it
      report(config.progress, kName, int64_t((1 - left * left) * double(m)), m);
      const int64_t end = std::min(m, begin + kStep);
      pairwise_gain_square(context_, gain.view<double, 1>(), rows, current.view<const double, 1>(),
                           weights.view<const double, 1>(), pairing_, PairRange{begin, end});
      so_far.columns = so_far.complete = end;
      const auto now = [&] { return so_far.gains = gain.to_host<double>(context_), so_far.kept(pool_.ranks()); };
      keep_when_due(config, kName, now);
    }
    so_far.gains = gain.to_host<double>(context_);
  } else {
    const std::vector<double> all_current = all(current), all_weights = all(weights);
    const auto next = [&](int64_t first, View<const float, 2> columns) {
      report(config.progress, kName, first, m);
      const auto of_columns = [&](const std::vector<double>& values) {
        return numbers(context_, std::span(values).subspan(size_t(first), size_t(columns.shape[0])), "of columns");
      };
      const Tensor norms = norms_of(context_, columns), c = of_columns(all_current), w = of_columns(all_weights);
      meet(so_far, first, {columns, norms.view<const double, 1>()}, c.view<const double, 1>(),
           w.view<const double, 1>());
      keep_when_due(config, kName, [&] { return so_far.kept(pool_.ranks()); });
    };
    const int64_t first = so_far.columns;
    for (int64_t begin = first; begin < m && whole; begin += kStep)
      next(begin, whole->rows().slice(begin, std::min(m, begin + kStep)));
    const std::span<const int64_t> left = std::span(pool_.index().items).subspan(size_t(first));
    if (!whole) pool_.stream(left, [&](int64_t begin, View<const float, 2> rows) { next(first + begin, rows); });
  }
  if (config.checkpoint) keep(config, kName, so_far.kept(pool_.ranks()));
  return pool_.ranks().gather(std::span<const double>(so_far.gains));
}

std::vector<double> PoolPairs::gains_over(std::span<const int64_t> places, std::span<const double> current,
                                          std::span<const double> weights) const {
  const Tensor rows = pool_.at(places), gain(context_, {int64_t(pool_.items().size())}, Dtype::f64, "gains"),
               c = numbers(context_, current, "coverage"), w = numbers(context_, weights, "weights");
  each([&](int64_t begin, const PairedRows& a) {
    pairwise_gain(context_, gain.view<double, 1>().slice(begin, begin + a.x.shape[0]), a, rows.view<const float, 2>(),
                  c.view<const double, 1>(), w.view<const double, 1>(), pairing_);
    context_.synchronize();
  });
  return all(gain);
}

std::vector<double> PoolPairs::add_each(std::vector<double> sums, std::span<const int64_t> places) const {
  const Tensor rows = pool_.at(places), one = numbers(context_, std::vector<double>{0, 1}, "coverage and weight");
  const std::span<double> own = std::span(sums).subspan(size_t(pool_.first()), pool_.items().size());
  each([&](int64_t begin, const PairedRows& a) {
    const Tensor more(context_, {a.x.shape[0]}, Dtype::f64, "sums");
    for (int64_t k = 0; k < rows.shape()[0]; ++k) {
      pairwise_gain(context_, more.view<double, 1>(), a, rows.view<const float, 2>().slice(k, k + 1),
                    one.view<const double, 1>().slice(0, 1), one.view<const double, 1>().slice(1, 2), pairing_);
      const std::vector<double> values = more.to_host<double>(context_);
      for (size_t i = 0; i < values.size(); ++i) own[size_t(begin) + i] += values[i];
    }
  });
  return pool_.ranks().gather(std::span<const double>(own));
}

}  // namespace crc::select
