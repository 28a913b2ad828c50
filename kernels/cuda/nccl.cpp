#include "kernels/cuda/nccl.h"

#include <cstring>
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
nccl::Communicator& communicator() {
  static nccl::Communicator joined = nullptr;
  return joined;
}

}  // namespace

class NcclHandle {
 public:
  static constexpr int kSlot = 3;
  static std::shared_ptr<NcclHandle> make(Cuda& cuda) { return std::make_shared<NcclHandle>(cuda); }
  explicit NcclHandle(Cuda& cuda) : cuda_(cuda) {}

  void join(Ranks& ranks) {
    if (!communicator()) {
      nccl::UniqueId id{};
      if (ranks.rank() == 0) check(functions().GetUniqueId(&id), "a communicator");
      const std::vector<nccl::UniqueId> ids = ranks.gather(std::span<const nccl::UniqueId>(&id, 1));
      check(functions().CommInitRank(&communicator(), ranks.size(), ids.front(), ranks.rank()), "a communicator");
    }
    ranks.wait_on_devices();
    cuda_.watch([this, &ranks] { watch(ranks); });
  }

  // Its operations end now. The rest of what NCCL then does waits for the graphs that hold some, which go after this.
  void leave() {
    cuda_.watch({});
    if (nccl::Communicator gone = std::exchange(communicator(), nullptr))
      std::thread([gone, abort = functions().CommAbort] { (void)abort(gone); }).detach();
  }

  void swap(std::span<const std::span<const char>> out, std::span<const std::span<char>> in) {
    if (!communicator()) fail_internal("an exchange between GPUs that have not joined");
    const nccl::Functions& f = functions();
    check(f.GroupStart(), "a swap");
    nccl::Result result = nccl::success;
    const auto note = [&](nccl::Result next) { result = result == nccl::success ? next : result; };
    for (size_t r = 0; r < out.size(); ++r)
      if (!out[r].empty())
        note(f.Send(out[r].data(), out[r].size(), nccl::int8, int(r), communicator(), cuda_.stream()));
    for (size_t r = 0; r < in.size(); ++r)
      if (!in[r].empty()) note(f.Recv(in[r].data(), in[r].size(), nccl::int8, int(r), communicator(), cuda_.stream()));
    note(f.GroupEnd());
    check(result, "a swap");
  }

 private:
  void watch(Ranks& ranks) {
    try {
      ranks.check();
      nccl::Result error = nccl::success;
      check(functions().CommGetAsyncError(communicator(), &error), "its state");
      check(error, "an exchange");
    } catch (...) {
      leave();
      throw;
    }
  }

  Cuda& cuda_;
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
