#include "kernels/core/context.h"

namespace crc {

Context::Context(std::shared_ptr<Cpu> cpu, std::shared_ptr<Cuda> cuda) : cpu_(std::move(cpu)), cuda_(std::move(cuda)) {
  device_ = visit([](auto& b) { return device_of(b); });
  scratch_ = visit([](auto& b) { return &scratch_of(b); });
}

Context Context::cuda(int index) {
  if constexpr (kCudaBuild) return Context(nullptr, make_cuda(index));
  fail(ExitCode::device_unavailable,
       "device cuda:" + std::to_string(index) +
           ": this build has no CUDA backend; build with the CUDA toolkit installed (cmake --preset cuda) or use "
           "--device cpu");
}

Context Context::from_name(const std::string& name) {
  if (name == "cpu") return cpu();
  if (name == "cuda") return cuda(0);
  if (name.starts_with("cuda:") && name.size() > 5 && name.find_first_not_of("0123456789", 5) == std::string::npos &&
      name.size() < 9)
    return cuda(std::stoi(name.substr(5)));
  if (name == "auto") {
    try {
      return cuda(0);
    } catch (const Error& e) {
      if (e.code() != ExitCode::device_unavailable) throw;
      return cpu();
    }
  }
  fail(ExitCode::config, "device \"" + name + "\" is not known; use auto, cpu, cuda or cuda:<number>");
}

std::string Context::describe() const {
  return const_cast<Context*>(this)->visit([](auto& b) { return crc::describe(b); });
}
std::shared_ptr<void> Context::allocate(int64_t bytes) {
  const auto own = [bytes](auto backend) {
    void* data = crc::allocate(*backend, bytes);
    crc::set_zero(*backend, data, bytes);
    return std::shared_ptr<void>(data, [backend](void* p) { release(*backend, p); });
  };
  if constexpr (kCudaBuild) {
    if (cuda_) return own(cuda_);
  }
  return own(cpu_);
}
void Context::synchronize() {
  visit([](auto& b) { crc::synchronize(b); });
}
std::function<void()> Context::record(std::function<void()> work) {
  return visit([&](auto& b) { return crc::record(b, std::move(work)); });
}

}  // namespace crc
