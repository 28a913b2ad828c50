#include "apps/base/json.h"

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr int kMaxDepth = 64;  // ours have 4

bool too_deep(std::string_view text) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '[' || c == '{')) {
      if (++depth > kMaxDepth) return true;
    } else if (!quoted && (c == ']' || c == '}')) {
      --depth;
    }
  }
  return false;
}

}  // namespace

std::optional<nlohmann::ordered_json> read_json(std::string_view text) {
  if (too_deep(text)) return std::nullopt;
  auto value = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

nlohmann::ordered_json parse_json(std::string_view text, const std::string& name) {
  if (auto value = read_json(text)) return std::move(*value);
  fail(ExitCode::corrupt_data,
       too_deep(text)
           ? fmt::format("{} is nested more than {} deep, as no file of this program is; restore it from a copy", name,
                         kMaxDepth)
           : name + " is damaged: it is not JSON in UTF-8; restore it from a copy");
}

}  // namespace crc::apps
