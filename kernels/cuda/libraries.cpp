#include "kernels/core/libraries.h"

#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cudnn.h>
#include <cusolverDn.h>

#include "kernels/cuda/check.h"
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/cudnn_graph.h"

#define CRC_STRING_OF(x) #x
#define CRC_STRING(x) CRC_STRING_OF(x)

namespace crc {
namespace {

std::string dotted(int64_t number, int64_t of_major, int64_t of_minor) {  // 13000 with 1000 and 10: "13.0"
  return std::to_string(number / of_major) + "." + std::to_string(number % of_major / of_minor);
}

// cublasGetProperty or cusolverGetProperty
template <class F> std::string properties(F get) {
  int major = 0, minor = 0, patch = 0;
  get(MAJOR_VERSION, &major);
  get(MINOR_VERSION, &minor);
  get(PATCH_LEVEL, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

template <class Version> void add(Libraries& list, const char* name, Version version) {
  try {
    list[name] = version();
  } catch (const Error& error) {
    if (error.code() != ExitCode::device_unavailable) throw;
  }
}

}  // namespace

Libraries libraries(Cuda&) {
  Libraries list;
  int runtime = 0, driver = 0;
  check_cuda(cudaRuntimeGetVersion(&runtime), "query the CUDA runtime's version");
  check_cuda(cudaDriverGetVersion(&driver), "query the CUDA driver's version");
  list["CUDA"] = dotted(runtime, 1000, 10) + ", driver for " + dotted(driver, 1000, 10);
  add(list, "cuDNN", [] { return cudnn::version_text(CRC_CUDNN(cudnnGetVersion)()); });
  add(list, "cuBLAS", [] {
    static const DynamicLibrary library("cuBLAS", {"libcublas.so." CRC_STRING(CUBLAS_VER_MAJOR)});
    return properties(CRC_SYMBOL(library, cublasGetProperty));
  });
  add(list, "cuSOLVER", [] {
    static const DynamicLibrary library("cuSOLVER", {"libcusolver.so." CRC_STRING(CUSOLVER_VER_MAJOR)});
    return properties(CRC_SYMBOL(library, cusolverGetProperty));
  });
  return list;
}

}  // namespace crc
