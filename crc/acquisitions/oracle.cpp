// A greedy look-ahead oracle, best of strategies (Huseljic et al. 2026, arXiv:2603.13109): other acquisitions propose
// whole batches, from the whole pool and from random parts of it; the run's model is trained with each of them labelled
// too, by labels that nobody has given yet, and the batch whose model is best is the query (there 100 batches of ten
// strategies). No acquisition, but what one could have been: a lower bound of the best, which looks one query ahead. crc
// knows no trainer: problem.worth is the run's.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "crc/acquisition.h"
#include "crc/ties.h"
#include "kernels/core/random.h"

namespace crc::select {
namespace {

using Int = int64_t;
using Items = std::vector<Int>;

// One for each thing that acquisitions look for: chance, uncertainty, diversity, both, typicality, coverage, both.
constexpr const char* kProposers[] = {"random", "margin", "coreset", "badge", "typiclust", "maxherding", "uherding"};
constexpr Int kTurns = 5, kProposals = kTurns * Int(std::size(kProposers));  // unless config.candidates says how many

Int proposals(const Config& config) { return config.candidates > 0 ? config.candidates : kProposals; }

// `size` items of the pool, ascending, drawn for proposal k.
Items part_of(std::span<const Int> pool, Int size, const Config& config, Int k) {
  Items part;
  const uint32_t epoch = uint32_t(config.round * proposals(config) + k);
  for (Int i = 0; i < size; ++i)
    part.push_back(pool[permute(config.seed, Purpose::acquisition, epoch, uint32_t(pool.size()), uint32_t(i))]);
  std::ranges::sort(part);
  return part;
}

// In the first turn from the whole pool, then from a half, a quarter, ... of it. Ascending, as a batch has no order.
Items propose(Context& context, const Problem& problem, const Config& config, Int k) {
  const Int proposers = Int(std::size(kProposers)), turn = k / proposers;
  const Int halvings = turn == 0 ? 0 : 1 + (turn - 1) % (kTurns - 1), pool = Int(problem.unlabeled.size());
  const Items part = turn == 0 ? Items(problem.unlabeled.begin(), problem.unlabeled.end())
                               : part_of(problem.unlabeled, std::max(config.budget, pool >> halvings), config, k);
  Problem among = problem;
  among.unlabeled = part;
  Config proposer{
      .name = kProposers[k % proposers], .budget = config.budget, .seed = config.seed, .round = config.round};
  Items picks = select(context, among, proposer).picks;
  std::ranges::sort(picks);
  return picks;
}

}  // namespace

void check_oracle(const Config& config, const Request& request) {
  if (!request.worth)
    fail(ExitCode::config,
         fmt::format(
             "acquisition \"{}\" trains a run's model with each proposal, on labels that nobody has given yet; it "
             "is for the queries of crc_train run (acquisition.name = \"{}\"), after first labels that another "
             "way has chosen",
             config.name, config.name));
}

Selection select_oracle(Context& context, const Problem& problem, const Config& config) {
  const Int count = proposals(config);
  if (config.say)
    config.say(fmt::format("{}: {} proposals of {} items, and the model is trained with each", config.name, count,
                           config.budget));
  std::map<Items, double> worths;  // of equal proposals one
  for (Int k = 0; k < count; ++k) {
    const Items items = propose(context, problem, config, k);
    if (!worths.contains(items)) worths.emplace(items, problem.worth(items));
  }
  std::vector<Group> groups;
  for (const auto& [items, worth] : worths) groups.push_back({items, worth});
  const Ties ties(config.seed, config.round);
  Selection selection;
  for (const Group& group : groups) {
    selection.candidates.insert(selection.candidates.end(), group.items.begin(), group.items.end());
    selection.scores.push_back(group.score);
  }
  check_scores(config, selection.scores, selection.candidates, config.budget);
  selection.groups = {*std::ranges::max_element(
      groups, {}, [&](const Group& group) { return std::pair(group.score, ties.draws(group.items)); })};
  selection.picks = selection.groups[0].items;
  selection.group_size = config.budget;
  selection.summary =
      fmt::format("{}: the best of {} batches by {}, worth {:.6g} and the worst {:.6g}", config.name, groups.size(),
                  std::size(kProposers), selection.groups[0].score, std::ranges::min(selection.scores));
  warn_of_ties(selection, config);
  return selection;
}

}  // namespace crc::select
