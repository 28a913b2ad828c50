#include "kernels/cuda/cusolver.h"

#include <cusolverDn.h>

#include <vector>

#include "kernels/cuda/dynamic_library.h"

#define CRC_STRING_OF(x) #x
#define CRC_STRING(x) CRC_STRING_OF(x)

namespace crc {
namespace {

const DynamicLibrary& cusolver_library() {
  static const DynamicLibrary opened("cuSOLVER", {"libcusolver.so." CRC_STRING(CUSOLVER_VER_MAJOR)});
  return opened;
}

void check(cusolverStatus_t status, const char* call) {
  if (status == CUSOLVER_STATUS_SUCCESS) return;
  fail(status == CUSOLVER_STATUS_ALLOC_FAILED ? ExitCode::out_of_memory : ExitCode::internal,
       std::string(call) + ": cuSOLVER status " + std::to_string(int(status)));
}

constexpr cusolverEigMode_t kJob = CUSOLVER_EIG_MODE_NOVECTOR, kVectors = CUSOLVER_EIG_MODE_VECTOR;
constexpr cublasFillMode_t kTriangle = CUBLAS_FILL_MODE_UPPER;  // row-major lower is column-major upper

auto work_size(double*) { return CRC_SYMBOL(cusolver_library(), cusolverDnDsyevd_bufferSize); }
auto work_size(float*) { return CRC_SYMBOL(cusolver_library(), cusolverDnSsyevd_bufferSize); }
auto solve(double*) { return CRC_SYMBOL(cusolver_library(), cusolverDnDsyevd); }
auto solve(float*) { return CRC_SYMBOL(cusolver_library(), cusolverDnSsyevd); }

}  // namespace

class CusolverHandle {
 public:
  static constexpr int kSlot = 2;
  static std::shared_ptr<CusolverHandle> make(Cuda& cuda) { return std::make_shared<CusolverHandle>(cuda); }

  explicit CusolverHandle(Cuda& cuda) {
    check(CRC_SYMBOL(cusolver_library(), cusolverDnCreate)(&handle_), "cusolverDnCreate");
    check(CRC_SYMBOL(cusolver_library(), cusolverDnSetStream)(handle_, cuda.stream()), "cusolverDnSetStream");
    check(CRC_SYMBOL(cusolver_library(), cusolverDnCreateParams)(&params_), "cusolverDnCreateParams");
  }
  ~CusolverHandle() {
    if (params_) (void)CRC_SYMBOL(cusolver_library(), cusolverDnDestroyParams)(params_);
    if (handle_) (void)CRC_SYMBOL(cusolver_library(), cusolverDnDestroy)(handle_);
  }
  CusolverHandle(const CusolverHandle&) = delete;
  CusolverHandle& operator=(const CusolverHandle&) = delete;

  template <class T>
  void eigenvalues(Cuda& cuda, int64_t batch, int64_t n, T* a, T* w, int* info, cusolverEigMode_t job = kJob) {
    int size = 0;
    check(work_size(a)(handle_, job, kTriangle, int(n), a, int(n), w, &size), "cusolverDnXsyevd_bufferSize");
    const Arena::Frame frame(cuda.scratch());
    T* work = cuda.scratch().take<T>({size}, "syevd workspace").data;
    for (int64_t b = 0; b < batch; ++b)
      check(solve(a)(handle_, job, kTriangle, int(n), a + b * n * n, int(n), w + b * n, work, size, info + b),
            "cusolverDnXsyevd");
  }

  void eigenvalues_batched(Cuda& cuda, int64_t batch, int64_t n, double* a, double* w, int* info) {
    size_t device_bytes = 0, host_bytes = 0;
    check(CRC_SYMBOL(cusolver_library(), cusolverDnXsyevBatched_bufferSize)(handle_, params_, kJob, kTriangle, n,
                                                                            CUDA_R_64F, a, n, CUDA_R_64F, w, CUDA_R_64F,
                                                                            &device_bytes, &host_bytes, batch),
          "cusolverDnXsyevBatched_bufferSize");
    const Arena::Frame frame(cuda.scratch());
    void* device = cuda.scratch().take<uint8_t>({int64_t(device_bytes)}, "syev workspace").data;
    std::vector<char> host(host_bytes);
    check(CRC_SYMBOL(cusolver_library(), cusolverDnXsyevBatched)(handle_, params_, kJob, kTriangle, n, CUDA_R_64F, a, n,
                                                                 CUDA_R_64F, w, CUDA_R_64F, device, device_bytes,
                                                                 host.data(), host_bytes, info, batch),
          "cusolverDnXsyevBatched");
    synchronize(cuda);  // the library may still read `host`
  }

 private:
  cusolverDnHandle_t handle_ = nullptr;
  cusolverDnParams_t params_ = nullptr;
};

void cusolver_eigenvalues(Cuda& cuda, int64_t batch, int64_t n, double* a, double* w, int* info) {
  cuda.handle(&CusolverHandle::make).eigenvalues(cuda, batch, n, a, w, info);
}
void cusolver_eigenvalues(Cuda& cuda, int64_t batch, int64_t n, float* a, float* w, int* info) {
  cuda.handle(&CusolverHandle::make).eigenvalues(cuda, batch, n, a, w, info);
}
// Row-major rows are column-major columns.
void cusolver_eigenvectors(Cuda& cuda, int64_t n, double* a, double* w, int* info) {
  cuda.handle(&CusolverHandle::make).eigenvalues(cuda, 1, n, a, w, info, kVectors);
}
void cusolver_eigenvalues_batched(Cuda& cuda, int64_t batch, int64_t n, double* a, double* w, int* info) {
  cuda.handle(&CusolverHandle::make).eigenvalues_batched(cuda, batch, n, a, w, info);
}

}  // namespace crc
