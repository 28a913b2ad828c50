#include "nn/safetensors.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "nn/foreign_format.h"

namespace crc::nn {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the reference reader's limit
constexpr size_t kMaxTensors = 100'000;
constexpr size_t kMaxRank = 8;

struct DtypeName {
  Dtype dtype;
  const char* name;
};
constexpr DtypeName kDtypes[] = {{Dtype::f32, "F32"}, {Dtype::f64, "F64"}, {Dtype::bf16, "BF16"},
                                 {Dtype::i64, "I64"}, {Dtype::i32, "I32"}, {Dtype::u8, "U8"}};

[[noreturn]] void corrupt(const std::string& source, const std::string& what) {
  fail(ExitCode::corrupt_data, source + " is not a valid safetensors file: " + what);
}

constexpr const char* kHalf = "F16";  // becomes F32 as it is read

Dtype parse_dtype(const std::string& name, const std::string& tensor, const std::string& source) {
  if (name == kHalf) return Dtype::f32;
  for (const auto& d : kDtypes)
    if (name == d.name) return d.dtype;
  corrupt(source, "tensor '" + tensor + "' has dtype " + name + "; F32, F64, F16, BF16, I64, I32 and U8 are read");
}

int64_t checked_bytes(const TensorEntry& t, const std::string& source) {
  int64_t bytes = size_of(t.dtype);
  for (int64_t extent : t.shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes))
      corrupt(source, "tensor '" + t.name + "' has an impossible shape");
  return bytes;
}

struct Range {
  int64_t begin = 0, end = 0;
  size_t tensor = 0;
};

// The header, read as it is parsed, and never a tree of it: what it may cost is what it is allowed to say.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string source) : source_(std::move(source)) {}
  TensorFile file;
  std::vector<Range> ranges;  // of file.tensors, in their order

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("true or false"); }
  bool binary(binary_t&) override { return refuse("binary"); }
  bool number_integer(number_integer_t) override { return refuse("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { return refuse("a number that is not whole"); }
  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::shape && place_ != Place::offsets) return refuse("a number");
    if (value > uint64_t(INT64_MAX)) corrupt(source_, "tensor '" + name_ + "' has an impossible shape");
    std::vector<int64_t>& list = place_ == Place::shape ? entry_.shape : offsets_;
    list.push_back(int64_t(value));
    if (place_ == Place::offsets && list.size() > 2) return refuse("a third offset");
    if (list.size() > kMaxRank) corrupt(source_, "tensor '" + name_ + "' has a rank above " + std::to_string(kMaxRank));
    return true;
  }
  bool string(string_t& text) override {
    if (place_ == Place::metadata) {
      file.metadata[key_] = text;
    } else if (place_ == Place::tensor && key_ == "dtype") {
      entry_.dtype = parse_dtype(text, name_, source_);
      entry_.half = text == kHalf;
    } else {
      return refuse("a text");
    }
    return true;
  }
  bool key(string_t& text) override {
    key_ = text;
    std::set<std::string>& seen = place_ == Place::top ? names_ : keys_;
    if (!seen.insert(text).second) corrupt(source_, "the name '" + text + "' stands twice in the header");
    if (seen.size() > kMaxTensors) corrupt(source_, "it lists more than " + std::to_string(kMaxTensors) + " names");
    const bool known = text == "dtype" || text == "shape" || text == "data_offsets";
    if (place_ == Place::tensor && !known) corrupt(source_, "tensor '" + name_ + "' has an entry '" + text + "'");
    return true;
  }
  bool start_object(std::size_t) override {
    keys_.clear();
    if (place_ == Place::outside) {
      place_ = Place::top;
    } else if (place_ == Place::top && key_ == "__metadata__") {
      place_ = Place::metadata;
    } else if (place_ == Place::top) {
      place_ = Place::tensor;
      name_ = key_;
      entry_ = {.name = name_, .dtype = Dtype::f32, .shape = {}, .bytes = {}};
      offsets_.clear();
    } else {
      return refuse("an object");
    }
    return true;
  }
  bool end_object() override {
    if (place_ == Place::tensor) add_tensor();
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || key_ == "dtype") return refuse("a list");
    place_ = key_ == "shape" ? Place::shape : Place::offsets;
    return true;
  }
  bool end_array() override {
    place_ = Place::tensor;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    corrupt(source_, std::string("its header is not JSON: ") + error.what());
  }

 private:
  enum class Place { outside, top, metadata, tensor, shape, offsets };

  bool refuse(const std::string& found) {
    if (place_ == Place::metadata) corrupt(source_, "__metadata__ entry '" + key_ + "' is not a string");
    if (place_ == Place::shape) corrupt(source_, "tensor '" + name_ + "' has a shape that is not whole numbers");
    if (place_ == Place::offsets)
      corrupt(source_, "tensor '" + name_ + "' has data_offsets that are not two whole numbers");
    if (place_ == Place::tensor) corrupt(source_, "tensor '" + name_ + "': " + key_ + " is " + found);
    corrupt(source_, key_ == "__metadata__" ? "__metadata__ is not an object" : "'" + key_ + "' is " + found);
  }
  void add_tensor() {
    for (const char* needed : {"dtype", "shape", "data_offsets"})
      if (!keys_.count(needed)) corrupt(source_, "tensor '" + name_ + "' has no " + needed);
    if (offsets_.size() != 2)
      corrupt(source_, "tensor '" + name_ + "' has data_offsets that are not two whole numbers");
    const int64_t bytes = entry_.half ? checked_bytes(entry_, source_) / 2 : checked_bytes(entry_, source_);
    if (offsets_[1] - offsets_[0] != bytes)
      corrupt(source_, "tensor '" + name_ + "' takes bytes " + std::to_string(offsets_[0]) + " to " +
                           std::to_string(offsets_[1]) + ", but its shape and dtype need " + std::to_string(bytes));
    ranges.push_back({offsets_[0], offsets_[1], file.tensors.size()});
    file.tensors.push_back(std::move(entry_));
  }

  std::string source_, key_, name_;  // the last key; the tensor in hand
  Place place_ = Place::outside;
  std::set<std::string> names_, keys_;  // seen: at the top; in the object in hand
  TensorEntry entry_;
  std::vector<int64_t> offsets_;
};

// IEEE 754 binary16.
float to_float(uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const float magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                          : exponent == 0 ? std::ldexp(float(fraction), -24)
                                          : std::ldexp(float(1024 + fraction), exponent - 25);
  return half >> 15 ? -magnitude : magnitude;
}

std::string widened(std::string_view halves) {
  std::string bytes(halves.size() * 2, '\0');
  for (size_t i = 0; i < halves.size() / 2; ++i) {
    uint16_t half;
    std::memcpy(&half, halves.data() + 2 * i, 2);
    const float value = to_float(half);
    std::memcpy(bytes.data() + 4 * i, &value, 4);
  }
  return bytes;
}

}  // namespace

const TensorEntry* TensorFile::find(std::string_view name) const {
  const auto it = std::find_if(tensors.begin(), tensors.end(), [&](const TensorEntry& t) { return t.name == name; });
  return it == tensors.end() ? nullptr : &*it;
}

const TensorEntry& TensorFile::at(std::string_view name, const std::string& source) const {
  if (const TensorEntry* t = find(name)) return *t;
  fail(ExitCode::corrupt_data, source + " has no tensor '" + std::string(name) + "'");
}

std::string encode_safetensors(TensorFile file) {
  std::sort(file.tensors.begin(), file.tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
    const int64_t sa = size_of(a.dtype), sb = size_of(b.dtype);
    return sa != sb ? sa > sb : a.name < b.name;
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  int64_t offset = 0;
  for (const TensorEntry& t : file.tensors) {
    const auto name = std::find_if(std::begin(kDtypes), std::end(kDtypes), [&](auto& d) { return d.dtype == t.dtype; });
    const int64_t end = offset + int64_t(t.bytes.size());
    if (int64_t(t.bytes.size()) != checked_bytes(t, "the file to write") || header.contains(t.name))
      fail_internal("tensor '" + t.name + "' does not fit its shape, or its name is taken");
    header[t.name] = {{"dtype", name->name}, {"shape", t.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  std::string out(reinterpret_cast<const char*>(&length), 8);
  out.reserve(8 + text.size() + size_t(offset));
  out += text;
  for (const TensorEntry& t : file.tensors) out += t.bytes;
  return out;
}

TensorFile decode_safetensors(std::string_view bytes, const std::string& source) {
  if (const std::string format = foreign_format(bytes, source); !format.empty()) corrupt(source, "it is " + format);
  uint64_t length = 0;
  if (bytes.size() < 8)
    corrupt(source, "it has " + std::to_string(bytes.size()) + " bytes, fewer than the 8 of its first field");
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMaxHeader || length > bytes.size() - 8)
    corrupt(source,
            "its header claims " + std::to_string(length) + " bytes, the file has " + std::to_string(bytes.size()));
  const std::string_view text = bytes.substr(8, length), data = bytes.substr(8 + length);
  if (text.empty() || text[0] != '{') corrupt(source, "its header does not begin with '{'");
  HeaderReader header(source);
  nlohmann::json::sax_parse(text, &header);
  TensorFile file = std::move(header.file);
  std::vector<Range> ranges = std::move(header.ranges);
  std::sort(ranges.begin(), ranges.end(),
            [](auto& a, auto& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  int64_t at = 0;
  for (const Range& r : ranges) {
    if (r.begin != at || r.end > int64_t(data.size()))
      corrupt(source, "tensor '" + file.tensors[r.tensor].name + "' starts at byte " + std::to_string(r.begin) +
                          " and ends at " + std::to_string(r.end) + " of " + std::to_string(data.size()) +
                          ", expected to start at " + std::to_string(at));
    TensorEntry& tensor = file.tensors[r.tensor];
    const std::string_view stored = data.substr(size_t(r.begin), size_t(r.end - r.begin));
    tensor.bytes = tensor.half ? widened(stored) : std::string(stored);
    at = r.end;
  }
  if (at != int64_t(data.size()))
    corrupt(source, std::to_string(int64_t(data.size()) - at) + " bytes follow the last tensor");
  return file;
}

}  // namespace crc::nn
