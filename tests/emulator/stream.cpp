#include "tests/emulator/stream.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <utility>

#include "tests/emulator/checker.h"
#include "tests/emulator/memory.h"
#include "tests/emulator/scheduler.h"

using emulator::forbid_in_capture;
using emulator::is_stream;
using emulator::set_error;
using emulator::stream_of;

#define LOCK const std::lock_guard<std::recursive_mutex> lock(emulator::runtime_lock())

namespace emulator {
namespace {

std::vector<CUstream_st*>& streams() {
  static std::vector<CUstream_st*> all{new CUstream_st};  // [0]: the legacy default stream
  return all;
}
cudaError_t last_error = cudaSuccess;

}  // namespace

cudaError_t set_error(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

Counters& counters() {
  static Counters counters;
  return counters;
}

CUstream_st& stream_of(cudaStream_t stream) { return stream ? *stream : *streams()[0]; }
bool is_stream(cudaStream_t stream) {
  return !stream || std::find(streams().begin(), streams().end(), stream) != streams().end();
}
void run_all_streams() {
  for (CUstream_st* stream : streams()) stream->run_all();
}

cudaError_t push(cudaStream_t handle, Work work) {
  LOCK;
  if (!is_stream(handle)) return set_error(cudaErrorInvalidResourceHandle);
  CUstream_st& stream = stream_of(handle);
  if (stream.capture) {
    if (stream.capture->invalid) return set_error(cudaErrorStreamCaptureInvalidated);
    stream.capture->nodes.push_back({std::move(work), stream.last});
    stream.last = {int(stream.capture->nodes.size()) - 1};
    return cudaSuccess;
  }
  if (!handle) {  // the legacy stream waits for the blocking ones, and they for it
    for (CUstream_st* other : streams())
      if (other->blocking) other->run_all();
  }
  stream.pending.push_back(std::move(work));
  if (!handle) stream.run_all();
  return cudaSuccess;
}

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  ++counters().launches;
  return push(stream, std::move(work));
}

cudaError_t forbid_in_capture() {
  cudaError_t error = cudaSuccess;
  for (CUstream_st* stream : streams()) {
    Capture* capture = stream->capture.get();
    if (!capture || capture->mode == cudaStreamCaptureModeRelaxed) continue;
    if (capture->mode == cudaStreamCaptureModeThreadLocal && capture->thread != std::this_thread::get_id()) continue;
    capture->invalid = true;
    error = set_error(cudaErrorStreamCaptureUnsupported);
  }
  return error;
}

namespace {

void add_to(std::vector<int>& all, const std::vector<int>& more) {
  for (int i : more)
    if (std::find(all.begin(), all.end(), i) == all.end()) all.push_back(i);
}

// During capture: `stream` takes part in the event's capture from now on, and waits there.
cudaError_t join_capture(CUstream_st& stream, const CUevent_st& event) {
  if (event.capture->ended) return set_error(cudaErrorCapturedEvent);
  if (stream.capture && stream.capture != event.capture) return set_error(cudaErrorStreamCaptureIsolation);
  if (!stream.capture) stream.last.clear();
  stream.capture = event.capture;
  add_to(stream.last, event.last);
  return cudaSuccess;
}

// Does everything that was captured come before the end of the stream that began?
bool is_joined(const Capture& capture, const std::vector<int>& last) {
  std::vector<bool> reached(capture.nodes.size(), false);
  for (int i : last) reached[size_t(i)] = true;
  for (size_t i = capture.nodes.size(); i-- > 0;)
    if (reached[i])
      for (int j : capture.nodes[i].after) reached[size_t(j)] = true;
  return std::find(reached.begin(), reached.end(), false) == reached.end();
}

// A graph on its way, in an order that it allows; EMULATOR_ORDER says which.
class Replay {
 public:
  Replay(std::shared_ptr<const Nodes> nodes, std::shared_ptr<const GraphOrder> order)
      : nodes_(std::move(nodes)), order_(std::move(order)), waiting_(nodes_->size()), next_(nodes_->size()) {
    for (size_t i = 0; i < nodes_->size(); ++i) {
      waiting_[i] = int((*nodes_)[i].after.size());
      if (waiting_[i] == 0) ready_.push_back(int(i));
      for (int j : (*nodes_)[i].after) next_[size_t(j)].push_back(int(i));
    }
  }

  // To its end, or to a work that is not ready, from where the next call goes on.
  void go_on() {
    if (checker && !std::exchange(begun_, true)) checker->begin_graph(*order_);
    while (!ready_.empty()) {
      if (now_ < 0) {
        std::sort(ready_.begin(), ready_.end());
        decide_order(ready_);
        now_ = ready_.front();
        if (checker) checker->begin_node(now_);
      }
      (*nodes_)[size_t(now_)].work();
      ready_.erase(ready_.begin());
      for (int j : next_[size_t(now_)])
        if (--waiting_[size_t(j)] == 0) ready_.push_back(j);
      now_ = -1;
    }
    if (checker) checker->end_graph();
  }

 private:
  std::shared_ptr<const Nodes> nodes_;
  std::shared_ptr<const GraphOrder> order_;
  std::vector<int> waiting_, ready_;
  std::vector<std::vector<int>> next_;
  int now_ = -1;  // the first of ready_, which has begun
  bool begun_ = false;
};

}  // namespace
}  // namespace emulator

bool CUstream_st::run_next() {
  emulator::Work work = std::move(pending.front());
  pending.pop_front();
  const emulator::DeviceAccess access;
  try {
    work();
  } catch (const emulator::NotReady&) {
    pending.push_front(std::move(work));
    return false;
  }
  ++completed;
  return true;
}
void CUstream_st::run_until(int64_t position) {
  while (completed < position && !pending.empty())
    if (!run_next()) std::this_thread::yield();
}

// ---- errors

cudaError_t cudaGetLastError() { return std::exchange(emulator::last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return emulator::last_error; }

// ---- streams

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  LOCK;
  *stream = new CUstream_st;
  (*stream)->device = emulator::current_device();
  (*stream)->blocking = flags != cudaStreamNonBlocking;
  emulator::streams().push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  LOCK;
  if (!stream || !is_stream(stream)) return set_error(cudaErrorInvalidResourceHandle);
  stream->run_all();
  std::erase(emulator::streams(), stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  LOCK;
  if (!is_stream(handle)) return set_error(cudaErrorInvalidResourceHandle);
  ++emulator::counters().synchronizations;
  CUstream_st& stream = stream_of(handle);
  if (stream.capture) {
    stream.capture->invalid = true;
    return set_error(cudaErrorStreamCaptureUnsupported);
  }
  stream.run_all();
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t handle) {
  LOCK;
  if (!is_stream(handle)) return set_error(cudaErrorInvalidResourceHandle);
  CUstream_st& stream = stream_of(handle);
  if (stream.capture) {
    stream.capture->invalid = true;
    return set_error(cudaErrorStreamCaptureUnsupported);
  }
  if (stream.pending.empty()) return cudaSuccess;
  stream.run_next();  // a loop that polls must end
  return set_error(cudaErrorNotReady);
}
cudaError_t cudaDeviceSynchronize() {
  LOCK;
  ++emulator::counters().synchronizations;
  if (const cudaError_t error = forbid_in_capture()) return error;
  emulator::run_all_streams();
  return cudaSuccess;
}

// ---- events

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new CUevent_st;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  LOCK;
  if (event->stream && is_stream(event->stream)) event->stream->run_until(event->position);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  return cudaEventRecordWithFlags(event, handle, cudaEventRecordDefault);
}
cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t handle, unsigned flags) {
  LOCK;
  if (!is_stream(handle)) return set_error(cudaErrorInvalidResourceHandle);
  const auto reached = [event] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    event->milliseconds = std::chrono::duration<double, std::milli>(now).count();
  };
  if (flags == cudaEventRecordExternal) {  // a node of the graph
    if (!stream_of(handle).capture) return set_error(cudaErrorInvalidValue);
    event->capture = nullptr;
    event->stream = &stream_of(handle);
    event->position = 0;
    return emulator::push(handle, reached);
  }
  event->capture = stream_of(handle).capture;
  event->last = stream_of(handle).last;
  event->stream = nullptr;
  if (event->capture) return event->capture->invalid ? set_error(cudaErrorStreamCaptureInvalidated) : cudaSuccess;
  event->stream = &stream_of(handle);
  event->position = event->stream->position() + 1;
  return emulator::push(handle, reached);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  LOCK;
  ++emulator::counters().synchronizations;
  if (const cudaError_t error = forbid_in_capture()) return error;
  if (event->capture) return set_error(cudaErrorCapturedEvent);
  if (event->stream && is_stream(event->stream)) event->stream->run_until(event->position);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  LOCK;
  if (const cudaError_t error = forbid_in_capture()) return error;
  if (event->capture) return set_error(cudaErrorCapturedEvent);
  if (!event->stream || event->stream->completed >= event->position) return cudaSuccess;
  event->stream->run_next();
  return set_error(cudaErrorNotReady);
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  LOCK;
  if (!begin->stream || !end->stream) return set_error(cudaErrorInvalidResourceHandle);
  for (cudaEvent_t event : {begin, end})
    if (event->stream->completed < event->position) return set_error(cudaErrorNotReady);
  *milliseconds = float(end->milliseconds - begin->milliseconds);
  return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  LOCK;
  if (!is_stream(handle)) return set_error(cudaErrorInvalidResourceHandle);
  if (event->capture) return emulator::join_capture(stream_of(handle), *event);
  if (stream_of(handle).capture) return set_error(cudaErrorStreamCaptureIsolation);
  if (!event->stream) return cudaSuccess;
  return emulator::push(handle, [stream = event->stream, position = event->position] { stream->run_until(position); });
}

// ---- graphs

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  LOCK;
  if (!stream) return set_error(cudaErrorStreamCaptureUnsupported);  // the legacy stream cannot be captured
  if (!is_stream(stream)) return set_error(cudaErrorInvalidResourceHandle);
  if (stream->capture) return set_error(cudaErrorInvalidValue);
  stream->capture.reset(new emulator::Capture{stream, mode, std::this_thread::get_id()});
  stream->last.clear();
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  LOCK;
  *graph = nullptr;
  if (!stream || !is_stream(stream) || !stream->capture) return set_error(cudaErrorInvalidValue);
  const auto capture = stream->capture;
  if (capture->origin != stream) return set_error(cudaErrorStreamCaptureUnmatched);
  capture->ended = true;
  for (CUstream_st* other : emulator::streams())
    if (other->capture == capture) other->capture.reset();
  if (capture->invalid) return set_error(cudaErrorStreamCaptureInvalidated);
  if (!emulator::is_joined(*capture, stream->last)) return set_error(cudaErrorStreamCaptureUnjoined);
  *graph = new CUgraph_st{std::move(capture->nodes)};
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  LOCK;
  const emulator::Capture* capture = stream_of(stream).capture.get();
  *status = !capture           ? cudaStreamCaptureStatusNone
            : capture->invalid ? cudaStreamCaptureStatusInvalidated
                               : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  if (!graph) return set_error(cudaErrorInvalidValue);
  std::vector<std::vector<int>> after;
  for (const emulator::Node& node : graph->nodes) after.push_back(node.after);
  *executable = new CUgraphExec_st{std::make_shared<emulator::Nodes>(graph->nodes),
                                   std::make_shared<emulator::GraphOrder>(after)};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  LOCK;
  if (!executable) return set_error(cudaErrorInvalidValue);
  ++emulator::counters().graph_launches;
  const auto replay = std::make_shared<emulator::Replay>(executable->nodes, executable->order);
  return emulator::push(stream, [replay] { replay->go_on(); });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
