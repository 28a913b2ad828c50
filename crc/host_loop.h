// Loops over items in host memory.
#pragma once

#include <type_traits>

#include "kernels/core/context.h"
#include "kernels/cpu/for_each.h"

namespace crc::select {

// The context itself on the CPU, or all threads of the host beside a GPU.
inline Context host_of(Context& context) { return context.device().kind == DeviceKind::cpu ? context : Context::cpu(); }

// f(Cpu&) of a context on the CPU.
template <class F> void on_cpu(Context& host, const F& f) {
  host.visit([&](auto& backend) {
    if constexpr (std::is_same_v<std::decay_t<decltype(backend)>, Cpu>) f(backend);
  });
}

// f(i) for i in [0,n), on the threads of the context, or on all of the host's beside a GPU. f writes what is i's alone.
template <class F> void each_on_host(Context& context, int64_t n, const F& f) {
  constexpr int64_t kGrain = 64;
  Context host = host_of(context);
  on_cpu(host, [&](Cpu& cpu) {
    for_chunks(cpu, n, kGrain, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) f(i);
    });
  });
}

}  // namespace crc::select
