#include "ssl/method.h"

namespace crc::ssl {

#define CRC_METHOD(name, description, source) const Method& name();
#include "ssl/methods.def"
#undef CRC_METHOD

const std::vector<MethodEntry>& methods() {
  static const std::vector<MethodEntry> all = {
#define CRC_METHOD(name, description, source) {#name, description, source, &name},
#include "ssl/methods.def"
#undef CRC_METHOD
  };
  return all;
}

const Method& find_method(const std::string& name) {
  std::string known;
  for (const MethodEntry& entry : methods()) {
    if (name == entry.name) return entry.get();
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  fail(ExitCode::config, "ssl.method \"" + name + "\" is not known; use one of " + known);
}

}  // namespace crc::ssl
