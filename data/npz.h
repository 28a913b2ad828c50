// NumPy's .npz: a ZIP archive of .npy members, stored without compression. The same arrays give the same bytes.
#pragma once

#include <string>

#include "data/npy.h"

namespace crc::data {

class NpzWriter {
 public:
  // Error: internal, for a name given twice or an archive of 4 GiB and more.
  template <NpyElement T>
  void add(const std::string& name, std::span<const T> elements, std::span<const int64_t> shape) {
    add_member(name, encode_npy(elements, shape));
  }
  Bytes finish() const;

 private:
  struct Member {
    std::string name;
    uint32_t checksum, size, offset;
  };
  void add_member(const std::string& name, const Bytes& npy);

  Bytes bytes_;
  std::vector<Member> members_;
};

}  // namespace crc::data
