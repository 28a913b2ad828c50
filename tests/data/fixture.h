// Folders that vanish, errors with code and text, and files damaged at random.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>

#include "data/dataset.h"
#include "kernels/core/error.h"
#include "kernels/core/random.h"
#include "tests/write_file.h"

namespace crc::test {

using data::Bytes;
using data::Path;

class TempDir {
 public:
  TempDir() {
    static std::atomic<int> next = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("crc_data_" + std::to_string(getpid()) + "_" + std::to_string(next++));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  const Path& path() const { return path_; }
  Path operator/(const std::string& name) const { return path_ / name; }

 private:
  Path path_;
};

inline Path golden(const std::string& name) { return Path(CRC_SOURCE_DIR) / "tests/golden/data" / name; }

inline void expect_error(const std::function<void()>& action, ExitCode code, const std::vector<std::string>& parts) {
  try {
    action();
    ADD_FAILURE() << "no error; expected one that says: " << parts.front();
  } catch (const Error& error) {
    EXPECT_EQ(int(error.code()), int(code)) << error.what();
    for (const auto& part : parts)
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what() << "\nlacks: " << part;
  }
}

// Random flips, truncations and extensions: `read` must give a result or a crc::Error about corrupt data, never crash.
// Returns how many were detected.
inline int damage(const Bytes& original, int times, const std::function<void(const Bytes&)>& read) {
  int detected = 0;
  for (int i = 0; i < times; ++i) {
    Draws draws(7, Purpose::test, i, 0);
    Bytes bytes = original;
    const uint32_t kind = draws.below(4), size = uint32_t(bytes.size());
    if (kind == 0) bytes.resize(draws.below(size));
    if (kind == 1) bytes.insert(bytes.end(), 1 + draws.below(64), uint8_t(draws.bits()));
    // Half of the flips hit the head, where the structure is.
    for (uint32_t flips = kind >= 2 ? 1 + draws.below(4) : 0; flips > 0; --flips)
      bytes[draws.below(draws.coin() ? size : std::min(size, 256u))] ^= uint8_t(1u << draws.below(8));
    try {
      read(bytes);
    } catch (const Error& error) {
      EXPECT_EQ(int(error.code()), int(ExitCode::corrupt_data)) << error.what();
      ++detected;
    }
  }
  return detected;
}

// Images of a formula, so that a reader's order of rows, columns and channels shows.
inline data::Images pattern(int64_t count, int64_t height, int64_t width, int classes) {
  data::Images images{count, height, width, {}, {}};
  for (int64_t n = 0; n < count; ++n) {
    images.labels.push_back(int32_t(n * 7 % classes));
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        for (int64_t c = 0; c < 3; ++c) images.pixels.push_back(uint8_t(7 * y + 3 * x + 50 * c + 11 * n));
  }
  return images;
}

inline data::Dataset pattern_dataset(int64_t train, int64_t test, int64_t height, int64_t width) {
  data::Dataset dataset;
  dataset.name = "pattern";
  for (int c = 0; c < 10; ++c) dataset.class_names.push_back("class " + std::to_string(c));
  dataset.train = pattern(train, height, width, 10);
  dataset.test = pattern(test, height, width, 10);
  return dataset;
}

}  // namespace crc::test
