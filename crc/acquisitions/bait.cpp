// BAIT (Ash et al. 2021, JordanAsh/badge): the items S of the pool that minimise the bound on the estimation error of
// the last layer
//   tr(M^-1 F),   M = lambda I + 1/|L| sum_{x in L} I(x) + sum_{x in S} I(x),   F = 1/|U| sum_{x in U} I(x),
// I(x) the Fisher information of its weights, lambda = 1: forward greedily 2Q items (or all), then backward greedily
// those back whose loss is least, until Q are left (the paper's algorithm 1). I(x) is of rank C; with config.bait_top =
// k < C its expectation is over the k likeliest classes alone (Huseljic et al. 2024, "Fast Fishing"). Equations, time
// and memory: crc/fisher.h. Not as in the authors' code: F is of the unlabelled items alone, and it weighs labelled
// items by 1/(|L|+Q) and picked ones by Q/(|L|+Q).
#include <fmt/format.h>

#include <algorithm>

#include "crc/fisher.h"
#include "crc/uncertainty.h"

namespace crc::select {
namespace {

struct Sizes {
  int64_t items, unlabeled, width, classes, steps;
  FisherCost cost(int64_t rank) const { return fisher_cost(items, unlabeled, width, classes, rank, steps); }
};

std::string gigabytes(double bytes) { return fmt::format("{:.2g} GB", bytes / 1e9); }

// config.bait_top or all classes. Error out_of_memory, with the most classes that fit.
int64_t rank_that_fits(const Sizes& sizes, const Config& config) {
  const int64_t rank = config.bait_top > 0 ? std::min(config.bait_top, sizes.classes) : sizes.classes;
  const double most = double(config.memory_bytes), bytes = sizes.cost(rank).bytes;
  if (bytes <= most) return rank;
  int64_t fits = rank;
  while (fits > 0 && sizes.cost(fits).bytes > most) --fits;
  fail(ExitCode::out_of_memory,
       fmt::format("acquisition \"bait\" over {} of {} classes needs {} for {} items of {} features, more than {}; {}",
                   rank, sizes.classes, gigabytes(bytes), sizes.unlabeled, sizes.width, gigabytes(most),
                   fits > 0 ? fmt::format("take the expectation over fewer of the likeliest classes (crc_select "
                                          "--bait-top, acquisition.bait_top): {} fit",
                                          fits)
                            : "choose from fewer items, or use badge"));
}

// The place in `chosen` whose removal costs least; equal ones by draw.
size_t least_loss(const FisherTrace& fisher, std::span<const int64_t> chosen, std::span<const int64_t> items,
                  const Ties& ties, double& loss) {
  size_t least = 0;
  for (size_t c = 0; c < chosen.size(); ++c) {
    const double other = fisher.loss(chosen[c]);
    if (c == 0 || other < loss || (other == loss && ties.draw(items[chosen[c]]) < ties.draw(items[chosen[least]])))
      least = c, loss = other;
  }
  return least;
}

}  // namespace

Selection select_bait(Context& context, const Problem& problem, const Config& config) {
  const PoolRows pool(context, problem, config, Scaling::none);
  const int64_t unlabeled = int64_t(problem.unlabeled.size()), labeled = int64_t(problem.labeled.size());
  const int64_t forward = std::min(2 * config.budget, unlabeled), steps = labeled + 2 * forward - config.budget;
  const int64_t classes = read_logits(context, problem, config).classes();
  const Sizes sizes{pool.count(), unlabeled, pool.rows().shape[1], classes, steps};
  const int64_t rank = rank_that_fits(sizes, config);
  const FisherCost cost = sizes.cost(rank);
  const std::string over = rank == classes ? fmt::format("all {} classes", classes)
                                           : fmt::format("the {} likeliest of {} classes", rank, classes);
  if (config.say)
    config.say(fmt::format("bait: over {}, {}; {:.2g} products to begin with, {} steps of {:.2g}", over,
                           gigabytes(cost.bytes), cost.start, steps, cost.step));

  // In the scale of the rows M is 4^-e of itself, and so is lambda.
  FisherTrace fisher(context, pool, FisherFactors(context, problem, config, pool, rank), 1 / pool.square(1));
  for (int64_t place : pool.labeled) fisher.add(place, 1 / double(labeled));
  const double before = fisher.trace();
  std::vector<double> gains = fisher.gains();
  Picks picks(problem, config, gains);
  const Ties ties(config.seed, config.round);
  std::vector<bool> taken(size_t(unlabeled), false);
  std::vector<int64_t> chosen;
  std::vector<double> gained(static_cast<size_t>(unlabeled));
  std::vector<bool> drawn(static_cast<size_t>(unlabeled), false);  // more tied than the query holds
  while (int64_t(chosen.size()) < forward) {
    const int64_t k = ties.largest(gains, taken, problem.unlabeled);
    int64_t tied = 0;
    for (int64_t other = 0; other < unlabeled; ++other) tied += !taken[other] && gains[other] == gains[k];
    taken[k] = true;
    gained[k] = gains[k];
    drawn[k] = tied > config.budget || !(gains[k] > 0);
    chosen.push_back(k);
    report(config.progress, "picks and spare ones", int64_t(chosen.size()), forward);
    fisher.add(pool.unlabeled[k], 1);
    if (int64_t(chosen.size()) < forward) gains = fisher.gains();
  }
  double after = fisher.trace();
  while (int64_t(chosen.size()) > config.budget) {
    double loss = 0;
    const size_t least = least_loss(fisher, chosen, problem.unlabeled, ties, loss);
    const int64_t k = chosen[least];
    chosen.erase(chosen.begin() + int64_t(least));
    after += loss;
    report(config.progress, "spare picks left out", forward - int64_t(chosen.size()), forward - config.budget);
    if (int64_t(chosen.size()) > config.budget) fisher.remove(k, chosen);
  }
  for (int64_t k : chosen) picks.add(problem.unlabeled[k], gained[k], drawn[k]);
  return picks.finish(fmt::format("bait: {} of {} items, over {}; trace {:.6g} at first, {:.6g} with all picks",
                                  config.budget, unlabeled, over, before, after));
}

}  // namespace crc::select
