#include "kernels/core/choice.h"

#include <gtest/gtest.h>

namespace crc {
namespace {

CRC_CHOICE(Only, one)
CRC_CHOICE(Metal, iron, raw_x, gold)

enum class Partly : uint8_t { asked, own };  // `own` cannot be asked for
constexpr std::string_view kPartly[] = {"asked-for"};
constexpr Words words_of(Partly) { return kPartly; }

TEST(Choice, WordsAreTheEnumerators) {
  EXPECT_EQ(all_words<Only>().size(), 1u);
  EXPECT_EQ(word_of(Only::one), "one");
  ASSERT_EQ(all_words<Metal>().size(), 3u);
  EXPECT_EQ(word_of(Metal::iron), "iron");
  EXPECT_EQ(word_of(Metal::raw_x), "raw_x");
  EXPECT_EQ(word_of(Metal::gold), "gold");
}

TEST(Choice, FindsExactlyItsWords) {
  for (size_t k = 0; k < all_words<Metal>().size(); ++k) EXPECT_EQ(find_choice<Metal>(word_of(Metal(k))), Metal(k));
  for (const std::string_view word : {"", "Iron", "iro", "iron ", "iron, raw_x", "silver"})
    EXPECT_FALSE(find_choice<Metal>(word)) << word;
}

TEST(Choice, EnumeratorsWithoutAWordCannotBeAskedFor) {
  EXPECT_EQ(find_choice<Partly>("asked-for"), Partly::asked);
  EXPECT_FALSE(find_choice<Partly>("own"));
  EXPECT_FALSE(find_choice<Partly>(""));
  EXPECT_EQ(word_of(Partly::own), "");
}

}  // namespace
}  // namespace crc
