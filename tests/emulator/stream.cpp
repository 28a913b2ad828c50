#include "tests/emulator/stream.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <utility>

#include "tests/emulator/memory.h"

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
    stream.capture->nodes.push_back(std::move(work));
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

}  // namespace emulator

void CUstream_st::run_next() {
  const emulator::Work work = std::move(pending.front());
  pending.pop_front();
  const emulator::DeviceAccess access;
  work();
  ++completed;
}
void CUstream_st::run_until(int64_t position) {
  while (completed < position && !pending.empty()) run_next();
}

// ---- errors

cudaError_t cudaGetLastError() { return std::exchange(emulator::last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return emulator::last_error; }

// ---- streams

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  LOCK;
  *stream = new CUstream_st;
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
  return cudaErrorNotReady;
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
  LOCK;
  if (!is_stream(handle)) return set_error(cudaErrorInvalidResourceHandle);
  if (stream_of(handle).capture) return set_error(cudaErrorNotSupported);  // fork and join are not emulated
  event->stream = &stream_of(handle);
  event->position = event->stream->position() + 1;
  return emulator::push(handle, [event] {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    event->milliseconds = std::chrono::duration<double, std::milli>(now).count();
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  LOCK;
  ++emulator::counters().synchronizations;
  if (const cudaError_t error = forbid_in_capture()) return error;
  if (event->stream && is_stream(event->stream)) event->stream->run_until(event->position);
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  LOCK;
  if (const cudaError_t error = forbid_in_capture()) return error;
  if (!event->stream || event->stream->completed >= event->position) return cudaSuccess;
  event->stream->run_next();
  return cudaErrorNotReady;
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
  if (stream_of(handle).capture) return set_error(cudaErrorNotSupported);
  if (!event->stream) return cudaSuccess;
  return emulator::push(handle, [stream = event->stream, position = event->position] { stream->run_until(position); });
}

// ---- graphs

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  LOCK;
  if (!stream) return set_error(cudaErrorStreamCaptureUnsupported);  // the legacy stream cannot be captured
  if (!is_stream(stream)) return set_error(cudaErrorInvalidResourceHandle);
  if (stream->capture) return set_error(cudaErrorInvalidValue);
  stream->capture.reset(new emulator::Capture{{}, mode, std::this_thread::get_id(), false});
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  LOCK;
  *graph = nullptr;
  if (!stream || !is_stream(stream) || !stream->capture) return set_error(cudaErrorInvalidValue);
  const auto capture = std::move(stream->capture);
  if (capture->invalid) return set_error(cudaErrorStreamCaptureInvalidated);
  *graph = new CUgraph_st{std::move(capture->nodes)};
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  LOCK;
  const emulator::Capture* capture = stream_of(stream).capture.get();
  *status = !capture             ? cudaStreamCaptureStatusNone
            : capture->invalid ? cudaStreamCaptureStatusInvalidated
                               : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  if (!graph) return set_error(cudaErrorInvalidValue);
  *executable = new CUgraphExec_st{std::make_shared<emulator::Nodes>(graph->nodes)};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  LOCK;
  if (!executable) return set_error(cudaErrorInvalidValue);
  ++emulator::counters().graph_launches;
  return emulator::push(stream, [nodes = executable->nodes] {
    for (const emulator::Work& work : *nodes) work();
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete executable;
  return cudaSuccess;
}
