// The one way from text to JSON, in files that anyone may have changed, and back.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace crc::apps {

// Nothing when `text` is not one JSON value in UTF-8, or is nested deeper than any file of ours: the library walks a
// value by calling itself.
std::optional<nlohmann::ordered_json> read_json(std::string_view text);

// The same, or Error 65; `name` stands for the file, with its line where it has several values.
nlohmann::ordered_json parse_json(std::string_view text, const std::string& name);

enum class Ascii { no, yes };  // yes: for a terminal, everything else as \uXXXX

// File names in it may be any bytes: what is not UTF-8 becomes U+FFFD instead of an exception.
template <class Json> std::string json_text(const Json& json, int indent = -1, Ascii ascii = Ascii::no) {
  return json.dump(indent, ' ', ascii == Ascii::yes, Json::error_handler_t::replace);
}

}  // namespace crc::apps
