#include "data/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/text.h"
#include "kernels/core/error.h"

namespace crc::data {

Options::Options(std::string dataset, std::map<std::string, std::string> values)
    : dataset_(std::move(dataset)), values_(std::move(values)) {}

const std::string* Options::find(const std::string& name) {
  if (std::ranges::find(known_, name) == known_.end()) known_.push_back(name);
  const auto entry = values_.find(name);
  return entry == values_.end() ? nullptr : &entry->second;
}

void Options::refuse(const std::string& name, const std::string& expected) const {
  fail(ExitCode::config,
       fmt::format("data set {}: option {} is \"{}\"; expected {}", dataset_, name, values_.at(name), expected));
}

int64_t Options::integer(const std::string& name, int64_t otherwise, int64_t low, int64_t high) {
  const std::string* text = find(name);
  if (!text) return otherwise;
  const std::optional<int64_t> value = parse<int64_t>(*text);
  if (!value || *value < low || *value > high) refuse(name, fmt::format("an integer in {}..{}", low, high));
  return *value;
}

double Options::fraction(const std::string& name, double otherwise) {
  const std::string* text = find(name);
  if (!text) return otherwise;
  const std::optional<double> value = parse<double>(*text);
  if (!value || !(*value >= 0 && *value <= 1)) refuse(name, "a number in 0..1");
  return *value;
}

bool Options::flag(const std::string& name, bool otherwise) {
  const std::string* text = find(name);
  if (!text) return otherwise;
  if (*text != "0" && *text != "1" && *text != "false" && *text != "true") refuse(name, "true or false");
  return *text == "1" || *text == "true";
}

std::string Options::text(const std::string& name) {
  const std::string* text = find(name);
  return text ? *text : std::string();
}

std::string Options::choice(const std::string& name, const std::vector<std::string>& choices) {
  const std::string* text = find(name);
  if (!text) return choices.front();
  if (std::ranges::find(choices, *text) == choices.end()) refuse(name, "one of " + join(choices));
  return *text;
}

void Options::refuse_unknown() const {
  for (const auto& [name, value] : values_)
    if (std::ranges::find(known_, name) == known_.end())
      fail(ExitCode::config, fmt::format("data set {} has no option {}; it has: {}", dataset_, name,
                                         known_.empty() ? "none" : join(known_)));
}

}  // namespace crc::data
