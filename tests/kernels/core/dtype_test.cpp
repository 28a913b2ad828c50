#include "kernels/core/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace crc::test {
namespace {

float from_bits(uint32_t bits) { return std::bit_cast<float>(bits); }

// The bf16 with these bits; the one after the largest stands for 2^128, where rounding to infinity begins halfway.
double value_of(uint32_t bits) {
  const double magnitude = (bits & 0x7fff) == 0x7f80 ? 0x1p128 : double(from_bits((bits & 0x7fff) << 16));
  return bits >> 15 ? -magnitude : magnitude;
}

TEST(Bf16, AllValuesSurviveTheRoundTrip) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    bf16 value;
    value.bits = uint16_t(bits);
    const float wide = float(value);
    EXPECT_EQ(std::bit_cast<uint32_t>(wide), bits << 16);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(float(bf16(wide)))) << bits;
    } else {
      EXPECT_EQ(bf16(wide).bits, bits);
    }
  }
}

TEST(Bf16, RoundsToNearestEven) {
  for (uint32_t upper = 0; upper < 65536; ++upper) {
    if ((upper & 0x7fff) >= 0x7f80) continue;  // infinities and NaN
    for (const uint32_t lower : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const float exact = from_bits(upper << 16 | lower);
      const double below = std::abs(exact - value_of(upper)), above = std::abs(value_of(upper + 1) - exact);
      const uint32_t nearest = below < above ? upper : above < below ? upper + 1 : upper + (upper & 1);
      ASSERT_EQ(bf16(exact).bits, nearest) << exact;
    }
  }
}

TEST(Bf16, SpecialValues) {
  using Limits = std::numeric_limits<float>;
  EXPECT_EQ(bf16(0.0f).bits, 0x0000);
  EXPECT_EQ(bf16(-0.0f).bits, 0x8000);
  EXPECT_EQ(bf16(1.0f).bits, 0x3f80);
  EXPECT_EQ(bf16(Limits::infinity()).bits, 0x7f80);
  EXPECT_EQ(bf16(-Limits::infinity()).bits, 0xff80);
  EXPECT_EQ(bf16(Limits::max()).bits, 0x7f80) << "beyond the largest bf16: infinity";
  EXPECT_EQ(bf16(from_bits(0x7f7f7fff)).bits, 0x7f7f) << "the largest float that does not become infinite";
  EXPECT_EQ(bf16(Limits::denorm_min()).bits, 0x0000);
  EXPECT_EQ(bf16(from_bits(0x00008000)).bits, 0x0000) << "a denormal halfway goes to the even neighbour";
  EXPECT_EQ(bf16(from_bits(0x00018000)).bits, 0x0002);
  for (const uint32_t nan : {0x7f800001u, 0x7fbfffffu, 0x7fc00000u, 0x7fffffffu, 0xff800001u, 0xffffffffu})
    EXPECT_EQ(bf16(from_bits(nan)).bits, 0x7fff) << std::hex << nan << ": the one NaN of the GPU's instruction";
}

TEST(Dtype, NamesAndSizes) {
  EXPECT_EQ(size_of(DtypeOf<float>::value), 4);
  EXPECT_EQ(size_of(DtypeOf<double>::value), 8);
  EXPECT_EQ(size_of(DtypeOf<bf16>::value), 2);
  EXPECT_EQ(size_of(DtypeOf<uint8_t>::value), 1);
  EXPECT_EQ(size_of(DtypeOf<int32_t>::value), 4);
  EXPECT_EQ(size_of(DtypeOf<int64_t>::value), 8);
  EXPECT_STREQ(name_of(Dtype::bf16), "bf16");
  EXPECT_STREQ(name_of(Dtype::i64), "i64");
}

}  // namespace
}  // namespace crc::test
