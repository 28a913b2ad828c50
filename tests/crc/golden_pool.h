// The pools of tests/golden/make_acquisitions.py, made from the same integer hash, and its golden files.
#pragma once

#include <zlib.h>

#include <fstream>

#include "tests/crc/pool.h"

namespace crc::test {

namespace golden {

inline uint32_t mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}
inline std::vector<uint32_t> words(uint32_t pool, uint32_t stream, int64_t n) {
  std::vector<uint32_t> w;
  for (int64_t i = 0; i < n; ++i) w.push_back(mix(mix(uint32_t(i) + 1) + mix(pool * 16 + stream + 1)));
  return w;
}

}  // namespace golden

// Pool number p of tests/golden/make_acquisitions.py.
struct GoldenPool {
  Pool pool;
  Config config;
};
inline GoldenPool golden_pool(uint32_t p) {
  const std::vector<uint32_t> h = golden::words(p, 0, 8);
  const int64_t n = 3 + h[0] % 38, width = 2 + h[1] % 7, classes = 2 + h[2] % 3;
  const uint32_t kind = p % 8;
  Pool pool{n, width, classes, {}, {}, {}, {}};
  for (uint32_t w : golden::words(p, 1, n * width)) pool.features.push_back(float(w >> 20) * 0x1p-11f - 1);
  for (uint32_t w : golden::words(p, 2, n * classes)) pool.logits.push_back(float(double(w >> 8) * 0x1p-22 - 2));
  for (int64_t i = 0; i < n; ++i) {
    if (kind == 1) pool.copy_features(i, 0);
    if (kind == 2 && i >= n / 2) pool.copy_features(i, i - n / 2);
    if (kind == 3 && i < n / 3) std::fill_n(pool.features.begin() + i * width, width, 0.f);
  }
  std::vector<uint32_t> role = golden::words(p, 3, n);
  const uint32_t bound = kind == 4 ? 0 : 1 + h[3] % 5;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t r = i == 0 ? 7 : role[i] % 8;
    if (r > bound)
      pool.unlabeled.push_back(i);
    else if (r > 0)
      pool.labeled.push_back(i);
  }
  const int64_t unlabeled = int64_t(pool.unlabeled.size());
  return {pool, {.budget = kind == 5 ? unlabeled : 1 + h[4] % unlabeled, .seed = p, .round = p % 3}};
}

// The end of a golden name says what is set besides: weights of the items, or how many classes bait looks at.
inline void set_variant(GoldenPool& golden, uint32_t p, const std::string& name) {
  golden.config.name = name.substr(0, std::min(name.find("_weighted"), name.find("_top")));
  if (name.ends_with("_weighted"))
    for (uint32_t w : golden::words(p, 4, golden.pool.items)) golden.pool.weights.push_back((w >> 28) % 13 / 4.0);
  if (name.find("_top") != std::string::npos) golden.config.bait_top = name.back() - '0';
}

// Lines of `file`: acquisition, group, checksum of the picks on its 20 pools. `groups` of 50, of `names` acquisitions.
template <class Make>
void expect_golden_picks(Context& context, const std::string& file, int groups, size_t names, Make make) {
  constexpr int kEach = 20;
  std::ifstream golden(CRC_SOURCE_DIR "/tests/golden/" + file);
  std::string name, expected;
  int group = 0;
  size_t lines = 0;
  while (golden >> name >> group >> expected) {
    if (group >= groups) continue;
    uLong crc = 0;
    std::string all;
    for (int k = 0; k < kEach; ++k) {
      const uint32_t p = uint32_t(group * kEach + k);
      GoldenPool one = make(p);
      set_variant(one, p, name);
      const std::vector<int64_t> picks = one.pool.select(context, one.config).picks;
      crc = crc32(crc, reinterpret_cast<const Bytef*>(picks.data()), uInt(picks.size() * sizeof(int64_t)));
      all += "\n" + std::to_string(group * kEach + k) + ":";
      for (int64_t item : picks) all += " " + std::to_string(item);
    }
    char hex[9];
    snprintf(hex, sizeof hex, "%08lx", crc);
    EXPECT_EQ(hex, expected) << name << " group " << group << all;
    ++lines;
  }
  EXPECT_EQ(lines, size_t(groups) * names);
}

// Picks, scores and gains of `names` by one, two and three threads.
inline void expect_same_for_any_threads(const Pool& pool, std::span<const char* const> names, int64_t budget) {
  Context one = Context::cpu(1), two = Context::cpu(2), three = Context::cpu(3);
  for (const char* name : names) {
    const Config config{.name = name, .budget = budget, .seed = 3};
    const Selection a = pool.select(one, config);
    for (Context* other : {&two, &three}) {
      const Selection b = pool.select(*other, config);
      EXPECT_EQ(a.picks, b.picks) << name;
      EXPECT_EQ(a.scores, b.scores) << name;
      for (size_t k = 0; k < a.groups.size(); ++k) EXPECT_EQ(a.groups[k].score, b.groups[k].score) << name;
    }
  }
}

}  // namespace crc::test
