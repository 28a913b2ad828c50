// CRC_OP: one line declares an op for both backends and its dispatcher.
//
//   CRC_OP(void, add, (View<float, 1> out, View<const float, 1> a, View<const float, 1> b))
//
// declares add(Cpu&, ...), defined in add.cpp, add(Cuda&, ...), defined in add.cu, and the dispatcher add(Context&,
// ...), which takes what converts to the declared arguments, checks that every view lives on the context's device,
// opens the profiler range and branches once. What an op reads and what it may write is noted as declared, whatever a
// call is given: View<float, 1> goes where View<const float, 1> stands. A missing definition is a link error that names
// it. Further signatures of an op are further lines. An op whose Result is bool says whether it did what another op
// would do else: a plan may assume that (Context::dry).
#pragma once

#include <string>
#include <type_traits>

#include "kernels/core/context.h"
#include "kernels/core/dtype.h"
#include "kernels/core/view.h"

#define CRC_UNPAREN(...) __VA_ARGS__
#define CRC_OP(Result, name, params)      \
  Result name(Cpu&, CRC_UNPAREN params);  \
  Result name(Cuda&, CRC_UNPAREN params); \
  CRC_OP_DISPATCHER(Result, name, params)
// `Result params` is the type of a function with the declared arguments; what does not convert to them is no call of
// it.
#define CRC_OP_DISPATCHER(Result, name, params)                                                     \
  template <class... Args>                                                                          \
  std::invoke_result_t<Result params, const Args&...> name(Context& context, const Args&... args) { \
    return Dispatcher<Result params>::run(                                                          \
        context, #name, [](auto&... declared) { return name(declared...); }, args...);              \
  }

namespace crc {

template <class T> void check_device(const char*, Device, const T&) {}
template <class T, int R> void check_device(const char* op, Device device, const View<T, R>& v) {
  if (v.device == device || v.size() == 0) return;
  fail_internal(std::string(op) + ": view '" + v.name + "' lives on " + to_string(v.device) + ", the context on " +
                to_string(device));
}

template <class Signature> struct Dispatcher;
template <class Result, class... Declared> struct Dispatcher<Result(Declared...)> {
  template <class Op> static Result run(Context& context, const char* name, Op op, Declared... args) {
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
      traced([&](auto& backend) { op(backend, args...); });
    } else {
      Result result{};
      traced([&](auto& backend) { result = op(backend, args...); });
      if constexpr (std::is_same_v<Result, bool>) result = context.fused(result);
      return result;
    }
  }
};

}  // namespace crc
