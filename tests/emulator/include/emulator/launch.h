// Launches: arguments are copied, as CUDA does, and the launch goes to its stream (or into the graph being captured).
#pragma once

#include <memory>
#include <tuple>
#include <utility>

#include "emulator/device.h"
#include "emulator/runtime_api.h"

namespace emulator {

struct Launch {
  const void* kernel;
  dim3 blocks, threads;
  size_t shared_bytes;
  std::shared_ptr<const void> arguments;  // a tuple
  size_t argument_bytes;
  void (*call)(const void* kernel, const void* arguments);  // one CUDA thread
};

cudaError_t submit(Launch launch, cudaStream_t stream);
void check_pointer_argument(const void* kernel, const volatile void* pointer);  // fails on host memory

template <class T> void check_argument(const void* kernel, const T& value) {
  if constexpr (std::is_pointer_v<T>) check_pointer_argument(kernel, value);
}

template <class... P, class... A>
cudaError_t launch(void (*kernel)(P...), dim3 blocks, dim3 threads, size_t shared_bytes, cudaStream_t stream,
                   A&&... arguments) {
  using Arguments = std::tuple<std::decay_t<P>...>;
  const auto address = reinterpret_cast<const void*>(kernel);
  const auto copy = std::make_shared<Arguments>(std::forward<A>(arguments)...);
  std::apply([&](const auto&... value) { (check_argument(address, value), ...); }, *copy);
  const auto call = [](const void* kernel, const void* arguments) {
    std::apply(reinterpret_cast<void (*)(P...)>(const_cast<void*>(kernel)), *static_cast<const Arguments*>(arguments));
  };
  return submit({address, blocks, threads, shared_bytes, copy, sizeof(Arguments), call}, stream);
}

}  // namespace emulator
