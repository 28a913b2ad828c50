#include "apps/presets.h"

#include <sstream>

namespace crc::apps {

std::string comment_of(const Preset& preset, int line) {
  std::istringstream text(preset.text);
  std::string comment;
  for (int i = 0; i <= line; ++i) std::getline(text, comment);
  return comment.starts_with("# ") ? comment.substr(2) : "";
}

}  // namespace crc::apps
