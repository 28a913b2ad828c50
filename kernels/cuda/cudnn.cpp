#include "kernels/cuda/cudnn.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "kernels/cuda/check.h"
#include "kernels/cuda/contest.h"
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/cudnn_graph.h"

namespace crc {
namespace {

struct Arrays {
  const void *in0, *in1;
  void* out;
  const void* plus = nullptr;  // of fused plans
};

constexpr const char *kApart = "apart", *kFusedBy = "fused by ";  // ways to add to a convolution

void execute(Cuda& cuda, cudnnHandle_t handle, const cudnn::Plan& plan, const Arrays& arrays) {
  const Arena::Frame frame(cuda.scratch());
  void* workspace = cuda.scratch().take_bytes(plan.workspace_bytes);
  const void* pointers[] = {arrays.in0, arrays.in1, arrays.out, arrays.plus};
  std::vector<int64_t> uids{cudnn::kUidIn0, cudnn::kUidIn1, cudnn::kUidOut, cudnn::kUidPlus};
  if (!arrays.plus) uids.pop_back();
  cudnn::Descriptor pack(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, uids);
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, int64_t(uids.size()), pointers);
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  pack.finalize("cuDNN variant pack");
  cudnn::check(CRC_CUDNN(cudnnBackendExecute)(handle, plan.plan.raw(), pack.raw()), "cuDNN convolution");
}

// An input as its plan wants it: a copy in scratch if it is not aligned.
const void* aligned(Cuda& cuda, const void* data, int64_t bytes) {
  if (reinterpret_cast<uintptr_t>(data) % cudnn::kByteAlignment == 0) return data;
  void* copy = cuda.scratch().take_bytes(bytes);
  copy_within(cuda, copy, data, bytes);
  return copy;
}

}  // namespace

// The first version that knows Blackwell; any 9 knows all that came before.
void check_version(Cuda& cuda) {
  constexpr size_t kKnowsBlackwell = 90700;
  const size_t version = CRC_CUDNN(cudnnGetVersion)();
  if (cuda.capability() >= 100 && version < kKnowsBlackwell)
    fail(ExitCode::device_unavailable, "cuDNN " + cudnn::version_text(version) + " is too old for " +
                                           to_string(cuda.device()) + " (sm_" + std::to_string(cuda.capability()) +
                                           "); install " + cudnn::version_text(kKnowsBlackwell) +
                                           " or newer, or use the CPU (run.device = \"cpu\", --device cpu)");
}

// The library's handle and the plans made so far.
class CudnnHandle {
 public:
  static constexpr int kSlot = 0;
  explicit CudnnHandle(Cuda& cuda) {
    check_version(cuda);
    if (const auto status = CRC_CUDNN(cudnnCreate)(&target_.handle); status != CUDNN_STATUS_SUCCESS)
      fail(status == CUDNN_STATUS_ALLOC_FAILED ? ExitCode::out_of_memory : ExitCode::device_unavailable,
           "cuDNN " + cudnn::version_text(CRC_CUDNN(cudnnGetVersion)()) + " does not start on " +
               to_string(cuda.device()) + ": " + cudnn::reason(status));
    cudnn::check(CRC_CUDNN(cudnnSetStream)(target_.handle, cuda.stream()), "set cuDNN's stream");
  }
  ~CudnnHandle() {
    plans_.clear();
    fused_.clear();
    (void)CRC_CUDNN(cudnnDestroy)(target_.handle);
  }
  CudnnHandle(const CudnnHandle&) = delete;
  CudnnHandle& operator=(const CudnnHandle&) = delete;

  void conv(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const Arrays& arrays) {
    const auto key = std::make_pair(pass, problem);
    auto found = plans_.find(key);
    if (found == plans_.end()) found = plans_.emplace(key, choose(cuda, pass, problem, arrays)).first;
    execute(cuda, target_.handle, found->second, arrays);
  }
  bool conv_plus(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const Arrays& arrays,
                 const std::function<void()>& apart, const std::function<void()>& then) {
    if (cuda.gate().tier() == Gate::Tier::plain) return false;
    const auto key = std::make_pair(pass, problem);
    auto found = fused_.find(key);
    if (found == fused_.end())
      found = fused_.emplace(key, choose_fused(cuda, pass, problem, arrays, apart, then)).first;
    if (!found->second) return false;
    execute(cuda, target_.handle, *found->second, arrays);
    return true;
  }
  int64_t engine(ConvPass pass, const ConvProblem& problem) const {
    const auto found = plans_.find({pass, problem});
    return found == plans_.end() ? -1 : found->second.engine;
  }

 private:
  // Plans are made by calls that no capture may contain.
  static void refuse_capture(Cuda& cuda, const std::string& what) {
    cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
    check_cuda(cudaStreamIsCapturing(cuda.stream(), &capture), what);
    if (capture != cudaStreamCaptureStatusNone)
      fail_internal(what + ": its first call is under graph capture; run the step once before recording it");
  }
  cudnn::Plan choose(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const Arrays& arrays) {
    const std::string what = "convolution " + to_string(pass) + " " + to_string(problem);
    refuse_capture(cuda, what);
    const std::string key = "cuDNN " + what;
    cudnn::ConvGraph graph(target_, pass, problem);
    if (const auto known = cuda.gate().known(key)) {
      if (auto plan = graph.plan_named(*known)) return std::move(*plan);
      cuda.gate().refuse_known(key);
    }
    std::vector<cudnn::Plan> plans = graph.plans(cudnn::kOffered);
    if (plans.empty()) fail_internal("cuDNN has no engine for " + what + ":" + graph.refusals());
    const size_t plain = cudnn::plain_plan(plans, problem);
    std::rotate(plans.begin(), plans.begin() + std::ptrdiff_t(plain), plans.begin() + std::ptrdiff_t(plain) + 1);
    std::vector<Way> ways;
    for (const cudnn::Plan& plan : plans)
      ways.push_back({plan.name, [&] { execute(cuda, target_.handle, plan, arrays); }, plan.workspace_bytes});
    return std::move(
        plans[choose_way(cuda, key, ways, {contested(pass, problem, arrays)}, 2 * conv_tolerance(pass, problem))]);
  }

  // Of a convolution and an addition; nothing where they stay apart.
  std::optional<cudnn::Plan> choose_fused(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const Arrays& arrays,
                                          const std::function<void()>& apart, const std::function<void()>& then) {
    const std::string key = "convolution " + to_string(pass) + " + residual " + to_string(problem);
    refuse_capture(cuda, key);
    cudnn::ConvGraph graph(target_, pass, problem, cudnn::Fused::plus);
    if (const auto known = cuda.gate().known(key)) {
      if (*known == kApart) return {};
      if (auto plan = graph.plan_named(known->substr(std::min(known->size(), strlen(kFusedBy))))) return plan;
      cuda.gate().refuse_known(key);
    }
    std::vector<cudnn::Plan> plans = graph.plans(cudnn::kFusedOffered);
    if (plans.empty()) return {};
    std::vector<Way> ways{{kApart, apart}};
    for (const cudnn::Plan& plan : plans) {
      const auto fused = [&cuda, &plan, &arrays, &then, this] {
        execute(cuda, target_.handle, plan, arrays);
        then();
      };
      ways.push_back({kFusedBy + plan.name, fused, plan.workspace_bytes});
    }
    const size_t way =
        choose_way(cuda, key, ways, {contested(pass, problem, arrays)}, 2 * conv_tolerance(pass, problem));
    if (way == 0) return {};
    return std::move(plans[way - 1]);
  }

  static Contested contested(ConvPass pass, const ConvProblem& problem, const Arrays& arrays) {
    const int64_t outputs = pass == ConvPass::forward         ? problem.y_size()
                            : pass == ConvPass::backward_data ? problem.x_size()
                                                              : problem.w_size();
    return {arrays.out, outputs, problem.dtype};
  }

  cudnn::Target target_;
  std::map<std::pair<ConvPass, ConvProblem>, cudnn::Plan> plans_;
  std::map<std::pair<ConvPass, ConvProblem>, std::optional<cudnn::Plan>> fused_;
};

static CudnnHandle& handle_of(Cuda& cuda) {
  return cuda.handle<CudnnHandle>([](Cuda& c) { return std::make_shared<CudnnHandle>(c); });
}

void open_cudnn(Cuda& cuda) { (void)handle_of(cuda); }

int64_t cudnn_engine(Cuda& cuda, ConvPass pass, const ConvProblem& problem) {
  return handle_of(cuda).engine(pass, problem);
}

void cudnn_conv(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1, void* out) {
  CudnnHandle& handle = handle_of(cuda);
  if (reinterpret_cast<uintptr_t>(out) % cudnn::kByteAlignment)
    fail_internal("convolution " + to_string(pass) + ": the output is not 16-byte aligned");
  const Arena::Frame frame(cuda.scratch());
  const int64_t element = size_of(problem.dtype);
  const int64_t bytes0 = element * (pass == ConvPass::forward ? problem.x_size() : problem.y_size());
  const int64_t bytes1 = element * (pass == ConvPass::backward_weights ? problem.x_size() : problem.w_size());
  handle.conv(cuda, pass, problem, {aligned(cuda, in0, bytes0), aligned(cuda, in1, bytes1), out});
}

bool cudnn_conv_plus(Cuda& cuda, ConvPass pass, const ConvProblem& problem, const void* in0, const void* in1,
                     const void* plus, void* out, const std::function<void()>& apart,
                     const std::function<void()>& then) {
  const void* all[] = {in0, in1, plus, out};
  if (std::ranges::any_of(all, [](const void* p) { return reinterpret_cast<uintptr_t>(p) % cudnn::kByteAlignment; }))
    return false;
  return handle_of(cuda).conv_plus(cuda, pass, problem, {in0, in1, out, plus}, apart, then);
}

}  // namespace crc
