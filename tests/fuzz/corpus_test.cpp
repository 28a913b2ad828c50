// Every reader over its seeds, its past findings (tests/fuzz/corpus/) and damaged copies of both. CRC_FUZZ_ROUNDS sets
// how many copies; the damage is a function of its number, so that a failure comes again.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "kernels/core/random.h"
#include "tests/fuzz/readers.h"

namespace crc::fuzz {
namespace {

namespace fs = std::filesystem;

// What damage does: cut, flip, insert, repeat a piece, extreme numbers, another file's piece.
std::string damaged(const std::vector<std::string>& files, uint32_t seed) {
  Draws draws(seed, Purpose::test, 0, 0);
  const auto below = [&](size_t n) { return n > 0 ? size_t(draws.below(uint32_t(n))) : 0; };
  std::string text = files[below(files.size())];
  for (size_t edits = 1 + below(4); edits > 0; --edits) {
    const size_t at = below(text.size() + 1);
    switch (below(7)) {
      case 0:
        text.resize(at);
        break;
      case 1:
        if (at < text.size()) text[at] = char(draws.bits());
        break;
      case 2:
        text.insert(at, 1 + below(4), char(draws.bits()));
        break;
      case 3:
        text.insert(at, text.substr(below(text.size() + 1), below(64)));
        break;
      case 4: {
        constexpr const char* kNumbers[] = {"-1",      "9223372036854775807", "1e999", "NaN", "4294967296", "\0\0\0\0",
                                            "99999999"};
        text.replace(at, std::min<size_t>(below(8), text.size() - at), kNumbers[below(std::size(kNumbers))]);
        break;
      }
      case 5:
        for (size_t i = at; i < std::min(text.size(), at + 4); ++i) text[i] = char(0xff);
        break;
      default: {
        const std::string& other = files[below(files.size())];
        text.insert(at, other.substr(below(other.size() + 1), below(256)));
      }
    }
  }
  return text;
}

std::vector<std::string> findings(const std::string& reader) {
  std::vector<std::string> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(fs::path(CRC_SOURCE_DIR) / "tests/fuzz/corpus" / reader, none)) {
    std::ifstream in(entry.path(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    files.push_back(text.str());
  }
  return files;
}

class Corpus : public ::testing::TestWithParam<size_t> {
 protected:
  Corpus() {
    char name[] = "/tmp/crc-fuzz-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~Corpus() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_P(Corpus, NeverAnythingButAResultOrAnError) {
  const Reader& reader = readers()[GetParam()];
  const char* rounds = std::getenv("CRC_FUZZ_ROUNDS");
  std::vector<std::string> files = reader.seeds();
  ASSERT_FALSE(files.empty());
  const auto bytes = [](const std::string& text) {
    return Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  for (const std::string& seed : files)
    EXPECT_EQ(run(reader, bytes(seed), folder_), Verdict::accepted) << "a seed is a valid file";
  if (const char* folder = std::getenv("CRC_FUZZ_WRITE_SEEDS"))  // for scripts/fuzz.sh
    for (size_t i = 0; i < files.size(); ++i)
      std::ofstream(fs::path(folder) / ("seed-" + std::to_string(i)), std::ios::binary) << files[i];
  for (std::string& finding : findings(reader.name)) files.push_back(std::move(finding));
  int64_t refused = 0;
  for (const std::string& file : files) EXPECT_NO_THROW(run(reader, bytes(file), folder_));
  const uint32_t count = rounds ? uint32_t(std::atoi(rounds)) : 300;
  for (uint32_t seed = 0; seed < count; ++seed) try {
      refused += run(reader, bytes(damaged(files, seed)), folder_) == Verdict::refused;
    } catch (const std::exception& defect) {
      ADD_FAILURE() << reader.name << ", damage " << seed << ": " << defect.what();
    }
  EXPECT_GT(refused, count / 20) << "damage is noticed";
}

INSTANTIATE_TEST_SUITE_P(Readers, Corpus, ::testing::Range(size_t(0), readers().size()),
                         [](const auto& info) { return readers()[info.param].name; });

}  // namespace
}  // namespace crc::fuzz
