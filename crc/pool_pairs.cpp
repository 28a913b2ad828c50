#include "crc/pool_pairs.h"

#include <algorithm>

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
  const Tensor rows = pool_.at(places);
  each([&](int64_t begin, const PairedRows& a) {
    pairwise_most(context_, most.view<double, 1>().slice(begin, begin + a.x.shape[0]), a, rows.view<const float, 2>(),
                  pairing_);
    context_.synchronize();
  });
}

std::vector<double> PoolPairs::gains(std::span<const int64_t> places, const Tensor& current,
                                     const Tensor& weights) const {
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

std::vector<double> PoolPairs::square_gains(const Tensor& current, const Tensor& weights,
                                            const Progress& progress) const {
  const int64_t m = pool_.index().count();
  if (pool_.whole()) {
    const Tensor gain(context_, {m}, Dtype::f64, "gains of the pool");
    constexpr int64_t kStep = 4 * kPairChunk;
    for (int64_t begin = 0; begin < m; begin += kStep) {
      const double left = double(m - begin) / double(m);  // of the triangle of pairs the square of it
      report(progress, "pairs of the pool", int64_t((1 - left * left) * double(m)), m);
      pairwise_gain_square(context_, gain.view<double, 1>(),
                           PairedRows{pool_.whole()->rows(), norms_.view<const double, 1>()},
                           current.view<const double, 1>(), weights.view<const double, 1>(), pairing_,
                           PairRange{begin, std::min(m, begin + kStep)});
    }
    return gain.to_host<double>(context_);
  }
  const std::vector<double> all_current = all(current), all_weights = all(weights);
  std::vector<double> gain(pool_.items().size(), 0.0);
  pool_.stream(pool_.index().items, [&](int64_t first, View<const float, 2> columns) {
    report(progress, "pairs of the pool", first, m);
    const int64_t count = columns.shape[0];
    const auto of_columns = [&](const std::vector<double>& values) {
      return numbers(context_, std::span(values).subspan(size_t(first), size_t(count)), "numbers of columns");
    };
    const Tensor norms = norms_of(context_, columns), c = of_columns(all_current), w = of_columns(all_weights);
    const PairedRows b(columns, norms.view<const double, 1>());
    each([&](int64_t begin, const PairedRows& a) {
      const int64_t n = a.x.shape[0];
      const Tensor sum(context_, {n}, Dtype::f64, "sums of a chunk");
      for (int64_t chunk = 0; chunk < count; chunk += kPairChunk) {
        const int64_t end = std::min(count, chunk + kPairChunk);
        pairwise_gain(context_, sum.view<double, 1>(), a, b.slice(chunk, end),
                      c.view<const double, 1>().slice(chunk, end), w.view<const double, 1>().slice(chunk, end),
                      pairing_);
        const std::vector<double> more = sum.to_host<double>(context_);
        for (int64_t i = 0; i < n; ++i) gain[size_t(begin + i)] += more[size_t(i)];
      }
    });
  });
  return pool_.ranks().gather(std::span<const double>(gain));
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

}  // namespace crc::select
