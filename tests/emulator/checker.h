// The seam between the emulator and the checker, which only the checker's build links.
#pragma once

#include <cstddef>

#include "emulator/launch.h"
#include "tests/emulator/graph_races.h"

namespace emulator {

class Checker {
 public:
  virtual ~Checker() = default;
  // ---- launches
  virtual void begin_launch(const Launch& launch) = 0;
  virtual void begin_block(int block) = 0;
  virtual void end_launch() = 0;
  // ---- graphs, whose nodes are launches and other work
  virtual void begin_graph(const GraphOrder& order) = 0;
  virtual void begin_node(int node) = 0;
  virtual void end_graph() = 0;
  virtual void resume(int thread, const char* stack_begin, const char* stack_end) = 0;
  virtual void suspend() = 0;
  // ---- what orders memory
  virtual void block_barrier() = 0;
  virtual void warp_barrier(int warp, unsigned lanes) = 0;
  virtual void fence() = 0;
  // ---- memory
  virtual void allocated(char* data, size_t bytes) = 0;
  virtual void released(char* data, size_t bytes) = 0;
  virtual void written(const void* data, size_t bytes) = 0;
  virtual void copied(void* to, const void* from, size_t bytes) = 0;
  virtual void must_be_initialized(const void* data, size_t bytes) = 0;
};

inline Checker* checker = nullptr;

}  // namespace emulator
