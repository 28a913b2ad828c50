// The safetensors container, read strictly: weights come from the web. Layout: u64 header length (little-endian), a
// JSON header name -> {dtype, shape, data_offsets}, then the bytes, which the offsets must tile without hole or
// overlap. We read and write F32, F64, BF16, I64, I32 and U8, read F16 as F32, and refuse the rest by name. A file
// costs a small multiple of its size, whatever its header says.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/dtype.h"
#include "kernels/core/error.h"

namespace crc::nn {

struct TensorEntry {
  std::string name;
  Dtype dtype;
  std::vector<int64_t> shape;
  std::string bytes;  // row-major
  bool half = false;  // was F16 in the file

  // Error corrupt_data unless the dtype is T's.
  template <class T> std::vector<T> values() const {
    if (dtype != DtypeOf<T>::value)
      fail(ExitCode::corrupt_data,
           "tensor '" + name + "' is " + name_of(dtype) + ", expected " + name_of(DtypeOf<T>::value));
    std::vector<T> v(bytes.size() / sizeof(T));
    if (!v.empty()) std::memcpy(v.data(), bytes.data(), v.size() * sizeof(T));
    return v;
  }
};

struct TensorFile {
  std::vector<TensorEntry> tensors;
  std::map<std::string, std::string> metadata;

  template <class T> void add(std::string name, std::vector<int64_t> shape, const std::vector<T>& values) {
    tensors.push_back({std::move(name), DtypeOf<T>::value, std::move(shape),
                       std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T))});
  }
  const TensorEntry* find(std::string_view name) const;
  const TensorEntry& at(std::string_view name, const std::string& source) const;  // Error corrupt_data if absent
};

// The file's bytes. Order as the reference writer's: by falling alignment of the dtype, then by name.
std::string encode_safetensors(TensorFile file);
// Error corrupt_data with `source` (a path), the place and what was expected; for what torch.save, HDF5 and others
// write, with the way to make a safetensors file of it.
TensorFile decode_safetensors(std::string_view bytes, const std::string& source);

}  // namespace crc::nn
