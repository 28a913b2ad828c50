#include "data/datasets/street_digits.h"

#include <algorithm>
#include <cmath>

#include "data/datasets/digit_scene.h"
#include "tests/data/fixture.h"

namespace crc::test {
namespace {

using namespace crc::data;

StreetDigits config(bool street) {
  StreetDigits c;
  c.street = street;
  c.train = 400;
  c.test = 50;
  if (street) c.duplicates = 0.02, c.near_duplicates = 0.03, c.ambiguous = 0.02;
  return c;
}

bool same_image(const Images& a, int64_t i, const Images& b, int64_t j) {
  return std::ranges::equal(a.image(i), b.image(j));
}

// The bytes are a promise. If this fails after a change that was meant, raise kGeneratorVersion and note it in the
// changelog.
TEST(StreetDigits, GoldenBytes) {
  const char* expected[2][2] = {{"c7b922a48f1fff3f", "9f76b88157fdf7db"}, {"e571c687c300fc86", "ffab4358c2555208"}};
  for (const bool street : {false, true}) {
    const Dataset dataset = make_street_digits(config(street));
    for (const Images* images : {&dataset.train, &dataset.test}) {
      Fingerprint hash;
      hash.add(images->pixels);
      for (int32_t label : images->labels) hash.add(std::to_string(label));
      EXPECT_EQ(hash.hex(), expected[street][images == &dataset.test]);
    }
  }
}

TEST(StreetDigits, ALargerSetBeginsWithTheSmaller) {
  for (const bool street : {false, true}) {
    StreetDigits small = config(street), large = small;
    small.train = 37;
    const Dataset a = make_street_digits(small), b = make_street_digits(large);
    EXPECT_TRUE(std::equal(a.train.pixels.begin(), a.train.pixels.end(), b.train.pixels.begin()));
    EXPECT_TRUE(std::equal(a.train.labels.begin(), a.train.labels.end(), b.train.labels.begin()));
    EXPECT_EQ(a.test.pixels, b.test.pixels);
    EXPECT_NE(a.fingerprint, b.fingerprint);
    EXPECT_EQ(make_street_digits(small).fingerprint, a.fingerprint);
    small.seed = 2;
    EXPECT_NE(make_street_digits(small).train.pixels, a.train.pixels);
  }
}

TEST(StreetDigits, ShapesAndGrey) {
  const Dataset easy = load({"street_digits", "", {{"train", "20"}, {"test", "3"}}});
  EXPECT_EQ(easy.train.height, 16);
  EXPECT_EQ(easy.train.count, 20);
  EXPECT_EQ(easy.test.count, 3);
  for (size_t i = 0; i < easy.train.pixels.size(); i += 3) {
    EXPECT_EQ(easy.train.pixels[i], easy.train.pixels[i + 1]);
    EXPECT_EQ(easy.train.pixels[i], easy.train.pixels[i + 2]);
  }
  const Dataset street = load({"street_digits", "", {{"profile", "street"}, {"train", "20"}, {"test", "3"}}});
  EXPECT_EQ(street.train.width, 32);
  EXPECT_EQ(street.side.styles.size(), 8u);
  EXPECT_EQ(street.classes(), 10);
}

TEST(StreetDigits, StylesAndClassesHaveTheirFrequencies) {
  for (const bool street : {false, true}) {
    StreetDigits c = config(street);
    c.train = 6000;
    const Dataset dataset = make_street_digits(c);
    const auto styles = street ? street_styles() : easy_styles();
    std::vector<double> style_count(styles.size()), class_count(10);
    for (int64_t i = 0; i < c.train; ++i) {
      ++style_count[dataset.side.train[i].style];
      ++class_count[dataset.train.labels[i]];
    }
    const auto expect_share = [&](double count, double p) {
      EXPECT_NEAR(count, c.train * p, 5 * std::sqrt(c.train * p));
    };
    for (size_t s = 0; s < styles.size(); ++s) expect_share(style_count[s], styles[s].frequency);
    for (double count : class_count) expect_share(count, 0.1);
  }
}

TEST(StreetDigits, CopiesAreWhatTheNotesSay) {
  StreetDigits c = config(true);
  c.train = 3000;
  c.test = 1000;
  const Dataset dataset = make_street_digits(c);
  int exact = 0, near = 0, ambiguous = 0;
  for (int64_t i = 0; i < c.train; ++i) {
    const ItemNote& note = dataset.side.train[i];
    ambiguous += note.ambiguous;
    if (note.duplicate_of < 0) continue;
    ASSERT_LT(note.duplicate_of, i);
    EXPECT_EQ(dataset.side.train[note.duplicate_of].duplicate_of, -1);
    EXPECT_EQ(dataset.train.labels[i], dataset.train.labels[note.duplicate_of]);
    EXPECT_EQ(same_image(dataset.train, i, dataset.train, note.duplicate_of), !note.near_duplicate) << i;
    ++(note.near_duplicate ? near : exact);
  }
  EXPECT_NEAR(exact, 60, 40);
  EXPECT_NEAR(near, 90, 48);
  EXPECT_NEAR(ambiguous, 60, 40);
  for (const ItemNote& note : dataset.side.test) EXPECT_TRUE(note.duplicate_of < 0 && !note.ambiguous);
}

TEST(StreetDigits, NoiseIsNormal) {
  double sum = 0, squares = 0;
  Draws draws(1, Purpose::test, 0, 0);
  for (int i = 0; i < 100000; ++i) {
    const double v = normal_from(draws.bits());
    sum += v;
    squares += v * v;
  }
  EXPECT_NEAR(sum / 100000, 0, 0.02);
  EXPECT_NEAR(squares / 100000, 1, 0.02);
}

// A nearest-centroid rule must beat chance by far: the pictures show their labels.
TEST(StreetDigits, DigitsCanBeTold) {
  StreetDigits c = config(false);
  c.train = 2000, c.test = 500;
  const Dataset dataset = make_street_digits(c);
  const int64_t bytes = dataset.train.bytes_per_image();
  std::vector<double> centroid(10 * bytes), count(10);
  for (int64_t i = 0; i < c.train; ++i) {
    ++count[dataset.train.labels[i]];
    for (int64_t p = 0; p < bytes; ++p) centroid[dataset.train.labels[i] * bytes + p] += dataset.train.image(i)[p];
  }
  int right = 0;
  for (int64_t i = 0; i < c.test; ++i) {
    std::vector<double> distance(10);
    for (int k = 0; k < 10; ++k)
      for (int64_t p = 0; p < bytes; ++p)
        distance[k] += std::pow(dataset.test.image(i)[p] - centroid[k * bytes + p] / count[k], 2);
    right += std::ranges::min_element(distance) - distance.begin() == dataset.test.labels[i];
  }
  EXPECT_GT(right, 250);
}

}  // namespace
}  // namespace crc::test
