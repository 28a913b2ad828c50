#include "nn/foreign_format.h"

namespace crc::nn {
namespace {

// With the names under which the semi-supervised ports keep their two networks.
std::string convert_with_torch(const std::string& source) {
  return "; such files can run code and are not read. In Python: import torch; from safetensors.torch import "
         "save_file; "
         "w = torch.load(\"" +
         source +
         "\", map_location=\"cpu\", weights_only=True); save_file(w.get(\"state_dict\", w), "
         "\"weights.safetensors\")   (w[\"ema_state_dict\"], w[\"ema_model\"], w[\"model\"]: where the tensors are "
         "there)";
}

bool is_pickle(std::string_view bytes) {
  return bytes.size() > 1 && bytes[0] == '\x80' && bytes[1] >= 2 && bytes[1] <= 5;
}

}  // namespace

std::string foreign_format(std::string_view bytes, const std::string& source) {
  const auto begins = [&](std::string_view magic) { return bytes.starts_with(magic); };
  if (bytes.size() > 8 && bytes[8] == '{') return "";
  if (begins("PK\x03\x04"))
    return bytes.substr(0, 256).find(".npy") != bytes.npos
               ? "a NumPy .npz archive; save its arrays with safetensors.numpy.save_file(dict(numpy.load(...)), ...)"
               : "a ZIP archive, as torch.save writes" + convert_with_torch(source);
  if (is_pickle(bytes)) return "a Python pickle, as torch.save writes" + convert_with_torch(source);
  if (bytes.size() > 262 && bytes.substr(257, 5) == "ustar")
    return "a tar archive, as early versions of torch.save wrote" + convert_with_torch(source);
  if (begins("\x89HDF\r\n\x1a\n"))
    return "an HDF5 file, as Keras writes; save its weights with safetensors.numpy.save_file({name: array, ...}, ...)";
  if (begins("\x93NUMPY")) return "a NumPy .npy array; weights are many named arrays: safetensors.numpy.save_file";
  if (begins("\x1f\x8b")) return "a gzip archive; unpack it first";
  if (begins("version https://git-lfs")) return "a Git LFS pointer, not the file itself; fetch that with git lfs pull";
  if (begins("<")) return "a web page or XML; download the file itself";
  return "";
}

}  // namespace crc::nn
