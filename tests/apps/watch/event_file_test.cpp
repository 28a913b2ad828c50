#include "apps/watch/event_file.h"

#include <gtest/gtest.h>

#include <cstring>

namespace crc::apps::test {
namespace {

// RFC 3720, B.4, and the check value of the catalogue of CRC algorithms.
TEST(EventFile, Crc32cHasTheKnownValues) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  std::string up, down;
  for (int i = 0; i < 32; ++i) up += char(i), down += char(31 - i);
  EXPECT_EQ(crc32c(up), 0x46dd794eu);
  EXPECT_EQ(crc32c(down), 0x113fdb5cu);
}

// The first record of a file that TensorFlow wrote, at wall time 0: its length, masked checksum, bytes, checksum.
TEST(EventFile, FramesAsTensorFlowDoes) {
  const std::string record = tf_record(version_event(0));
  ASSERT_EQ(record.size(), 8u + 4 + 24 + 4);
  EXPECT_EQ(record[0], 24);
  const uint32_t crc = crc32c(record.substr(0, 8)), masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
  uint32_t written = 0;
  std::memcpy(&written, record.data() + 8, 4);
  EXPECT_EQ(written, masked);
  EXPECT_EQ(record.substr(12, 1), "\x09");
  EXPECT_EQ(record.substr(21, 15),
            "\x1a\x0d"
            "brain.Event:2");
}

TEST(EventFile, AnEventHasTimeStepTagAndValue) {
  const std::string event = scalar_event(1.5, 300, {{"a/b", 0.25f}});
  const std::string expected(
      "\x09\0\0\0\0\0\0\xf8\x3f"
      "\x10\xac\x02"
      "\x2a\x0c"
      "\x0a\x0a"
      "\x0a\x03"
      "a/b"
      "\x15\0\0\x80\x3e",
      26);
  EXPECT_EQ(event, expected);
  EXPECT_EQ(without_time(event), without_time(scalar_event(77, 300, {{"a/b", 0.25f}})));
  EXPECT_NE(without_time(event), without_time(scalar_event(1.5, 301, {{"a/b", 0.25f}})));
}

TEST(EventFile, ATornTailOrAFlippedBitEndsTheRecords) {
  std::string file;
  for (int i = 0; i < 3; ++i) file += tf_record(scalar_event(i, i, {{"x", float(i)}}));
  const Records whole = read_records(file);
  ASSERT_EQ(whole.payloads.size(), 3u);
  EXPECT_EQ(whole.ends[2], file.size());
  for (size_t length = 0; length < file.size(); ++length) {
    const size_t kept = read_records(std::string_view(file).substr(0, length)).payloads.size();
    EXPECT_EQ(kept, size_t(length >= whole.ends[0]) + size_t(length >= whole.ends[1]));
  }
  for (size_t byte = whole.ends[0]; byte < whole.ends[1]; ++byte) {
    std::string flipped = file;
    flipped[byte] = char(flipped[byte] ^ 4);
    EXPECT_EQ(read_records(flipped).payloads.size(), 1u) << byte;
  }
  std::string huge = file;
  std::memset(huge.data(), 0xff, 8);
  EXPECT_EQ(read_records(huge).payloads.size(), 0u);
}

}  // namespace
}  // namespace crc::apps::test
