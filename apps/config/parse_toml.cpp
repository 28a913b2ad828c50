#include "apps/config/parse_toml.h"

#include <fmt/format.h>

#include "kernels/core/error.h"

namespace crc::apps {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr int kMaxDepth = 16;  // of values in each other, and of the parts of a dotted key; ours have 3

// Looks at brackets, keys' dots and line ends; strings and comments are passed over. What else is wrong is the
// parser's to say.
class Guard {
 public:
  Guard(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  void check() {
    if (text_.size() > kMaxBytes) refuse(fmt::format("is larger than {} bytes, the most that is read", kMaxBytes));
    while (at_ < text_.size()) step();
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    fail(ExitCode::config, fmt::format("{}:{}: {}", name_, line_, what));
  }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n'; }
  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

  void step() {
    const char c = peek();
    if (c == '#') return skip_comment();
    if (c == '"' || c == '\'') {
      statement_begins_ = false;
      return skip_string(c);
    }
    if (c == '[' && statement_begins_) check_table_name();
    if (c == '[' || c == '{') enter();
    if (c == ']' || c == '}') --depth_;
    if (c == '.' && ++parts_ > kMaxDepth) refuse(fmt::format("a key of more than {} parts", kMaxDepth));
    if (std::string_view("[]{}=,\n").find(c) != std::string_view::npos) parts_ = 1;
    if (c == '\n') {
      ++line_;
      statement_begins_ = depth_ <= 0;
      if (depth_ < 0) depth_ = 0;
    } else if (static_cast<signed char>(c) >
               ' ') {  // what else there is no statement begins with: blanks, or what the parser refuses
      statement_begins_ = false;
    }
    ++at_;
  }
  void enter() {
    if (++depth_ > kMaxDepth) refuse(fmt::format("values are nested more than {} deep", kMaxDepth));
  }
  void skip_comment() {
    while (at_ < text_.size() && peek() != '\n') ++at_;
  }
  // "..." or '...' to the line's end at most; three quotes: over lines.
  void skip_string(char quote) {
    const bool over_lines = peek(1) == quote && peek(2) == quote;
    for (at_ += over_lines ? 3 : 1; at_ < text_.size(); ++at_) {
      const char c = peek();
      if (c == '\n' && !over_lines) return;
      if (c == '\n') ++line_;
      if (c == '\\' && quote == '"') {
        if (peek(1) != '\n') ++at_;
      } else if (c == quote && (!over_lines || (peek(1) == quote && peek(2) == quote))) {
        at_ += over_lines ? 3 : 1;
        for (int i = 0; over_lines && i < 2 && peek() == quote; ++i) ++at_;  // two may stand before the end's three
        return;
      }
    }
  }
  // After "[" or "[[" the parser takes for granted that a name begins.
  void check_table_name() {
    const size_t begin = at_++;
    skip_blanks();
    if (peek() == '[') ++at_;
    skip_blanks();
    const auto c = uint8_t(peek());
    const bool begins_name = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                             c == '-' || c == '"' || c == '\'';
    if (!begins_name) refuse("a table's name is missing after \"[\"; write [name], as in [ssl]");
    at_ = begin;
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
  int line_ = 1, depth_ = 0, parts_ = 1;
  bool statement_begins_ = true;
};

}  // namespace

toml::table parse_toml(std::string_view text, const std::string& name) {
  Guard(text, name).check();
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    fail(ExitCode::config, fmt::format("{}:{}: {}", name, error.source().begin.line, error.description()));
  } catch (const TomlAssertion&) {
    fail(ExitCode::config, fmt::format("{}: is not TOML: somewhere a key, a value or a table's name is missing", name));
  }
}

}  // namespace crc::apps
