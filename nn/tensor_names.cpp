#include "nn/tensor_names.h"

#include <array>
#include <set>

namespace crc::nn {
namespace {

constexpr std::array<std::pair<Names, const char*>, 5> kNames = {{{Names::kekmodel, "kekmodel"},
                                                                  {Names::lee, "lee"},
                                                                  {Names::perrying, "perrying"},
                                                                  {Names::torchssl, "torchssl"},
                                                                  {Names::usb, "usb"}}};

void replace_prefix(std::string& s, const std::string& from, const std::string& to) {
  if (s.starts_with(from)) s = to + s.substr(from.size());
}

// perrying's residual unit is one Sequential: [bn, act, conv, bn, act, conv], whose first two entries are pulled out
// into pre_act in the first unit of stage 1.
std::string perrying_name(std::string name) {
  replace_prefix(name, "conv1.", "init_conv.");
  replace_prefix(name, "bn1.", "unit4.0.");
  replace_prefix(name, "fc.", "output.");
  if (!name.starts_with("block")) return name;
  const size_t layer = name.find(".layer."), dot = name.find('.', layer + 7);
  const std::string stage = name.substr(5, layer - 5), unit = name.substr(layer + 7, dot - layer - 7);
  const std::string prefix = "unit" + stage + "." + unit + ".";
  const bool first = stage == "1" && unit == "0";
  std::string rest = name.substr(dot + 1);
  replace_prefix(rest, "bn1.", first ? "pre_act.0." : "layer.0.");
  replace_prefix(rest, "conv1.", first ? "layer.0." : "layer.2.");
  replace_prefix(rest, "bn2.", first ? "layer.1." : "layer.3.");
  replace_prefix(rest, "conv2.", first ? "layer.3." : "layer.5.");
  replace_prefix(rest, "convShortcut.", "identity.");
  return prefix + rest;
}

}  // namespace

Names names_from(const std::string& text) {
  std::string known;
  for (const auto& [names, name] : kNames) {
    if (text == name) return names;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  fail(ExitCode::usage, "tensor names \"" + text + "\" are not known; use one of " + known);
}

std::string translate(std::string name, Names names) {
  if (names == Names::usb) replace_prefix(name, "fc.", "classifier.");
  return names == Names::perrying ? perrying_name(std::move(name)) : name;
}

FileNames recognise(const TensorFile& file, const std::string& source) {
  std::set<std::string> prefixes;  // of the heads: each is a network
  for (const TensorEntry& t : file.tensors)
    for (const char* head : {"fc.weight", "classifier.weight", "output.weight"}) {
      const std::string prefix = t.name.ends_with(head) ? t.name.substr(0, t.name.size() - strlen(head)) : "no head";
      if (prefix.empty() || prefix.ends_with('.')) prefixes.insert(prefix);
    }
  if (prefixes.size() > 1)
    fail(ExitCode::corrupt_data, source + " holds several networks, named \"" + *prefixes.begin() + "...\" and \"" +
                                     *std::next(prefixes.begin()) +
                                     "...\"; write the one you mean into a file of its own. In Python: from "
                                     "safetensors.torch import load_file, save_file; p = \"" +
                                     *prefixes.begin() + "\"; save_file({k[len(p):]: v for k, v in load_file(\"" +
                                     source + "\").items() if k.startswith(p)}, \"weights.safetensors\")");
  FileNames found{prefixes.empty() ? "" : *prefixes.begin(), Names::kekmodel};
  if (file.find(found.prefix + "init_conv.weight")) found.names = Names::perrying;
  if (file.find(found.prefix + "classifier.weight")) found.names = Names::usb;
  return found;
}

}  // namespace crc::nn
