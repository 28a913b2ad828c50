// What people hand over in place of a safetensors file, told apart by its first bytes.
#pragma once

#include <string>
#include <string_view>

namespace crc::nn {

// What the bytes are instead and what to do, as the end of a sentence: "a ZIP archive, as torch.save writes; ...".
// Empty for what may be safetensors. `source` (a path) stands in the commands.
std::string foreign_format(std::string_view bytes, const std::string& source);

}  // namespace crc::nn
