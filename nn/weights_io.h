// Weights to and from safetensors files under the tensor names of the PyTorch ports. Values only: which network they
// belong to (the wiring) is the configuration's to say; names and shapes are checked strictly.
#pragma once

#include <string>

#include "nn/params.h"
#include "nn/safetensors.h"

namespace crc::nn {

// How a port names its tensors: kekmodel, lee and torchssl share one set; usb differs in the head, perrying throughout.
enum class Names : uint8_t { kekmodel, lee, perrying, torchssl, usb };
Names names_from(const std::string& text);  // Error usage with the known ones

// All parameters and running statistics, convolutions as [K,C,R,R], num_batches_tracked 0.
TensorFile export_weights(Context& context, const ParamLayout& layout, const Weights& weights, Names names);
// Recognises the naming by itself, accepts a "module." prefix. Error corrupt_data naming every missing, unexpected or
// misshapen tensor.
void import_weights(Context& context, const ParamLayout& layout, const Weights& weights, const TensorFile& file,
                    const std::string& source);

}  // namespace crc::nn
