// The one way from JSON to text: file names in it may be any bytes, and what is not UTF-8 becomes U+FFFD instead of an
// exception.
#pragma once

#include <string>

namespace crc::apps {

enum class Ascii { no, yes };  // yes: for a terminal, everything else as \uXXXX

template <class Json> std::string json_text(const Json& json, int indent = -1, Ascii ascii = Ascii::no) {
  return json.dump(indent, ' ', ascii == Ascii::yes, Json::error_handler_t::replace);
}

}  // namespace crc::apps
