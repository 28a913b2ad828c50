#include "data/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr size_t kLongestCompared = 128;

[[noreturn]] void refuse(const std::string& name, const std::string& what) {
  fail(ExitCode::corrupt_data,
       fmt::format("{} {}; save it as text in UTF-8 (in a spreadsheet: \"CSV UTF-8\")", name, what));
}

void append_utf8(std::string& text, uint32_t code) {
  if (code < 0x80) {
    text += char(code);
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  constexpr uint8_t kFirst[] = {0, 0xc0, 0xe0, 0xf0};
  text += char(kFirst[more] | code >> 6 * more);
  for (int k = more - 1; k >= 0; --k) text += char(0x80 | (code >> 6 * k & 0x3f));
}

// `bytes` follow the byte order mark.
std::string from_utf16(std::string_view bytes, bool big_endian, const std::string& name) {
  if (bytes.size() % 2 != 0) refuse(name, "is UTF-16 with half a character at its end");
  const auto unit = [&](size_t at) -> uint32_t {
    const uint32_t first = uint8_t(bytes[at]), second = uint8_t(bytes[at + 1]);
    return big_endian ? first << 8 | second : second << 8 | first;
  };
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 2) {
    uint32_t code = unit(at);
    if (code >= 0xd800 && code < 0xe000) {  // half of a pair
      const uint32_t low = code < 0xdc00 && at + 2 < bytes.size() ? unit(at + 2) : 0;
      if (low < 0xdc00 || low >= 0xe000) refuse(name, fmt::format("is broken UTF-16 at byte {}", at + 2));
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      at += 2;
    }
    append_utf8(text, code);
  }
  return text;
}

}  // namespace

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string join_first(const std::vector<std::string>& parts, size_t most) {
  if (parts.size() <= most) return join(parts);
  return join({parts.begin(), parts.begin() + long(most)}) + fmt::format(", ... ({})", parts.size());
}

std::string counted(int64_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

std::string in_quotes(std::string_view text) { return fmt::format("{:?}", text); }

std::string shell_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string legible(std::string_view name) {
  const std::string text = in_quotes(name);
  const bool plain = text.size() == name.size() + 2 && !name.empty() && name.front() != ' ' && name.back() != ' ' &&
                     name.find_first_of(",;") == name.npos;
  return plain ? std::string(name) : text;
}

std::vector<std::string> legible(const std::vector<std::string>& names) {
  std::vector<std::string> all;
  for (const std::string& name : names) all.push_back(legible(std::string_view(name)));
  return all;
}

int distance(std::string_view a, std::string_view b) {
  a = a.substr(0, kLongestCompared), b = b.substr(0, kLongestCompared);
  std::vector<std::vector<int>> d(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = int(i);
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = int(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

std::vector<std::string> nearest(std::string_view name, const std::vector<std::string>& names) {
  std::vector<std::pair<int, const std::string*>> ranked;
  for (const std::string& candidate : names)
    if (const int far = distance(name, candidate); far <= typing_error(name)) ranked.emplace_back(far, &candidate);
  std::ranges::stable_sort(ranked, {}, [](const auto& entry) { return entry.first; });
  std::vector<std::string> best;
  for (size_t i = 0; i < std::min<size_t>(3, ranked.size()); ++i) best.push_back(*ranked[i].second);
  return best;
}

std::vector<std::string> nearest_words(std::string_view word, const std::vector<std::string>& words) {
  std::vector<std::string> near = nearest(word, words);
  std::erase_if(near, [&](const std::string& name) { return distance(word, name) > 1 + int(word.size()) / 4; });
  return near;
}

std::string did_you_mean(const std::vector<std::string>& nearest) {
  std::string text;
  for (const std::string& name : nearest) text += (text.empty() ? "; did you mean " : " or ") + legible(name);
  return text.empty() ? "" : text + "?";
}

std::string decode_text(std::string_view bytes, const std::string& name) {
  std::string text;
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff"))
    text = from_utf16(bytes.substr(2), bytes[0] == '\xfe', name);
  else
    text = bytes.starts_with("\xef\xbb\xbf") ? bytes.substr(3) : bytes;
  if (const size_t at = text.find('\0'); at != text.npos)
    refuse(name,
           fmt::format("is no text: it holds a byte 0, first at byte {}, as binary files and UTF-16 or UTF-32 do", at));
  return text;
}

std::vector<std::string> text_lines(std::string_view bytes, const std::string& name) {
  std::vector<std::string> lines(1);
  bool after_return = false;
  for (const char c : decode_text(bytes, name)) {
    const bool ended = after_return && c == '\n';  // CR LF is one end
    after_return = c == '\r';
    if (ended) continue;
    if (c == '\n' || c == '\r')
      lines.emplace_back();
    else
      lines.back() += c;
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace crc::data
