#include "apps/train/weights_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/base/version.h"
#include "apps/config/choices.h"
#include "apps/rundir/run_files.h"
#include "apps/train/experiment.h"
#include "nn/weights_io.h"

namespace crc::apps {
namespace {

// The keys below model. that decide what the network computes; the others decide how it is trained.
std::vector<std::string> network_keys(const Config& config) {
  if (config.choice<Network>("model.name") == Network::linear) return {};
  if (config.choice<Network>("model.name") == Network::mlp) return {"depth", "width", "slope"};
  return {"depth", "width", "base_channels", "conv_bias", "first_stride", "wiring", "bn_eps", "bn_offset", "slope"};
}

std::string plain_text(const Config& config, const std::string& path) {
  const ConfigValue& value = config.value(path);
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : to_text(value);
}

// The values as this program writes them, whoever wrote them.
void check_network(WeightsFile& file) {
  Config config;
  try {
    for (auto& [key, text] : file.info.model) {
      config.merge_value("model." + key, text, file.source);
      text = plain_text(config, "model." + key);
    }
  } catch (const Error& error) {
    fail(ExitCode::corrupt_data, fmt::format("{}; the file is damaged or of a later version", error.what()));
  }
}

std::string list_text(const std::vector<std::string>& names) {
  constexpr size_t kShown = 20;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i ? ", " : "") + names[i];
  return "[" + text + (names.size() > kShown ? fmt::format(", ... {} in all", names.size()) : "") + "]";
}

bool numbered(const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] != std::to_string(i)) return false;
  return true;
}

std::string three(const float (&v)[3]) { return fmt::format("{} {} {}", v[0], v[1], v[2]); }

std::string difference_of_classes(const nn::WeightsInfo& file, const nn::WeightsInfo& here,
                                  std::vector<std::string>* notes) {
  const std::vector<std::string>&theirs = file.class_names, ours = here.class_names;
  if (file.classes > 0 && file.classes != here.classes)
    return fmt::format("classes: {} in the file{}, {} here {}", file.classes,
                       theirs.empty() ? "" : " " + list_text(theirs), here.classes, list_text(ours));
  if (theirs.empty() || nn::names_text(theirs) == nn::names_text(ours)) return "";
  if (!numbered(theirs) && !numbered(ours))
    return fmt::format("classes: {} in the file, {} here", list_text(theirs), list_text(ours));
  if (notes)
    notes->push_back(fmt::format("classes are compared by number only: {} in the file, {} in the data",
                                 list_text(theirs), list_text(ours)));
  return "";
}

}  // namespace

WeightsFile decode_weights(std::string_view bytes, const std::string& source) {
  WeightsFile file{source, nn::decode_safetensors(bytes, source), {}};
  file.info = nn::describe(file.tensors, source);
  check_network(file);
  return file;
}

WeightsFile read_weights_file(const fs::path& path) { return decode_weights(read_named_file(path), path.string()); }

std::string weights_name(int64_t round, nn::Epoch epoch) {
  return round_name(round, epoch == nn::Epoch::best ? "best.safetensors" : "weights.safetensors");
}

nn::WeightsInfo weights_info(const Config& config, const data::Dataset& dataset) {
  nn::WeightsInfo info;
  info.model["name"] = plain_text(config, "model.name");
  for (const std::string& key : network_keys(config)) info.model[key] = plain_text(config, "model." + key);
  info.classes = dataset.classes();
  info.class_names = dataset.class_names;
  info.height = dataset.train.height;
  info.width = dataset.train.width;
  info.normalize = normalize_config(config, dataset);
  info.precision = config.get<std::string>("run.precision");
  info.averaged = config.get<std::string>("ssl.tested");
  info.version = version();
  return info;
}

std::string to_text(const Assumptions& assumed) {
  std::string text;
  for (const auto& [key, value] : assumed) text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", key, value);
  return text;
}

Assumptions adopt_network(Config& config, const WeightsFile& file) {
  Assumptions assumed;
  const auto adopt = [&](const std::string& key) {
    const std::string path = "model." + key, before = plain_text(config, path), origin = config.origin(path);
    const auto said = file.info.model.find(key);
    if (said == file.info.model.end()) {
      if (origin == "default") assumed[path] = before;
    } else if (origin == "default") {
      config.merge_value(path, said->second, file.source);
    } else if (before != said->second) {
      fail(ExitCode::config, fmt::format("{} = {} ({}), but {} is of a network with {} = {}; leave the key out to take "
                                         "what the file says",
                                         path, before, origin, file.source, path, said->second));
    }
  };
  adopt("name");
  for (const std::string& key : network_keys(config)) adopt(key);
  return assumed;
}

data::Dataset data_shape(const WeightsFile& file) {
  if (file.info.classes == 0)
    fail(ExitCode::corrupt_data, file.source +
                                     " does not fit any network: it has no last layer with values (fc.weight, " +
                                     "classifier.weight or output.weight)");
  data::Dataset data;
  data.class_names = file.info.class_names;
  data.class_names.resize(size_t(file.info.classes));
  data.train.height = file.info.height, data.train.width = file.info.width;
  // Without their size, the inputs are all there is to know of the images or embeddings of an MLP.
  if (file.info.height > 0) return data;
  if (file.info.inputs > 0)
    data.train.features = file.info.inputs;
  else
    data.train.height = 1;
  return data;
}

void check_fits(const WeightsFile& file, const nn::WeightsInfo& here, ExitCode code, const std::string& advice,
                std::vector<std::string>* notes) {
  const nn::WeightsInfo& info = file.info;
  std::string differences;
  const auto differs = [&](const std::string& text) { differences += (differences.empty() ? "" : "; ") + text; };
  for (const auto& [key, text] : here.model)
    if (const auto said = info.model.find(key); said != info.model.end() && said->second != text)
      differs(fmt::format("model.{} = {} in the file, {} here", key, said->second, text));
  if (info.height > 0 && (info.height != here.height || info.width != here.width))
    differs(fmt::format("images of {}x{} in the file, {}x{} here", info.height, info.width, here.height, here.width));
  if (info.normalize && (three(info.normalize->mean) != three(here.normalize->mean) ||
                         three(info.normalize->std) != three(here.normalize->std)))
    differs(fmt::format("normalisation mean {}, std {} in the file, mean {}, std {} here", three(info.normalize->mean),
                        three(info.normalize->std), three(here.normalize->mean), three(here.normalize->std)));
  if (const std::string text = difference_of_classes(info, here, notes); !text.empty()) differs(text);
  if (!differences.empty()) fail(code, fmt::format("{} does not fit: {}; {}", file.source, differences, advice));
}

}  // namespace crc::apps
