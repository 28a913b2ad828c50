#include "crc/outlook.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "crc/sharded_rows.h"
#include "crc/uncertainty.h"

namespace crc::select {
namespace {

constexpr double kLeastGain = 0.05;      // of the last pick, as a part of the first one's
constexpr double kLeastApproach = 0.01;  // of the mean distance, as a part of it
constexpr double kLeastChanges = 0.01;   // of the picks

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

}  // namespace

bool Outlook::useless() const {
  const bool gain = last_gain && !first;
  if (!gain && !before && !changes) return false;
  if (gain && *last_gain > kLeastGain) return false;
  if (before && *after < (1 - kLeastApproach) * *before) return false;
  return !changes || *changes < kLeastChanges * double(picks);
}

std::string Outlook::words() const {
  std::vector<std::string> parts;
  if (last_gain)
    parts.push_back(fmt::format("the last pick adds {:.3g} % of what the first one does", 100 * *last_gain));
  if (before)
    parts.push_back(
        fmt::format("the mean distance to the nearest labelled item goes from {:.4g} to {:.4g}", *before, *after));
  else if (after)
    parts.push_back(fmt::format("the mean distance to the nearest pick is {:.4g}", *after));
  if (changes)
    parts.push_back(
        fmt::format("{:.3g} of the {} picks are expected to differ from the model's prediction", *changes, picks));
  if (parts.empty()) return "";
  return fmt::format("what labels bring: {}", fmt::join(parts, ", ")) +
         (useless() ? "; more labels of this kind look useless" : "");
}

Outlook outlook(Context& context, const Problem& problem, const Config& config, const Selection& selection,
                const Represented* represented) {
  Outlook o;
  o.picks = int64_t(selection.picks.size());
  o.first = problem.labeled.empty();
  if (selection.gains && o.picks > 1) {
    const double first = selection.groups.front().score;
    o.last_gain = first > 0 ? selection.groups.back().score / first : 0;
  }
  if (represented) {
    o.after = mean_of(represented->distances);
    if (!problem.labeled.empty()) o.before = mean_of(represented->before);
  }
  const bool given = problem.shards ? problem.shards->logits.has_value()
                                    : std::visit([](const auto& view) { return view.size() > 0; }, problem.logits);
  const bool saw_logits = find_acquisition(config.name).has(Trait::logits) && given;
  if (saw_logits && !(config.name == "uherding" && problem.labeled.empty()))
    o.changes = expected_changes(context, problem, config, selection.picks);
  return o;
}

}  // namespace crc::select
