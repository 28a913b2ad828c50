#include <cuda_runtime.h>

#include <string>

#include "kernels/core/backend.h"
#include "kernels/cuda/check.h"
#include "kernels/cuda/device_check.h"

#define CRC_STRING_OF(...) #__VA_ARGS__
#define CRC_STRING(...) CRC_STRING_OF(__VA_ARGS__)

namespace crc {
namespace {

constexpr const char* kOrCpu = "or use the CPU (run.device = \"cpu\", --device cpu)";

// All kernels are built for the same GPUs: what holds for this one holds for them.
__global__ void any_kernel() {}

// "sm_80, sm_90", from nvcc's 800,900.
std::string built_for() {
#if defined(__CUDA_ARCH_LIST__)
  std::string list, numbers = CRC_STRING(__CUDA_ARCH_LIST__) ",";
  for (size_t begin = 0, end; (end = numbers.find(',', begin)) != std::string::npos; begin = end + 1)
    list += (list.empty() ? "sm_" : ", sm_") + numbers.substr(begin, end - begin - 1);  // 800 is sm_80
  return list;
#else
  return "no GPU";
#endif
}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

[[noreturn]] void refuse_driver(const std::string& device, cudaError_t status) {
  int driver = 0, runtime = 0;
  (void)cudaDriverGetVersion(&driver);
  (void)cudaRuntimeGetVersion(&runtime);
  (void)cudaGetLastError();
  if (status == cudaErrorInsufficientDriver && driver > 0)
    fail(ExitCode::device_unavailable, device + ": the NVIDIA driver is for CUDA " + version_text(driver) +
                                           ", and this build needs one for CUDA " + version_text(runtime) +
                                           "; update the driver, build with the driver's CUDA toolkit, " + kOrCpu);
  const bool none = status == cudaErrorInsufficientDriver;  // what the runtime says without any driver, too
  fail(ExitCode::device_unavailable, device + ": no usable NVIDIA GPU (" +
                                         (none ? "no NVIDIA driver is installed" : cudaGetErrorString(status)) +
                                         "); check the driver with nvidia-smi, " + kOrCpu);
}

}  // namespace

int cuda_devices() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  (void)cudaGetLastError();
  return 0;
}

std::vector<std::string> cuda_names() {
  std::vector<std::string> names;
  for (int index = 0; index < cuda_devices(); ++index) {
    cudaDeviceProp properties{};
    check_cuda(cudaGetDeviceProperties(&properties, index), "query cuda:" + std::to_string(index));
    constexpr const char* kDigits = "0123456789abcdef";
    std::string& name = names.emplace_back();
    for (const char byte : properties.uuid.bytes) name += kDigits[byte >> 4 & 15], name += kDigits[byte & 15];
  }
  return names;
}

void check_device(int index) {
  int count = 0;
  const std::string device = "device cuda:" + std::to_string(index);
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count == 0) status = cudaErrorNoDevice;
  if (status != cudaSuccess) refuse_driver(device, status);
  if (index < 0 || index >= count)
    fail(ExitCode::device_unavailable,
         device + " does not exist: this machine has " + std::to_string(count) + " GPU(s), numbered from 0");
  const DeviceScope here(index);
  status = cudaSetDevice(index);  // starts it, and says what that fails at: another process may have it for itself
  if (status != cudaSuccess && status != cudaErrorMemoryAllocation) {
    (void)cudaGetLastError();
    fail(ExitCode::device_unavailable, device + " does not start: " + cudaGetErrorString(status) + "; " + kOrCpu);
  }
  check_cuda(status, "select " + device);
  cudaFuncAttributes attributes{};
  status = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(any_kernel));
  if (status == cudaSuccess) return;
  (void)cudaGetLastError();
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, index), "query " + device);
  const std::string capability = std::to_string(properties.major) + std::to_string(properties.minor);
  fail(ExitCode::device_unavailable,
       device + " (" + properties.name + ", sm_" + capability + "): this build has no code for it (" +
           cudaGetErrorString(status) + "), only for " + built_for() +
           "; configure it with -DCMAKE_CUDA_ARCHITECTURES=" + capability + " or all-major, " + kOrCpu);
}

}  // namespace crc
