#include "data/npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <utility>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxRank = 8;

struct TypeRow {
  NpyType type;
  const char* descr;
  int64_t bytes;
};
constexpr TypeRow kTypes[] = {{NpyType::bf16, "<u2 as bf16", 2}, {NpyType::f16, "<f2", 2}, {NpyType::f32, "<f4", 4},
                              {NpyType::f64, "<f8", 8},          {NpyType::i8, "|i1", 1},  {NpyType::i16, "<i2", 2},
                              {NpyType::i32, "<i4", 4},          {NpyType::i64, "<i8", 8}, {NpyType::u8, "|u1", 1},
                              {NpyType::u16, "<u2", 2},          {NpyType::u32, "<u4", 4}, {NpyType::u64, "<u8", 8},
                              {NpyType::boolean, "|b1", 1}};

const TypeRow& row_of(NpyType type) { return kTypes[size_t(type)]; }

std::string kind_of(std::string_view descr) {
  if (descr.starts_with(">")) return "big-endian numbers";
  switch (descr.size() > 1 ? descr[1] : ' ') {
    case 'O':
      return "Python objects";
    case 'U':
    case 'S':
      return "text";
    case 'c':
      return "complex numbers";
    case 'V':
      return "raw bytes";  // bfloat16 is stored so
    default:
      return "elements that are not known here";
  }
}

[[noreturn]] void fail_type(const Path& path, std::string_view descr, const std::string& kind) {
  fail(ExitCode::corrupt_data,
       fmt::format("{} holds {} (descr {:?}); floats of 16, 32 or 64 bits, integers and booleans are read, all "
                   "little-endian: save it again with numpy.save(file, array.astype(\"<f4\")), or \"<i8\" for item "
                   "numbers{}",
                   path.string(), kind, descr, descr.ends_with("V2") ? "; bf16 as array.view(\"<u2\")" : ""));
}

// The header is a Python dict literal with exactly the keys 'descr', 'fortran_order' and 'shape', in any order.
class HeaderParser {
 public:
  // `text` begins at byte `begin` of the file.
  HeaderParser(std::string_view text, int64_t begin, const Path& path) : text_(text), begin_(begin), path_(path) {}

  NpyHeader parse() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const size_t key_at = at_;
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(descr, true)) {
        header.type = type();
      } else if (key == "fortran_order" && !std::exchange(order, true)) {
        header.fortran_order = truth();
      } else if (key == "shape" && !std::exchange(shape, true)) {
        header.shape = tuple();
      } else {
        fail_here(key_at, fmt::format("key {:?}", key), "each of descr, fortran_order and shape once");
      }
      if (!accept(',') && peek() != '}') fail_here(at_, found(), "',' or '}'");
    }
    if (!descr || !order || !shape)
      fail_here(at_, "the end of the header", "the keys descr, fortran_order and shape before it");
    skip_space();
    if (at_ != text_.size()) fail_here(at_, found(), "the end of the header");
    return header;
  }

 private:
  [[noreturn]] void fail_here(size_t at, const std::string& found, const std::string& expected) const {
    fail_at(path_, begin_ + int64_t(at), found, expected);
  }
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  std::string found() const {
    return at_ < text_.size() ? fmt::format("{:?}", text_.substr(at_, 1)) : "the end of the header";
  }
  bool accept(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail_here(at_, found(), fmt::format("'{}'", c));
  }
  bool accept_word(std::string_view word) {
    skip_space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail_here(at_, found(), "a quoted string");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) fail_here(at_, "a string without end", "a quoted string");
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }

  NpyType type() {
    if (peek() == '[') fail_type(path_, "[...]", "records");
    const std::string_view descr = quoted();
    for (const TypeRow& row : std::span(kTypes).subspan(1))  // no file says bf16
      if (descr == row.descr) return row.type;
    fail_type(path_, descr, kind_of(descr));
  }

  bool truth() {
    if (accept_word("False")) return false;
    if (accept_word("True")) return true;
    fail_here(at_, found(), "True or False");
  }

  std::vector<int64_t> tuple() {
    std::vector<int64_t> shape;
    expect('(');
    while (!accept(')')) {
      skip_space();
      int64_t extent = -1;
      const auto [stop, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0) fail_here(at_, found(), "an extent of 0 or more");
      if (shape.size() == kMaxRank) fail_here(at_, "another dimension", fmt::format("at most {}", kMaxRank));
      at_ = size_t(stop - text_.data());
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // a long of Python 2
      shape.push_back(extent);
      if (!accept(',') && (peek() != ')' || shape.size() == 1)) fail_here(at_, found(), "','");
    }
    return shape;
  }

  std::string_view text_;
  int64_t begin_;
  const Path& path_;
  size_t at_ = 0;
};

// Bytes of the elements, or -1 when they do not fit in 63 bits.
int64_t payload_bytes(const NpyHeader& header) {
  int64_t bytes = npy_item_bytes(header.type);
  bool fits = true;
  for (int64_t extent : header.shape) fits &= !__builtin_mul_overflow(bytes, extent, &bytes);
  const bool empty = std::ranges::find(header.shape, 0) != header.shape.end();
  return empty ? 0 : fits ? bytes : -1;
}

struct Preamble {
  size_t bytes;   // signature, version, length of the header
  size_t header;  // its length
};

Preamble read_preamble(std::span<const uint8_t> file, const Path& path) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.starts_with("PK"))
    fail(ExitCode::corrupt_data,
         fmt::format("{} is a ZIP archive, as numpy.savez and torch.save write them; one array a file is read here: "
                     "numpy.save(file, array)",
                     path.string()));
  if (!text.starts_with(kMagic) || file.size() < 12)
    fail_at(path, 0, file.size() < 12 ? fmt::format("{} bytes", file.size()) : "other bytes",
            "the signature \\x93NUMPY and a version");
  const bool long_length = file[6] == 2 || file[6] == 3;
  if ((file[6] != 1 && !long_length) || file[7] != 0)
    fail_at(path, 6, fmt::format("format version {}.{}", file[6], file[7]), "1.0, 2.0 or 3.0");
  size_t header = size_t(file[8]) | size_t(file[9]) << 8;
  if (long_length) header |= size_t(file[10]) << 16 | size_t(file[11]) << 24;
  const size_t bytes = long_length ? 12 : 10;
  if (header > file.size() - bytes)
    fail_at(path, 8, fmt::format("a header of {} bytes", header),
            fmt::format("at most {} to the end", file.size() - bytes));
  return {bytes, header};
}

}  // namespace

const char* npy_descr(NpyType type) { return row_of(type).descr; }
int64_t npy_item_bytes(NpyType type) { return row_of(type).bytes; }

int64_t NpyHeader::size() const { return payload_bytes(*this) / npy_item_bytes(type); }

NpyHeader decode_npy_header(std::span<const uint8_t> file, const Path& path) {
  const Preamble preamble = read_preamble(file, path);
  const std::string_view text(reinterpret_cast<const char*>(file.data() + preamble.bytes), preamble.header);
  NpyHeader header = HeaderParser(text, int64_t(preamble.bytes), path).parse();
  header.begin = int64_t(preamble.bytes + preamble.header);
  const int64_t expected = payload_bytes(header), payload = int64_t(file.size()) - header.begin;
  if (expected != payload)
    fail_at(path, header.begin, fmt::format("{} bytes of elements", payload),
            expected < 0 ? "a shape below 2^63 bytes" : fmt::format("{}, as the header's shape says", expected));
  if (header.type == NpyType::boolean) {
    const auto elements = file.subspan(size_t(header.begin));
    const auto bad = std::ranges::find_if(elements, [](uint8_t b) { return b > 1; });
    if (bad != elements.end())
      fail_at(path, header.begin + (bad - elements.begin()), fmt::format("boolean {}", *bad), "0 or 1");
  }
  return header;
}

std::string encode_npy_header(NpyType type, std::span<const int64_t> shape) {
  constexpr size_t kPreamble = 10;
  if (shape.size() > kMaxRank || type == NpyType::bf16)
    fail_internal(fmt::format("encode_npy: {} dimensions of {}", shape.size(), npy_descr(type)));
  std::string extents;
  for (int64_t extent : shape) extents += fmt::format("{}{}", extents.empty() ? "" : ", ", extent);
  if (shape.size() == 1) extents += ",";
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", npy_descr(type), extents);
  text.resize((kPreamble + text.size() + 1 + 63) / 64 * 64 - kPreamble - 1, ' ');  // elements begin at a multiple of 64
  text += '\n';
  const char preamble[] = {1, 0, char(text.size() & 255), char(text.size() >> 8)};
  return std::string(kMagic) + std::string(preamble, sizeof preamble) + text;
}

}  // namespace crc::data
