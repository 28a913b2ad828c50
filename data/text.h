// Texts that people wrote, and texts for people.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crc::data {

// "a, b, c"
std::string join(const std::vector<std::string>& parts);
// The first `most` of them, then how many there are: "a, b, ... (12)"
std::string join_first(const std::vector<std::string>& parts, size_t most);

// The number that all of `text` is.
template <class T> std::optional<T> parse(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "1 image", "3 images": a number and the words for so many.
std::string counted(int64_t count, std::string_view one, std::string_view many);

std::string in_quotes(std::string_view text);     // "text", with escapes for what does not print and what is not UTF-8
std::string shell_quoted(std::string_view text);  // 'text', one word to a shell, whatever is in it
// A name as a message shows it: as it is where that is unmistakable, else quoted.
std::string legible(std::string_view name);
std::vector<std::string> legible(const std::vector<std::string>& names);

// Levenshtein distance in bytes, a swap of neighbours counting one. Of long texts, the first 128 bytes count.
int distance(std::string_view a, std::string_view b);
// How far away a name may be that was meant by `name`.
inline int typing_error(std::string_view name) { return 2 + int(name.size()) / 4; }
// Up to three of `names` that `name` may have meant, nearest first.
std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& names);
// The same of words, which are short: what is as far as other words are from each other is no hint.
std::vector<std::string> nearest_words(std::string_view word, const std::vector<std::string>& words);
// "; did you mean a or b?", or nothing
std::string did_you_mean(const std::vector<std::string>& nearest);

// A text file's bytes as UTF-8 without byte order mark; UTF-16 is converted. Other bytes stay what they are.
// Error, with `name` of the file: corrupt_data (a byte 0: binary, or UTF-16 without its mark; broken UTF-16).
std::string decode_text(std::string_view bytes, const std::string& name);
// Its lines, whether they end in LF, CR LF or CR; without blank ones at the end.
std::vector<std::string> text_lines(std::string_view bytes, const std::string& name);

}  // namespace crc::data
