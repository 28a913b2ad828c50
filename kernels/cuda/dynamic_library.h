// CUDA's math libraries are opened at first use, so that the same program starts on machines that lack them; a missing
// one is an error that names it. CRC_SYMBOL(library, function) is a function pointer of the header's type, looked up
// once.
#pragma once

#include <initializer_list>
#include <string>

namespace crc {

class DynamicLibrary {
 public:
  // Tries the names in order, e.g. {"libcublas.so.13", "libcublas.so"}. Error device_unavailable if none opens.
  DynamicLibrary(std::string purpose, std::initializer_list<const char*> names);
  void* symbol(const char* name) const;  // Error device_unavailable if the library lacks it

 private:
  std::string name_;
  void* handle_;
};

#define CRC_SYMBOL(library, function)                                                                  \
  ([]() {                                                                                              \
    static auto* const pointer = reinterpret_cast<decltype(&::function)>((library).symbol(#function)); \
    return pointer;                                                                                    \
  }())

}  // namespace crc
