// JSON from files that anyone may have changed: the one parser of every reader here.
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

}  // namespace crc::apps
