// Weights files and what they must fit: a run, a data set, a command. The file speaks first; what it does not say and
// nobody set is an assumption, and whoever uses the numbers is told.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config/config.h"
#include "data/dataset.h"
#include "nn/weights_info.h"

namespace crc::apps {

struct WeightsFile {
  std::string source;  // its path
  nn::TensorFile tensors;
  nn::WeightsInfo info;
};
// Of a file that somebody named. Errors: 66, 65.
WeightsFile read_weights_file(const fs::path& path);
WeightsFile decode_weights(std::string_view bytes, const std::string& source);

// What the files of a run with this configuration and data say; ssl.tested is the model that a run exports.
nn::WeightsInfo weights_info(const Config& config, const data::Dataset& dataset);

// Of a round's file, below the run.
std::string weights_name(int64_t round, nn::Epoch epoch);
inline constexpr const char* kNotOfThisRun = "it is not a file of this run: restore it from a copy";

// Key and value, as the configuration calls them.
using Assumptions = std::map<std::string, std::string>;
std::string to_text(const Assumptions& assumed);  // "model.wiring = raw_x, model.slope = 0.1"

// Makes the network of `config` that of the file: a key that nobody set takes the file's value; one that was set must
// equal it (Error 78 with both). Returns the keys that neither the file nor anybody else knows: they stay as they are.
Assumptions adopt_network(Config& config, const WeightsFile& file);

// As much of a data set as a network's shapes need, from the file itself. Error 65: it has no last layer.
data::Dataset data_shape(const WeightsFile& file);

// Fails with `code` and the advice if the file says anything else than `here`: network, size of the images,
// normalisation, classes. What the file does not say fits. Classes that one side only numbers fit if they are as many:
// `notes` then says so.
void check_fits(const WeightsFile& file, const nn::WeightsInfo& here, ExitCode code, const std::string& advice,
                std::vector<std::string>* notes = nullptr);

}  // namespace crc::apps
