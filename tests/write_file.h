// Files that tests put in place: whole, instead of whatever stands there, with the folders above them.
#pragma once

#include <fstream>
#include <stdexcept>

#include "data/datasets/cifar10.h"

namespace crc::test {

inline void write_file(const data::Path& path, std::string_view text) {
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  std::filesystem::remove(path);  // a new file: what is mapped, or linked, keeps its bytes
  std::ofstream file(path, std::ios::binary);
  if (!file.write(text.data(), std::streamsize(text.size())).flush()) throw std::runtime_error(path.string());
}
inline void write_file(const data::Path& path, std::span<const uint8_t> bytes) {
  write_file(path, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

inline void write_cifar10(const data::Path& folder, const data::Dataset& dataset) {
  data::encode_cifar10(dataset, [&](const std::string& name, auto bytes) { write_file(folder / name, bytes); });
}

}  // namespace crc::test
