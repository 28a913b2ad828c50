#define XXH_INLINE_ALL
#include "crc/search.h"

#include <xxhash.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "crc/checkpoint.h"
#include "crc/sharded_rows.h"
#include "kernels/core/random.h"

namespace crc::select {

Groups partition(std::span<const int64_t> unlabeled, int64_t size, uint32_t seed, int64_t round) {
  const auto pool = uint32_t(unlabeled.size());
  Groups groups{size, std::vector<int64_t>(unlabeled.size() / size * size)};
  for (size_t k = 0; k < groups.members.size(); ++k)
    groups.members[k] = unlabeled[permute(seed, Purpose::group_shuffle, uint32_t(round), pool, uint32_t(k))];
  for (auto group = groups.members.begin(); group != groups.members.end(); group += size)
    std::sort(group, group + size);
  return groups;
}

template <class T>
Copies::Copies(const HostMatrix<T>& features, std::span<const int64_t> labeled, std::span<const int64_t> unlabeled)
    : original_(features.count(), -1), labeled_(original_.size(), false) {
  std::vector<int64_t> items(labeled.begin(), labeled.end());
  items.insert(items.end(), unlabeled.begin(), unlabeled.end());
  std::sort(items.begin(), items.end(), [&](int64_t a, int64_t b) {
    const auto x = features[a], y = features[b];
    const auto [p, q] = std::mismatch(x.begin(), x.end(), y.begin());
    return p == x.end() ? a < b : *p < *q;
  });
  for (size_t k = 0; k < items.size(); ++k) {
    const auto x = features[items[k]];
    const bool copy = k > 0 && std::equal(x.begin(), x.end(), features[items[k - 1]].begin());
    original_[items[k]] = copy ? original_[items[k - 1]] : items[k];
  }
  for (int64_t item : labeled) labeled_[original_[item]] = true;
}

template Copies::Copies(const HostMatrix<float>&, std::span<const int64_t>, std::span<const int64_t>);
template Copies::Copies(const HostMatrix<double>&, std::span<const int64_t>, std::span<const int64_t>);

namespace {

// Of a pool in several processes: item, its original, ... of all that repeat one.
std::vector<double> find_copies(const ShardedRows& features, std::span<const int64_t> labeled,
                                std::span<const int64_t> unlabeled) {
  struct Entry {
    uint64_t low, high;  // the hash
    int64_t item;
    auto operator<=>(const Entry&) const = default;
  };
  Ranks& ranks = features.ranks();
  std::vector<Ranks::Bytes> parts(static_cast<size_t>(ranks.size()));
  std::vector<double> row(static_cast<size_t>(features.columns()));
  for (const auto& list : {labeled, unlabeled})
    features.each_block<double>(features.own(list), [&](auto some, std::span<const double> rows) {
      for (size_t k = 0; k < some.size(); ++k) {
        for (size_t d = 0; d < row.size(); ++d) row[d] = rows[k * row.size() + d] + 0.0;  // -0 equals 0
        const XXH128_hash_t hash = XXH3_128bits(row.data(), row.size() * sizeof(double));
        const Entry entry{hash.low64, hash.high64, some[k]};
        const char* bytes = reinterpret_cast<const char*>(&entry);
        Ranks::Bytes& part = parts[hash.high64 % parts.size()];
        part.insert(part.end(), bytes, bytes + sizeof entry);
      }
    });
  std::vector<Entry> entries;
  for (const Ranks::Bytes& part : ranks.exchange(std::move(parts))) {
    const auto* some = reinterpret_cast<const Entry*>(part.data());
    entries.insert(entries.end(), some, some + part.size() / sizeof(Entry));
  }
  std::ranges::sort(entries);
  std::vector<double> found;
  for (size_t k = 0, first = 0; k < entries.size(); ++k) {
    if (entries[k].low != entries[first].low || entries[k].high != entries[first].high) first = k;
    if (first != k) found.push_back(double(entries[k].item)), found.push_back(double(entries[first].item));
  }
  return ranks.gather(std::span<const double>(found));
}

}  // namespace

Copies::Copies(const ShardedRows& features, int64_t items, std::span<const int64_t> labeled,
               std::span<const int64_t> unlabeled, const Config& config)
    : original_(size_t(items), -1), labeled_(size_t(items), false) {
  for (const auto& list : {labeled, unlabeled})
    for (int64_t item : list) original_[size_t(item)] = item;
  const std::string name = fmt::format("the search for copies among {} items", labeled.size() + unlabeled.size());
  const std::vector<double> found = completed(config, name, [&] { return find_copies(features, labeled, unlabeled); });
  for (size_t k = 0; k < found.size(); k += 2) original_[size_t(found[k])] = int64_t(found[k + 1]);
  for (int64_t item : labeled) labeled_[original_[item]] = true;
}

bool Copies::degenerate(std::span<const int64_t> group) const {
  std::vector<int64_t> originals;
  for (int64_t item : group) {
    if (labeled_[original_[item]]) return true;
    originals.push_back(original_[item]);
  }
  std::sort(originals.begin(), originals.end());
  return std::adjacent_find(originals.begin(), originals.end()) != originals.end();
}

namespace {

// Places of groups, best first. Among equal scores the draws decide: where copies are left out, those of the originals,
// and then the smallest ids, so that of two equal groups the first one stands for both; otherwise each item's own.
std::vector<int64_t> best_first(const Groups& groups, std::span<const double> scores, const Copies& copies,
                                const Ties& ties, bool by_originals) {
  std::vector<int64_t> order(groups.count());
  std::iota(order.begin(), order.end(), 0);
  Ties::sort(order, scores, [&](std::span<int64_t> equal) {
    std::vector<std::pair<std::vector<double>, int64_t>> drawn;
    for (int64_t k : equal) {
      std::vector<int64_t> items(groups[k].begin(), groups[k].end());
      for (int64_t& item : items) item = by_originals ? copies.original(item) : item;
      drawn.emplace_back(ties.draws(items), k);
    }
    std::ranges::sort(drawn, [&](const auto& a, const auto& b) {
      if (a.first != b.first) return a.first > b.first;
      return std::ranges::lexicographical_compare(groups[a.second], groups[b.second]);
    });
    std::ranges::transform(drawn, equal.begin(), [](const auto& entry) { return entry.second; });
  });
  return order;
}

}  // namespace

void choose(std::vector<int64_t>& chosen, int64_t wanted, const Groups& groups, std::span<const double> scores,
            const Copies& copies, const Ties& ties, bool allow_copies) {
  std::unordered_set<int64_t> items, originals;
  const auto mark = [&](int64_t k) {
    for (int64_t item : groups[k]) items.insert(item), originals.insert(copies.original(item));
  };
  const auto is_taken = [&](int64_t item) { return items.contains(item); };
  const auto is_copy_of_taken = [&](int64_t item) { return originals.contains(copies.original(item)); };
  for (int64_t k : chosen) mark(k);
  for (const bool last : {false, true}) {
    if (int64_t(chosen.size()) >= wanted || (last && !allow_copies)) return;
    for (int64_t k : best_first(groups, scores, copies, ties, !last)) {
      if (int64_t(chosen.size()) >= wanted) return;
      if (std::ranges::any_of(groups[k], is_taken)) continue;
      if (!last && (copies.degenerate(groups[k]) || std::ranges::any_of(groups[k], is_copy_of_taken))) continue;
      chosen.push_back(k);
      mark(k);
    }
  }
}

}  // namespace crc::select
