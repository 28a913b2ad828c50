#include "apps/watch/event_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace crc::apps {
namespace {

constexpr size_t kRecordHeader = 12, kRecordFooter = 4;  // bytes: length and its checksum; the payload's
constexpr size_t kEventTime = 9;                         // of an event: the tag of wall_time and a double

static_assert(std::endian::native == std::endian::little);

std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    table[byte] = crc;
  }
  return table;
}

template <class T> std::string bytes_of(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}
template <class T> T value_in(std::string_view bytes, size_t place) {
  T value;
  std::memcpy(&value, bytes.data() + place, sizeof(T));
  return value;
}

// TFRecord's mask: a checksum of bytes that hold checksums would be weak.
std::string masked(std::string_view bytes) { return bytes_of(std::rotr(crc32c(bytes), 15) + 0xa282ead8u); }

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += char(value | 0x80);
  return bytes + char(value);
}

enum class Wire { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
std::string wire_key(int field, Wire wire) { return varint(uint64_t(field) << 3 | uint64_t(wire)); }
std::string wire_bytes(int field, std::string_view bytes) {
  return wire_key(field, Wire::bytes) + varint(bytes.size()) + std::string(bytes);
}
std::string event_at(double wall_time) { return wire_key(1, Wire::fixed64) + bytes_of(wall_time); }

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = crc_table();
  uint32_t crc = ~0u;
  for (const char byte : bytes) crc = crc >> 8 ^ table[(crc ^ uint8_t(byte)) & 0xff];
  return ~crc;
}

std::string tf_record(std::string_view payload) {
  const std::string size = bytes_of(uint64_t(payload.size()));
  return size + masked(size) + std::string(payload) + masked(payload);
}

Records read_records(std::string_view file) {
  Records records;
  for (size_t begin = 0; begin + kRecordHeader + kRecordFooter <= file.size();) {
    const std::string_view rest = file.substr(begin);
    const auto size = value_in<uint64_t>(rest, 0);
    if (size > rest.size() - kRecordHeader - kRecordFooter || rest.substr(8, 4) != masked(rest.substr(0, 8))) break;
    const std::string_view payload = rest.substr(kRecordHeader, size);
    if (rest.substr(kRecordHeader + size, kRecordFooter) != masked(payload)) break;
    begin += kRecordHeader + size + kRecordFooter;
    records.payloads.push_back(payload);
    records.ends.push_back(begin);
  }
  return records;
}

std::string version_event(double wall_time) { return event_at(wall_time) + wire_bytes(3, "brain.Event:2"); }

std::string scalar_event(double wall_time, int64_t step, const std::vector<Scalar>& scalars) {
  std::string summary;
  for (const Scalar& scalar : scalars)
    summary += wire_bytes(1, wire_bytes(1, scalar.tag) + wire_key(2, Wire::fixed32) + bytes_of(scalar.value));
  return event_at(wall_time) + wire_key(2, Wire::varint) + varint(uint64_t(step)) + wire_bytes(5, summary);
}

std::string_view without_time(std::string_view event) { return event.substr(std::min(kEventTime, event.size())); }

}  // namespace crc::apps
