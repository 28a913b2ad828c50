// CRC_OP: one line declares an op for both backends and its dispatcher.
//
//   CRC_OP(void, add, (View<float, 1> out, View<const float, 1> a, View<const float, 1> b))
//
// declares add(Cpu&, ...), defined in add.cpp, add(Cuda&, ...), defined in add.cu, and the dispatcher add(Context&,
// ...), which checks that every view lives on the context's device, opens the profiler range and branches once. A
// missing definition is a link error that names it. CRC_OP_OVERLOAD declares a further signature of an op already
// declared.
#pragma once

#include "kernels/core/context.h"
#include "kernels/core/dtype.h"
#include "kernels/core/view.h"

#define CRC_UNPAREN(...) __VA_ARGS__
#define CRC_OP_OVERLOAD(Result, name, params) \
  Result name(Cpu&, CRC_UNPAREN params);      \
  Result name(Cuda&, CRC_UNPAREN params);
#define CRC_OP(Result, name, params)                                                               \
  CRC_OP_OVERLOAD(Result, name, params)                                                            \
  template <class... Args> Result name(Context& context, const Args&... args) {                    \
    return dispatch<Result>(                                                                       \
        context, #name, [&](auto& backend) -> Result { return name(backend, args...); }, args...); \
  }
// The bf16 twin of an op: CUDA only. On the CPU it is an error, never a silent conversion.
#define CRC_OP_BF16(Result, name, params)                                                                     \
  Result name(Cuda&, CRC_UNPAREN params);                                                                     \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wunused-parameter\"") inline Result name( \
      Cpu&, CRC_UNPAREN params) {                                                                             \
    refuse_bf16(#name);                                                                                       \
  }                                                                                                           \
  _Pragma("GCC diagnostic pop")

namespace crc {

[[noreturn]] inline void refuse_bf16(const char* op) {
  fail(ExitCode::config,
       std::string(op) + ": bf16 activations need a CUDA device; use precision = \"fp32\" on the CPU");
}

template <class T> void check_device(const char*, Device, const T&) {}
template <class T, int R> void check_device(const char* op, Device device, const View<T, R>& v) {
  if (v.device == device || v.size() == 0) return;
  fail_internal(std::string(op) + ": view '" + v.name + "' lives on " + to_string(v.device) + ", the context on " +
                to_string(device));
}

template <class Result, class F, class... Args>
Result dispatch(Context& context, const char* name, F&& call, const Args&... args) {
  (check_device(name, context.device(), args), ...);
  const auto traced = [&](auto&& work) {
    context.run(
        name,
        [&](auto& backend) {
          before_op(backend, name);
          work(backend);
          after_op(backend, name);
        },
        args...);
  };
  if constexpr (std::is_void_v<Result>) {
    traced(call);
  } else {
    Result result{};
    traced([&](auto& backend) { result = call(backend); });
    return result;
  }
}

}  // namespace crc
