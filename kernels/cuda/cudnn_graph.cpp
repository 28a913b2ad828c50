#include "kernels/cuda/cudnn_graph.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "kernels/core/error.h"

namespace crc::cudnn {
namespace {

cudnnDataType_t data_type(Dtype dtype) {
  if (dtype == Dtype::f32) return CUDNN_DATA_FLOAT;
  if (dtype == Dtype::bf16) return CUDNN_DATA_BFLOAT16;
  fail_internal(std::string("cuDNN convolution of ") + name_of(dtype) + ": only f32 and bf16 are supported");
}

// cuDNN orders extents N,C,H,W whatever the layout; the strides make it NHWC (or KRSC).
Descriptor tensor(int64_t uid, Dtype dtype, int64_t n, int64_t h, int64_t w, int64_t c, bool in_memory = true) {
  Descriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const cudnnDataType_t type = data_type(dtype);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  t.set(CUDNN_ATTR_TENSOR_DIMENSIONS, {n, c, h, w});
  t.set(CUDNN_ATTR_TENSOR_STRIDES, {h * w * c, 1, w * c, c});
  t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {uid});
  t.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {kByteAlignment});
  const bool between = !in_memory;
  t.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &between);
  t.finalize("cuDNN tensor");
  return t;
}

// In fp32.
Descriptor pointwise_add() {
  Descriptor d(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  const cudnnPointwiseMode_t mode = CUDNN_POINTWISE_ADD;
  const cudnnDataType_t compute = CUDNN_DATA_FLOAT;
  d.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  d.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &compute);
  d.finalize("cuDNN addition");
  return d;
}
Descriptor addition(const Descriptor& pointwise, const Descriptor& out, const Descriptor& a, const Descriptor& b) {
  Descriptor operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, out);
  operation.finalize("cuDNN addition");
  return operation;
}

// What an operation calls its parts.
struct Names {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t in0, in1, out, convolution, alpha, beta;
};
Names names(ConvPass pass) {
  switch (pass) {
    case ConvPass::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case ConvPass::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    default:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  }
}

const char* name_of(cudnnBackendNumericalNote_t note) {
  static constexpr const char* kNames[] = {"tensor core",    "rounds its inputs", "rounds its sums", "FFT",
                                           "not repeatable", "Winograd",          "Winograd 4x4",    "Winograd 6x6",
                                           "Winograd 13x13", "strict NaN"};
  return size_t(note) < std::size(kNames) ? kNames[note] : "a note this build does not know";
}

bool allowed(cudnnBackendNumericalNote_t note, const ConvProblem& p) {
  if (note == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP) return true;
  if (note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE) return p.dtype == Dtype::bf16 || p.tf32;
  if (note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS) return p.dtype == Dtype::f32 && p.tf32;
  return false;
}

}  // namespace

const DynamicLibrary& library() {
  static const DynamicLibrary cudnn("cuDNN 9", {"libcudnn.so.9"});
  return cudnn;
}

std::string version_text(size_t version) {
  return std::to_string(version / 10000) + "." + std::to_string(version % 10000 / 100) + "." +
         std::to_string(version % 100);
}

std::string reason(cudnnStatus_t status) {
  char message[512] = "";
  CRC_CUDNN(cudnnGetLastErrorString)(message, sizeof message);
  return std::string(CRC_CUDNN(cudnnGetErrorString)(status)) + (*message ? std::string(": ") + message : "");
}

void check(cudnnStatus_t status, const std::string& what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  const bool memory = status == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
                      status == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  fail(memory ? ExitCode::out_of_memory : ExitCode::internal, what + ": " + reason(status));
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  check(CRC_CUDNN(cudnnBackendCreateDescriptor)(type, &raw_), "create a cuDNN descriptor");
}
Descriptor::~Descriptor() {
  if (raw_) (void)CRC_CUDNN(cudnnBackendDestroyDescriptor)(raw_);
}
void Descriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                     const void* values) {
  check(CRC_CUDNN(cudnnBackendSetAttribute)(raw_, name, type, count, values),
        "set cuDNN attribute " + std::to_string(name));
}
int64_t Descriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                        void* values) const {
  int64_t found = 0;
  check(CRC_CUDNN(cudnnBackendGetAttribute)(raw_, name, type, count, &found, values),
        "get cuDNN attribute " + std::to_string(name));
  return found;
}
cudnnStatus_t Descriptor::try_finalize() { return CRC_CUDNN(cudnnBackendFinalize)(raw_); }

Target described_target(const std::string& json) {
  Target target{nullptr, Descriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR)};
  target.properties.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, int64_t(json.size()), json.data());
  target.properties.finalize("cuDNN device properties");
  return target;
}

Descriptor convolution(const ConvProblem& p) {
  Descriptor d(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnDataType_t compute = CUDNN_DATA_FLOAT;
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  d.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &compute);
  d.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
  d.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, {2});
  d.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, {1, 1});
  d.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {p.stride, p.stride});
  d.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {p.pad, p.pad});
  d.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {p.pad, p.pad});
  d.finalize("cuDNN convolution " + to_string(p));
  return d;
}

Descriptor convolution_operation(ConvPass pass, const ConvProblem& p, const Descriptor& convolution,
                                 const Descriptor& out, const Descriptor& in0, const Descriptor& in1) {
  const Names name = names(pass);
  const float one = 1, zero = 0;
  Descriptor operation(name.operation);
  operation.set(name.in0, in0);
  operation.set(name.in1, in1);
  operation.set(name.out, out);
  operation.set(name.convolution, convolution);
  operation.set(name.alpha, CUDNN_TYPE_FLOAT, 1, &one);
  operation.set(name.beta, CUDNN_TYPE_FLOAT, 1, &zero);
  operation.finalize("cuDNN convolution " + to_string(pass) + " " + to_string(p));
  return operation;
}

Descriptor operation_graph(const Target& target, const std::vector<const Descriptor*>& operations) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor* operation : operations) raw.push_back(operation->raw());
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, int64_t(raw.size()), raw.data());
  if (target.handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
  graph.finalize("cuDNN operation graph");
  return graph;
}

std::vector<Descriptor> configurations(const Target& target, const Descriptor& graph, cudnnBackendHeurMode_t mode,
                                       std::string& why) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  if (target.properties) heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, target.properties);
  if (const cudnnStatus_t status = heuristics.try_finalize(); status != CUDNN_STATUS_SUCCESS) {
    why += "\n  heuristics: " + reason(status);
    return {};
  }
  constexpr auto kResults = CUDNN_ATTR_ENGINEHEUR_RESULTS;
  const int64_t count = heuristics.get(kResults, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, nullptr);
  std::vector<Descriptor> found;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int64_t i = 0; i < count; ++i) {
    found.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(found.back().raw());
  }
  found.resize(size_t(heuristics.get(kResults, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, raw.data())));
  return found;
}

Descriptor engine_of(const Descriptor& configuration, int64_t& index) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.raw();
  configuration.get(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &raw);
  engine.get(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &index);
  return engine;
}

std::string name_of_engine(const Descriptor& configuration, int64_t index) {
  std::string knobs;
  std::vector<Descriptor> choices;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int i = 0; i < int(CUDNN_KNOB_TYPE_COUNTS); ++i) {
    choices.emplace_back(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    raw.push_back(choices.back().raw());
  }
  const int64_t count = configuration.get(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                          int64_t(raw.size()), raw.data());
  for (int64_t i = 0; i < count; ++i) {
    cudnnBackendKnobType_t type{};
    int64_t value = 0;
    choices[size_t(i)].get(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &type);
    choices[size_t(i)].get(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &value);
    knobs += (knobs.empty() ? "" : " ") + std::to_string(int(type)) + "=" + std::to_string(value);
  }
  return "cuDNN " + std::to_string(index) + (knobs.empty() ? "" : " [" + knobs + "]");
}

Descriptor plan_of(const Target& target, const Descriptor& configuration) {
  Descriptor plan(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
  if (target.handle) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &target.handle);
  if (target.properties) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, target.properties);
  return plan;
}

ConvGraph::ConvGraph(const Target& target, ConvPass pass, const ConvProblem& p, Fused fused)
    : target_(target), problem_(p) {
  const auto x = [&](int64_t uid) { return tensor(uid, p.dtype, p.n, p.h, p.w, p.c); };
  const auto w = [&](int64_t uid) { return tensor(uid, p.dtype, p.k, p.r, p.r, p.c); };
  const auto y = [&](int64_t uid) { return tensor(uid, p.dtype, p.n, p.p(), p.q(), p.k); };
  in0_ = pass == ConvPass::forward ? x(kUidIn0) : y(kUidIn0);
  in1_ = pass == ConvPass::backward_weights ? x(kUidIn1) : w(kUidIn1);
  out_ = pass == ConvPass::forward ? y(kUidOut) : pass == ConvPass::backward_data ? x(kUidOut) : w(kUidOut);
  convolution_ = convolution(p);
  if (fused == Fused::nothing) {
    operation_ = convolution_operation(pass, p, convolution_, out_, in0_, in1_);
    graph_ = operation_graph(target, {&operation_});
    return;
  }
  if (pass == ConvPass::backward_weights) fail_internal("nothing is fused with a weight gradient");
  const bool forward = pass == ConvPass::forward;
  plus_ = forward ? y(kUidPlus) : x(kUidPlus);
  sum_ = tensor(kUidSum, Dtype::f32, p.n, forward ? p.p() : p.h, forward ? p.q() : p.w, forward ? p.k : p.c, false);
  operation_ = convolution_operation(pass, p, convolution_, sum_, in0_, in1_);
  pointwise_ = pointwise_add();
  addition_ = addition(pointwise_, out_, sum_, plus_);
  graph_ = operation_graph(target, {&operation_, &addition_});
}

bool ConvGraph::keeps_rules(const Descriptor& configuration, int64_t& index) {
  const Descriptor engine = engine_of(configuration, index);
  cudnnBackendNumericalNote_t notes[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  const int64_t count =
      engine.get(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, std::size(notes), notes);
  for (int64_t i = 0; i < count; ++i)
    if (!allowed(notes[i], problem_)) {
      refusals_ += "\n  engine " + std::to_string(index) + ": refused, " + name_of(notes[i]);
      return false;
    }
  return true;
}

std::vector<std::string> ConvGraph::names() {
  std::vector<std::string> found;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (const Descriptor& configuration : configurations(target_, graph_, mode, refusals_)) {
      int64_t index = -1;
      if (keeps_rules(configuration, index)) found.push_back(name_of_engine(configuration, index));
    }
  return found;
}

bool ConvGraph::try_plan(Descriptor configuration, Plan& plan) {
  if (!keeps_rules(configuration, plan.engine)) return false;
  plan.plan = plan_of(target_, configuration);
  if (const cudnnStatus_t status = plan.plan.try_finalize(); status != CUDNN_STATUS_SUCCESS) {
    refusals_ += "\n  engine " + std::to_string(plan.engine) + ": " + reason(status);
    return false;
  }
  plan.plan.get(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &plan.workspace_bytes);
  plan.name = name_of_engine(configuration, plan.engine);
  plan.configuration = std::move(configuration);
  return true;
}

std::optional<Plan> ConvGraph::plan_named(const std::string& name) {
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (Descriptor& configuration : configurations(target_, graph_, mode, refusals_)) {
      int64_t index = -1;
      (void)engine_of(configuration, index);
      if (name_of_engine(configuration, index) != name) continue;
      if (Plan plan; try_plan(std::move(configuration), plan)) return plan;
    }
  return {};
}

size_t plain_plan(const std::vector<Plan>& plans, const ConvProblem& problem) {
  const int64_t copies = (problem.x_size() + problem.y_size()) * size_of(problem.dtype);
  for (size_t i = 0; i < plans.size(); ++i)
    if (plans[i].workspace_bytes < copies) return i;
  return 0;
}

std::vector<Plan> ConvGraph::plans(size_t count) {
  std::vector<Plan> found;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (Descriptor& configuration : configurations(target_, graph_, mode, refusals_)) {
      if (found.size() == count) return found;
      Plan plan;
      if (!try_plan(std::move(configuration), plan)) continue;
      // The fallbacks repeat some of what was advised.
      if (std::ranges::find(found, plan.name, &Plan::name) == found.end()) found.push_back(std::move(plan));
    }
  return found;
}

}  // namespace crc::cudnn
