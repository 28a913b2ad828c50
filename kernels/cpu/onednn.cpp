#include "kernels/cpu/onednn.h"

#include <omp.h>

#include <dnnl.hpp>
#include <map>
#include <tuple>
#include <utility>

#include "kernels/cpu/for_each.h"

namespace crc {
namespace {

using dnnl::memory;

thread_local bool t_inside = false;
class Inside {
 public:
  Inside() : before_(std::exchange(t_inside, true)) {}
  ~Inside() { t_inside = before_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  bool before_;
};

// Bytes of a thread's scratch: so that the next thread's is aligned as the arena is.
int64_t whole_blocks(int64_t bytes) {
  constexpr int64_t kAlignment = 256;
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// While this lives, oneDNN sees one thread, both where it plans for a number of threads and where it runs.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// A primitive for a number of images, with the layouts of its arrays.
struct SlicePrimitive {
  memory::desc x, w, y, scratch;
  dnnl::primitive primitive;
};

struct Plan {
  int64_t images;             // per slice
  SlicePrimitive full, rest;  // `rest` where the last slice is smaller
  dnnl::reorder reorder_w;    // to the layout and type of `full`; for the weight gradient, from it
  memory::desc reorder_scratch;
  int64_t w_bytes;        // in that layout
  int64_t scratch_bytes;  // per thread
};

memory::data_type type_of(Dtype dtype) {
  return dtype == Dtype::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
}
memory::desc activations(const ConvProblem& p, int64_t h, int64_t w, int64_t c) {
  return {{p.n, c, h, w}, type_of(p.dtype), memory::format_tag::nhwc};
}
memory::desc weights(const ConvProblem& p, memory::format_tag tag, Dtype dtype = Dtype::f32) {
  return {{p.k, p.c, p.r, p.r}, type_of(dtype), tag};
}

dnnl::primitive_attr scratch_from_us() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

SlicePrimitive make_primitive(const dnnl::engine& engine, ConvPass pass, const ConvProblem& p, const memory::desc& w,
                              bool has_bias) {
  using namespace dnnl;
  const memory::desc x = activations(p, p.h, p.w, p.c), y = activations(p, p.p(), p.q(), p.k);
  const memory::desc bias =
      has_bias ? memory::desc({p.k}, memory::data_type::f32, memory::format_tag::a) : memory::desc();
  const memory::dims stride{p.stride, p.stride}, pad{p.pad, p.pad};
  constexpr auto kDirect = algorithm::convolution_direct;  // never Winograd: its rounding errors are larger
  const primitive_attr attributes = scratch_from_us();

  // What the others are given as a hint.
  const memory::desc w_forward = pass == ConvPass::backward_weights ? weights(p, memory::format_tag::any, p.dtype) : w;
  const convolution_forward::primitive_desc forward(
      {prop_kind::forward_training, kDirect, x, w_forward, bias, y, stride, pad, pad}, attributes, engine);
  const auto made = [&](const memory::desc& layout, const auto& description, auto&& primitive) {
    return SlicePrimitive{x, layout, y, description.scratchpad_desc(), std::move(primitive)};
  };
  switch (pass) {
    case ConvPass::forward:
      return made(forward.weights_desc(), forward, convolution_forward(forward));
    case ConvPass::backward_data: {
      const convolution_backward_data::primitive_desc d({kDirect, x, w, y, stride, pad, pad}, attributes, engine,
                                                        forward);
      return made(d.weights_desc(), d, convolution_backward_data(d));
    }
    case ConvPass::backward_weights: {
      const convolution_backward_weights::primitive_desc d({kDirect, x, w, y, stride, pad, pad}, attributes, engine,
                                                           forward);
      return made(d.diff_weights_desc(), d, convolution_backward_weights(d));
    }
  }
  return {};
}

int64_t images_per_slice(ConvPass pass, const ConvProblem& p) {
  if (pass == ConvPass::backward_weights) {
    constexpr int64_t kSlices = 16;    // at most: all the parallelism there is, and each holds a copy of dw
    constexpr int64_t kPixels = 2048;  // at least: summing a slice's copy of dw then costs a few percent
    const int64_t pixels = p.p() * p.q();
    return std::min(p.n, std::max((p.n + kSlices - 1) / kSlices, (kPixels + pixels - 1) / pixels));
  }
  // About 0.3 ms: far above the cost of a call, small enough to share out a batch. In bf16, up to ten times as fast, what
  // stays in a core's cache.
  constexpr double kFlops = 32e6, kElements = 512e3;
  const double slices = p.dtype == Dtype::bf16 ? double(p.x_size() + p.y_size()) / kElements : p.flops() / kFlops;
  return std::clamp(int64_t(double(p.n) / slices), int64_t(1), p.n);
}

// Bytes of scratch that oneDNN uses past the end of what it asks for. Its weight gradient of a strided 1x1 convolution
// (jit_1x1, 2.6.3; the sources up to 3.8 are the same) first gathers the pixels of an image that count, with their C
// channels side by side, and asks for room for that; but it puts each row where it would be if a pixel had 8 channels,
// 16 with AVX-512. With fewer it writes past the end: into the next thread's scratch, whose gradient is then wrong, or
// past the arena's. A row is read right after it was written, so with enough room all is well. next_impl() would do
// without, often faster, but gives other bits with larger rounding errors.
int64_t scratch_past_the_end(ConvPass pass, const ConvProblem& p) {
  constexpr int64_t kChannels = 16;
  if (pass != ConvPass::backward_weights || p.r != 1 || p.stride == 1 || p.c >= kChannels) return 0;
  return p.p() * p.q() * kChannels * int64_t(sizeof(float));
}

Plan make_plan(const dnnl::engine& engine, ConvPass pass, const ConvProblem& problem, bool has_bias) {
  const bool out = pass == ConvPass::backward_weights;
  Plan plan;
  plan.images = images_per_slice(pass, problem);
  ConvProblem slice = problem;
  slice.n = plan.images;
  plan.full = make_primitive(engine, pass, slice,
                             weights(problem, memory::format_tag::any, out ? Dtype::f32 : problem.dtype), has_bias);
  const memory::desc& layout = plan.full.w;
  slice.n = problem.n % plan.images;
  if (slice.n) plan.rest = make_primitive(engine, pass, slice, layout, has_bias);

  const memory::desc ours = weights(problem, memory::format_tag::ohwi);
  const dnnl::reorder::primitive_desc reorder(engine, out ? layout : ours, engine, out ? ours : layout,
                                              scratch_from_us());
  plan.reorder_w = dnnl::reorder(reorder);
  plan.w_bytes = int64_t(layout.get_size());
  plan.reorder_scratch = reorder.scratchpad_desc();
  const int64_t asked =
      int64_t(std::max({plan.full.scratch.get_size(), plan.rest.scratch.get_size(), plan.reorder_scratch.get_size()}));
  plan.scratch_bytes = whole_blocks(asked + scratch_past_the_end(pass, problem));
  return plan;
}

// Rows of c per call: enough calls to share out, each large enough to pay for laying out b.
constexpr int64_t kRowsPerCall = 256;

struct RowsPrimitive {
  memory::desc a, b, c, scratch;
  dnnl::matmul primitive;
};
struct MatmulPlan {
  RowsPrimitive full, rest;  // `rest` where the last call has fewer rows
  int64_t scratch_bytes;     // per thread
};

RowsPrimitive make_rows(const dnnl::engine& engine, const MatmulProblem& p, int64_t rows) {
  const auto array = [](int64_t m, int64_t n, int64_t down, int64_t right) {
    return memory::desc({m, n}, memory::data_type::bf16, memory::dims{down, right});
  };
  const memory::desc a = p.transpose_a ? array(rows, p.k, 1, p.m) : array(rows, p.k, p.k, 1),
                     b = p.transpose_b ? array(p.k, p.n, 1, p.k) : array(p.k, p.n, p.n, 1),
                     c = array(rows, p.n, p.n, 1);
  dnnl::primitive_attr attributes = scratch_from_us();
  if (p.alpha != 1) attributes.set_output_scales(0, {p.alpha});
  dnnl::post_ops sums;
  if (p.beta != 0) sums.append_sum(p.beta);
  attributes.set_post_ops(sums);
  const dnnl::matmul::primitive_desc d({a, b, c}, attributes, engine);
  return {a, b, c, d.scratchpad_desc(), dnnl::matmul(d)};
}

MatmulPlan make_plan(const dnnl::engine& engine, const MatmulProblem& p) {
  MatmulPlan plan;
  plan.full = make_rows(engine, p, std::min(p.m, kRowsPerCall));
  if (p.m > kRowsPerCall && p.m % kRowsPerCall) plan.rest = make_rows(engine, p, p.m % kRowsPerCall);
  plan.scratch_bytes = whole_blocks(int64_t(std::max(plan.full.scratch.get_size(), plan.rest.scratch.get_size())));
  return plan;
}

// partial[0] += partial[1] + ...: in the order of the slices.
struct SumSlices {
  float* partial;
  int64_t slices, size;
  void operator()(int64_t i) const {
    float sum = partial[i];
    for (int64_t s = 1; s < slices; ++s) sum += partial[s * size + i];
    partial[i] = sum;
  }
};

void check_bf16(const char* op) {
  if (!onednn_has_bf16())
    fail(ExitCode::config, std::string(op) +
                               ": bf16 needs a CPU with AVX512-BF16, which this one lacks; use "
                               "run.precision = \"fp32\"");
}

// work(), with oneDNN's errors in our words; what() names it.
template <class What, class F> auto translated(What&& what, F&& work) {
  try {
    const Inside inside;
    return work();
  } catch (const dnnl::error& e) {
    // What can fail while it runs is its code generator, and for one reason: no memory for the code.
    if (e.status == dnnl_out_of_memory || e.status == dnnl_runtime_error)
      fail(ExitCode::out_of_memory, "no memory for oneDNN's " + what() + " (" + e.what() + "); use a smaller batch");
    fail_internal("oneDNN cannot make " + what() + ": " + e.what());
  }
}

}  // namespace

struct OneDnn::State {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::map<std::tuple<ConvPass, ConvProblem, bool>, Plan> plans;
  std::map<MatmulProblem, MatmulPlan> matmul_plans;

  const Plan& plan(ConvPass pass, const ConvProblem& problem, bool has_bias) {
    const auto key = std::make_tuple(pass, problem, has_bias);
    if (const auto found = plans.find(key); found != plans.end()) return found->second;
    return plans.emplace(key, make_plan(engine, pass, problem, has_bias)).first->second;
  }
  memory array(const memory::desc& layout, const void* data) { return {layout, engine, const_cast<void*>(data)}; }
  void conv(Cpu& cpu, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1, const float* bias,
            void* out);
  void matmul(Cpu& cpu, const MatmulProblem& problem, const bf16* a, const bf16* b, bf16* c);
};

bool inside_onednn() { return t_inside; }

std::string onednn_version() {
  const dnnl_version_t* v = dnnl_version();
  return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

bool onednn_has_bf16() {
  constexpr unsigned kNeeded = unsigned(dnnl::cpu_isa::avx512_core_bf16);
  return (unsigned(dnnl::get_effective_cpu_isa()) & kNeeded) == kNeeded;
}

OneDnn::OneDnn() : state_(translated([] { return std::string("engine"); }, [] { return std::make_unique<State>(); })) {}
OneDnn::~OneDnn() = default;

void OneDnn::conv(Cpu& cpu, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1,
                  const float* bias, void* out) {
  if (problem.dtype == Dtype::bf16) check_bf16("conv2d");
  translated([&] { return "convolution " + to_string(pass) + " " + to_string(problem); },
             [&] { state_->conv(cpu, pass, problem, in0, in1, bias, out); });
}

void OneDnn::State::conv(Cpu& cpu, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1,
                         const float* bias, void* out) {
  const OneThread one_thread;
  const Plan& plan = this->plan(pass, problem, bias != nullptr);
  const bool to_w = pass == ConvPass::backward_weights, to_x = pass == ConvPass::backward_data;
  const char* x = static_cast<const char*>(to_x ? out : to_w ? in1 : in0);
  const char* y = static_cast<const char*>(pass == ConvPass::forward ? out : in0);
  const int64_t x_bytes = problem.x_size() / problem.n * size_of(problem.dtype),  // of an image
      y_bytes = problem.y_size() / problem.n * size_of(problem.dtype);
  const int64_t slices = (problem.n + plan.images - 1) / plan.images;

  const Arena::Frame frame(cpu.scratch());
  auto layout_w = cpu.scratch().take<char>({to_w ? slices : 1, plan.w_bytes}, "weights in oneDNN's layout");
  auto scratch = cpu.scratch().take<char>({cpu.threads(), plan.scratch_bytes}, "oneDNN scratch");
  const auto reorder = [&](memory from, memory to) {
    plan.reorder_w.execute(
        stream,
        {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, array(plan.reorder_scratch, scratch.data)}});
  };
  const memory::desc ours = weights(problem, memory::format_tag::ohwi);
  if (!to_w) reorder(array(ours, in1), array(plan.full.w, layout_w.data));
  for_chunks(cpu, problem.n, plan.images, [&](int64_t slice, int64_t begin, int64_t end) {
    const Inside inside;  // on this thread
    const SlicePrimitive& part = end - begin == plan.images ? plan.full : plan.rest;
    part.primitive.execute(
        stream, {{to_x ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, array(part.x, x + begin * x_bytes)},
                 {to_w ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS,
                  array(part.w, layout_w.data + (to_w ? slice * plan.w_bytes : 0))},
                 {pass == ConvPass::forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, array(part.y, y + begin * y_bytes)},
                 {DNNL_ARG_BIAS, array({{problem.k}, memory::data_type::f32, memory::format_tag::a}, bias)},
                 {DNNL_ARG_SCRATCHPAD, array(part.scratch, scratch.data + omp_get_thread_num() * plan.scratch_bytes)}});
  });
  if (to_w) {
    const int64_t floats = plan.w_bytes / int64_t(sizeof(float));
    for_each(cpu, floats, SumSlices{reinterpret_cast<float*>(layout_w.data), slices, floats});
    reorder(array(plan.full.w, layout_w.data), array(ours, out));
  }
}

void OneDnn::matmul(Cpu& cpu, const MatmulProblem& problem, const bf16* a, const bf16* b, bf16* c) {
  check_bf16("gemm");
  translated([] { return std::string("matrix product in bf16"); }, [&] { state_->matmul(cpu, problem, a, b, c); });
}

void OneDnn::State::matmul(Cpu& cpu, const MatmulProblem& problem, const bf16* a, const bf16* b, bf16* c) {
  const OneThread one_thread;
  auto found = matmul_plans.find(problem);
  if (found == matmul_plans.end()) found = matmul_plans.emplace(problem, make_plan(engine, problem)).first;
  const MatmulPlan& plan = found->second;
  const Arena::Frame frame(cpu.scratch());
  auto scratch = cpu.scratch().take<char>({cpu.threads(), plan.scratch_bytes}, "oneDNN scratch");
  for_chunks(cpu, problem.m, kRowsPerCall, [&](int64_t, int64_t begin, int64_t end) {
    const Inside inside;
    const RowsPrimitive& part = end - begin == std::min(problem.m, kRowsPerCall) ? plan.full : plan.rest;
    part.primitive.execute(
        stream, {{DNNL_ARG_SRC, array(part.a, a + begin * (problem.transpose_a ? 1 : problem.k))},
                 {DNNL_ARG_WEIGHTS, array(part.b, b)},
                 {DNNL_ARG_DST, array(part.c, c + begin * problem.n)},
                 {DNNL_ARG_SCRATCHPAD, array(part.scratch, scratch.data + omp_get_thread_num() * plan.scratch_bytes)}});
  });
}

}  // namespace crc
