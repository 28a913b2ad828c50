// The file format of TensorBoard: records framed as TFRecord (length, its masked CRC32C, bytes, theirs), each a protobuf
// message `Event` (tensorflow/core/util/event.proto: wall_time = 1, step = 2, file_version = 3, summary = 5; a Summary's
// Value: tag = 1, simple_value = 2), of which these few fields are all that is written. Little endian.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crc::apps {

uint32_t crc32c(std::string_view bytes);  // Castagnoli's polynomial, reflected (RFC 3720, B.4)

std::string tf_record(std::string_view payload);

// The payloads of the whole records that a file begins with, and their length in bytes: what follows is torn or damaged.
struct Records {
  std::vector<std::string_view> payloads;  // within `file`
  std::vector<size_t> ends;                // of each
};
Records read_records(std::string_view file);

struct Scalar {
  std::string tag;
  float value = 0;
};
std::string version_event(double wall_time);  // with which every file begins
std::string scalar_event(double wall_time, int64_t step, const std::vector<Scalar>& scalars);
std::string_view without_time(std::string_view event);  // the rest of it: what was recorded, whenever that was

}  // namespace crc::apps
