// cuDNN's graph API as far as a convolution needs it: from a problem to engine configurations and a plan. Nothing here
// needs a GPU, so that tests ask on any machine what cuDNN would run on another (tests/kernels/cuda/).
#pragma once

#include <cudnn_backend.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/conv_problem.h"
#include "kernels/cuda/dynamic_library.h"

namespace crc::cudnn {

const DynamicLibrary& library();  // libcudnn.so.9
#define CRC_CUDNN(function) CRC_SYMBOL(::crc::cudnn::library(), function)

std::string version_text(size_t version);                   // 91300: "9.13.0"
void check(cudnnStatus_t status, const std::string& what);  // Error with cuDNN's own explanation

// Owns a backend descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }

  cudnnBackendDescriptor_t raw() const { return raw_; }
  explicit operator bool() const { return raw_ != nullptr; }

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count, const void* values);
  void set(cudnnBackendAttributeName_t name, const std::vector<int64_t>& values) {
    set(name, CUDNN_TYPE_INT64, int64_t(values.size()), values.data());
  }
  void set(cudnnBackendAttributeName_t name, const Descriptor& value) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
  }
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count, void* values) const;
  cudnnStatus_t try_finalize();
  void finalize(const std::string& what) { check(try_finalize(), what); }

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

// Where a plan will run: a device that is here (its handle), or a record of one that is not.
struct Target {
  cudnnHandle_t handle = nullptr;
  Descriptor properties;
};
Target described_target(const std::string& json);  // cuDNN's DEVICEPROP record

// The parts of a graph, in the order in which they are made. `why` grows by a line for whatever the library refuses.
std::string reason(cudnnStatus_t status);  // of the last refusal, in cuDNN's words
Descriptor convolution(const ConvProblem& problem);
Descriptor convolution_operation(ConvPass pass, const ConvProblem& problem, const Descriptor& convolution,
                                 const Descriptor& out, const Descriptor& in0, const Descriptor& in1);
Descriptor operation_graph(const Target& target, const std::vector<const Descriptor*>& operations);
std::vector<Descriptor> configurations(const Target& target, const Descriptor& graph, cudnnBackendHeurMode_t mode,
                                       std::string& why);  // best first; none where the library refuses the graph
Descriptor engine_of(const Descriptor& configuration, int64_t& index);
std::string name_of_engine(const Descriptor& configuration, int64_t index);
Descriptor plan_of(const Target& target, const Descriptor& configuration);  // not finalised: that is what may fail

constexpr int64_t kUidIn0 = 1, kUidIn1 = 2, kUidOut = 3;  // of the tensors, in the order of ConvPass
constexpr int64_t kUidPlus = 4, kUidSum = 5;              // what is added, and the convolution alone: never in memory
constexpr int64_t kByteAlignment = 16;                    // of their data

struct Plan {
  Descriptor configuration;  // outlives the plan made from it
  Descriptor plan;
  int64_t workspace_bytes = 0;
  int64_t engine = -1;  // cuDNN's number of it
  std::string name;     // engine and knobs: "cuDNN 1 [2=0 3=16]"
};

// What a graph computes: a convolution, or out = convolution + plus in one kernel of cuDNN's runtime fusion, which
// generates and compiles it when the plan is made (seconds).
enum class Fused : uint8_t { nothing, plus };

// The operation graph of one convolution, its engine configurations from the heuristics, best first, and their plans.
class ConvGraph {
 public:
  ConvGraph(const Target& target, ConvPass pass, const ConvProblem& problem, Fused fused = Fused::nothing);
  // Of the engine configurations that keep the rules of cudnn.h, before any plan is made.
  std::vector<std::string> names();
  // The first `count` plans that finalise and keep the rules of cudnn.h; fewer, or none, if there are no more.
  std::vector<Plan> plans(size_t count);
  std::optional<Plan> plan_named(const std::string& name);
  const std::string& refusals() const { return refusals_; }  // why engines were passed over

 private:
  bool keeps_rules(const Descriptor& configuration, int64_t& engine);
  bool try_plan(Descriptor configuration, Plan& plan);

  const Target& target_;
  ConvProblem problem_;
  Descriptor in0_, in1_, out_, plus_, sum_, convolution_, operation_, pointwise_, addition_, graph_;
  std::string refusals_;
};

// The place of the plan that nothing but advice chooses: the first that takes less workspace than copies of both
// activations would, which is what engines take that convert layouts; where all do, the first.
size_t plain_plan(const std::vector<Plan>& plans, const ConvProblem& problem);
constexpr size_t kOffered = 8;       // plans of a problem: the heuristics are rarely further off
constexpr size_t kFusedOffered = 3;  // of them fused: each is compiled first

}  // namespace crc::cudnn
