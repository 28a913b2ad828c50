#include "nn/weights_info.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "nn/tensor_names.h"

namespace crc::nn {
namespace {

using Json = nlohmann::json;

constexpr const char *kPrefix = "crc.", *kModel = "model.", *kSchema = "1";
constexpr int64_t kLargestSide = 1 << 20;
constexpr int64_t kDeepest = 1000;  // units in a stage: more than model.depth allows

[[noreturn]] void refuse(const std::string& source, const std::string& key, const std::string& text,
                         const std::string& expected) {
  fail(ExitCode::corrupt_data,
       fmt::format("{}: its metadata says {}{} = \"{}\", expected {}; the file is damaged or of a later version",
                   source, kPrefix, key, text.substr(0, 100), expected));
}

// Exactly `values.size()` numbers with a space between them.
template <class Span> bool parse(const std::string& text, Span values) {
  const char *at = text.data(), *end = at + text.size();
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && (at == end || *at++ != ' ')) return false;
    const auto [stop, error] = std::from_chars(at, end, values[i]);
    if (error != std::errc()) return false;
    at = stop;
  }
  return at == end;
}

// A flat list of texts; deeper lists are dropped while they are read, whatever their depth.
std::vector<std::string> parse_names(const std::string& text, const std::string& source) {
  bool flat = true;
  const auto watch = [&](int depth, Json::parse_event_t event, Json&) {
    const bool opens = event == Json::parse_event_t::array_start || event == Json::parse_event_t::object_start;
    if (opens && depth > 0) flat = false;
    return flat;
  };
  const Json list = Json::parse(text, watch, /*allow_exceptions=*/false);
  std::vector<std::string> names;
  if (flat && list.is_array())
    for (const Json& name : list)
      if (name.is_string()) names.push_back(name.get<std::string>());
  if (!flat || !list.is_array() || names.empty() || names.size() != list.size())
    refuse(source, "class_names", text, "a JSON list of names");
  return names;
}

void read_normalize(NormalizeConfig& normalize, const std::string& key, const std::string& text,
                    const std::string& source) {
  const std::span<float> values = key == "normalize.mean" ? std::span(normalize.mean) : std::span(normalize.std);
  bool good = parse(text, values);
  for (const float v : values) good = good && std::isfinite(v) && (key == "normalize.mean" || v > 0);
  if (!good) refuse(source, key, text, "three numbers");
}

void read_choice(std::string& field, const std::string& key, const std::string& text, Words words,
                 const std::string& source) {
  std::string expected;
  for (const std::string_view word : words) {
    if (text == word) field = text;
    expected += (expected.empty() ? "" : " or ") + std::string(word);
  }
  if (field.empty()) refuse(source, key, text, expected);
}

void read_entry(WeightsInfo& info, NormalizeConfig& normalize, const std::string& key, const std::string& text,
                const std::string& source) {
  int64_t extents[2];
  if (key == "schema") {
    if (text != kSchema) refuse(source, key, text, kSchema);
  } else if (key == "version") {
    info.version = text;
  } else if (key.starts_with(kModel)) {
    info.model[key.substr(strlen(kModel))] = text;
  } else if (key == "input") {
    if (!parse(text, std::span(extents)) || std::min(extents[0], extents[1]) < 1 ||
        std::max(extents[0], extents[1]) > kLargestSide)
      refuse(source, key, text, "height and width");
    info.height = extents[0], info.width = extents[1];
  } else if (key == "normalize.mean" || key == "normalize.std") {
    read_normalize(normalize, key, text, source);
  } else if (key == "class_names") {
    info.class_names = parse_names(text, source);
    info.classes = int64_t(info.class_names.size());
  } else if (key == "precision") {
    read_choice(info.precision, key, text, all_words<Precision>(), source);
  } else if (key == "model_kind") {
    read_choice(info.averaged, key, text, all_words<Tested>(), source);
  } else if (key == "epoch") {
    read_choice(info.epoch, key, text, all_words<Epoch>(), source);
  } else {
    refuse(source, key, text, "no such key");
  }
}

std::string three(const float (&v)[3]) { return fmt::format("{} {} {}", v[0], v[1], v[2]); }

// [K,...] of a tensor with that many dimensions and at least one element; else 0.
int64_t rows(const TensorFile& file, const std::string& name, size_t rank) {
  const TensorEntry* t = file.find(name);
  return t && t->shape.size() == rank && !t->bytes.empty() ? t->shape[0] : 0;
}

// Layers 0, 1, ... of which `name` gives a tensor that the file has.
template <class Name> int64_t count_layers(const TensorFile& file, Name name) {
  int64_t n = 0;
  while (n < kDeepest && file.find(name(n))) ++n;
  return n;
}

std::map<std::string, std::string> wrn_by_shape(const TensorFile& file, const FileNames& names) {
  const int64_t base = rows(file, names.of("conv1.weight"), 4);
  const int64_t wide = rows(file, names.of("block1.layer.0.conv1.weight"), 4);
  if (base < 1 || wide < 1 || wide % base != 0) return {};
  const int64_t units =
      count_layers(file, [&](int64_t n) { return names.of("block1.layer." + std::to_string(n) + ".conv1.weight"); });
  const bool stem_bias = file.find(names.of("conv1.bias")), all = file.find(names.of("block1.layer.0.conv1.bias"));
  std::map<std::string, std::string> model{{"name", "wrn"},
                                           {"depth", std::to_string(6 * units + 4)},
                                           {"width", std::to_string(wide / base)},
                                           {"base_channels", std::to_string(base)},
                                           {"conv_bias", all         ? "all"
                                                         : stem_bias ? "stem"
                                                                     : "none"}};
  // Where the channels stay, only a stride needs a shortcut.
  if (wide == base) model["first_stride"] = file.find(names.of("block1.layer.0.convShortcut.weight")) ? "2" : "1";
  return model;
}

std::map<std::string, std::string> mlp_by_shape(const TensorFile& file, const FileNames& names) {
  const auto layer = [&](int64_t n) { return names.of("layers." + std::to_string(n) + ".weight"); };
  const int64_t width = rows(file, layer(0), 2);
  if (width < 1) return {};
  return {{"name", "mlp"}, {"depth", std::to_string(count_layers(file, layer))}, {"width", std::to_string(width)}};
}

std::map<std::string, std::string> linear_by_shape(const TensorFile& file, const FileNames& names) {
  if (file.tensors.size() != 2 || rows(file, names.of("fc.weight"), 2) < 1 || !file.find(names.of("fc.bias")))
    return {};
  return {{"name", "linear"}};
}

}  // namespace

std::string names_text(const std::vector<std::string>& names) {
  return Json(names).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::map<std::string, std::string> to_metadata(const WeightsInfo& info) {
  std::map<std::string, std::string> metadata;
  const auto put = [&](const std::string& key, const std::string& text) {
    if (!text.empty()) metadata[kPrefix + key] = text;
  };
  put("schema", kSchema);
  put("version", info.version);
  for (const auto& [key, text] : info.model) put(kModel + key, text);
  if (info.height > 0) put("input", fmt::format("{} {}", info.height, info.width));
  if (info.normalize) put("normalize.mean", three(info.normalize->mean));
  if (info.normalize) put("normalize.std", three(info.normalize->std));
  if (!info.class_names.empty()) put("class_names", names_text(info.class_names));
  put("precision", info.precision);
  put("model_kind", info.averaged);
  put("epoch", info.epoch);
  return metadata;
}

WeightsInfo from_metadata(const std::map<std::string, std::string>& metadata, const std::string& source) {
  WeightsInfo info;
  NormalizeConfig normalize;
  for (const auto& [key, text] : metadata)
    if (key.starts_with(kPrefix)) read_entry(info, normalize, key.substr(strlen(kPrefix)), text, source);
  const std::string mean = "crc.normalize.mean", std = "crc.normalize.std";
  if (metadata.count(mean) != metadata.count(std))
    refuse(source, "normalize", "", "both crc.normalize.mean and crc.normalize.std");
  if (metadata.count(mean)) info.normalize = normalize;
  return info;
}

WeightsInfo describe(const TensorFile& file, const std::string& source) {
  WeightsInfo info = from_metadata(file.metadata, source);
  const FileNames names = recognise(file, source);
  info.model.merge(wrn_by_shape(file, names));
  info.model.merge(mlp_by_shape(file, names));
  info.model.merge(linear_by_shape(file, names));
  if (info.classes == 0) info.classes = rows(file, names.of("fc.weight"), 2);
  const bool linear = info.model.contains("name") && info.model.at("name") == "linear";
  if (const std::string first = names.of(linear ? "fc.weight" : "layers.0.weight"); rows(file, first, 2) > 0)
    info.inputs = file.at(first, source).shape[1];
  return info;
}

}  // namespace crc::nn
