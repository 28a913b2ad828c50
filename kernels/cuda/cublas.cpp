#include "kernels/cuda/cublas.h"

#include <cublas_v2.h>

#include <algorithm>

#include "kernels/cuda/dynamic_library.h"

#define CRC_STRING_OF(x) #x
#define CRC_STRING(x) CRC_STRING_OF(x)

namespace crc {
namespace {

const DynamicLibrary& cublas_library() {
  static const DynamicLibrary opened("cuBLAS", {"libcublas.so." CRC_STRING(CUBLAS_VER_MAJOR)});
  return opened;
}

void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const auto text = CRC_SYMBOL(cublas_library(), cublasGetStatusString)(status);
  fail(status == CUBLAS_STATUS_ALLOC_FAILED ? ExitCode::out_of_memory : ExitCode::internal,
       std::string(call) + ": " + (text ? text : "unknown status"));
}

}  // namespace

class CublasHandle {
 public:
  static constexpr int kSlot = 1;
  static std::shared_ptr<CublasHandle> make(Cuda& cuda) { return std::make_shared<CublasHandle>(cuda); }

  explicit CublasHandle(Cuda& cuda) : cuda_(cuda) {
    constexpr int64_t kWorkspaceBytes = 32ll << 20;  // what cuBLAS asks for on Hopper; more than it does elsewhere
    if (const auto status = CRC_SYMBOL(cublas_library(), cublasCreate_v2)(&handle_); status != CUBLAS_STATUS_SUCCESS)
      fail(status == CUBLAS_STATUS_ALLOC_FAILED ? ExitCode::out_of_memory : ExitCode::device_unavailable,
           "cuBLAS does not start on " + to_string(cuda.device()) + ": " +
               CRC_SYMBOL(cublas_library(), cublasGetStatusString)(status));
    workspace_ = allocate(cuda_, kWorkspaceBytes);
    // In this order: setting the stream would drop the workspace.
    check(CRC_SYMBOL(cublas_library(), cublasSetStream_v2)(handle_, cuda_.stream()), "cublasSetStream");
    check(CRC_SYMBOL(cublas_library(), cublasSetWorkspace_v2)(handle_, workspace_, size_t(kWorkspaceBytes)),
          "cublasSetWorkspace");
  }
  ~CublasHandle() {
    if (handle_) (void)CRC_SYMBOL(cublas_library(), cublasDestroy_v2)(handle_);
    if (workspace_) release(cuda_, workspace_);
  }
  CublasHandle(const CublasHandle&) = delete;
  CublasHandle& operator=(const CublasHandle&) = delete;

  // cuBLAS is column-major: the row-major product is c^T = op(b)^T op(a)^T.
  void gemm(const CublasShape& s, const void* alpha, const void* a, const void* b, const void* beta, void* c,
            cudaDataType_t type, cublasComputeType_t arithmetic) {
    const auto operation = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const int64_t lda = std::max<int64_t>(1, s.transpose_a ? s.m : s.k);
    const int64_t ldb = std::max<int64_t>(1, s.transpose_b ? s.k : s.n);
    check(CRC_SYMBOL(cublas_library(), cublasGemmEx_64)(handle_, operation(s.transpose_b), operation(s.transpose_a),
                                                        s.n, s.m, s.k, alpha, b, type, ldb, a, type, lda, beta, c, type,
                                                        s.n, arithmetic, CUBLAS_GEMM_DEFAULT),
          "cublasGemmEx");
  }
  void gemm_batched(const CublasShape& s, const CublasBatch& batch, const void* alpha, const void* a, const void* b,
                    const void* beta, void* c, cudaDataType_t type, cublasComputeType_t arithmetic) {
    const auto operation = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const int64_t lda = std::max<int64_t>(1, s.transpose_a ? s.m : s.k);
    const int64_t ldb = std::max<int64_t>(1, s.transpose_b ? s.k : s.n);
    check(CRC_SYMBOL(cublas_library(), cublasGemmStridedBatchedEx_64)(
              handle_, operation(s.transpose_b), operation(s.transpose_a), s.n, s.m, s.k, alpha, b, type, ldb,
              batch.stride_b, a, type, lda, batch.stride_a, beta, c, type, s.n, batch.stride_c, batch.count, arithmetic,
              CUBLAS_GEMM_DEFAULT),
          "cublasGemmStridedBatchedEx");
  }

 private:
  Cuda& cuda_;
  cublasHandle_t handle_ = nullptr;
  void* workspace_ = nullptr;
};

static cublasComputeType_t fp32_arithmetic(const CublasShape& shape) {
  return shape.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F_PEDANTIC;
}

void open_cublas(Cuda& cuda) { cuda.handle(&CublasHandle::make); }

void cublas_gemm(Cuda& cuda, const CublasShape& shape, double alpha, const float* a, const float* b, double beta,
                 float* c) {
  const float alpha32 = float(alpha), beta32 = float(beta);
  cuda.handle(&CublasHandle::make).gemm(shape, &alpha32, a, b, &beta32, c, CUDA_R_32F, fp32_arithmetic(shape));
}
void cublas_gemm(Cuda& cuda, const CublasShape& shape, double alpha, const double* a, const double* b, double beta,
                 double* c) {
  cuda.handle(&CublasHandle::make).gemm(shape, &alpha, a, b, &beta, c, CUDA_R_64F, CUBLAS_COMPUTE_64F_PEDANTIC);
}
void cublas_gemm(Cuda& cuda, const CublasShape& shape, double alpha, const bf16* a, const bf16* b, double beta,
                 bf16* c) {
  const float alpha32 = float(alpha), beta32 = float(beta);
  cuda.handle(&CublasHandle::make).gemm(shape, &alpha32, a, b, &beta32, c, CUDA_R_16BF, CUBLAS_COMPUTE_32F);
}

void cublas_gemm_batched(Cuda& cuda, const CublasShape& shape, const CublasBatch& batch, double alpha, const float* a,
                         const float* b, double beta, float* c) {
  const float alpha32 = float(alpha), beta32 = float(beta);
  cuda.handle(&CublasHandle::make)
      .gemm_batched(shape, batch, &alpha32, a, b, &beta32, c, CUDA_R_32F, fp32_arithmetic(shape));
}
void cublas_gemm_batched(Cuda& cuda, const CublasShape& shape, const CublasBatch& batch, double alpha, const double* a,
                         const double* b, double beta, double* c) {
  cuda.handle(&CublasHandle::make)
      .gemm_batched(shape, batch, &alpha, a, b, &beta, c, CUDA_R_64F, CUBLAS_COMPUTE_64F_PEDANTIC);
}

}  // namespace crc
