#include "kernels/cuda/nccl.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "kernels/core/ranks.h"
#include "kernels/cuda/dynamic_library.h"
#include "kernels/cuda/nccl_interface.h"

namespace crc {
namespace {

constexpr int kOldest = 20900;  // the first whose operations are captured in graphs

nccl::Functions open_functions() {
  // Memory of a graph that is gone may be used again at once, and NCCL would still know it as registered.
  ::setenv("NCCL_GRAPH_REGISTER", "0", 0);
  static const DynamicLibrary library("NCCL, through which processes on GPUs exchange,",
                                      {"libnccl.so.2", "libnccl.so"});
  nccl::Functions f;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(library.symbol(name));
  };
  find(f.GetVersion, "ncclGetVersion"), find(f.GetUniqueId, "ncclGetUniqueId");
  find(f.CommInitRank, "ncclCommInitRank"), find(f.CommAbort, "ncclCommAbort");
  find(f.CommGetAsyncError, "ncclCommGetAsyncError"), find(f.GetErrorString, "ncclGetErrorString");
  find(f.GroupStart, "ncclGroupStart"), find(f.GroupEnd, "ncclGroupEnd");
  find(f.Send, "ncclSend"), find(f.Recv, "ncclRecv");
  int version = 0;
  if (f.GetVersion(&version) != nccl::success || version < kOldest)
    fail(ExitCode::device_unavailable, "NCCL is of version " + std::to_string(version) + "; processes on GPUs need " +
                                           std::to_string(kOldest) +
                                           " (2.9) or later: install that, or train in one process");
  return f;
}

const nccl::Functions& functions() {
  static const nccl::Functions found = open_functions();
  return found;
}

void check(nccl::Result result, const char* what) {
  if (result == nccl::success || result == nccl::in_progress) return;
  fail(ExitCode::internal, std::string("NCCL, ") + what + ": " + functions().GetErrorString(result) +
                               "; NCCL_DEBUG=WARN in the environment says more");
}

// Of this process, for all contexts of it, and never given back: NCCL's own way to free one waits for all the others to
// do so, and for the graphs that hold its operations. What is left is freed as the process ends.
std::atomic<nccl::Communicator>& communicator() {
  static std::atomic<nccl::Communicator> joined = nullptr;
  return joined;
}

// Its operations end now, wherever the host waits for them. The rest of what NCCL then does waits for the graphs that
// hold some, which go after this.
void give_up_communicator() {
  if (nccl::Communicator gone = communicator().exchange(nullptr))
    std::thread([gone, abort = functions().CommAbort] { (void)abort(gone); }).detach();
}

}  // namespace

class NcclHandle {
 public:
  static constexpr int kSlot = 3;
  static std::shared_ptr<NcclHandle> make(Cuda& cuda) { return std::make_shared<NcclHandle>(cuda); }
  explicit NcclHandle(Cuda& cuda) : cuda_(cuda) {}

  void join(Ranks& ranks) {
    ranks_ = &ranks;
    ranks.wait_on_devices();
    if (!communicator()) {
      nccl::UniqueId id{};
      if (ranks.rank() == 0) check(functions().GetUniqueId(&id), "a communicator");
      const std::vector<nccl::UniqueId> ids = ranks.gather(std::span<const nccl::UniqueId>(&id, 1));
      nccl::Communicator made = nullptr;
      check(functions().CommInitRank(&made, ranks.size(), ids.front(), ranks.rank()), "a communicator");
      communicator() = made;
    }
    cuda_.watch([this] { watch(); });
    watchdog_ = std::jthread([&ranks](std::stop_token stop) {
      while (!stop.stop_requested() && !ranks.gone()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      if (!stop.stop_requested()) give_up_communicator();
    });
    connect();
  }

  void leave() {
    watchdog_ = {};
    cuda_.watch({});
    give_up_communicator();
  }

  void swap(std::span<const std::span<const char>> out, std::span<const std::span<char>> in) {
    const nccl::Communicator joined = communicator();
    if (!joined) {
      if (ranks_) ranks_->check();
      fail_internal("an exchange between GPUs that have not joined");
    }
    const nccl::Functions& f = functions();
    check(f.GroupStart(), "a swap");
    nccl::Result result = nccl::success;
    const auto note = [&](nccl::Result next) { result = result == nccl::success ? next : result; };
    for (size_t r = 0; r < out.size(); ++r)
      if (!out[r].empty()) note(f.Send(out[r].data(), out[r].size(), nccl::int8, int(r), joined, cuda_.stream()));
    for (size_t r = 0; r < in.size(); ++r)
      if (!in[r].empty()) note(f.Recv(in[r].data(), in[r].size(), nccl::int8, int(r), joined, cuda_.stream()));
    note(f.GroupEnd());
    if (result != nccl::success && result != nccl::in_progress) ranks_->check();  // who it was, if that is seen
    check(result, "a swap");
  }

 private:
  // What waits for the device asks this.
  void watch() const {
    try {
      ranks_->check();
      const nccl::Communicator joined = communicator();
      if (!joined) fail_internal("an exchange between GPUs was given up");
      nccl::Result error = nccl::success;
      check(functions().CommGetAsyncError(joined, &error), "its state");
      check(error, "an exchange");
    } catch (...) {
      give_up_communicator();
      throw;
    }
  }

  // NCCL connects at first use, for which all have to come: now, before anybody can fail at anything else.
  void connect() {
    const auto size = size_t(ranks_->size()), me = size_t(ranks_->rank());
    const std::shared_ptr<char> memory(static_cast<char*>(allocate(cuda_, int64_t(2 * size))),
                                       [this](char* data) { release(cuda_, data); });
    std::vector<std::span<const char>> out(size);
    std::vector<std::span<char>> in(size);
    set_zero(cuda_, memory.get(), int64_t(2 * size));
    for (size_t r = 0; r < size; ++r)
      if (r != me) out[r] = {memory.get() + r, 1}, in[r] = {memory.get() + size + r, 1};
    swap(out, in);
    synchronize(cuda_);
  }

  Cuda& cuda_;
  Ranks* ranks_ = nullptr;
  std::jthread watchdog_;  // for waits that ask nothing: of the driver, of NCCL
};

void open_exchange(Cuda&) { (void)functions(); }
void join_ranks(Cuda& cuda, Ranks& ranks) {
  if (ranks.size() > 1) cuda.handle<NcclHandle>(NcclHandle::make).join(ranks);
}
void leave_ranks(Cuda& cuda) {
  if (cuda.is_watched()) cuda.handle<NcclHandle>(NcclHandle::make).leave();
}

void nccl_swap(Cuda& cuda, std::span<const std::span<const char>> out, std::span<const std::span<char>> in) {
  cuda.handle<NcclHandle>(NcclHandle::make).swap(out, in);
}

}  // namespace crc
