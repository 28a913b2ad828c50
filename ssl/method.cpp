#include "ssl/method.h"

namespace crc::ssl {

#define CRC_METHOD(name, description, source, defaults) const Method& name();
#include "ssl/methods.def"
#undef CRC_METHOD

const std::vector<MethodEntry>& methods() {
  static const std::vector<MethodEntry> all = {
#define CRC_METHOD(name, description, source, defaults) {#name, description, source, defaults, &name},
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

int64_t unlabeled_per_step(const TrainConfig& config) {
  for (const BatchView& view : find_method(config.method).views(config))
    if (view.items != BatchView::Items::labeled) return config.mu * config.batch;
  return 0;
}

int64_t images_per_step(const TrainConfig& config) {
  int64_t rows = 0;
  for (const BatchView& view : find_method(config.method).views(config))
    rows += view.rows(config.batch, config.mu * config.batch);
  return rows;
}

}  // namespace crc::ssl
