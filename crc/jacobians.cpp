#include "crc/jacobians.h"

#include <fmt/format.h>

#include <sstream>

namespace crc::select {
namespace {

bool names(const std::string& word, const std::string& block) {
  return block.starts_with(word) && (block.size() == word.size() || block[word.size()] == '.');
}

// "fc, bn1, block3, ...": the first parts of the names.
std::string known_layers(const Jacobians& source) {
  std::string known, last;
  for (const JacobianBlock& block : source.blocks()) {
    const std::string first = block.name.substr(0, block.name.find('.'));
    if (first != last) known += (known.empty() ? "" : ", ") + first;
    last = first;
  }
  return known;
}

}  // namespace

std::vector<bool> choose_blocks(const Jacobians& source, const std::string& layers, const std::string& acquisition) {
  const auto& blocks = source.blocks();
  if (layers == kAllLayers) return std::vector<bool>(blocks.size(), true);
  std::vector<bool> wanted(blocks.size(), false);
  std::istringstream words(layers);
  bool any = false;
  for (std::string word; words >> word; any = true) {
    bool found = false;
    for (size_t b = 0; b < blocks.size(); ++b)
      if (names(word, blocks[b].name)) wanted[b] = found = true;
    if (!found)
      fail(ExitCode::config, fmt::format("acquisition \"{}\": the network has no layer \"{}\"; it has {} (and parts of "
                                         "these, such as {})",
                                         acquisition, word, known_layers(source), blocks.front().name));
  }
  if (!any)
    fail(ExitCode::config, fmt::format("acquisition \"{}\" needs layers; name some of {}, or \"all\"", acquisition,
                                       known_layers(source)));
  return wanted;
}

}  // namespace crc::select
