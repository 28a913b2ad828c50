// Keys of the table (config_keys.cpp) by their kind of value.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/config/config_schema.h"
#include "kernels/core/choice.h"

namespace crc::apps {

inline constexpr double kMany = 1e12;  // beyond what anybody asks for

inline ConfigKey integer(std::string path, int64_t fallback, double low, double high, std::string doc) {
  return {
      .path = std::move(path), .fallback = fallback, .doc = std::move(doc), .low = low, .high = high, .choices = {}};
}
inline ConfigKey real(std::string path, double fallback, double low, double high, std::string doc) {
  return {
      .path = std::move(path), .fallback = fallback, .doc = std::move(doc), .low = low, .high = high, .choices = {}};
}
inline ConfigKey boolean(std::string path, bool fallback, std::string doc) {
  return {.path = std::move(path), .fallback = fallback, .doc = std::move(doc), .choices = {}};
}
inline ConfigKey text(std::string path, std::string fallback, std::vector<std::string> choices, std::string doc) {
  return {
      .path = std::move(path), .fallback = std::move(fallback), .doc = std::move(doc), .choices = std::move(choices)};
}
template <Choice E> ConfigKey choice(std::string path, E fallback, std::string doc) {
  const Words words = all_words<E>();
  return text(std::move(path), std::string(word_of(fallback)), {words.begin(), words.end()}, std::move(doc));
}
inline ConfigKey place(ConfigKey key) {
  key.decides = Decides::place;
  return key;
}

// Of a key that earlier versions did not have, or with another default: what they did.
inline ConfigKey later(ConfigKey key, ConfigValue before) {
  key.before = std::move(before);
  return key;
}

// Empty: as another key says.
template <Choice E> ConfigKey choice_or_none(std::string path, std::string doc) {
  ConfigKey key = choice(std::move(path), E(), std::move(doc));
  key.fallback = std::string();
  key.choices.insert(key.choices.begin(), "");
  return later(std::move(key), std::string());
}

}  // namespace crc::apps
