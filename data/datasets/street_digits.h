// The built-in data set: digits with hidden styles of unequal frequency, so that choosing labels pays. No file, no
// download, the same bytes everywhere. Image i of a split is a pure function of (seed, split, i): a larger set begins
// with the smaller. Training images may be exact duplicates, near duplicates (the same scene, moved, relit, with other
// noise) or ambiguous (two look-alike digits blended); test images never are, so the best test accuracy is 100 %.
#pragma once

#include "data/dataset.h"

namespace crc::data {

struct StreetDigits {
  bool street = false;  // 32x32 colour with neighbours; otherwise easy: 16x16 grey
  int64_t train = 5000, test = 1500;
  uint32_t seed = 1;
  double duplicates = 0, near_duplicates = 0, ambiguous = 0;  // shares of the training images
};

Dataset make_street_digits(const StreetDigits& config);

}  // namespace crc::data
