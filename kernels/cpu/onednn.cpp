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

constexpr int64_t kScratchAlignment = 256;  // of each thread's scratch, as the arena's

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
  dnnl::reorder reorder_w;    // to the layout of `full`; for the weight gradient, from it
  memory::desc reorder_scratch;
  int64_t w_floats;       // in that layout
  int64_t scratch_bytes;  // per thread
};

memory::desc activations(int64_t n, int64_t h, int64_t w, int64_t c) {
  return {{n, c, h, w}, memory::data_type::f32, memory::format_tag::nhwc};
}
memory::desc weights(const ConvProblem& p, memory::format_tag tag) {
  return {{p.k, p.c, p.r, p.r}, memory::data_type::f32, tag};
}

dnnl::primitive_attr scratch_from_us() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

SlicePrimitive make_primitive(const dnnl::engine& engine, ConvPass pass, const ConvProblem& p, const memory::desc& w,
                              bool has_bias) {
  using namespace dnnl;
  const memory::desc x = activations(p.n, p.h, p.w, p.c), y = activations(p.n, p.p(), p.q(), p.k);
  const memory::desc bias =
      has_bias ? memory::desc({p.k}, memory::data_type::f32, memory::format_tag::a) : memory::desc();
  const memory::dims stride{p.stride, p.stride}, pad{p.pad, p.pad};
  constexpr auto kDirect = algorithm::convolution_direct;  // never Winograd: its rounding errors are larger
  const primitive_attr attributes = scratch_from_us();

  const convolution_forward::primitive_desc forward(
      {prop_kind::forward_training, kDirect, x, w, bias, y, stride, pad, pad}, attributes, engine);
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
  constexpr double kFlops = 32e6;  // about 0.3 ms: far above the cost of a call, small enough to share out a batch
  return std::clamp(int64_t(kFlops * double(p.n) / p.flops()), int64_t(1), p.n);
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
  Plan plan;
  plan.images = images_per_slice(pass, problem);
  ConvProblem slice = problem;
  slice.n = plan.images;
  plan.full = make_primitive(engine, pass, slice, weights(problem, memory::format_tag::any), has_bias);
  const memory::desc& layout = plan.full.w;
  slice.n = problem.n % plan.images;
  if (slice.n) plan.rest = make_primitive(engine, pass, slice, layout, has_bias);

  const memory::desc ours = weights(problem, memory::format_tag::ohwi);
  const bool out = pass == ConvPass::backward_weights;
  const dnnl::reorder::primitive_desc reorder(engine, out ? layout : ours, engine, out ? ours : layout,
                                              scratch_from_us());
  plan.reorder_w = dnnl::reorder(reorder);
  plan.w_floats = int64_t(layout.get_size()) / int64_t(sizeof(float));
  plan.reorder_scratch = reorder.scratchpad_desc();
  const int64_t asked =
      int64_t(std::max({plan.full.scratch.get_size(), plan.rest.scratch.get_size(), plan.reorder_scratch.get_size()}));
  const int64_t scratch = asked + scratch_past_the_end(pass, problem);
  plan.scratch_bytes = (scratch + kScratchAlignment - 1) / kScratchAlignment * kScratchAlignment;
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

  const Plan& plan(ConvPass pass, const ConvProblem& problem, bool has_bias) {
    const auto key = std::make_tuple(pass, problem, has_bias);
    if (const auto found = plans.find(key); found != plans.end()) return found->second;
    return plans.emplace(key, make_plan(engine, pass, problem, has_bias)).first->second;
  }
  memory array(const memory::desc& layout, const void* data) { return {layout, engine, const_cast<void*>(data)}; }
  void conv(Cpu& cpu, ConvPass pass, const ConvProblem& problem, const float* in0, const float* in1, const float* bias,
            float* out);
};

bool inside_onednn() { return t_inside; }

std::string onednn_version() {
  const dnnl_version_t* v = dnnl_version();
  return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

OneDnn::OneDnn() : state_(translated([] { return std::string("engine"); }, [] { return std::make_unique<State>(); })) {}
OneDnn::~OneDnn() = default;

void OneDnn::conv(Cpu& cpu, ConvPass pass, const ConvProblem& problem, const float* in0, const float* in1,
                  const float* bias, float* out) {
  translated([&] { return "convolution " + to_string(pass) + " " + to_string(problem); },
             [&] { state_->conv(cpu, pass, problem, in0, in1, bias, out); });
}

void OneDnn::State::conv(Cpu& cpu, ConvPass pass, const ConvProblem& problem, const float* in0, const float* in1,
                         const float* bias, float* out) {
  const OneThread one_thread;
  const Plan& plan = this->plan(pass, problem, bias != nullptr);
  const bool to_w = pass == ConvPass::backward_weights, to_x = pass == ConvPass::backward_data;
  const float* x = to_x ? out : to_w ? in1 : in0;
  const float* y = pass == ConvPass::forward ? out : in0;
  const int64_t slices = (problem.n + plan.images - 1) / plan.images;

  const Arena::Frame frame(cpu.scratch());
  auto layout_w = cpu.scratch().take<float>({to_w ? slices : 1, plan.w_floats}, "weights in oneDNN's layout");
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
        stream, {{to_x ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, array(part.x, x + begin * problem.x_size() / problem.n)},
                 {to_w ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS,
                  array(part.w, layout_w.data + (to_w ? slice * plan.w_floats : 0))},
                 {pass == ConvPass::forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
                  array(part.y, y + begin * problem.y_size() / problem.n)},
                 {DNNL_ARG_BIAS, array({{problem.k}, memory::data_type::f32, memory::format_tag::a}, bias)},
                 {DNNL_ARG_SCRATCHPAD, array(part.scratch, scratch.data + omp_get_thread_num() * plan.scratch_bytes)}});
  });
  if (to_w) {
    for_each(cpu, plan.w_floats, SumSlices{layout_w.data, slices, plan.w_floats});
    reorder(array(plan.full.w, layout_w.data), array(ours, out));
  }
}

}  // namespace crc
