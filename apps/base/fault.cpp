#include "apps/base/fault.h"

#include <signal.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <mutex>
#include <string>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr std::string_view kOps[] = {"open", "write", "fsync", "rename"};

struct State {
  std::string op, action;
  int64_t at = 0, matching = 0, calls = 0;
};

void parse(State& state, std::string_view spec) {
  state = {};
  if (spec.empty()) return;
  const size_t a = spec.find(':'), b = spec.find(':', a + 1);
  bool good = a != spec.npos && b != spec.npos;
  if (good) {
    state.op = spec.substr(0, a);
    state.action = spec.substr(b + 1);
    const auto k = spec.substr(a + 1, b - a - 1);
    const auto [end, error] = std::from_chars(k.data(), k.data() + k.size(), state.at);
    good = error == std::errc() && end == k.data() + k.size() && state.at >= 1;
    bool known_op = state.op == "any", known_action = false;
    for (auto op : kOps) known_op |= state.op == op;
    for (auto action : {"kill", "torn", "enospc", "eio", "short"}) known_action |= state.action == action;
    good = good && known_op && known_action;
  }
  if (!good) {
    state = {};
    fail(ExitCode::usage, "CRC_FAULT=\"" + std::string(spec) +
                              "\" is not op:k:action; op is open, write, fsync, rename or any; k counts from 1; action "
                              "is kill, torn, enospc, eio or short");
  }
}

std::mutex g_mutex;  // several runs may share the process

State& state() {
  static State state = [] {
    State first;
    const char* spec = std::getenv("CRC_FAULT");
    parse(first, spec ? spec : "");
    return first;
  }();
  return state;
}

}  // namespace

void arm_fault(std::string_view spec) {
  const std::lock_guard lock(g_mutex);
  parse(state(), spec);
}

int64_t io_calls() {
  const std::lock_guard lock(g_mutex);
  return state().calls;
}

Fault next_fault(Io op) {
  const std::lock_guard lock(g_mutex);
  State& s = state();
  ++s.calls;
  if (s.at == 0 || (s.op != "any" && s.op != kOps[int(op)])) return {};
  if (++s.matching != s.at) return {};
  if (s.action == "kill" || (s.action == "torn" && op != Io::write)) raise(SIGKILL);
  if (s.action == "enospc") return {.error = ENOSPC};
  if (s.action == "eio") return {.error = EIO};
  return {.shorten = op == Io::write, .kill_after = s.action == "torn"};
}

}  // namespace crc::apps
