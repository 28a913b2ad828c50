// A way out of a long computation: while an Interruptible lives on a thread, ops and loops that this thread begins ask
// it now and then, and what it throws ends them.
#pragma once

#include <chrono>
#include <functional>
#include <utility>

namespace crc {

class Interruptible {
 public:
  explicit Interruptible(std::function<void()> ask) : ask_(std::move(ask)), before_(current_) {
    if (ask_) current_ = this;
  }
  ~Interruptible() { current_ = before_; }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

  // Of this thread; cheap enough for every chunk of a loop.
  static void check() {
    if (current_) current_->ask();
  }

 private:
  void ask() {
    constexpr std::chrono::milliseconds kBetween(20);  // a person waits no longer, and asking may need a lock
    const auto now = std::chrono::steady_clock::now();
    if (now - asked_ < kBetween) return;
    asked_ = now;
    ask_();
  }
  std::function<void()> ask_;
  std::chrono::steady_clock::time_point asked_ = std::chrono::steady_clock::now();
  Interruptible* before_;
  static inline thread_local Interruptible* current_ = nullptr;
};

}  // namespace crc
