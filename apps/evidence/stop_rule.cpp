#include "apps/evidence/stop_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/evidence/study.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr int64_t kFewestTrials = 5;  // whose spread says something
constexpr int64_t kMostTrials = 1000;

double hours_of(const std::vector<SweepRun>& runs) {
  double seconds = 0;
  for (const SweepRun& run : runs)
    for (const RoundRow& row : run.record.rounds)
      for (const double part : {row.train_s, row.query_s}) seconds += std::isfinite(part) ? part : 0;
  return seconds / 3600;
}

}  // namespace

void check_rule(const Sweep& sweep) {
  const auto& blocks = sweep.spec().blocks;
  if (std::ranges::none_of(blocks, [](const SweepBlock& block) { return block.methods.size() > 1; }))
    fail(ExitCode::usage,
         fmt::format("--until: no block of {} has two methods whose difference could be measured", sweep.recipe()));
}

std::string why_enough(const Sweep& sweep) {
  const StopRule& rule = *sweep.until();
  const std::vector<SweepRun> runs = load_runs(sweep);
  double widest = 0;
  for (const PairedBlock& block : paired_blocks(study_of(sweep, runs)))
    widest = std::max(widest, block.comparison.methods.empty() ? INFINITY : block.comparison.widest());
  const int64_t trials = sweep.spec().trials;
  const std::string after = fmt::format("Ended after {} trials, the widest interval {:.2f} points", trials, widest);
  if (widest < rule.width && trials >= kFewestTrials) return after + ".";
  const double hours = hours_of(runs), next = hours / double(trials);
  if (rule.hours > 0 && hours + next > rule.hours)
    return fmt::format("{}: of the budget {:.2f} hours were spent, and another trial takes about {:.2f}.", after, hours,
                       next);
  return trials >= kMostTrials ? after + ": no sweep has more trials." : "";
}

std::string rule_words(const Sweep& sweep) {
  if (!sweep.until()) return "";
  const StopRule& rule = *sweep.until();
  return fmt::format(
      "Trials are added until there are {} and the widest 95 % interval of a difference between two methods is below "
      "{:g} points{}; the rule was fixed before the first run. {}",
      kFewestTrials, rule.width, rule.hours > 0 ? fmt::format(", or {:g} h of computing are spent", rule.hours) : "",
      rule.ended.empty() ? fmt::format("Not yet: {} trials so far.", sweep.spec().trials) : rule.ended);
}

}  // namespace crc::apps
