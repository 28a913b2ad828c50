#include "tests/emulator/happens_before.h"

#include <algorithm>

namespace emulator {

void HappensBefore::begin_launch() {
  now_ = 1;
  published_.clear();
}

void HappensBefore::begin_block(int block) {
  block_ = block;
  barrier_ = 0;
  warps_.clear();
  knowledge_.clear();
  of_block_ = {};
}

void HappensBefore::block_barrier() {
  barrier_ = ++now_;
  for (auto& [thread, knowledge] : knowledge_) {
    of_block_.pending.join(knowledge.pending);
    of_block_.acquired.join(knowledge.acquired);
  }
}

void HappensBefore::warp_barrier(int warp, unsigned lanes) {
  ++now_;
  Warp& w = warps_[warp];
  uint32_t all[32] = {};
  Knowledge joined;
  for (int lane = 0; lane < 32; ++lane) {
    if (!(lanes >> lane & 1)) continue;
    w.known[lane][lane] = now_;
    for (int other = 0; other < 32; ++other) all[other] = std::max(all[other], w.known[lane][other]);
    const auto found = knowledge_.find(warp * 32 + lane);
    if (found == knowledge_.end()) continue;
    joined.pending.join(found->second.pending);
    joined.acquired.join(found->second.acquired);
  }
  for (int lane = 0; lane < 32; ++lane) {
    if (!(lanes >> lane & 1)) continue;
    std::copy(all, all + 32, w.known[lane]);
    if (joined.pending.empty() && joined.acquired.empty()) continue;
    Knowledge& own = knowledge_[warp * 32 + lane];
    own.pending.join(joined.pending);
    own.acquired.join(joined.acquired);
  }
}

void HappensBefore::fence() {
  ++now_;
  Knowledge& own = knowledge_[thread_];
  own.acquired.join(own.pending);
  own.acquired.join(of_block_.pending);
  own.released = own.acquired;
  own.released.join(of_block_.acquired);
  own.released.learn_block(block_, barrier_);
  own.released.learn_thread(block_, thread_, now_);
  const auto warp = warps_.find(thread_ / 32);
  if (warp == warps_.end()) return;
  for (int lane = 0; lane < 32; ++lane)
    own.released.learn_thread(block_, thread_ / 32 * 32 + lane, warp->second.known[thread_ % 32][lane]);
}

void HappensBefore::atomic(const void* address) {
  ++now_;
  const auto own = knowledge_.find(thread_);
  const bool releases = own != knowledge_.end() && !own->second.released.empty();
  const auto published = published_.find(address);
  if (published != published_.end()) knowledge_[thread_].pending.join(published->second);
  if (releases) published_[address].join(knowledge_[thread_].released);
}

bool HappensBefore::knows(const Clock& clock, const Who& who, uint32_t time) const {
  if (who.several || who.thread == kManyWarps) return clock.knows_block(who.block, time);
  return clock.knows_thread(who.block, who.thread, time);
}

bool HappensBefore::ordered(const Who& who, uint32_t time, bool is_volatile) const {
  if (who.block == block_) {
    if (barrier_ > time) return true;
    const auto warp = warps_.find(thread_ / 32);
    if (who.thread != kManyWarps && who.thread / 32 == thread_ / 32 && warp != warps_.end()) {
      const uint32_t* known = warp->second.known[thread_ % 32];
      bool all = true;
      for (int lane = 0; lane < 32; ++lane) all = all && (lane == thread_ % 32 || known[lane] > time);
      if (who.several ? all : known[who.thread % 32] > time) return true;
    }
  }
  if (knows(of_block_.acquired, who, time) || (is_volatile && knows(of_block_.pending, who, time))) return true;
  const auto own = knowledge_.find(thread_);
  if (own == knowledge_.end()) return false;
  return knows(own->second.acquired, who, time) || (is_volatile && knows(own->second.pending, who, time));
}

}  // namespace emulator
