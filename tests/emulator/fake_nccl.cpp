// NCCL's functions over memory that the processes of an emulated machine share, in place of the library that
// kernels/cuda/nccl.cpp opens. As there, a group's sends and receives go on side by side, each as far as the other process
// has come, and one that waits for a process that is lost waits until it is aborted.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/core/error.h"
#include "kernels/cuda/dynamic_library.h"
#include "kernels/cuda/nccl_interface.h"
#include "tests/emulator/emulator.h"
#include "tests/emulator/stream.h"

// The library's own side.
using crc::nccl::Communicator;
using crc::nccl::Result;
using crc::nccl::success;
using crc::nccl::Type;
using crc::nccl::UniqueId;

namespace {

constexpr size_t kSlotBytes = 4096;  // less than most messages, so that they cross in pieces

// What one process has for another: a piece of a message, or nothing.
struct Slot {
  std::atomic<uint32_t> bytes;
  char data[kSlotBytes];
};
struct Machine {
  std::atomic<int> joined;
  Slot slots[1];  // [to * size + from]
};

struct Message {
  int peer;
  char* data;
  size_t bytes, done = 0;
  bool sends;
};

}  // namespace

struct ncclComm {
  Machine* machine;
  int size, rank;
  std::atomic<bool> aborted = false;

  // Whether a part of it crossed.
  bool move(Message& m) {
    Slot& slot = machine->slots[m.sends ? m.peer * size + rank : rank * size + m.peer];
    const uint32_t there = slot.bytes.load(std::memory_order_acquire);
    if (m.done == m.bytes || (m.sends ? there != 0 : there == 0)) return false;
    const size_t part = m.sends ? std::min(kSlotBytes, m.bytes - m.done) : there;
    m.sends ? memcpy(slot.data, m.data + m.done, part) : memcpy(m.data + m.done, slot.data, part);
    slot.bytes.store(m.sends ? uint32_t(part) : 0, std::memory_order_release);
    m.done += part;
    return true;
  }
};

namespace {

struct Group {
  int depth = 0;
  ncclComm* communicator = nullptr;
  cudaStream_t stream = nullptr;
  std::vector<Message> messages;
} group;

Result get_version(int* version) { return *version = 22809, success; }

Result get_id(UniqueId* id) {
  std::random_device random;
  snprintf(id->bytes, sizeof id->bytes, "/emulated-gpus-%d-%08x", int(getpid()), unsigned(random()));
  return success;
}

Result join(Communicator* communicator, int size, UniqueId id, int rank) {
  const int file = shm_open(id.bytes, O_RDWR | O_CREAT, 0600);
  const size_t bytes = sizeof(Machine) + size_t(size * size) * sizeof(Slot);
  if (file < 0 || ftruncate(file, off_t(bytes)) != 0) return Result(2);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) return Result(2);
  *communicator = new ncclComm{.machine = static_cast<Machine*>(memory), .size = size, .rank = rank};
  Machine& machine = *(*communicator)->machine;
  ++machine.joined;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (machine.joined < size) {
    if (std::chrono::steady_clock::now() > until) return Result(6);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (rank == 0) shm_unlink(id.bytes);
  return success;
}

Result abort_all(Communicator communicator) { return communicator->aborted = true, success; }
Result get_error(Communicator, Result* error) { return *error = success, success; }
Result begin_group() { return ++group.depth, success; }

Result end_group() {
  if (--group.depth > 0 || group.messages.empty()) return success;
  const auto work = [communicator = group.communicator, begun = std::exchange(group.messages, {})]() mutable {
    auto& messages = begun;
    for (const Message& m : messages) {
      if (m.done > 0) continue;
      m.sends ? emulator::device_read(m.data, m.bytes) : emulator::device_write(m.data, m.bytes);
    }
    for (bool moved = true; moved;) {
      moved = false;
      for (Message& m : messages) moved |= communicator->move(m);
    }
    const bool whole = std::ranges::all_of(messages, [](const Message& m) { return m.done == m.bytes; });
    if (!whole && !communicator->aborted) throw emulator::NotReady();
    for (Message& m : messages) m.done = 0;  // a graph does it again
  };
  return emulator::enqueue(group.stream, work) == cudaSuccess ? success : Result(1);
}

Result add(Message message, Communicator communicator, cudaStream_t stream) {
  if (group.depth == 0 || communicator->aborted || message.peer == communicator->rank) return Result(5);
  group.communicator = communicator, group.stream = stream;
  group.messages.push_back(message);
  return success;
}
Result send(const void* data, size_t count, Type, int to, Communicator communicator, cudaStream_t stream) {
  char* from = static_cast<char*>(const_cast<void*>(data));
  return add({.peer = to, .data = from, .bytes = count, .sends = true}, communicator, stream);
}
Result receive(void* data, size_t count, Type, int from, Communicator communicator, cudaStream_t stream) {
  return add({.peer = from, .data = static_cast<char*>(data), .bytes = count, .sends = false}, communicator, stream);
}
const char* words(Result result) { return result == 6 ? "remote process exited" : "an error of the emulated NCCL"; }

}  // namespace

namespace crc {

DynamicLibrary::DynamicLibrary(std::string purpose, std::initializer_list<const char*> names)
    : name_(*names.begin()), handle_(nullptr) {
  if (emulator::lacks("nccl")) fail(ExitCode::device_unavailable, purpose + " was not found (" + name_ + ")");
}

void* DynamicLibrary::symbol(const char* name) const {
  const std::pair<const char*, void*> functions[] = {
      {"ncclGetVersion", reinterpret_cast<void*>(get_version)},
      {"ncclGetUniqueId", reinterpret_cast<void*>(get_id)},
      {"ncclCommInitRank", reinterpret_cast<void*>(join)},
      {"ncclCommAbort", reinterpret_cast<void*>(abort_all)},
      {"ncclCommGetAsyncError", reinterpret_cast<void*>(get_error)},
      {"ncclGroupStart", reinterpret_cast<void*>(begin_group)},
      {"ncclGroupEnd", reinterpret_cast<void*>(end_group)},
      {"ncclSend", reinterpret_cast<void*>(send)},
      {"ncclRecv", reinterpret_cast<void*>(receive)},
      {"ncclGetErrorString", reinterpret_cast<void*>(words)},
  };
  for (const auto& [known, function] : functions)
    if (std::string(known) == name) return function;
  fail_internal(std::string("the emulated NCCL has no ") + name);
}

}  // namespace crc
