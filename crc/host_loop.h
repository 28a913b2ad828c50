// Loops over items in host memory.
#pragma once

#include <type_traits>

#include "kernels/core/context.h"
#include "kernels/cpu/for_each.h"

namespace crc::select {

// f(i) for i in [0,n), on the threads of the context, or on all of the host's beside a GPU. f writes what is i's alone.
template <class F> void each_on_host(Context& context, int64_t n, const F& f) {
  constexpr int64_t kGrain = 64;
  Context host = context.device().kind == DeviceKind::cpu ? context : Context::cpu();
  host.visit([&](auto& backend) {
    if constexpr (std::is_same_v<std::decay_t<decltype(backend)>, Cpu>)
      for_chunks(backend, n, kGrain, [&](int64_t, int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) f(i);
      });
  });
}

}  // namespace crc::select
