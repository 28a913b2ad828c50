// Fused cuDNN graphs for the support probe: operations on virtual tensors, as cuDNN's runtime-fusion engines take them.
// Only described and offered to the library, never run: programs fuse a convolution with an addition alone
// (kernels/cuda/cudnn_graph.h), so these live beside their test.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "kernels/core/conv_problem.h"
#include "kernels/cuda/cudnn_graph.h"

namespace crc::test {

class FusedGraph {
 public:
  using Tensor = const cudnn::Descriptor&;
  struct Shape {
    int64_t n, h, w, c;  // NHWC in memory
  };

  explicit FusedGraph(const cudnn::Target& target) : target_(target) {}

  Tensor tensor(Shape shape, cudnnDataType_t type) { return make_tensor(shape, type, false, false); }
  Tensor channels(int64_t c, cudnnDataType_t type) { return tensor({1, 1, 1, c}, type); }
  // A value between two operations, which never reaches memory.
  Tensor between(Shape shape, cudnnDataType_t type = CUDNN_DATA_FLOAT) { return make_tensor(shape, type, true, false); }

  // Outputs first, as in our ops.
  void convolution(ConvPass pass, const ConvProblem& problem, Tensor out, Tensor in0, Tensor in1);
  void multiply(Tensor out, Tensor a, Tensor b) { pointwise(CUDNN_POINTWISE_MUL, out, a, b); }
  void add(Tensor out, Tensor a, Tensor b) { pointwise(CUDNN_POINTWISE_ADD, out, a, b); }
  void relu(Tensor y, Tensor x, float slope);
  void relu_backward(Tensor dx, Tensor dy, Tensor x, float slope);
  void sum(Tensor out, Tensor x);                                // over the axes of which `out` has 1
  void statistics(Tensor sum, Tensor sum_of_squares, Tensor x);  // the genstats node
  void batch_norm(Tensor y, Tensor x, int64_t channels);         // forward, training phase
  void batch_norm_backward(Tensor dx, Tensor dy, Tensor x, int64_t channels);

  // The number of the first engine, in the order of cuDNN's heuristics, that takes the graph: its configuration is
  // final and, where `compiled`, its kernel is generated and compiled; only loading it is left to a driver. -1:
  // refused, and `why` says why.
  int64_t engine(bool compiled, std::string& why);

 private:
  static constexpr cudnnDataType_t kFloat = CUDNN_DATA_FLOAT;  // of all arithmetic
  Tensor make_tensor(Shape shape, cudnnDataType_t type, bool is_virtual, bool by_value);
  cudnn::Descriptor& operation(cudnnBackendDescriptorType_t type) { return operations_.emplace_back(type); }
  cudnn::Descriptor& pointwise(cudnnPointwiseMode_t mode, float slope = 0);
  void pointwise(cudnnPointwiseMode_t mode, Tensor out, Tensor a, Tensor b);

  const cudnn::Target& target_;
  std::deque<cudnn::Descriptor> parts_;  // what the operations point at
  std::deque<cudnn::Descriptor> operations_;
  int64_t next_uid_ = 1;
};

// What cuDNN says when a plan got as far as the driver, and that is the toolkit's stub.
inline bool only_the_driver_is_missing(const std::string& reason) {
  return reason.find("cuLibraryLoadData") != std::string::npos || reason.find("cuModuleLoadData") != std::string::npos;
}

inline FusedGraph::Tensor FusedGraph::make_tensor(Shape s, cudnnDataType_t type, bool is_virtual, bool by_value) {
  cudnn::Descriptor t(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  t.set(CUDNN_ATTR_TENSOR_DIMENSIONS, {s.n, s.c, s.h, s.w});
  t.set(CUDNN_ATTR_TENSOR_STRIDES, {s.h * s.w * s.c, 1, s.w * s.c, s.c});
  t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, {next_uid_++});
  t.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, {cudnn::kByteAlignment});
  t.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &is_virtual);
  t.set(CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, &by_value);
  t.finalize("cuDNN tensor");
  return parts_.emplace_back(std::move(t));
}

inline void FusedGraph::convolution(ConvPass pass, const ConvProblem& problem, Tensor out, Tensor in0, Tensor in1) {
  const cudnn::Descriptor& kind = parts_.emplace_back(cudnn::convolution(problem));
  operations_.push_back(cudnn::convolution_operation(pass, problem, kind, out, in0, in1));
}

inline cudnn::Descriptor& FusedGraph::pointwise(cudnnPointwiseMode_t mode, float slope) {
  cudnn::Descriptor kind(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  kind.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  kind.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &kFloat);
  if (mode == CUDNN_POINTWISE_RELU_FWD || mode == CUDNN_POINTWISE_RELU_BWD) {
    const double wide = slope;
    kind.set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, CUDNN_TYPE_DOUBLE, 1, &wide);
  }
  kind.finalize("cuDNN pointwise");
  cudnn::Descriptor& op = operation(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, parts_.emplace_back(std::move(kind)));
  return op;
}

inline void FusedGraph::pointwise(cudnnPointwiseMode_t mode, Tensor out, Tensor a, Tensor b) {
  cudnn::Descriptor& op = pointwise(mode);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, a);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, out);
  op.finalize("cuDNN pointwise operation");
}
inline void FusedGraph::relu(Tensor y, Tensor x, float slope) {
  cudnn::Descriptor& op = pointwise(CUDNN_POINTWISE_RELU_FWD, slope);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  op.finalize("cuDNN ReLU");
}
inline void FusedGraph::relu_backward(Tensor dx, Tensor dy, Tensor x, float slope) {
  cudnn::Descriptor& op = pointwise(CUDNN_POINTWISE_RELU_BWD, slope);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, dy);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, dx);
  op.finalize("cuDNN ReLU backward");
}

inline void FusedGraph::sum(Tensor out, Tensor x) {
  cudnn::Descriptor kind(CUDNN_BACKEND_REDUCTION_DESCRIPTOR);
  const cudnnReduceTensorOp_t add = CUDNN_REDUCE_TENSOR_ADD;
  kind.set(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_TYPE_REDUCTION_OPERATOR_TYPE, 1, &add);
  kind.set(CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &kFloat);
  kind.finalize("cuDNN reduction");
  cudnn::Descriptor& op = operation(CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_REDUCTION_DESC, parts_.emplace_back(std::move(kind)));
  op.set(CUDNN_ATTR_OPERATION_REDUCTION_XDESC, x);
  op.set(CUDNN_ATTR_OPERATION_REDUCTION_YDESC, out);
  op.finalize("cuDNN reduction operation");
}

inline void FusedGraph::statistics(Tensor sum, Tensor sum_of_squares, Tensor x) {
  const cudnnGenStatsMode_t mode = CUDNN_GENSTATS_SUM_SQSUM;
  cudnn::Descriptor& op = operation(CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_MODE, CUDNN_TYPE_GENSTATS_MODE, 1, &mode);
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &kFloat);
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_XDESC, x);
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, sum);
  op.set(CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC, sum_of_squares);
  op.finalize("cuDNN genstats");
}

inline void FusedGraph::batch_norm(Tensor y, Tensor x, int64_t c) {
  const cudnnBackendNormMode_t mode = CUDNN_BATCH_NORM;
  const cudnnBackendNormFwdPhase_t phase = CUDNN_NORM_FWD_TRAINING;
  cudnn::Descriptor& op = operation(CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_NORM_FWD_MODE, CUDNN_TYPE_NORM_MODE, 1, &mode);
  op.set(CUDNN_ATTR_OPERATION_NORM_FWD_PHASE, CUDNN_TYPE_NORM_FWD_PHASE, 1, &phase);
  op.set(CUDNN_ATTR_OPERATION_NORM_FWD_XDESC, x);
  op.set(CUDNN_ATTR_OPERATION_NORM_FWD_YDESC, y);
  for (const auto name :
       {CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC, CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC,
        CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC, CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC,
        CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_MEAN_DESC, CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_VAR_DESC,
        CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_MEAN_DESC, CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_VAR_DESC})
    op.set(name, channels(c, kFloat));
  for (const auto name :
       {CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC, CUDNN_ATTR_OPERATION_NORM_FWD_EXP_AVG_FACTOR_DESC})
    op.set(name, make_tensor({1, 1, 1, 1}, kFloat, false, true));
  op.finalize("cuDNN batch norm");
}

inline void FusedGraph::batch_norm_backward(Tensor dx, Tensor dy, Tensor x, int64_t c) {
  const cudnnBackendNormMode_t mode = CUDNN_BATCH_NORM;
  cudnn::Descriptor& op = operation(CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR);
  op.set(CUDNN_ATTR_OPERATION_NORM_BWD_MODE, CUDNN_TYPE_NORM_MODE, 1, &mode);
  op.set(CUDNN_ATTR_OPERATION_NORM_BWD_XDESC, x);
  op.set(CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC, dy);
  op.set(CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC, dx);
  for (const auto name : {CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC, CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC,
                          CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC, CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC,
                          CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC})
    op.set(name, channels(c, kFloat));
  op.finalize("cuDNN batch norm backward");
}

inline int64_t FusedGraph::engine(bool compiled, std::string& why) {
  std::vector<const cudnn::Descriptor*> operations;
  for (const cudnn::Descriptor& op : operations_) operations.push_back(&op);
  const cudnn::Descriptor graph = cudnn::operation_graph(target_, operations);
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK})
    for (const cudnn::Descriptor& configuration : cudnn::configurations(target_, graph, mode, why)) {
      int64_t index = -1;
      cudnn::engine_of(configuration, index);
      if (!compiled) return index;
      const cudnnStatus_t status = cudnn::plan_of(target_, configuration).try_finalize();
      if (status == CUDNN_STATUS_SUCCESS) return index;
      const std::string reason = cudnn::reason(status);
      if (only_the_driver_is_missing(reason)) return index;
      why += "\n  engine " + std::to_string(index) + ": " + reason;
    }
  return -1;
}

}  // namespace crc::test
