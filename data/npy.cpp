#include "data/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <string_view>
#include <utility>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kPreamble = 10;  // magic, version (2 bytes), header length (2 bytes)
constexpr size_t kMaxRank = 8;

struct TypeRow {
  NpyType type;
  const char* descr;
  int64_t bytes;
};
constexpr TypeRow kTypes[] = {{NpyType::f32, "<f4", 4}, {NpyType::f64, "<f8", 8}, {NpyType::i32, "<i4", 4},
                              {NpyType::i64, "<i8", 8}, {NpyType::u8, "|u1", 1},  {NpyType::boolean, "|b1", 1}};

const TypeRow& row_of(NpyType type) { return kTypes[size_t(type)]; }

// The header is a Python dict literal with exactly the keys 'descr', 'fortran_order' and 'shape', in any order.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const Path& path) : text_(text), path_(path) {}

  NpyArray parse() {
    NpyArray array;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      const size_t key_at = at_;
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !std::exchange(descr, true)) {
        array.type = type();
      } else if (key == "fortran_order" && !std::exchange(order, true)) {
        fortran_order();
      } else if (key == "shape" && !std::exchange(shape, true)) {
        array.shape = tuple();
      } else {
        fail_here(key_at, fmt::format("key {:?}", key), "each of descr, fortran_order and shape once");
      }
      if (!accept(',') && peek() != '}') fail_here(at_, found(), "',' or '}'");
    }
    if (!descr || !order || !shape)
      fail_here(at_, "the end of the header", "the keys descr, fortran_order and shape before it");
    skip_space();
    if (at_ != text_.size()) fail_here(at_, found(), "the end of the header");
    return array;
  }

 private:
  [[noreturn]] void fail_here(size_t at, const std::string& found, const std::string& expected) const {
    fail_at(path_, int64_t(kPreamble + at), found, expected);
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
    const size_t at = at_;
    const std::string_view descr = quoted();
    for (const TypeRow& row : kTypes)
      if (descr == row.descr) return row.type;
    fail_here(at, fmt::format("element type {:?}", descr),
              "<f4, <f8, <i4, <i8, |u1 or |b1 (convert with array.astype(...))");
  }

  void fortran_order() {
    if (accept_word("False")) return;
    if (accept_word("True")) fail_here(at_, "Fortran order", "C order (convert with numpy.ascontiguousarray(array))");
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
      shape.push_back(extent);
      if (!accept(',') && (peek() != ')' || shape.size() == 1)) fail_here(at_, found(), "','");
    }
    return shape;
  }

  std::string_view text_;
  const Path& path_;
  size_t at_ = 0;
};

// rows * ... * item bytes, or -1 when it does not fit in 63 bits.
int64_t payload_bytes(const NpyArray& array) {
  int64_t bytes = npy_item_bytes(array.type);
  bool fits = true;
  for (int64_t extent : array.shape) fits &= !__builtin_mul_overflow(bytes, extent, &bytes);
  const bool empty = std::ranges::find(array.shape, 0) != array.shape.end();
  return empty ? 0 : fits ? bytes : -1;
}

}  // namespace

const char* npy_descr(NpyType type) { return row_of(type).descr; }
int64_t npy_item_bytes(NpyType type) { return row_of(type).bytes; }

int64_t NpyArray::size() const { return int64_t(bytes.size()) / npy_item_bytes(type); }

void NpyArray::require(NpyType wanted) const {
  if (type != wanted && !(type == NpyType::boolean && wanted == NpyType::u8))
    fail(ExitCode::config, fmt::format("the array holds {}, and {} is needed: convert it with array.astype(\"{}\")",
                                       npy_descr(type), npy_descr(wanted), npy_descr(wanted)));
}

NpyArray decode_npy(std::span<const uint8_t> bytes, const Path& path) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(kMagic) || bytes.size() < kPreamble)
    fail_at(path, 0, bytes.size() < kPreamble ? fmt::format("{} bytes", bytes.size()) : "other bytes",
            "the signature \\x93NUMPY and a version");
  if (bytes[6] != 1 || bytes[7] != 0) fail_at(path, 6, fmt::format("format version {}.{}", bytes[6], bytes[7]), "1.0");
  const size_t header = size_t(bytes[8]) | size_t(bytes[9]) << 8;
  if (header > bytes.size() - kPreamble)
    fail_at(path, 8, fmt::format("a header of {} bytes", header),
            fmt::format("at most {} to the end", bytes.size() - kPreamble));
  NpyArray array = HeaderParser(text.substr(kPreamble, header), path).parse();
  const auto payload = bytes.subspan(kPreamble + header);
  const int64_t expected = payload_bytes(array);
  if (expected != int64_t(payload.size()))
    fail_at(path, int64_t(kPreamble + header), fmt::format("{} bytes of elements", payload.size()),
            expected < 0 ? "a shape below 2^63 bytes" : fmt::format("{}, as the header's shape says", expected));
  if (array.type == NpyType::boolean) {
    const auto bad = std::ranges::find_if(payload, [](uint8_t b) { return b > 1; });
    if (bad != payload.end())
      fail_at(path, int64_t(kPreamble + header) + (bad - payload.begin()), fmt::format("boolean {}", *bad), "0 or 1");
  }
  array.bytes.assign(payload.begin(), payload.end());
  return array;
}

NpyArray read_npy(const Path& path) { return decode_npy(read_file(path, int64_t(1) << 40), path); }

Bytes encode_npy(NpyType type, std::span<const int64_t> shape, std::span<const uint8_t> elements) {
  NpyArray array{type, {shape.begin(), shape.end()}, {}};
  if (shape.size() > kMaxRank || payload_bytes(array) != int64_t(elements.size()))
    fail_internal(
        fmt::format("encode_npy: {} bytes do not fill the {} dimensions given", elements.size(), shape.size()));
  std::string extents;
  for (int64_t extent : shape) extents += fmt::format("{}{}", extents.empty() ? "" : ", ", extent);
  if (shape.size() == 1) extents += ",";
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", npy_descr(type), extents);
  header.resize((kPreamble + header.size() + 1 + 63) / 64 * 64 - kPreamble - 1,
                ' ');  // elements begin at a multiple of 64
  header += '\n';
  Bytes bytes(kMagic.begin(), kMagic.end());
  for (size_t byte : {size_t(1), size_t(0), header.size() & 255, header.size() >> 8}) bytes.push_back(uint8_t(byte));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), elements.begin(), elements.end());
  return bytes;
}

}  // namespace crc::data
