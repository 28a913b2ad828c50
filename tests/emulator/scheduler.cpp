#include "tests/emulator/scheduler.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "tests/emulator/checker.h"
#include "tests/emulator/fiber.h"
#include "tests/emulator/memory.h"
#include "tests/emulator/report.h"
#include "tests/emulator/symbols.h"

namespace emulator {
namespace {

class Order {
 public:
  Order() {
    const char* variable = std::getenv("EMULATOR_ORDER");
    const std::string value = variable ? variable : "forward";
    reverse_ = value == "reverse";
    random_ = value.starts_with("random:");
    if (random_) generator_.seed(unsigned(std::atoi(value.c_str() + 7)));
    if (!reverse_ && !random_ && value != "forward") {
      fprintf(stderr, "emulator: EMULATOR_ORDER=%s is none of forward, reverse, random:SEED\n", variable);
      abort();
    }
  }
  bool random() const { return random_; }
  bool coin(unsigned one_in) { return random_ && generator_() % one_in == 0; }
  void apply(std::vector<int>& ids) {
    if (reverse_) std::reverse(ids.begin(), ids.end());
    if (random_) std::shuffle(ids.begin(), ids.end(), generator_);
  }

 private:
  bool reverse_, random_;
  std::mt19937 generator_;
};
Order& order() {
  static Order order;
  return order;
}

bool same(Site a, Site b) { return a.line == b.line && !strcmp(a.file, b.file); }

enum class State { ready, at_barrier, at_collective, exited };

struct Thread {
  Fiber fiber;
  State state = State::ready;
  int id = 0;
  uint3 index{};
  Site site{};  // where it waits
};

// A warp operation in flight: one per lane mask. Two generations of values, because a lane may come back with the next
// operation before the others have read this one's.
struct Collection {
  Collective op;
  unsigned mask, arrived = 0;
  Site site{};
  unsigned generation = 0;
  Lanes lanes[2] = {};
};

class Block {
 public:
  Block(const Launch& launch, int index);
  void run();
  Thread& current() { return *current_; }
  const Launch& launch() const { return launch_; }
  void suspend(State state, Site site);
  void let_others_run() { suspend(State::ready, {}); }
  Votes barrier(bool predicate, Site site);
  Lanes exchange(Collective op, unsigned mask, uint64_t value, Site site);
  std::string waiting() const;

 private:
  static void thread_main();
  void resume(Thread& thread);
  void exit();
  void release_barrier();
  void complete_if_all_arrived(int warp, Collection& collection);
  unsigned live_lanes(int warp) const;
  Collection& collection_of(int warp, unsigned mask, Site site);

  const Launch& launch_;
  std::vector<Thread> threads_;
  std::vector<std::vector<Collection>> warps_;
  Thread* current_ = nullptr;
  int alive_, arrived_ = 0, positive_ = 0;
  Site barrier_site_{};
  int first_at_barrier_ = 0;
  Votes votes_{};
};
Block* block = nullptr;

Block::Block(const Launch& launch, int index)
    : launch_(launch), threads_(size_t(launch.threads.x) * launch.threads.y * launch.threads.z) {
  alive_ = int(threads_.size());
  for (int t = 0; t < alive_; ++t) {
    const unsigned x = launch.threads.x, y = launch.threads.y;
    threads_[t].id = t;
    threads_[t].index = {t % x, t / x % y, t / x / y};
  }
  warps_.resize((threads_.size() + 31) / 32);
  blockDim = launch.threads;
  gridDim = launch.blocks;
  const unsigned x = launch.blocks.x, y = launch.blocks.y;
  blockIdx = {index % x, index / x % y, index / x / y};
}

void Block::thread_main() {
  block->launch_.call(block->launch_.kernel, block->launch_.arguments.get());
  block->exit();
}

void Block::resume(Thread& thread) {
  current_ = &thread;
  threadIdx = thread.index;
  if (!thread.fiber.started()) thread.fiber.start(thread_main);
  if (checker) checker->resume(thread.id, thread.fiber.stack_begin(), thread.fiber.stack_end());
  thread.fiber.resume();
  if (checker) checker->suspend();
}

void Block::suspend(State state, Site site) {
  Thread& self = *current_;
  self.state = state;
  self.site = site;
  self.fiber.suspend();
}

void Block::run() {
  std::vector<int> ids(threads_.size());
  std::iota(ids.begin(), ids.end(), 0);
  order().apply(ids);
  while (alive_ > 0) {
    bool progress = false;
    for (int id : ids) {
      if (threads_[id].state != State::ready) continue;
      resume(threads_[id]);
      progress = true;
    }
    if (!progress) fail({}, "deadlock, no thread of the block can continue:%s", waiting().c_str());
    if (order().random()) order().apply(ids);
  }
}

std::string Block::waiting() const {
  std::map<std::string, std::vector<int>> places;
  for (const Thread& thread : threads_) {
    std::string place = thread.state == State::exited ? "exited" : thread.state == State::ready ? "running" : "wait";
    if (thread.state == State::at_barrier || thread.state == State::at_collective)
      place += std::string(thread.state == State::at_barrier ? " in __syncthreads " : " in a warp operation ") +
               thread.site.file + ":" + std::to_string(thread.site.line);
    places[place].push_back(thread.id);
  }
  std::string text;
  for (const auto& [place, ids] : places) {
    text += "\n  " + std::to_string(ids.size()) + " threads " + place + " (";
    for (size_t i = 0; i < ids.size() && i < 4; ++i) text += (i ? ", " : "") + std::to_string(ids[i]);
    text += ids.size() > 4 ? ", ...)" : ")";
  }
  return text;
}

// The hardware counts only threads that have not exited, but a thread that skips a barrier is nearly always a mistake.
void Block::exit() {
  Thread& self = *current_;
  self.state = State::exited;
  --alive_;
  for (Collection& collection : warps_[self.id / 32]) complete_if_all_arrived(self.id / 32, collection);
  if (arrived_ > 0) fail({}, "a thread exits while others wait in __syncthreads:%s", waiting().c_str());
  self.fiber.finish();
}

Votes Block::barrier(bool predicate, Site site) {
  if (alive_ != int(threads_.size()))
    fail(site, "__syncthreads after some threads of the block have exited:%s", waiting().c_str());
  if (arrived_ == 0) {
    barrier_site_ = site;
    first_at_barrier_ = current_->id;
  } else if (!same(barrier_site_, site)) {
    fail(site, "divergent barrier: thread %d waits here, thread %d at %s:%d", current_->id, first_at_barrier_,
         barrier_site_.file, barrier_site_.line);
  }
  positive_ += predicate;
  if (++arrived_ < alive_)
    suspend(State::at_barrier, site);
  else
    release_barrier();
  return votes_;  // stands until all threads have arrived at the next barrier, so after each of them has read it
}

void Block::release_barrier() {
  votes_ = {alive_, positive_};
  arrived_ = positive_ = 0;
  if (checker) checker->block_barrier();
  for (Thread& thread : threads_)
    if (thread.state == State::at_barrier) thread.state = State::ready;
}

unsigned Block::live_lanes(int warp) const {
  unsigned lanes = 0;
  for (int lane = 0; lane < 32 && warp * 32 + lane < int(threads_.size()); ++lane)
    if (threads_[warp * 32 + lane].state != State::exited) lanes |= 1u << lane;
  return lanes;
}

Collection& Block::collection_of(int warp, unsigned mask, Site site) {
  Collection* found = nullptr;
  for (Collection& other : warps_[warp]) {
    if (other.mask == mask)
      found = &other;
    else if (other.arrived && (other.mask & mask))
      fail(site, "lanes disagree about the mask: 0x%08x here, 0x%08x at %s:%d", mask, other.mask, other.site.file,
           other.site.line);
  }
  if (!found) found = &warps_[warp].emplace_back(Collection{.op = {}, .mask = mask});
  return *found;
}

void Block::complete_if_all_arrived(int warp, Collection& collection) {
  if (!collection.arrived || (collection.mask & live_lanes(warp) & ~collection.arrived)) return;
  if (checker && collection.op == Collective::syncwarp) checker->warp_barrier(warp, collection.arrived);
  collection.lanes[collection.generation++ % 2].present = collection.arrived;
  for (int lane = 0; lane < 32; ++lane)
    if (collection.arrived >> lane & 1) threads_[warp * 32 + lane].state = State::ready;
  collection.arrived = 0;
}

Lanes Block::exchange(Collective op, unsigned mask, uint64_t value, Site site) {
  const int warp = current_->id / 32, lane = current_->id % 32;
  if (!(mask >> lane & 1)) fail(site, "lane %d calls %s with mask 0x%08x, which lacks it", lane, name_of(op), mask);
  Collection& collection = collection_of(warp, mask, site);
  if (collection.arrived == 0) {
    collection.op = op;
    collection.site = site;
  } else if (collection.op != op || !same(collection.site, site)) {
    fail(site, "divergent warp operation: lane %d is in this %s, lanes 0x%08x in %s at %s:%d", lane, name_of(op),
         collection.arrived, name_of(collection.op), collection.site.file, collection.site.line);
  }
  const unsigned generation = collection.generation;
  collection.lanes[generation % 2].value[lane] = value;
  collection.arrived |= 1u << lane;
  complete_if_all_arrived(warp, collection);
  if (collection.generation == generation) suspend(State::at_collective, site);
  // Looked up again: other masks may have come meanwhile and moved the collections.
  for (const Collection& own : warps_[warp])
    if (own.mask == mask) return own.lanes[generation % 2];
  abort();
}

}  // namespace

void decide_order(std::vector<int>& ids) { order().apply(ids); }

void run(const Launch& launch) {
  std::vector<int> ids(size_t(launch.blocks.x) * launch.blocks.y * launch.blocks.z);
  std::iota(ids.begin(), ids.end(), 0);
  order().apply(ids);
  if (checker) checker->begin_launch(launch);
  for (int id : ids) {
    Block current(launch, id);
    block = &current;
    fill_shared_memory(launch.shared_bytes);
    if (checker) checker->begin_block(id);
    current.run();
    block = nullptr;
  }
  if (checker) checker->end_launch();
}

std::string where_am_i() {
  if (!block) return "";
  char place[160];
  snprintf(place, sizeof place, "  block (%u,%u,%u) thread (%u,%u,%u) of kernel ", blockIdx.x, blockIdx.y, blockIdx.z,
           threadIdx.x, threadIdx.y, threadIdx.z);
  return place + function_at(block->launch().kernel) + "\n";
}

const char* name_of(Collective op) {
  static const char* const names[] = {"__syncwarp",      "__shfl_sync", "__shfl_up_sync",   "__shfl_down_sync",
                                      "__shfl_xor_sync", "a vote",      "__match_any_sync", "__reduce_sync"};
  return names[int(op)];
}
Votes block_barrier(bool predicate, Site site) { return block->barrier(predicate, site); }
Lanes exchange(Collective op, unsigned mask, uint64_t value, Site site) {
  return block->exchange(op, mask, value, site);
}
uint64_t read_lane(const Lanes& lanes, int lane, Site site) {
  if (!(lanes.present >> lane & 1))
    fail(site, "lane %d reads from lane %d, which does not take part (lanes 0x%08x do)", emulator::lane(), lane,
         lanes.present);
  return lanes.value[lane];
}
int lane() { return block->current().id % 32; }
void fence() {
  if (checker) checker->fence();
  before_atomic();
}
void before_atomic() {
  constexpr unsigned kOneIn = 16;  // often enough to interleave, seldom enough to be fast
  if (block && order().coin(kOneIn)) block->let_others_run();
}

}  // namespace emulator
