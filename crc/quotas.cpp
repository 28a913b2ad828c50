#include "crc/quotas.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "crc/k_means.h"
#include "crc/sharded_rows.h"
#include "crc/uncertainty.h"

namespace crc::select {

bool Quotas::take(int64_t item) {
  if (config_.parts.empty()) return false;
  const auto at = size_t(part(item));
  if (counts_.size() <= at) counts_.resize(at + 1);
  return ++counts_[at] == config_.quota;
}

void Quotas::take(int64_t item, std::span<const int64_t> items, std::vector<bool>& taken) {
  if (!take(item)) return;
  for (size_t k = 0; k < items.size(); ++k)
    if (part(items[k]) == part(item)) taken[k] = true;
}

namespace {

std::string names_with(Trait trait) {
  std::string names;
  for (const Acquisition& a : acquisitions())
    if (a.has(trait)) names += (names.empty() ? "" : ", ") + std::string(a.name);
  return names;
}

int64_t rows_of(const Problem& problem) {
  if (problem.shards) return problem.shards->items;
  const auto rows = [](const auto& view) { return view.shape[0]; };
  return std::max(std::visit(rows, problem.features), std::visit(rows, problem.logits));
}

void check_quotas(const Problem& problem, const Config& config) {
  check_takes(config, Trait::quotas);
  if (config.partitions > 1) fail(ExitCode::config, "quotas hold for the whole pool: leave out quotas or the parts");
  if (config.quota < 1) fail(ExitCode::config, fmt::format("a quota of {} picks; at least 1 is needed", config.quota));
  if (int64_t(config.parts.size()) != rows_of(problem))
    fail(ExitCode::config, fmt::format("parts of {} items, and there are {}; one for each is needed",
                                       config.parts.size(), rows_of(problem)));
  std::vector<int64_t> open;
  for (int64_t item : problem.unlabeled) {
    const int32_t part = config.parts[size_t(item)];
    if (part < 0) fail(ExitCode::config, fmt::format("item {} can be picked and is in no part of the pool", item));
    if (open.size() <= size_t(part)) open.resize(size_t(part) + 1);
    ++open[size_t(part)];
  }
  int64_t most = 0, parts = 0;
  for (int64_t count : open) most += std::min(count, config.quota), parts += count > 0;
  if (most < config.budget)
    fail(ExitCode::config, fmt::format("budget {} with at most {} picks of each part: the {} parts of the unlabeled "
                                       "items allow {}; raise the quota or lower the budget",
                                       config.budget, config.quota, parts, most));
}

}  // namespace

void check_takes(const Config& config, Trait trait) {
  if (find_acquisition(config.name).has(trait)) return;
  const char* what = trait == Trait::weights  ? "weights of items"
                     : trait == Trait::shards ? "pool in several processes"
                                              : "quotas of classes or clusters";
  std::string why;
  if (trait == Trait::shards)
    why = fmt::format("; \"{}\" needs all {} in one memory", config.name,
                      find_acquisition(config.name).has(Trait::samples) ? "samples" : "rows");
  fail(ExitCode::config,
       fmt::format("acquisition \"{}\" takes no {}; these do: {}{}", config.name, what, names_with(trait), why));
}

void check_diversity(const Problem& problem, const Config& config) {
  if (!problem.weights.empty()) check_takes(config, Trait::weights);
  if (!config.parts.empty()) check_quotas(problem, config);
}

std::vector<int32_t> predicted_classes(Context& context, const Problem& problem, const Config& config) {
  const auto largest = [](const auto& row) { return int32_t(std::ranges::max_element(row) - row.begin()); };
  std::vector<int32_t> classes;
  if (problem.shards) {
    std::vector<int64_t> pool;
    std::ranges::merge(problem.labeled, problem.unlabeled, std::back_inserter(pool));
    const ShardedRows& logits = sharded_logits(problem, config);
    std::vector<int32_t> own;
    logits.each_block<double>(logits.own(pool), [&](auto some, std::span<const double> rows) {
      const size_t width = rows.size() / some.size();
      for (size_t k = 0; k < some.size(); ++k) own.push_back(largest(rows.subspan(k * width, width)));
    });
    classes.assign(size_t(rows_of(problem)), 0);  // outside the pool nobody asks
    const std::vector<int32_t> all = problem.shards->ranks.gather(std::span<const int32_t>(own));
    for (size_t k = 0; k < pool.size(); ++k) classes[size_t(pool[k])] = all[k];
    return classes;
  }
  std::visit(
      [&](auto array) {
        const auto rows = read_rows(context, array, config.name, "logits", {problem.labeled, problem.unlabeled});
        for (int64_t item = 0; item < rows.count(); ++item) classes.push_back(largest(rows[item]));
      },
      problem.logits);
  return classes;
}

std::vector<int32_t> feature_clusters(Context& context, const Problem& problem, const Config& config,
                                      int64_t clusters) {
  const PoolBlocks pool(context, problem, config);
  const Clusters found = k_means(context, pool, clusters, config, "for the quotas");
  std::vector<int64_t> items;
  std::ranges::merge(problem.labeled, problem.unlabeled, std::back_inserter(items));
  std::vector<int32_t> parts(size_t(rows_of(problem)), -1);
  for (size_t place = 0; place < items.size(); ++place) parts[size_t(items[place])] = int32_t(found.of[place]);
  return parts;
}

}  // namespace crc::select
