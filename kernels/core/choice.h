// A choice: an enum and its words. Configurations, command lines, messages and tests take both from one list, which
// stands beside what it chooses, so that a word is typed once:
//
//   CRC_CHOICE(Padding, reflect, zero)
//
// declares `enum class Padding : uint8_t { reflect, zero }` and its words. A choice that is a registry has a .def list
// instead (kernels/augment/policies.def, crc/searches.def, ...), of which its header makes the enum and words_of.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace crc {

using Words = std::span<const std::string_view>;

// Of a list as the preprocessor writes it: "reflect, zero".
constexpr size_t count_words(std::string_view list) { return 1 + size_t(std::ranges::count(list, ',')); }
template <size_t N> constexpr std::array<std::string_view, N> split_words(std::string_view list) {
  std::array<std::string_view, N> words;
  for (std::string_view& word : words) {
    word = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), word.size() + 2));
  }
  return words;
}

#define CRC_CHOICE(E, ...)                                                                                \
  enum class E : uint8_t { __VA_ARGS__ };                                                                 \
  inline constexpr auto kWordsOf##E = ::crc::split_words<::crc::count_words(#__VA_ARGS__)>(#__VA_ARGS__); \
  constexpr ::crc::Words words_of(E) { return kWordsOf##E; }

// words_of(E): the word of every enumerator, in their order. Enumerators without one come last: nobody can ask for
// them, and they print as nothing.
template <class E>
concept Choice = requires(E value) {
  words_of(value);
};

template <Choice E> constexpr Words all_words() { return words_of(E()); }

template <Choice E> constexpr std::string_view word_of(E value) {
  const Words words = words_of(value);
  return size_t(value) < words.size() ? words[size_t(value)] : std::string_view();
}

template <Choice E> constexpr std::optional<E> find_choice(std::string_view word) {
  const Words words = all_words<E>();
  const auto at = std::ranges::find(words, word);
  if (at == words.end()) return std::nullopt;
  return E(at - words.begin());
}

}  // namespace crc
