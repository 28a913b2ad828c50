// Coreset (Sener & Savarese 2018), greedy k-center on the features: pick the item farthest from its nearest centre,
// make it a centre, again. The labelled items are the first centres; without any, the pool's mean is. With weights the
// item of the largest w_i min_c |x_i - c|^2 is picked.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "crc/checkpoint.h"
#include "crc/pool_blocks.h"
#include "crc/quotas.h"
#include "kernels/ops/min_distance.h"

namespace crc::select {
namespace {

Tensor mean_of(Context& context, const PoolBlocks& pool, int64_t count) {
  std::vector<double> total(size_t(pool.width()));
  chain(pool.ranks(), total, [&](std::vector<double>& sum) {
    pool.each([&](int64_t, View<const float, 2> rows) {
      std::vector<float> host(size_t(rows.size()));
      context.copy_out(host.data(), rows);
      for (size_t k = 0; k < host.size(); ++k) sum[k % sum.size()] += host[k];
    });
  });
  std::vector<float> mean;
  for (double t : total) mean.push_back(float(t / double(count)));
  return Tensor::from_host(context, {1, int64_t(mean.size())}, mean.data(), "mean");
}

// The unlabelled items that this process holds, with their distances to the nearest centre.
class Farthest {
 public:
  Farthest(Context& context, const Problem& problem, const Config& config)
      : context_(context),
        pool_(context, problem, config),
        items_(pool_.own(problem.unlabeled)),
        places_(pool_.places(items_)),
        weights_(weights_of(problem, items_)),
        picked_(items_.size(), false),
        ties_(config.seed, config.round) {
    const std::vector<double> far(pool_.items().size(), INFINITY);
    nearest_ = Tensor::from_host(context, {int64_t(far.size())}, far.data(), "squared distances");
    approach(problem.labeled.empty() ? mean_of(context, pool_, int64_t(problem.unlabeled.size()))
                                     : pool_.rows(problem.labeled));
  }
  std::vector<double> values() const { return pool_.ranks().gather(std::span<const double>(values_)); }  // of all
  double square(double value) const { return pool_.square(value); }

  struct Pick {
    double value, draw, distance;
    int64_t item;  // -1: none
  };
  Pick best() {  // of all
    if (!met_.empty()) approach(pool_.rows(std::exchange(met_, {})));
    const int64_t k = ties_.largest(values_, picked_, items_);
    const Pick own =
        k < 0 ? Pick{0, 0, 0, -1} : Pick{values_[k], ties_.draw(items_[k]), distances_[places_[k]], items_[k]};
    Pick best{0, 0, 0, -1};
    for (const Pick& p : pool_.ranks().gather(std::span(&own, 1)))
      if (p.item >= 0 && (best.item < 0 || p.value > best.value || (p.value == best.value && p.draw > best.draw)))
        best = p;
    return best;
  }
  void take(int64_t item, Quotas& quotas) {
    const auto at = std::ranges::lower_bound(items_, item);
    if (at != items_.end() && *at == item) picked_[size_t(at - items_.begin())] = true;
    quotas.take(item, items_, picked_);
  }
  void add_center(int64_t item) { met_.push_back(item); }

 private:
  void approach(const Tensor& centers) {
    pool_.each([&](int64_t begin, View<const float, 2> rows) {
      min_distance(context_, nearest_.view<double, 1>().slice(begin, begin + rows.shape[0]), rows,
                   centers.view<const float, 2>());
      context_.synchronize();
    });
    distances_ = nearest_.to_host<double>(context_);
    values_.clear();
    for (size_t k = 0; k < items_.size(); ++k) values_.push_back(weights_[k] * pool_.square(distances_[places_[k]]));
  }

  Context& context_;
  PoolBlocks pool_;
  std::span<const int64_t> items_;
  std::vector<int64_t> places_;
  std::vector<double> weights_, distances_, values_;
  std::vector<bool> picked_;
  Ties ties_;
  Tensor nearest_;
  std::vector<int64_t> met_;  // centres that the rows have not met
};

}  // namespace

Selection select_coreset(Context& context, const Problem& problem, const Config& config) {
  Farthest pool(context, problem, config);
  Picks picks(problem, config, pool.values());
  Quotas quotas(config);
  double before = 0, last = 0;
  Steps<3> steps(config, "picks", config.budget);
  while (true) {
    const auto [place, value, distance] = steps.next([&]() -> Steps<3>::Step {
      const Farthest::Pick best = pool.best();
      return {double(best.item), best.value, best.distance};
    });
    const auto item = int64_t(place);
    last = distance;
    if (before == 0) before = last;
    pool.take(item, quotas);
    picks.add(item, value, false);
    if (picks.complete()) break;
    pool.add_center(item);
  }
  Selection selection = picks.finish(
      fmt::format("coreset: {} of {} items; radius {:.6g} at first, {:.6g} at the last pick", config.budget,
                  problem.unlabeled.size(), std::sqrt(pool.square(before)), std::sqrt(pool.square(last))));
  warn_of_ties(selection, config);
  return selection;
}

}  // namespace crc::select
