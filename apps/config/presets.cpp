#include "apps/config/presets.h"

#include <sstream>

namespace crc::apps {

std::string comment_of(const std::string& text, int line) {
  std::istringstream lines(text);
  std::string comment;
  for (int i = 0; i <= line; ++i) std::getline(lines, comment);
  return comment.starts_with("# ") ? comment.substr(2) : "";
}

}  // namespace crc::apps
