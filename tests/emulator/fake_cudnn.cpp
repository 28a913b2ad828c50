// Convolutions by loops, with sums in double, in place of kernels/cuda/cudnn.cpp.
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/cuda/contest.h"
#include "kernels/cuda/cudnn.h"
#include "tests/emulator/fake_library.h"

namespace crc {
namespace {

using Plans = emulator::PlanCache<0, std::pair<ConvPass, ConvProblem>>;

// f(x index, w index, y index) for every product of the convolution.
template <class F> void for_each_product(const ConvProblem& c, F f) {
  for (int64_t n = 0; n < c.n; ++n)
    for (int64_t p = 0; p < c.p(); ++p)
      for (int64_t q = 0; q < c.q(); ++q)
        for (int64_t r = 0; r < c.r; ++r)
          for (int64_t s = 0; s < c.r; ++s) {
            const int64_t h = p * c.stride + r - c.pad, w = q * c.stride + s - c.pad;
            if (h < 0 || h >= c.h || w < 0 || w >= c.w) continue;
            const int64_t x = ((n * c.h + h) * c.w + w) * c.c, y = ((n * c.p() + p) * c.q() + q) * c.k;
            for (int64_t k = 0; k < c.k; ++k)
              for (int64_t i = 0; i < c.c; ++i) f(x + i, ((k * c.r + r) * c.r + s) * c.c + i, y + k);
          }
}

// plus: added before the sum is rounded; null: nothing.
template <class T>
void convolve(ConvPass pass, const ConvProblem& c, const T* in0, const T* in1, T* out, const T* plus = nullptr) {
  const bool forward = pass == ConvPass::forward, data = pass == ConvPass::backward_data;
  const int64_t n0 = forward ? c.x_size() : c.y_size(), n1 = forward || data ? c.w_size() : c.x_size();
  const int64_t n = forward ? c.y_size() : data ? c.x_size() : c.w_size();
  emulator::device_read(in0, size_t(n0) * sizeof(T));
  emulator::device_read(in1, size_t(n1) * sizeof(T));
  emulator::device_write(out, size_t(n) * sizeof(T));
  const auto as_double = [&](const T* from, int64_t count) {
    std::vector<double> to(static_cast<size_t>(count));
    std::transform(from, from + count, to.begin(),
                   [&](T v) { return double(c.tf32 ? emulator::rounded_to_tf32(float(v)) : float(v)); });
    return to;
  };
  const std::vector<double> a = as_double(in0, n0), b = as_double(in1, n1);
  std::vector<double> sum(static_cast<size_t>(n), 0.0);
  if (plus) {
    emulator::device_read(plus, size_t(n) * sizeof(T));
    std::transform(plus, plus + n, sum.begin(), [](T v) { return double(float(v)); });
  }
  if (forward) for_each_product(c, [&](int64_t x, int64_t w, int64_t y) { sum[y] += a[x] * b[w]; });
  if (data) for_each_product(c, [&](int64_t x, int64_t w, int64_t y) { sum[x] += a[y] * b[w]; });
  if (!forward && !data) for_each_product(c, [&](int64_t x, int64_t w, int64_t y) { sum[w] += a[y] * b[x]; });
  std::transform(sum.begin(), sum.end(), out, [](double v) { return T(float(v)); });
}

}  // namespace

void open_cudnn(Cuda&) {
  if (emulator::lacks("cudnn")) fail(ExitCode::device_unavailable, "cuDNN 9 was not found (emulated)");
}

int64_t cudnn_engine(Cuda&, ConvPass, const ConvProblem&) { return -1; }

static void run(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1, void* out,
                const void* plus) {
  Plans::prepare(cuda, {pass, problem});
  if (reinterpret_cast<uintptr_t>(out) % 16 != 0) fail_internal("cudnn_conv: the output is not 16-byte aligned");
  const auto of = [=]<class T>(T) {
    convolve(pass, problem, static_cast<const T*>(in0), static_cast<const T*>(in1), static_cast<T*>(out),
             static_cast<const T*>(plus));
  };
  const auto work = [=] { problem.dtype == Dtype::bf16 ? of(bf16{}) : of(float{}); };
  check_cuda(emulator::enqueue(cuda.stream(), work), "emulated cuDNN");
}

void cudnn_conv(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1, void* out) {
  run(cuda, pass, problem, in0, in1, out, nullptr);
}

bool cudnn_conv_plus(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1,
                     const void* plus, void* out, const std::function<void()>& apart,
                     const std::function<void()>& then) {
  if (emulator::lacks("residuals")) plus = nullptr;  // a library that forgets them
  const auto fused = [&] { run(cuda, pass, problem, in0, in1, out, plus); };
  const auto fused_then = [&] {
    fused();
    then();
  };
  const int64_t n = pass == ConvPass::forward ? problem.y_size() : problem.x_size();
  const std::string key = "convolution " + to_string(pass) + " + residual " + to_string(problem);
  if (choose_way(cuda, key, {{"apart", apart}, {"fused by the emulator", fused_then}},
                 {Contested(out, n, problem.dtype)}, 2 * conv_tolerance(pass, problem)) == 0)
    return false;
  fused();
  return true;
}

}  // namespace crc
