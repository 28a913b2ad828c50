#include "kernels/cuda/dynamic_library.h"

#include <dlfcn.h>

#include "kernels/core/error.h"

namespace crc {

DynamicLibrary::DynamicLibrary(std::string purpose, std::initializer_list<const char*> names) : handle_(nullptr) {
  std::string reasons;
  for (const char* name : names) {
    handle_ = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle_) {
      name_ = name;
      return;
    }
    const char* reason = dlerror();
    reasons += std::string(reasons.empty() ? "" : "; ") + (reason ? reason : name);
  }
  fail(ExitCode::device_unavailable, purpose + " was not found (" + reasons +
                                         "); install the CUDA libraries this build was made for, put them on "
                                         "LD_LIBRARY_PATH, or use the CPU (run.device = \"cpu\", --device cpu)");
}

void* DynamicLibrary::symbol(const char* name) const {
  if (void* address = dlsym(handle_, name)) return address;
  fail(ExitCode::device_unavailable,
       name_ + " has no function " + name + ": its version does not match this build's headers");
}

}  // namespace crc
