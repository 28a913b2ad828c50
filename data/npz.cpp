#include "data/npz.h"

#include <fmt/format.h>
#include <zlib.h>

#include <limits>

#include "kernels/core/error.h"

namespace crc::data {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEnd = 0x06054b50;
constexpr uint16_t kVersion = 20, kStored = 0;
constexpr uint16_t kTime = 0, kDate = 1 << 5 | 1;  // 1980-01-01: the same arrays, the same bytes

template <class T> void put(Bytes& bytes, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes.push_back(uint8_t(value >> (8 * i)));
}

void put(Bytes& bytes, const std::string& text) { bytes.insert(bytes.end(), text.begin(), text.end()); }

// The fields that the local and the central header share.
void put_entry(Bytes& bytes, const std::string& name, uint32_t checksum, uint32_t size) {
  for (uint16_t field : {kVersion, uint16_t(0), kStored, kTime, kDate}) put(bytes, field);
  for (uint32_t field : {checksum, size, size}) put(bytes, field);
  put(bytes, uint16_t(name.size()));
  put(bytes, uint16_t(0));
}

}  // namespace

void NpzWriter::add_member(const std::string& name, const Bytes& npy) {
  const uint32_t checksum = uint32_t(crc32_z(0, npy.data(), npy.size()));
  const Member member{name + ".npy", checksum, uint32_t(npy.size()), uint32_t(bytes_.size())};
  for (const Member& other : members_)
    if (other.name == member.name) fail_internal(fmt::format("NpzWriter: array {} is there twice", name));
  if (bytes_.size() + npy.size() > std::numeric_limits<uint32_t>::max() - (1u << 20))
    fail_internal(fmt::format("NpzWriter: with array {} the archive passes 4 GiB; write .npy files", name));
  put(bytes_, kLocalHeader);
  put_entry(bytes_, member.name, member.checksum, member.size);
  put(bytes_, member.name);
  bytes_.insert(bytes_.end(), npy.begin(), npy.end());
  members_.push_back(member);
}

Bytes NpzWriter::finish() const {
  Bytes bytes = bytes_;
  const uint32_t directory = uint32_t(bytes.size());
  for (const Member& member : members_) {
    put(bytes, kCentralHeader);
    put(bytes, kVersion);  // made by
    put_entry(bytes, member.name, member.checksum, member.size);
    for (int field = 0; field < 3; ++field) put(bytes, uint16_t(0));  // comment length, disk, internal attributes
    put(bytes, uint32_t(0));                                          // external attributes
    put(bytes, member.offset);
    put(bytes, member.name);
  }
  const uint32_t directory_bytes = uint32_t(bytes.size()) - directory;
  put(bytes, kEnd);
  for (size_t field : {size_t(0), size_t(0), members_.size(), members_.size()}) put(bytes, uint16_t(field));
  put(bytes, directory_bytes);
  put(bytes, directory);
  put(bytes, uint16_t(0));
  return bytes;
}

}  // namespace crc::data
