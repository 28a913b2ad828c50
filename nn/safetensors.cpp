#include "nn/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

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

Dtype parse_dtype(const std::string& name, const std::string& tensor, const std::string& source) {
  for (const auto& d : kDtypes)
    if (name == d.name) return d.dtype;
  corrupt(source, "tensor '" + tensor + "' has dtype " + name + "; F32, F64, BF16, I64, I32 and U8 are read");
}

// The header as JSON; a repeated name would silently hide a tensor, so it is an error.
nlohmann::json parse_header(std::string_view text, const std::string& source) {
  std::vector<std::set<std::string>> names;
  std::optional<std::string> repeated;
  const auto watch = [&](int, nlohmann::json::parse_event_t event, nlohmann::json& value) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) names.emplace_back();
    if (event == Event::object_end) names.pop_back();
    if (event == Event::key && !names.back().insert(value.get<std::string>()).second)
      repeated = value.get<std::string>();
    return true;
  };
  nlohmann::json header;
  try {
    header = nlohmann::json::parse(text, watch);
  } catch (const nlohmann::json::exception& e) {
    corrupt(source, std::string("its header is not JSON: ") + e.what());
  }
  if (repeated) corrupt(source, "the name '" + *repeated + "' stands twice in the header");
  if (!header.is_object()) corrupt(source, "its header is not a JSON object");
  return header;
}

int64_t checked_bytes(const TensorEntry& t, const std::string& source) {
  int64_t bytes = size_of(t.dtype);
  for (int64_t extent : t.shape)
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes))
      corrupt(source, "tensor '" + t.name + "' has an impossible shape");
  return bytes;
}

struct Range {
  int64_t begin, end;
  size_t tensor;
};

std::pair<TensorEntry, Range> parse_entry(const std::string& name, const nlohmann::json& value,
                                          const std::string& source) {
  TensorEntry entry{.name = name, .dtype = Dtype::f32, .shape = {}, .bytes = {}};
  Range range{};
  try {
    entry.dtype = parse_dtype(value.at("dtype").get<std::string>(), name, source);
    for (const auto& extent : value.at("shape")) {
      if (!extent.is_number_unsigned()) corrupt(source, "tensor '" + name + "' has a shape that is not whole numbers");
      entry.shape.push_back(extent.get<int64_t>());
    }
    const auto& offsets = value.at("data_offsets");
    if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
      corrupt(source, "tensor '" + name + "' has data_offsets that are not two whole numbers");
    range.begin = offsets[0].get<int64_t>();
    range.end = offsets[1].get<int64_t>();
  } catch (const nlohmann::json::exception& e) {
    corrupt(source, "tensor '" + name + "': " + e.what());
  }
  if (entry.shape.size() > kMaxRank)
    corrupt(source, "tensor '" + name + "' has rank " + std::to_string(entry.shape.size()));
  if (range.end - range.begin != checked_bytes(entry, source))
    corrupt(source, "tensor '" + name + "' takes bytes " + std::to_string(range.begin) + " to " +
                        std::to_string(range.end) + ", but its shape and dtype need " +
                        std::to_string(checked_bytes(entry, source)));
  return {std::move(entry), range};
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
  uint64_t length = 0;
  if (bytes.size() < 8)
    corrupt(source, "it has " + std::to_string(bytes.size()) + " bytes, fewer than the 8 of its first field");
  std::memcpy(&length, bytes.data(), 8);
  if (length > kMaxHeader || length > bytes.size() - 8)
    corrupt(source,
            "its header claims " + std::to_string(length) + " bytes, the file has " + std::to_string(bytes.size()));
  const std::string_view text = bytes.substr(8, length), data = bytes.substr(8 + length);
  if (text.empty() || text[0] != '{') corrupt(source, "its header does not begin with '{'");
  const nlohmann::json header = parse_header(text, source);
  if (header.size() > kMaxTensors) corrupt(source, "it lists " + std::to_string(header.size()) + " tensors");

  TensorFile file;
  std::vector<Range> ranges;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      if (!value.is_object()) corrupt(source, "__metadata__ is not an object");
      for (const auto& [key, v] : value.items()) {
        if (!v.is_string()) corrupt(source, "__metadata__ entry '" + key + "' is not a string");
        file.metadata[key] = v.get<std::string>();
      }
      continue;
    }
    auto [entry, range] = parse_entry(name, value, source);
    range.tensor = file.tensors.size();
    ranges.push_back(range);
    file.tensors.push_back(std::move(entry));
  }
  std::sort(ranges.begin(), ranges.end(),
            [](auto& a, auto& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  int64_t at = 0;
  for (const Range& r : ranges) {
    if (r.begin != at || r.end > int64_t(data.size()))
      corrupt(source, "tensor '" + file.tensors[r.tensor].name + "' starts at byte " + std::to_string(r.begin) +
                          " and ends at " + std::to_string(r.end) + " of " + std::to_string(data.size()) +
                          ", expected to start at " + std::to_string(at));
    file.tensors[r.tensor].bytes = data.substr(size_t(r.begin), size_t(r.end - r.begin));
    at = r.end;
  }
  if (at != int64_t(data.size()))
    corrupt(source, std::to_string(int64_t(data.size()) - at) + " bytes follow the last tensor");
  return file;
}

}  // namespace crc::nn
