// Weights to and from safetensors files under the tensor names of the PyTorch ports. Values only: which network they
// belong to is nn/weights_info.h's to say; names, shapes and values are checked strictly.
#pragma once

#include <span>
#include <string>

#include "nn/params.h"
#include "nn/safetensors.h"
#include "nn/tensor_names.h"

namespace crc::nn {

// All parameters and running statistics, convolutions as [K,C,R,R], num_batches_tracked 0.
TensorFile export_weights(Context& context, const ParamLayout& layout, const Weights& weights, Names names);

struct HostWeights {
  std::vector<float> values, running;  // [layout.total()], [layout.running_total()]
  std::vector<std::string> notes;      // what the user should know: a prefix left out, a precision converted
};
// Recognises the naming by itself; F64, F16 and BF16 become fp32. Nothing is allocated for a network that the file does
// not hold. Error corrupt_data naming every missing, unexpected or misshapen tensor; numerical as check_values.
HostWeights read_weights(const ParamLayout& layout, const TensorFile& file, const std::string& source);
// The same into memory that is there. Returns the notes.
std::vector<std::string> import_weights(Context& context, const ParamLayout& layout, const Weights& weights,
                                        const TensorFile& file, const std::string& source);

// Error numerical, naming the tensor, for a value that is not finite or a negative running variance; corrupt_data when
// the arrays are not of the layout's size.
void check_values(const ParamLayout& layout, std::span<const float> values, std::span<const float> running,
                  const std::string& source);

}  // namespace crc::nn
