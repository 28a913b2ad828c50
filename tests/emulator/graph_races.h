// Work of a graph that may run side by side must not touch the same memory: the checker's rule for branches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace emulator {

// Which nodes of a graph come before which.
class GraphOrder {
 public:
  explicit GraphOrder(const std::vector<std::vector<int>>& after);  // of each node, earlier ones
  bool before(int a, int b) const { return before_[size_t(b)][size_t(a)]; }
  bool has_company(int node) const { return has_company_[size_t(node)]; }  // may others run beside it?

 private:
  std::vector<std::vector<bool>> before_;
  std::vector<bool> has_company_;
};

class GraphRaces {
 public:
  void begin(const GraphOrder& order) { order_ = &order; }
  void begin_node(int node) { node_ = node; }
  void end();
  int node() const { return node_; }
  // An access of the node in hand; returns another node that it races with, or -1.
  int access(const void* data, size_t bytes, bool write);

 private:
  struct Word {
    int writer = -1;
    std::vector<int> readers;  // since then, none before another
  };
  const GraphOrder* order_ = nullptr;
  int node_ = 0;
  std::unordered_map<uintptr_t, Word> words_;  // that nodes with company touched
};

}  // namespace emulator
