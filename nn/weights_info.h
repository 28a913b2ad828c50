// What a weights file says about its network besides the values: safetensors' __metadata__ of the files that this
// program writes, and the shapes of the tensors in any file. What neither tells stays empty.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/core/choice.h"
#include "kernels/ops/normalize.h"
#include "nn/safetensors.h"

namespace crc::nn {

CRC_CHOICE(Precision, fp32, tf32, bf16)  // arithmetic of training
CRC_CHOICE(Tested, ema, student)         // the model that is tested, scored and exported
CRC_CHOICE(Epoch, best, last)            // of a round

struct WeightsInfo {
  // The configuration's model.* keys that decide the function, without "model.": {"depth", "28"}, {"wiring", "raw_x"}.
  std::map<std::string, std::string> model;
  int64_t classes = 0;
  std::vector<std::string> class_names;
  int64_t height = 0, width = 0;             // of the images that it was trained on
  int64_t inputs = 0;                        // of an MLP or linear one, by its shapes: height * width * 3, or features
  std::optional<NormalizeConfig> normalize;  // of these images
  std::string precision;                     // of the training: a word of Precision
  std::string averaged;                      // of Tested
  std::string epoch;                         // of Epoch
  std::string version;                       // of the program
};

// Keys "crc.*"; floating-point numbers read back to the same bits. Names that are not UTF-8 lose what JSON cannot hold.
std::map<std::string, std::string> to_metadata(const WeightsInfo& info);
// Other programs' keys are skipped. Error corrupt_data for a key "crc.*" that is unknown or does not read.
WeightsInfo from_metadata(const std::map<std::string, std::string>& metadata, const std::string& source);

// The metadata, and for what it does not say: kind, depth, width, base_channels, conv_bias and classes from the shapes
// (and first_stride, where width is 1).
WeightsInfo describe(const TensorFile& file, const std::string& source);

// As to_metadata stores them: what two lists are compared by.
std::string names_text(const std::vector<std::string>& names);

}  // namespace crc::nn
