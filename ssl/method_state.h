// What a method remembers from step to step: named fp32 arrays in device memory. Ops read and move them within the
// captured steps, checkpoints hold them, and a resumed run goes on with their bits.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/core/tensor.h"
#include "nn/safetensors.h"

namespace crc::ssl {

struct StateArray {
  std::string name;
  int64_t size;
  float initial = 0;
};

class MethodState {
 public:
  MethodState(Context& context, const std::vector<StateArray>& arrays);

  // Error internal for a name that the method did not declare.
  View<float, 1> operator[](std::string_view name) const;
  View<float, 2> matrix(std::string_view name, int64_t columns) const;  // the same as [size / columns, columns]

  std::map<std::string, std::vector<float>> to_host(Context& context) const;
  void save(Context& context, nn::TensorFile& file) const;
  // Error corrupt_data: an array is missing, or of another size.
  void restore(Context& context, const nn::TensorFile& file, const std::string& source);

 private:
  std::map<std::string, Tensor, std::less<>> arrays_;
};

}  // namespace crc::ssl
