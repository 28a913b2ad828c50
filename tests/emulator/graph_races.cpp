#include "tests/emulator/graph_races.h"

#include <algorithm>

namespace emulator {

GraphOrder::GraphOrder(const std::vector<std::vector<int>>& after)
    : before_(after.size(), std::vector<bool>(after.size(), false)), has_company_(after.size(), false) {
  const int n = int(after.size());
  for (int i = 0; i < n; ++i)
    for (int j : after[size_t(i)]) {
      before_[size_t(i)][size_t(j)] = true;
      for (int k = 0; k < j; ++k)
        if (before(k, j)) before_[size_t(i)][size_t(k)] = true;
    }
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < i; ++j)
      if (!before(j, i)) has_company_[size_t(i)] = has_company_[size_t(j)] = true;
}

void GraphRaces::end() {
  order_ = nullptr;
  words_.clear();
}

int GraphRaces::access(const void* data, size_t bytes, bool write) {
  if (!order_ || !order_->has_company(node_) || bytes == 0) return -1;
  const auto unordered = [&](int other) { return other >= 0 && other != node_ && !order_->before(other, node_); };
  const auto begin = reinterpret_cast<uintptr_t>(data) / 4;
  const auto end = (reinterpret_cast<uintptr_t>(data) + bytes + 3) / 4;
  for (uintptr_t at = begin; at < end; ++at) {
    Word& word = words_[at];
    if (unordered(word.writer)) return word.writer;
    if (write) {
      const auto reader = std::find_if(word.readers.begin(), word.readers.end(), unordered);
      if (reader != word.readers.end()) return *reader;
      word.readers.clear();
      word.writer = node_;
    } else if (std::find(word.readers.begin(), word.readers.end(), node_) == word.readers.end()) {
      std::erase_if(word.readers, [&](int other) { return order_->before(other, node_); });
      word.readers.push_back(node_);
    }
  }
  return -1;
}

}  // namespace emulator
