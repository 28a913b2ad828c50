#include "bench/ceilings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "kernels/cpu/for_each.h"
#include "kernels/ops/conv2d.h"
#include "kernels/ops/gemm.h"

namespace crc::bench {
namespace {

// The runtime's copy is one thread's on the CPU; the ops use all.
void copy_with_all_threads(Cpu& cpu, float* to, const float* from, int64_t n) {
  constexpr int64_t kGrain = 1 << 20;
  for_chunks(cpu, n, kGrain, [&](int64_t, int64_t begin, int64_t end) {
    copy_within(cpu, to + begin, from + begin, (end - begin) * int64_t(sizeof(float)));
  });
}
template <class Backend> void copy_with_all_threads(Backend& backend, float* to, const float* from, int64_t n) {
  copy_within(backend, to, from, n * int64_t(sizeof(float)));
}

template <class T> Case gemm_case(int64_t n) {
  return {.op = "gemm",
          .shape = std::to_string(n),
          .flops = 2.0 * double(n) * double(n) * double(n),
          .setup =
              [n](Inputs& in) {
                const auto a = in.uniform<T, 2>({n, n}), b = in.uniform<T, 2>({n, n}), c = in.uniform<T, 2>({n, n});
                return [&context = in.context, a, b, c] { gemm(context, c, a, b, GemmConfig{}); };
              },
          .rotate = false};
}

Case copy_case(int64_t n) {
  return {.op = "copy",
          .shape = std::to_string(n),
          .bytes = 2.0 * double(n) * sizeof(float),
          .setup =
              [n](Inputs& in) {
                const auto to = in.uniform<float, 1>({n}), from = in.uniform<float, 1>({n});
                return [&context = in.context, to, from, n] {
                  context.visit([&](auto& backend) { copy_with_all_threads(backend, to.data, from.data, n); });
                };
              },
          .rotate = false};
}

// As dense as a convolution gets: 3x3, 256 -> 256 channels.
template <class T> Case conv_case(int64_t n, int64_t extent) {
  const ConvProblem problem{.n = n, .h = extent, .w = extent, .c = 256, .k = 256, .r = 3, .stride = 1, .pad = 1};
  return {
      .op = "conv2d",
      .shape = std::to_string(n),
      .flops = problem.flops(),
      .setup =
          [n, extent](Inputs& in) {
            const auto x = in.uniform<T, 4>({n, extent, extent, 256}), y = in.uniform<T, 4>({n, extent, extent, 256});
            const auto w = in.uniform<float, 4>({256, 3, 3, 256});
            return
                [&context = in.context, x, y, w] { conv2d(context, y, x, w, View<const float, 1>{}, Conv2dConfig{}); };
          },
      .rotate = false};
}

// What nvidia-smi says right after the measurement, while the clocks are still up; empty without it.
std::string gpu_clocks() {
  FILE* pipe = ::popen(
      "nvidia-smi --id=0 --query-gpu=clocks.sm,clocks.mem,power.draw,temperature.gpu --format=csv,noheader 2>/dev/null",
      "r");
  if (!pipe) return "";
  std::array<char, 256> line{};
  const bool read = std::fgets(line.data(), int(line.size()), pipe) != nullptr;
  const bool worked = ::pclose(pipe) == 0 && read;
  std::string text = worked ? line.data() : "";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.empty() ? text : "SM clock, memory clock, power, temperature: " + text;
}

}  // namespace

Ceilings measure_ceilings(const std::function<Context()>& make_context, Settings settings) {
  const bool quick = settings.quick;
  const auto best = [&](const Case& c) {  // per second, of whichever the case has
    Context context = make_context();
    return std::max(c.flops, c.bytes) / (1e-6 * measure(c, context, settings).us.best);
  };
  const Context context = make_context();
  const bool cuda = context.device().kind == DeviceKind::cuda;
  Ceilings ceilings;
  ceilings.fp32 = best(gemm_case<float>(quick ? 64 : cuda ? 8192 : 1536));
  if (!cuda) ceilings.fp32 = std::max(ceilings.fp32, best(conv_case<float>(quick ? 1 : 16, quick ? 8 : 28)));
  ceilings.fp64 = best(gemm_case<double>(quick ? 64 : cuda ? 4096 : 768));
  ceilings.bandwidth = best(copy_case(quick ? 1 << 16 : cuda ? 1 << 29 : 1 << 26));
  if (context.has_bf16())
    ceilings.tensor =
        std::max(best(gemm_case<bf16>(quick  ? 64
                                      : cuda ? 8192
                                             : 1536)),
                 best(cuda ? conv_case<bf16>(quick ? 1 : 64, 56) : conv_case<bf16>(quick ? 1 : 16, quick ? 8 : 28)));
  if (cuda) ceilings.clocks = gpu_clocks();
  return ceilings;
}

Roofline roofline(const Case& c, const Ceilings& ceilings) {
  const double rate = c.arithmetic == Arithmetic::fp32   ? ceilings.fp32
                      : c.arithmetic == Arithmetic::fp64 ? ceilings.fp64
                                                         : ceilings.tensor;
  const double compute = c.flops > 0 && rate > 0 ? c.flops / rate : 0;
  const double memory = c.bytes > 0 && ceilings.bandwidth > 0 ? c.bytes / ceilings.bandwidth : 0;
  if (compute == 0 && memory == 0) return {};
  return {.us = 1e6 * std::max(compute, memory), .bound = compute >= memory ? "compute" : "memory"};
}

std::string describe(const Ceilings& c) {
  std::string text = fmt::format("fp32 {:.1f} GFLOP/s, fp64 {:.1f} GFLOP/s, copy {:.1f} GB/s (read + write)",
                                 c.fp32 / 1e9, c.fp64 / 1e9, c.bandwidth / 1e9);
  if (c.tensor > 0) text += fmt::format(", bf16 product {:.1f} TFLOP/s", c.tensor / 1e12);
  if (!c.clocks.empty()) text += ", " + c.clocks;
  return text;
}

}  // namespace crc::bench
