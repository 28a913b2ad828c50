// How the PyTorch ports name the tensors of the same network, and which of them a file follows.
#pragma once

#include <string>

#include "nn/safetensors.h"

namespace crc::nn {

// kekmodel, lee and torchssl share one set; usb differs in the head, perrying throughout.
enum class Names : uint8_t { kekmodel, lee, perrying, torchssl, usb };
Names names_from(const std::string& text);  // Error usage with the known ones

// `ours` (kekmodel's name) as the port calls it.
std::string translate(std::string ours, Names names);

// The names in one file: a port's, behind a prefix such as "module." (DataParallel), "_orig_mod." (torch.compile),
// "ema_model." or several of them.
struct FileNames {
  std::string prefix;
  Names names;
  std::string of(const std::string& ours) const { return prefix + translate(ours, names); }
};
// Error corrupt_data when the file holds several networks, as checkpoints with a student and an average do.
FileNames recognise(const TensorFile& file, const std::string& source);

}  // namespace crc::nn
