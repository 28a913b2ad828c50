// Streams, events and captured graphs: queues of work.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tests/emulator/emulator.h"
#include "tests/emulator/graph_races.h"

namespace emulator {

using Work = std::function<void()>;  // runs with device memory accessible
struct NotReady {};                  // thrown by work that waits for another process: it is called again

// Captured work, and the earlier works that it comes after.
struct Node {
  Work work;
  std::vector<int> after;
};
using Nodes = std::vector<Node>;

// Of one stream and, after a fork, of others: those that waited for an event of the capture.
struct Capture {
  cudaStream_t origin;
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  Nodes nodes = {};
  bool invalid = false, ended = false;
};

}  // namespace emulator

// Work runs as late as CUDA may run it: when somebody waits for it. So a missing synchronisation shows as a wrong result.
struct CUstream_st {
  int device = 0;
  bool blocking = true;  // ordered with the legacy default stream
  std::deque<emulator::Work> pending;
  int64_t completed = 0;  // works
  std::shared_ptr<emulator::Capture> capture;
  std::vector<int> last;  // the captured works that its next one comes after

  bool run_next();  // false: it is not ready
  void run_until(int64_t position);
  void run_all() { run_until(position()); }
  int64_t position() const { return completed + int64_t(pending.size()); }
};

struct CUevent_st {
  CUstream_st* stream = nullptr;
  int64_t position = 0;
  double milliseconds = 0;                     // when its stream got there
  std::shared_ptr<emulator::Capture> capture;  // that it was recorded in
  std::vector<int> last;                       // there
};

struct CUgraph_st {
  emulator::Nodes nodes;
};
struct CUgraphExec_st {
  std::shared_ptr<const emulator::Nodes> nodes;
  std::shared_ptr<const emulator::GraphOrder> order;
};

namespace emulator {

CUstream_st& stream_of(cudaStream_t stream);  // null: the legacy default stream
bool is_stream(cudaStream_t stream);
int current_device();  // of the calling thread
// Puts work into the stream, or into the graph it is capturing.
cudaError_t push(cudaStream_t stream, Work work);
void run_all_streams();

// For calls that CUDA forbids while the calling thread captures: invalidates those captures and returns the error,
// or returns cudaSuccess when nothing is being captured.
cudaError_t forbid_in_capture();
// Remembers an error for cudaGetLastError.
cudaError_t set_error(cudaError_t error);

}  // namespace emulator
